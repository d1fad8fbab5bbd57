//! Artifacts whose paths would leave the bundle, meet another file, or look like another when they are shown. The guest is
//! told, and goes on; here it traps if such a path was taken.

use std::fmt::Write as _;

use crate::attack::{Attack, attack, tight};
use crate::support::Guest;

const REFUSED: &str = "compiled: 0 artifacts";
const BESIDE: &str = "compiled: 1 artifacts";

fn path(does: &'static str, path: impl Into<String>) -> Attack {
    let path = path.into();
    attack(does, "the grammar of paths", REFUSED, move || emit(&[], path.as_bytes()))
}

fn meeting(does: &'static str, first: &'static str, second: &'static str) -> Attack {
    attack(does, "paths are unique on every file system", BESIDE, move || {
        emit(first.as_bytes(), second.as_bytes())
    })
}

fn bytes(at: u32, bytes: &[u8]) -> String {
    let mut text = format!("(data (i32.const {at}) \"");
    for byte in bytes {
        let _ = write!(text, "\\{byte:02x}");
    }
    text + "\")"
}

/// Emits an artifact under the path `first`, unless it is empty, then one that must be refused.
fn emit(first: &[u8], second: &[u8]) -> prefab_sandbox::Run {
    let call = |at: u32, path: &[u8]| {
        let length = path.len();
        format!(
            "(call $emit_text (local.get $output) (i32.const {at}) (i32.const {length}) (i32.const 0) (i32.const 1))"
        )
    };
    let mut compile = String::new();
    if !first.is_empty() {
        compile.push_str(&call(3000, first));
    }
    compile.push_str(&call(4096, second));
    compile.push_str("(if (i32.ne (i32.load8_u (i32.const 1200)) (i32.const 1)) (then unreachable))");
    let items = bytes(3000, first) + &bytes(4096, second);
    Guest { items: &items, compile: &compile, ..Guest::default() }.run_with(tight)
}

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        path("a path above the bundle", "../../x"),
        path("a path above the bundle, later", "a/../../x"),
        path("an absolute path", "/etc/passwd"),
        path("a path with a drive", "C:/x"),
        path("a path with backslashes", "..\\x"),
        path("a path with NUL", "a\0.js"),
        path("a path with a line feed", "a\nb"),
        path("a path with an escape sequence", "a\u{1b}]0;x"),
        path("a path that is shown backwards", "a\u{202e}sj.b"),
        path("an empty path", ""),
        path("a path with an empty segment", "a//b"),
        path("a path that is a dot", "."),
        path("a path that ends in a dot", "a."),
        path("a path that ends in a space", "a "),
        path("a device of Windows", "a/CON.txt"),
        path("a path of 10,000 characters", "a/".repeat(5_000) + "a"),
        path("a segment of 300 characters", "a".repeat(300)),
        meeting("paths that differ in case", "a/B.js", "a/b.js"),
        meeting("paths that differ in their Unicode form", "\u{e9}.js", "e\u{301}.js"),
        meeting("a file and a folder of one name", "a", "a/b"),
        meeting("a folder and a file of one name", "a/b", "A"),
        attack("a path that is not UTF-8", "UTF-8", "trap: ", || emit(&[], b"\xff\xfe")),
    ]
}

//! Descriptions of modules and releases that mean harm (T6): refused when they are added, in a few lines that say where.

use std::fmt::Write as _;

use crate::scene::Scene;

/// What one description may cost.
const MEMORY: u64 = 256 << 20;
const SECONDS: f64 = 5.0;
/// A message for people is not longer, in bytes.
const MESSAGE: usize = 3_000;

/// What is described, the file, its text, and what must be said of it.
struct Description {
    what: &'static str,
    file: &'static str,
    text: Text,
    said: &'static str,
}

/// A text with a part that is repeated. It is put together when it is needed: memory that this process had counts as the child's.
struct Text {
    before: String,
    part: &'static str,
    times: usize,
    after: String,
}

impl Text {
    fn whole(&self) -> String {
        format!("{}{}{}", self.before, self.part.repeat(self.times), self.after)
    }
}

fn repeated(before: impl Into<String>, part: &'static str, times: usize, after: impl Into<String>) -> Text {
    Text { before: before.into(), part, times, after: after.into() }
}

fn plain(text: impl Into<String>) -> Text {
    repeated(text, "", 0, "")
}

const RELEASE: &str = "version = \"12.0.0\"\nupgrades-from = \"*\"\n";

/// A compiler of a release, without its patterns.
fn compiler(name: &str) -> String {
    let digest = "0".repeat(64);
    format!("[[compiler]]\nname = \"{name}\"\ncomponent = \"c.wasm\"\ndigest = \"blake3:{digest}\"\n")
}

fn descriptions() -> Vec<Description> {
    let mut all = modules();
    all.extend(releases());
    all
}

fn modules() -> Vec<Description> {
    let toml = |what, text, said| Description { what, file: "module.toml", text, said };
    let json = |what, text, said| Description { what, file: "package.json", text, said };
    let exports = "{\"name\": \"a\", \"exports\": ";
    vec![
        toml(
            "module.toml: 500,000 lists in lists",
            repeated("name = \"a\"\nx = ", "[", 500_000, ""),
            "line 2, column ",
        ),
        toml(
            "module.toml: 10 MB of it",
            repeated("name = \"a\"\nx = ", "[", 10_000_000, ""),
            "more than 1048576 bytes",
        ),
        toml(
            "module.toml: a key of 200,000 parts",
            repeated("name = \"a\"\n", "a.", 200_000, "a = 1"),
            "recursion limit",
        ),
        toml(
            "module.toml: a line of a million characters",
            repeated("name = \"a\"\nversion = [\"", "x", 1_000_000, "\"]"),
            "line 2, column 11",
        ),
        toml("module.toml: an unknown key", plain("name = \"a\"\ncolour = 1\n"), "line 2, column 1"),
        toml(
            "module.toml: an escape sequence as a key",
            plain("name = \"a\"\n\"\\u001b[2J\" = 1\n"),
            "\\u{1b}[2J",
        ),
        toml("module.toml: a name twice", plain("name = \"a\"\nname = \"b\"\n"), "line 2, column 1"),
        toml("module.toml: a name that leads out", plain("name = \"../a\"\n"), "line 1, column 8"),
        toml(
            "module.toml: a module that needs itself",
            plain("name = \"a\"\ndependencies = [\"a\"]\n"),
            "depends on itself",
        ),
        toml(
            "module.toml: a dependency twice",
            plain("name = \"a\"\ndependencies = [\"b\", \"b\"]\n"),
            "twice",
        ),
        toml(
            "module.toml: a number beyond all types",
            plain("name = \"a\"\nversion = 99999999999999999999999999999\n"),
            "line 2, column 11",
        ),
        toml(
            "module.toml: an entry that leads out",
            plain("name = \"a\"\nentry = \"/etc/passwd\"\n"),
            "line 2, column 9",
        ),
        json("package.json: 500,000 lists in lists", repeated(exports, "[", 500_000, ""), "line 1 column "),
        json("package.json: 10 MB of it", repeated(exports, "[", 10_000_000, ""), "more than 4194304 bytes"),
        json("package.json: a name that leads out", plain("{\"name\": \"../../a\"}"), "cannot be the name"),
    ]
}

fn releases() -> Vec<Description> {
    let it = |what, text, said| Description { what, file: "release.toml", text, said };
    let good = format!("{RELEASE}{}files = [\"**/*.c\"]\n", compiler("c"));
    vec![
        it(
            "release.toml: 500,000 lists in lists",
            repeated(format!("{RELEASE}x = "), "[", 500_000, ""),
            "line 3, column ",
        ),
        it(
            "release.toml: a version beyond all numbers",
            plain(good.replace("12.", "99999999999999999999.")),
            "line 1, column ",
        ),
        it(
            "release.toml: two compilers of one name",
            plain(format!("{good}{}files = [\"*\"]\n", compiler("c"))),
            "two compilers named c",
        ),
        it(
            "release.toml: a component that leads out",
            plain(good.replace("c.wasm", "../c.wasm")),
            "line 5, column ",
        ),
        it(
            "release.toml: 20,000 patterns",
            repeated(format!("{RELEASE}{}files = [", compiler("c")), "\"**/{a,b}*.c\",", 20_000, "]"),
            "there are 20000",
        ),
        it(
            "release.toml: one pattern of 20,000 characters",
            repeated(format!("{RELEASE}{}files = [\"", compiler("c")), "{a,b}", 4_000, "\"]"),
            "one has 20000 bytes",
        ),
        it(
            "release.toml: fuel beyond all numbers",
            plain(format!("{good}[compiler.limits]\nfuel = \"99999999999999999999G\"\n")),
            "fuel",
        ),
    ]
}

/// Adds or installs each, checks what is said, and returns their part of the table.
pub(super) fn run() -> String {
    let mut table =
        "\n## Descriptions\n\n| row | description | what is said | memory | time |\n|---|---|---|---|---|\n"
            .to_owned();
    let mut wrong = Vec::new();
    let scene = Scene::empty();
    for (at, it) in descriptions().iter().enumerate() {
        scene.write(&format!("d{at}/{}", it.file), it.text.whole());
        scene.write(&format!("d{at}/c.wasm"), "no component");
        let folder = format!("d{at}");
        let command = if it.file == "release.toml" {
            ["release", "install", &folder]
        } else {
            ["module", "add", &folder]
        };
        let measured = scene.measured(command);
        let told = &measured.stderr;
        if measured.code != Some(1)
            || !told.contains(it.said)
            || told.len() > MESSAGE
            || told.contains('\u{1b}')
        {
            wrong.push(format!("{}: {:?}: {told:.500}", it.what, measured.code));
        }
        if measured.peak > MEMORY || measured.cpu > SECONDS {
            wrong.push(format!("{}: {} bytes, {} s", it.what, measured.peak, measured.cpu));
        }
        let words: Vec<&str> =
            told.rsplit("caused by: ").next().unwrap_or_default().split_whitespace().collect();
        let words: String = words.join(" ").chars().take(150).collect();
        let _ = writeln!(
            table,
            "| T6 | {} | {} | {} MiB | {:.0} ms |",
            it.what,
            words.replace('|', "\\|"),
            measured.peak >> 20,
            measured.cpu * 1_000.0
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(scene.json(["module", "list"]), serde_json::json!([]));
    assert_eq!(scene.json(["release", "list"]), serde_json::json!([]));
    table
}

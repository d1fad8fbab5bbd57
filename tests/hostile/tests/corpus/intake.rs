//! Components that do harm, or try to, before any of their code runs.

use std::fmt::Write as _;
use std::sync::LazyLock;
use std::time::Duration;

use prefab_model::Bytes;
use prefab_sandbox::{Codegen, CodegenLimits, Isolation, LoadError, Sandbox, SandboxOptions};

use crate::attack::{Attack, Seen, attack};
use crate::support::{COMPOSED, COPY, Guest};

/// With limits on making native code that are soon reached, and without the look at the cost of functions.
static WITHOUT_A_LOOK: LazyLock<Sandbox> = LazyLock::new(|| sandbox(u64::MAX));
static WITH_A_LOOK: LazyLock<Sandbox> = LazyLock::new(|| sandbox(CodegenLimits::default().function));

fn sandbox(function: u64) -> Sandbox {
    let limits = CodegenLimits {
        cpu: Duration::from_secs(2),
        memory: Bytes(512 << 20),
        function,
        ..CodegenLimits::default()
    };
    let codegen = Codegen::Child { program: env!("CARGO_BIN_EXE_prefab-codegen").into(), limits };
    Sandbox::open(SandboxOptions { cache: None, lent: None, codegen, isolation: Isolation::InProcess })
        .unwrap()
}

fn load(bytes: &[u8]) -> Seen {
    end(WITH_A_LOOK.load(bytes))
}

fn end(loaded: Result<prefab_sandbox::Compiler, LoadError>) -> Seen {
    match loaded {
        Ok(compiler) => panic!("{} was admitted", compiler.digest()),
        Err(error) => error.into(),
    }
}

fn bytes(
    does: &'static str,
    caught_by: &'static str,
    ends: &'static str,
    make: impl FnOnce() -> Vec<u8>,
) -> Attack {
    // Made here, so that only what the host takes is counted.
    let bytes = make();
    attack(does, caught_by, ends, move || load(&bytes))
}

fn text(does: &'static str, caught_by: &'static str, ends: &'static str, text: impl Into<String>) -> Attack {
    let text = text.into();
    bytes(does, caught_by, ends, move || wat::parse_str(&text).unwrap())
}

const NOT_A_COMPONENT: &str = "not admitted: this is not a WebAssembly component";
const NOT_VALID: &str = "not admitted: the component is not valid";
const TOO_COSTLY: &str = "not admitted: the component cannot be turned into native code: that took more than";
const NOT_A_COMPILER: &str = "not admitted: the component is not a compiler";

pub(crate) fn attacks() -> Vec<Attack> {
    let mut attacks = vec![
        bytes("an empty file", "kind", NOT_A_COMPONENT, Vec::new),
        bytes("a core module", "kind", NOT_A_COMPONENT, || b"\0asm\x01\0\0\0".to_vec()),
        bytes("the text format", "kind", NOT_A_COMPONENT, || b"(component)".to_vec()),
        bytes("something that begins like native code", "kind", NOT_A_COMPONENT, || {
            b"\x7fELF\x02\x01\x01\0".repeat(99)
        }),
        bytes("a component that is cut off", "validation", NOT_VALID, || {
            let good = COPY.component();
            good[..good.len() / 2].to_vec()
        }),
        bytes("a component and then noise", "validation", NOT_VALID, || {
            let mut good = COPY.component();
            good.extend([0xff; 1000]);
            good
        }),
        attack(
            "each byte of a component changed in turn, every 97th",
            "validation",
            "not admitted or harmless",
            || {
                let good = COPY.component();
                for at in (8..good.len()).step_by(97) {
                    let mut bytes = good.clone();
                    bytes[at] ^= 0x55;
                    // Either is fine; a panic is not.
                    let _ = crate::support::SANDBOX.load(&bytes);
                }
                Seen::new("not admitted or harmless".to_owned(), None)
            },
        ),
        text("threads", "features that are off", NOT_VALID, "(component (core module (memory 1 1 shared)))"),
        text(
            "a 64-bit memory",
            "features that are off",
            NOT_VALID,
            "(component (core module (memory i64 1)))",
        ),
        text(
            "a structure for a garbage collector",
            "features that are off",
            NOT_VALID,
            "(component (core module (type (struct (field i32)))))",
        ),
        text(
            "an instruction whose result differs by CPU",
            "features that are off",
            NOT_VALID,
            "(component (core module (func (param v128 v128 v128) (result v128)
               (f32x4.relaxed_madd (local.get 0) (local.get 1) (local.get 2)))))",
        ),
        text("sockets", "the linker", NOT_A_COMPILER, importing(&["wasi:sockets/tcp@0.2.0"])),
        text(
            "an outgoing request",
            "the linker",
            NOT_A_COMPILER,
            importing(&["wasi:http/outgoing-handler@0.2.0"]),
        ),
        text("three hundred interfaces of somebody else", "the linker", NOT_A_COMPILER, {
            importing(&(0..300).map(|n| format!("acme:secrets/all-{n}")).collect::<Vec<_>>())
        }),
        text("an interface with a name of 50,000 letters", "the linker", NOT_A_COMPILER, {
            importing(&[format!("acme:secrets/{}", "a".repeat(50_000))])
        }),
        text("an interface of somebody else", "the linker", NOT_A_COMPILER, importing(&["acme:secrets/all"])),
        text("a composed component that makes some settings panic", "settings", NOT_A_COMPILER, COMPOSED),
        text("two exports of one name of 50,000 letters", "validation", NOT_VALID, {
            let export = format!(r#"(export "{}" (func $f))"#, "a".repeat(50_000));
            format!(
                "(component (core module $m) (core instance $m (instantiate $m)) (import \"f\" (func $f)) {export}{export})"
            )
        }),
        text(
            "three hundred instances",
            "the contract",
            NOT_A_COMPILER,
            format!("(component (core module $m) {})", "(core instance (instantiate $m))".repeat(300)),
        ),
        text(
            "ten thousand instances and one more",
            "validation",
            NOT_VALID,
            format!("(component (core module $m) {})", "(core instance (instantiate $m))".repeat(10_001)),
        ),
        bytes(
            "components in components, five thousand deep",
            "memory of code generation",
            TOO_COSTLY,
            || (0..5_000).fold(component(&[]), |inner, _| component(&section(4, &inner))),
        ),
        text(
            "a million and one types",
            "validation",
            NOT_VALID,
            format!("(component (core module {}))", "(type (func))".repeat(1_000_001)),
        ),
        text(
            "a thousand tables",
            "validation",
            NOT_VALID,
            format!("(component (core module {}))", "(table 1 funcref)".repeat(1_000)),
        ),
        text(
            "a function with 50,001 locals",
            "validation",
            NOT_VALID,
            format!("(component (core module (func (local {}))))", "i32 ".repeat(50_001)),
        ),
        bytes("a function of 50 MB", "validation", NOT_VALID, || large_function(50_000_000)),
        bytes(
            "a module of 5 million instructions in one function",
            "cpu or memory of code generation",
            TOO_COSTLY,
            || {
                let sum = "(local.set 0 (i32.add (local.get 0) (i32.load (local.get 0))))".repeat(600_000);
                wat::parse_str(format!("(component (core module (memory 1) (func (param i32) {sum})))"))
                    .unwrap()
            },
        ),
        bytes(
            "a compile bomb",
            "the look at its functions",
            "not admitted: the component cannot be turned into native code: the function at byte",
            || bomb(20_000, 1),
        ),
    ];
    attacks.extend([
        attack("a compile bomb that passes the look", "cpu or memory of code generation", TOO_COSTLY, {
            let bomb = bomb(20_000, 1);
            move || end(WITHOUT_A_LOOK.load(&bomb))
        }),
        bytes(
            "fifty functions, each just within the look",
            "cpu or memory of code generation",
            TOO_COSTLY,
            || bomb(4_000, 50),
        ),
    ]);
    attacks
}

/// Functions with so many locals and branches, each of which may have set each local.
fn bomb(size: usize, functions: usize) -> Vec<u8> {
    let mut function = format!("(func (local {})", "i32 ".repeat(size + 1));
    for at in 0..size {
        let _ = write!(function, "(if (local.get {at}) (then (local.set {} (i32.const 1))))", at + 1);
    }
    function.push(')');
    Guest { items: &function.repeat(functions), ..Guest::default() }.component()
}

/// A component with a function of so many instructions that do nothing.
fn large_function(size: usize) -> Vec<u8> {
    let mut body = vec![0];
    body.resize(size, 1);
    body.push(0x0b);
    let mut code = vec![1];
    code.extend(number(body.len()));
    code.extend(body);
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend(section(1, &[1, 0x60, 0, 0]));
    module.extend(section(3, &[1, 0]));
    module.extend(section(10, &code));
    component(&section(1, &module))
}

fn component(sections: &[u8]) -> Vec<u8> {
    [b"\0asm\x0d\0\x01\0", sections].concat()
}

fn section(id: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![id];
    bytes.extend(number(body.len()));
    bytes.extend(body);
    bytes
}

/// A number as WebAssembly writes it.
fn number(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// A component that imports a function from each of these interfaces, and uses it: wasmtime looks at no others.
fn importing(interfaces: &[impl AsRef<str>]) -> String {
    let mut text = "(component ".to_owned();
    for (n, interface) in interfaces.iter().enumerate() {
        let _ = write!(
            text,
            r#"(import "{}" (instance $i{n} (export "now" (func (result u32)))))
               (alias export $i{n} "now" (func $f{n})) (core func $c{n} (canon lower (func $f{n})))
               (core module $m{n} (import "" "now" (func (result i32))))
               (core instance (instantiate $m{n} (with "" (instance (export "now" (func $c{n}))))))"#,
            interface.as_ref()
        );
    }
    text + ")"
}

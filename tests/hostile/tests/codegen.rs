//! Making native code of hostile components: what would take all memory and an hour is refused at a look, and contained in a
//! child process if the look is not enough.

#[path = "../../../host/sandbox/tests/support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use prefab_model::{Bytes, OutcomeKind, Task};
use prefab_sandbox::{
    Codegen, CodegenExcess, CodegenLimits, Control, Isolation, LoadError, Sandbox, SandboxOptions,
};
use support::{COPY, Guest, compilation, inputs};

/// A program that makes native code and nothing else.
const PROGRAM: &str = env!("CARGO_BIN_EXE_prefab-codegen");

/// One valid function of 280 KiB that keeps Cranelift busy for a minute and takes 7.6 GiB (ATTACKS C1).
static BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| bomb(20_000));

fn bomb(size: usize) -> Vec<u8> {
    let mut items = format!("(func (export \"bomb\") (local {})", "i32 ".repeat(size + 1));
    for at in 0..size {
        let _ = write!(items, "(if (local.get {at}) (then (local.set {} (i32.const 1))))", at + 1);
    }
    items.push(')');
    Guest { items: &items, ..Guest::default() }.component()
}

fn sandbox(program: &Path, change: impl FnOnce(&mut CodegenLimits)) -> Sandbox {
    let mut limits = CodegenLimits::default();
    change(&mut limits);
    let codegen = Codegen::Child { program: program.to_owned(), limits };
    Sandbox::open(SandboxOptions { cache: None, lent: None, codegen, isolation: Isolation::InProcess })
        .unwrap()
}

/// How loading the bomb ends when the look lets it through; and then the same sandbox makes native code of a good compiler,
/// which compiles.
fn excess(change: impl FnOnce(&mut CodegenLimits)) -> CodegenExcess {
    let sandbox = sandbox(Path::new(PROGRAM), |limits| {
        limits.function = u64::MAX;
        change(limits);
    });
    let error = sandbox.load(&BOMB).err().unwrap();
    let good = sandbox.load(&COPY.component()).unwrap();
    let compilation = compilation(&good, Task::Compile, |_| {});
    let run = sandbox.run(&good, &compilation, &inputs(), &Control::default());
    assert!(matches!(run.kind, OutcomeKind::Compiled(_)), "{run:?}");
    match error {
        LoadError::TooCostly(excess) => excess,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_compile_bomb_is_refused_at_a_look() {
    let started = Instant::now();
    let error = sandbox(Path::new(PROGRAM), |_| {}).load(&BOMB).err().unwrap();
    assert!(matches!(error, LoadError::TooCostly(CodegenExcess::Function { .. })), "{error}");
    assert!(error.to_string().contains("PREFAB_CODEGEN_FUNCTION"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_compile_bomb_that_passes_the_look_ends_at_the_limit_on_cpu_time() {
    let most = Duration::from_secs(1);
    let excess = excess(|limits| {
        limits.cpu = most;
        limits.memory = Bytes(8 << 30);
    });
    assert_eq!(excess, CodegenExcess::Cpu(most));
    assert!(excess.to_string().contains("more than 1 s of CPU time"), "{excess}");
}

#[test]
fn a_compile_bomb_that_passes_the_look_ends_at_the_limit_on_memory() {
    let most = Bytes(256 << 20);
    let excess = excess(|limits| limits.memory = most);
    assert_eq!(excess, CodegenExcess::Memory(most));
    assert!(excess.to_string().contains("more than 256 MiB of memory"), "{excess}");
}

#[test]
fn a_compile_bomb_that_passes_the_look_ends_at_the_deadline() {
    // Enough for the small compiler that follows, also on a busy machine.
    let most = Duration::from_secs(3);
    assert_eq!(excess(|limits| limits.deadline = most), CodegenExcess::Deadline(most));
}

#[test]
fn what_is_not_valid_is_told_as_without_a_child() {
    // It can be read, but leaves no value where one is promised.
    let broken = wat::parse_str("(component (core module (func (result i32))))").unwrap();
    let child = sandbox(Path::new(PROGRAM), |_| {}).load(&broken).err().unwrap();
    let here = support::SANDBOX.load(&broken).err().unwrap();
    assert!(matches!(child, LoadError::Invalid(_)), "{child:?}");
    assert_eq!(child.to_string(), here.to_string());
}

#[test]
fn a_program_that_makes_no_native_code_is_named_with_what_to_do() {
    let error = sandbox(Path::new("/bin/true"), |_| {}).load(&COPY.component()).err().unwrap();
    assert!(matches!(error, LoadError::Host(_)), "{error:?}");
    assert!(
        error.to_string().contains("/bin/true does not make any: `run_as_child` must be called"),
        "{error}"
    );
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let error = sandbox(Path::new("/not/there"), |_| {}).load(&COPY.component()).err().unwrap();
    assert!(matches!(error, LoadError::Host(_)), "{error:?}");
    assert!(error.to_string().contains("/not/there"), "{error}");
}

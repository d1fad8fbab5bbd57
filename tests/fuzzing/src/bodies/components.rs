//! Components: whole, damaged, and made of changed modules. What is admitted is asked what it is, and compiles.

use std::sync::LazyLock;
use std::time::Duration;

use fastrand::Rng;
use prefab_model::{Bytes, CompilerDigest, Descriptor, Fuel, Limits, Outcome, OutcomeKind, Task};
use prefab_sandbox::{Codegen, CodegenLimits, Control, Isolation, LoadError, Run, Sandbox, SandboxOptions};

use crate::support::{self, COMPOSED, COPY, Guest};
use crate::{mutate, panics};

/// All in this process.
static HERE: LazyLock<Sandbox> = LazyLock::new(|| Sandbox::new(None).expect("a sandbox"));

/// Native code is made in child processes, and guests run in others.
static APART: LazyLock<Sandbox> = LazyLock::new(|| {
    let codegen = Codegen::child(CodegenLimits::default());
    Sandbox::open(SandboxOptions { cache: None, lent: None, codegen, isolation: Isolation::process() })
        .expect("a sandbox")
});

/// Loads it, and runs it if it is admitted: twice, with the same end. Some that are admitted run in other processes too.
pub(crate) fn take(component: &[u8]) {
    let first = end(&HERE, component);
    let again = if first.is_some() && is_chosen(component) { &APART } else { &HERE };
    assert_eq!(first, end(again, component), "the same component ends otherwise");
}

/// One in eight.
fn is_chosen(component: &[u8]) -> bool {
    CompilerDigest::of(component).as_bytes()[0] < 32
}

/// What comes of a component that is admitted.
#[derive(Debug, PartialEq)]
struct End {
    description: Outcome<Descriptor>,
    compilation: Run,
    signature: Option<Run>,
}

fn end(sandbox: &Sandbox, component: &[u8]) -> Option<End> {
    let compiler = match sandbox.load(component) {
        Ok(compiler) => compiler,
        Err(error) => {
            assert!(!matches!(error, LoadError::Host(_) | LoadError::Codegen(_)), "{error}");
            return None;
        }
    };
    let limits = limits();
    let run = |task| {
        let compilation = support::compilation(&compiler, task, |given| *given = limits.clone());
        contained(sandbox.run(&compiler, &compilation, &support::inputs(), &Control::default()))
    };
    Some(End {
        description: contained(sandbox.describe(&compiler, &limits)),
        compilation: run(Task::Compile),
        signature: compiler.is_modular().then(|| run(Task::Signature)),
    })
}

/// Caps that make it quick.
fn limits() -> Limits {
    Limits {
        fuel: Fuel(5_000_000),
        memory: Bytes(64 << 20),
        output: Bytes(1 << 20),
        // Never reached: it would end it elsewhere each time.
        deadline: Duration::from_secs(50),
        ..Limits::default()
    }
}

/// What a guest does is no trouble of the host, and ends by what does not depend on the machine. The time it took is left out.
pub(crate) fn contained<S: std::fmt::Debug>(mut outcome: Outcome<S>) -> Outcome<S> {
    assert!(!matches!(outcome.kind, OutcomeKind::HostError(_) | OutcomeKind::Deadline), "{outcome:?}");
    outcome.usage.time = Duration::ZERO;
    outcome
}

/// Guests that do something with each part of the contract.
fn guests() -> Vec<Guest<'static>> {
    vec![
        COPY,
        Guest { compile: "(loop $again (br $again))", ..Guest::default() },
        Guest {
            world: "modular-compiler",
            signature:
                "(i32.store8 (i32.const 2112) (i32.const 0)) (i32.store (i32.const 2116) (i32.const 1088))
                (i32.store (i32.const 2120) (i32.const 5))",
            ..Guest::default()
        },
        Guest {
            items: "(table 4 funcref) (elem (i32.const 0) $f $f)
                (func $f (memory.fill (i32.const 0) (i32.const 1) (i32.const 9)))",
            compile: "(call_indirect (i32.const 1)) (drop (memory.grow (i32.const 3)))
                (call $progress (local.get $output) (i64.const 1) (i64.const 2))
                (i32.store (i32.const 3000) (local.get $output)) (i32.store (i32.const 3020) (i32.const 1088))
                (i32.store (i32.const 3024) (i32.const 5)) (call $report (i32.const 3000))",
            ..Guest::default()
        },
    ]
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let composed = wat::parse_str(COMPOSED).expect("a text of ours");
    guests().iter().map(Guest::component).chain([composed]).collect()
}

/// Changes the bytes of a component, or the text that a guest is made of.
pub(crate) fn mutate(rng: &mut Rng, seeds: &[Vec<u8>], which: usize) -> Vec<u8> {
    static TEXTS: LazyLock<Vec<(Vec<u8>, &'static str)>> =
        LazyLock::new(|| guests().iter().map(|guest| (guest.text().into_bytes(), guest.world)).collect());
    if rng.bool() {
        return mutate::bytes(rng, seeds, which);
    }
    // Few of the texts that come of it are modules still.
    for _ in 0..24 {
        let (text, world) = &TEXTS[rng.usize(0..TEXTS.len())];
        let text = mutate::tokens_of(rng, text);
        let made = panics::apart(|| support::encoded(wat::parse_bytes(&text).ok()?.into_owned(), world).ok());
        if let Some(component) = made {
            return component;
        }
    }
    mutate::bytes(rng, seeds, which)
}

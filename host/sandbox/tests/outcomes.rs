//! How a well-meaning compiler's calls end.

mod support;

use prefab_model::{Bytes, Fuel, Limit, OutcomeKind, Severity, Task};
use prefab_sandbox::{Control, Success};
use support::{COPY, Guest, SANDBOX, compilation, inputs, run};

/// A diagnostic with the message "guest" at 3,000, to be reported: severity 0 is an error, 1 a warning.
fn report(severity: u8) -> String {
    format!(
        "(i32.store (i32.const 3000) (local.get $output))
         (i32.store8 (i32.const 3004) (i32.const {severity}))
         (i32.store (i32.const 3020) (i32.const 1088)) (i32.store (i32.const 3024) (i32.const 5))
         (call $report (i32.const 3000))"
    )
}

/// Makes `compile` return a failure: 0 rejected, 1 unsupported("guest"), 2 internal("guest").
fn fail(case: u8) -> String {
    format!(
        "(i32.store8 (i32.const 2048) (i32.const 1)) (i32.store8 (i32.const 2052) (i32.const {case}))
         (i32.store (i32.const 2056) (i32.const 1088)) (i32.store (i32.const 2060) (i32.const 5))"
    )
}

fn artifacts(kind: OutcomeKind<Success>) -> Vec<(String, Vec<u8>)> {
    match kind {
        OutcomeKind::Compiled(Success::Artifacts(artifacts)) => {
            artifacts.into_iter().map(|artifact| (artifact.path.to_string(), artifact.bytes)).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_compiler_reads_files_and_its_artifacts_come_back() {
    let run = COPY.run();
    assert!(run.usage.fuel.is_some_and(|fuel| fuel > Fuel(10)));
    assert_eq!(run.usage.peak_memory, Bytes(64 << 10));
    assert_eq!(artifacts(run.kind), [("a.ts".to_owned(), b"let a".to_vec())]);
}

#[test]
fn a_compiler_says_what_it_is() {
    let outcome = SANDBOX.describe(&COPY.load(), &prefab_model::Limits::default());
    match outcome.kind {
        OutcomeKind::Compiled(descriptor) => {
            assert_eq!((&*descriptor.name, &*descriptor.version), ("guest", "1.0.0"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_error_makes_it_rejected_whatever_the_compiler_returns() {
    let run = Guest { compile: &report(0), ..Guest::default() }.run();
    assert_eq!(run.kind, OutcomeKind::Rejected);
    assert_eq!(run.diagnostics[0].message, "guest");
    assert!(run.usage.fuel.is_some());
}

#[test]
fn a_warning_does_not() {
    let run = Guest { compile: &report(1), ..Guest::default() }.run();
    assert_eq!(run.diagnostics[0].severity, Severity::Warning);
    assert!(artifacts(run.kind).is_empty());
}

#[test]
fn giving_up_is_rejected_with_a_reason_in_a_diagnostic() {
    for (case, code, message) in [
        (0, "prefab/no-reason", "The compiler rejected the module without saying why"),
        (1, "prefab/unsupported", "guest"),
        (2, "prefab/internal", "guest"),
    ] {
        let run = Guest { compile: &fail(case), ..Guest::default() }.run();
        assert_eq!(run.kind, OutcomeKind::Rejected);
        assert_eq!(run.diagnostics.len(), 1);
        assert_eq!((run.diagnostics[0].code.as_deref(), &*run.diagnostics[0].message), (Some(code), message));
    }
    let run = Guest { compile: &(report(0) + &fail(0)), ..Guest::default() }.run();
    assert_eq!(run.diagnostics.len(), 1);
}

#[test]
fn a_modular_compiler_makes_signatures_up_to_the_output_cap() {
    let guest = Guest {
        world: "modular-compiler",
        signature: "(i32.store (i32.const 2116) (i32.const 1088)) (i32.store (i32.const 2120) (i32.const 5))",
        ..Guest::default()
    };
    let compiler = guest.load();
    assert!(compiler.is_modular());
    let signature = run(&compiler, Task::Signature, |_| {});
    assert_eq!(signature.kind, OutcomeKind::Compiled(Success::Signature(b"guest".to_vec())));
    let capped = run(&compiler, Task::Signature, |limits| limits.output = Bytes(4));
    assert_eq!(capped.kind, OutcomeKind::OutputCap(Limit::Output));
}

#[test]
fn a_compiler_of_the_plain_world_is_not_asked_for_a_signature() {
    let compiler = COPY.load();
    assert!(!compiler.is_modular());
    let run = run(&compiler, Task::Signature, |_| {});
    assert!(matches!(&run.kind, OutcomeKind::Refused(text) if text.contains("signature")), "{:?}", run.kind);
}

#[test]
fn dependencies_show_their_signatures_when_compiling_only() {
    let read = |name: &str, compile: bool| {
        // The result of read-signature: ok or error, then an option, then the list.
        let body =
            "(call $read_signature (local.get $module) (i32.const 0) (global.get $len) (i32.const 1300))";
        let imports = r#"(import "prefab:compiler/types@1.0.0" "[method]module.read-signature"
            (func $read_signature (param i32 i32 i32 i32)))"#;
        let items = format!("(data (i32.const 0) \"{name}\") (global $len i32 (i32.const {}))", name.len());
        let emit = format!(
            "{body} (call $emit_text (local.get $output) (i32.const 1088) (i32.const 5) (i32.const 1300) (i32.const 5))
             (if (i32.load8_u (i32.const 1304)) (then (call $emit_text (local.get $output) (i32.const 1104) (i32.const 5)
               (i32.load (i32.const 1308)) (i32.load (i32.const 1312)))))"
        );
        let sign = format!(
            "{body} (i32.store (i32.const 2116) (i32.const 1300)) (i32.store (i32.const 2120) (i32.const 5))"
        );
        let guest = Guest {
            world: "modular-compiler",
            imports,
            items: &items,
            compile: &emit,
            signature: &sign,
            ..Guest::default()
        };
        let task = if compile { Task::Compile } else { Task::Signature };
        match run(&guest.load(), task, |_| {}).kind {
            OutcomeKind::Compiled(Success::Signature(bytes)) => vec![bytes],
            kind => artifacts(kind).into_iter().map(|(_, bytes)| bytes).collect(),
        }
    };
    assert_eq!(read("dep", true), [&[0, 0, 0, 0, 1][..], b"signature of dep"]);
    assert_eq!(read("gone", true), [[0, 0, 0, 0, 0]]);
    assert_eq!(read("other", true)[0][0], 1);
    assert_eq!(read("dep", false), [[0, 0, 0, 0, 0]]);
}

#[test]
fn a_compilation_that_was_cancelled_before_does_not_start() {
    let compiler = COPY.load();
    let control = Control::default();
    control.clone().cancel();
    let run = SANDBOX.run(&compiler, &compilation(&compiler, Task::Compile, |_| {}), &inputs(), &control);
    assert_eq!(run.kind, OutcomeKind::Cancelled);
}

#[test]
fn a_compilation_for_another_compiler_is_a_fault_of_the_host() {
    let other = Guest::default().load();
    let run = SANDBOX.run(
        &COPY.load(),
        &compilation(&other, Task::Compile, |_| {}),
        &inputs(),
        &Control::default(),
    );
    assert!(matches!(run.kind, OutcomeKind::HostError(_)));
}

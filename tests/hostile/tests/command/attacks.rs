//! A command-line compiler that fills its folder, spoils its inputs, or opens too much (ATTACKS T10).

use std::time::{Duration, Instant};

use prefab_artifacts::Wasi;
use prefab_model::{Bytes, Fuel, Limit, OutcomeKind, Severity};
use prefab_sandbox::Run;

use crate::scene::{Place, Scene, artifacts, with_args};

/// Runs it for both kinds of programs, here and in a worker; the outcomes must be alike.
fn everywhere(args: &str, change: impl Fn(&mut Scene)) -> Vec<Run> {
    let mut runs = Vec::new();
    for (wasi, place) in [
        (Wasi::P1, Place::Here),
        (Wasi::P2, Place::Here),
        (Wasi::P1, Place::Worker),
        (Wasi::P2, Place::Worker),
    ] {
        let mut scene = Scene { wasi, place, ..with_args(args) };
        scene.limits.output = Bytes(8 << 20);
        scene.limits.artifacts = 1_000;
        change(&mut scene);
        runs.push(scene.run());
    }
    runs
}

fn all_end_with(args: &str, limit: Limit) {
    let began = Instant::now();
    for run in everywhere(args, |_| {}) {
        assert!(
            matches!(&run.kind, OutcomeKind::OutputCap(hit) if *hit == limit),
            "{args}: {:?} {}",
            run.kind,
            run.log
        );
    }
    assert!(began.elapsed() < Duration::from_mins(5), "{args} took {:?}", began.elapsed());
}

#[test]
fn who_fills_the_output_is_stopped_as_it_writes() {
    all_end_with(r#"["one-file", "{output}/x"]"#, Limit::Output);
    all_end_with(r#"["one-file", "{tmp}/x"]"#, Limit::Output);
    all_end_with(r#"["many-files", "{output}"]"#, Limit::Artifacts);
    all_end_with(r#"["many-folders", "{tmp}"]"#, Limit::Artifacts);
}

#[test]
fn a_sparse_file_counts_with_all_its_bytes_before_it_takes_any() {
    all_end_with(r#"["seek", "{output}/x"]"#, Limit::Output);
    all_end_with(r#"["set-size", "{output}/x"]"#, Limit::Output);
}

#[test]
fn room_that_is_given_back_can_be_used_again() {
    for run in everywhere(r#"["reuse", "{output}/x"]"#, |scene| scene.limits.output = Bytes(100 << 10)) {
        assert_eq!(artifacts(run), [("x".to_owned(), "at last".to_owned())]);
    }
}

#[test]
fn what_the_host_does_for_it_is_not_free() {
    let few = |scene: &mut Scene| scene.limits.fuel = Fuel(200_000_000);
    for run in everywhere(r#"["set-size-often", "{output}/x"]"#, few) {
        assert!(matches!(run.kind, OutcomeKind::OutOfFuel), "{:?}", run.kind);
    }
}

#[test]
fn folders_cannot_lie_too_deep_in_each_other() {
    for run in everywhere(r#"["deep", "{output}"]"#, |_| {}) {
        assert!(matches!(run.kind, OutcomeKind::Rejected), "{:?}", run.kind);
    }
}

#[test]
fn only_so_many_files_are_open_at_a_time() {
    for run in everywhere(r#"["descriptors", "{sources}/a.txt"]"#, |_| {}) {
        assert!(matches!(run.kind, OutcomeKind::Rejected), "{:?}", run.kind);
        assert!(run.diagnostics[0].message.contains("exit status 1"), "{:?}", run.diagnostics);
    }
}

#[test]
fn inputs_can_be_read_and_nothing_else() {
    for run in everywhere(r#"["spoil", "{sources}/a.txt", "{sources}", "{output}"]"#, |_| {}) {
        assert!(!run.log.contains("worked"), "{}", run.log);
        assert_eq!(artifacts(run), [("after".to_owned(), "alpha\n".to_owned())]);
    }
}

#[test]
fn its_own_folder_is_its_own() {
    for run in everywhere(r#"["shuffle", "{output}"]"#, |_| {}) {
        assert_eq!(run.log, "");
        assert_eq!(
            artifacts(run),
            [("c", "cd"), ("text", "cd")].map(|(path, text)| (path.to_owned(), text.to_owned()))
        );
    }
}

#[test]
fn a_file_that_cannot_be_an_artifact_is_named() {
    let run = with_args(r#"["bad-name", "{output}"]"#).run();
    assert!(matches!(run.kind, OutcomeKind::Rejected));
    let [diagnostic] = &run.diagnostics[..] else { panic!("{:?}", run.diagnostics) };
    assert_eq!(
        (diagnostic.severity, diagnostic.code.as_deref()),
        (Severity::Error, Some("prefab/artifact-path"))
    );
    assert!(diagnostic.message.contains("\"con\""), "{}", diagnostic.message);
}

#[test]
fn who_prints_without_end_is_stopped() {
    for run in everywhere(r#"["chatter"]"#, |scene| scene.limits.diagnostic_bytes = Bytes(1 << 20)) {
        assert!(matches!(run.kind, OutcomeKind::OutputCap(Limit::DiagnosticBytes)), "{:?}", run.kind);
        assert!(run.log.len() < 100 << 10);
    }
}

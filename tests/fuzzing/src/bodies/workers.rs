//! What the host and a worker say to each other: frames as they are read, and what becomes of a compilation whose worker
//! answers with them.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use prefab_model::{
    Bytes, Compilation, CompilerDigest, Descriptor, Diagnostic, Fuel, Label, Limit, Limits, OptionDescriptor,
    OutcomeKind, Position, Severity, Span, Task, Usage,
};
use prefab_sandbox::{
    Codegen, Control, Inputs, Isolation, Run, Sandbox, SandboxOptions, SourceFile, Success,
};

use tempfile::TempDir;

use crate::hostile_worker;
use crate::support::{self, COPY, Guest};
use crate::wire::{self, Item, JobRef, Kind, ReadWork, Word, Work};

/// The longest frame that is read here, in bytes.
const MOST: u64 = 1 << 20;

/// Reads it as frames, from both sides. One in sixteen is what a worker answers.
pub(crate) fn take(input: &[u8]) {
    let mut rest = Cursor::new(input);
    while let Ok(item) = wire::receive::<Item>(&mut rest, MOST) {
        if let Item::Artifact { size, .. } | Item::End { kind: Kind::Signature(size), .. } = item
            && wire::receive_bytes(&mut rest, size, MOST).is_err()
        {
            break;
        }
    }
    let mut rest = Cursor::new(input);
    while let Ok(Word::Work(work)) = wire::receive::<Word<ReadWork>>(&mut rest, MOST) {
        let lengths = work
            .files
            .iter()
            .map(|(_, length)| length)
            .chain(work.signatures.iter().map(|(_, length)| length));
        if !lengths.into_iter().all(|length| wire::receive_bytes(&mut rest, *length, MOST).is_ok()) {
            break;
        }
    }
    if CompilerDigest::of(input).as_bytes()[0] < 16 {
        for task in [Task::Compile, Task::Signature] {
            assert_eq!(answered(input, task), answered(input, task), "the same answer means something else");
        }
    }
}

/// What becomes of a compilation whose worker answers so.
fn answered(answer: &[u8], task: Task) -> Run {
    static IMAGES: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a temporary folder"));
    // A new one each time: whether a worker that has answered is still there for the next order is a matter of chance.
    let isolation = Isolation::Process { program: hostile_worker::program() };
    let cache = Some(IMAGES.path().to_owned());
    let sandbox = Sandbox::open(SandboxOptions { cache, lent: None, codegen: Codegen::InProcess, isolation })
        .expect("a sandbox");
    let guest = Guest { world: "modular-compiler", ..COPY };
    let compiler = sandbox.load(&guest.component()).expect("a compiler");
    let limits = Limits {
        output: Bytes(1 << 16),
        artifacts: 16,
        diagnostics: 16,
        deadline: Duration::from_secs(40),
        ..Limits::default()
    };
    let compilation = support::compilation(&compiler, task, |given| *given = limits.clone());
    let files = vec![SourceFile { path: "answer".parse().expect("a path"), bytes: Arc::from(answer) }];
    let inputs = Inputs { files, signatures: BTreeMap::new() };
    let mut run = sandbox.run(&compiler, &compilation, &inputs, &Control::default());
    within(&run, &limits);
    if let OutcomeKind::HostError(text) = &run.kind {
        assert!(!text.contains("cannot be started"), "{text}");
    }
    // How long it takes until it is gone is not its answer.
    run.usage.time = Duration::ZERO;
    run
}

/// Whatever it answers, that is within the caps; the host's own last word is not counted.
fn within(run: &Run, limits: &Limits) {
    assert!(run.diagnostics.len() as u64 <= limits.diagnostics + 1);
    assert!(run.log.len() as u64 <= 4 * limits.log.0);
    assert!(run.usage.fuel.is_none_or(|fuel| fuel <= limits.fuel));
    match &run.kind {
        OutcomeKind::Compiled(Success::Artifacts(artifacts)) => {
            assert!(artifacts.len() as u64 <= limits.artifacts);
            let size: usize = artifacts.iter().map(|artifact| artifact.bytes.len()).sum();
            assert!(size as u64 <= limits.output.0);
        }
        OutcomeKind::Compiled(Success::Signature(bytes)) => assert!(bytes.len() as u64 <= limits.output.0),
        OutcomeKind::Trapped(text) | OutcomeKind::Refused(text) | OutcomeKind::HostError(text) => {
            assert!(text.len() < 1 << 20);
        }
        _ => {}
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let kinds = [
        Kind::Artifacts,
        Kind::Signature(3),
        Kind::Description(Descriptor {
            name: "n".into(),
            version: "1".into(),
            languages: vec!["l".into()],
            options: vec![OptionDescriptor {
                name: "o".into(),
                description: "d".into(),
                default: String::new(),
            }],
        }),
        Kind::Rejected,
        Kind::OutOfMemory(Limit::Memory),
        Kind::OutputCap(Limit::Artifacts),
        Kind::Trapped("unreachable".into()),
        Kind::HostError("oh".into()),
        Kind::Deadline,
    ];
    let mut seeds: Vec<Vec<u8>> = kinds.into_iter().map(answer).collect();
    seeds.push(order());
    seeds
}

/// As a worker answers: two artifacts, two findings, an end.
fn answer(kind: Kind) -> Vec<u8> {
    let mut bytes = Vec::new();
    let artifact =
        |path: &str, size| Item::Artifact { path: path.into(), media_type: "text/plain".into(), size };
    for path in ["a.js", "b/c.js"] {
        send(&mut bytes, &artifact(path, 5));
        bytes.extend(b"let a");
    }
    let at = |line| Position { line, column: 1 };
    let span = Span { start: at(1), end: at(2) };
    let finding = Diagnostic {
        severity: Severity::Warning,
        code: Some("W1".into()),
        message: "m".into(),
        file: Some("a.ts".into()),
        span: Some(span),
        labels: vec![Label { file: "../b".into(), span, message: "l".into() }],
        help: Some("h".into()),
        excerpt: None,
    };
    send(&mut bytes, &Item::Diagnostic(finding.clone()));
    send(
        &mut bytes,
        &Item::Diagnostic(Diagnostic { severity: Severity::Note, file: None, span: None, ..finding }),
    );
    let usage = Usage { fuel: Some(Fuel(1000)), peak_memory: Bytes(65536), time: Duration::from_millis(1) };
    send(&mut bytes, &Item::End { kind, usage, log: "log".into() });
    bytes.extend(b"sig");
    bytes
}

/// As the host orders.
fn order() -> Vec<u8> {
    let compiler = support::SANDBOX.load(&COPY.component()).expect("a compiler of ours");
    let compilation: Compilation = support::compilation(&compiler, Task::Compile, |_| {});
    let work =
        Work { job: JobRef::Compile(&compilation), files: vec![("a.ts", 3)], signatures: vec![("dep", 2)] };
    let mut bytes = Vec::new();
    send(&mut bytes, &Word::Work(work));
    bytes.extend(b"let12");
    bytes
}

fn send(to: &mut Vec<u8>, frame: &impl serde::Serialize) {
    wire::send(to, frame).expect("memory can be written");
}

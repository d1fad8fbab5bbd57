//! The vectors that ship with the compiler: each comes to what it says.

use prefab_model::{Artifact, ModulePath, OutcomeKind};
use prefab_sandbox::{Run, Success};

use super::Checking;
use crate::case::{counted, ended};
use crate::report::Check;
use crate::vectors::{ExpectedOutcome, Vector};

/// So many of what is wrong are told.
const MOST_TOLD: usize = 10;

pub(super) fn vectors(it: &mut Checking<'_>) -> Check {
    const NAME: &str = "vectors";
    let mut wrong = Vec::new();
    for (place, vector) in it.vectors.iter().enumerate() {
        match it.bench.case(vector, it.vectors) {
            Err(reason) => wrong.push(format!("{}: {reason}", vector.name)),
            Ok(case) => {
                let run = it.run(&case);
                wrong.extend(
                    differences(vector, &run).into_iter().map(|text| format!("{}: {text}", vector.name)),
                );
                it.shipped.push((place, case, run));
            }
        }
    }
    it.choose_base();
    let all = it.vectors.len();
    let figures = [("vectors", all as u64), ("wrong", wrong.len() as u64)];
    if all == 0 {
        return Check::not_applicable(
            NAME,
            "none: put some into `vectors` beside the compiler, and the other checks have real sources too",
        );
    }
    if !wrong.is_empty() {
        let more = wrong.len().saturating_sub(MOST_TOLD);
        wrong.truncate(MOST_TOLD);
        let more = if more > 0 { format!("\nand {more} more") } else { String::new() };
        return Check::fail(
            NAME,
            format!("{}{more}", wrong.join("\n")),
            "mend the compiler, or the vector if that is what was meant",
        )
        .with(figures);
    }
    let rejected = it.vectors.iter().filter(|vector| vector.outcome == ExpectedOutcome::Rejected).count();
    let found = format!("{}, of which {rejected} rejected as they should be", counted(all, "vector"));
    Check::pass(NAME, found).with(figures)
}

/// What of a run is not as the vector says.
fn differences(vector: &Vector, run: &Run) -> Vec<String> {
    let artifacts = match (&run.kind, vector.outcome) {
        (OutcomeKind::Compiled(Success::Artifacts(artifacts)), ExpectedOutcome::Compiled) => Some(artifacts),
        (OutcomeKind::Rejected, ExpectedOutcome::Rejected) => None,
        (_, ExpectedOutcome::Compiled) => return vec![format!("is to compile, and {}", ended(run))],
        (_, ExpectedOutcome::Rejected) => return vec![format!("is to be rejected, and {}", ended(run))],
    };
    let mut wrong = Vec::new();
    if let (Some(found), Some(expected)) = (artifacts, &vector.artifacts) {
        wrong.extend(unlike(expected, found));
    }
    for expected in &vector.diagnostics {
        if !run.diagnostics.iter().any(|found| expected.is_met_by(found)) {
            let said = run.diagnostics.first().map_or_else(
                || "nothing was reported".to_owned(),
                |first| format!("the first of {} reported is {:?}", run.diagnostics.len(), first.message),
            );
            wrong.push(format!("there is to be {}, and {said}", expected.told()));
        }
    }
    wrong
}

fn unlike(expected: &[(ModulePath, Vec<u8>)], found: &[Artifact]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (path, bytes) in expected {
        match found.iter().find(|artifact| artifact.path == *path) {
            None => wrong.push(format!("the artifact {path} is missing")),
            Some(artifact) if artifact.bytes != *bytes => {
                let same = artifact.bytes.iter().zip(bytes).take_while(|(one, other)| one == other).count();
                let line = bytes[..same].split(|byte| *byte == b'\n').count();
                wrong.push(format!("the artifact {path} differs from byte {same} on, in line {line}"));
            }
            Some(_) => {}
        }
    }
    let unknown = found.iter().filter(|artifact| expected.iter().all(|(path, _)| *path != artifact.path));
    wrong.extend(
        unknown.map(|artifact| format!("there is an artifact {} that is not expected", artifact.path)),
    );
    wrong
}

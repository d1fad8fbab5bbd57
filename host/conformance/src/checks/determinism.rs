//! The same source gives the same bytes for the same fuel: again, with its files in another order, and under another key.

use prefab_model::{OutcomeKind, Task};
use prefab_sandbox::{Run, Success};

use super::Checking;
use crate::case::{How, counted, ended};
use crate::report::Check;

pub(super) fn same(it: &mut Checking<'_>) -> Check {
    const NAME: &str = "determinism";
    let (base, first) = match it.base() {
        Ok(base) => base,
        Err(why) => return Check::not_applicable(NAME, why),
    };
    let mut turned = base.clone();
    turned.files.reverse();
    let runs = it.options.runs.max(2);
    for number in 1..runs {
        // The last one has its files in another order.
        let case = if number + 1 == runs { &turned } else { base };
        let again = it.bench.run(case);
        if let Some(difference) = difference(first, &again, true) {
            return Check::fail(
                NAME,
                format!("the same source compiled again: {difference}"),
                "what a compiler makes may follow from nothing but its input: report this with the compiler, since the sandbox leaves nothing else",
            );
        }
    }
    let mut found =
        format!("{} gave the same bytes and findings for the same fuel", counted(runs as usize, "run"));
    if it.bench.compiler.is_modular() {
        let how = How { task: Task::Signature, ..it.bench.usual() };
        let (one, other) = (it.bench.run_as(base, &how), it.bench.run_as(&turned, &how));
        if let Some(difference) = difference(&one, &other, true) {
            return Check::fail(
                NAME,
                format!("the signature of the same source made again: {difference}"),
                "what a compiler makes may follow from nothing but its input",
            );
        }
        if !matches!(one.kind, OutcomeKind::Compiled(_) | OutcomeKind::Rejected) {
            return Check::fail(
                NAME,
                format!("the signature of a module that compiles: {}", ended(&one)),
                "a module without a signature keeps those that need it from being compiled",
            );
        }
        found += ", and so did the signature";
    }
    let figures = [("runs", u64::from(runs)), ("fuel", first.usage.fuel.unwrap_or_default().0)];
    Check::pass(NAME, found).with(figures)
}

pub(super) fn seed(it: &mut Checking<'_>) -> Check {
    const NAME: &str = "seed";
    const SEEDS: u32 = 3;
    let (base, first) = match it.base() {
        Ok(base) => base,
        Err(why) => return Check::not_applicable(NAME, why),
    };
    let mut fuel: Vec<u64> = first.usage.fuel.iter().map(|fuel| fuel.0).collect();
    let tasks: &[Task] =
        if it.bench.compiler.is_modular() { &[Task::Compile, Task::Signature] } else { &[Task::Compile] };
    for task in tasks {
        let run = |seed| it.bench.run_as(base, &How { task: *task, seed, ..it.bench.usual() });
        let plain = run(0);
        for seed in 1..=SEEDS {
            let other = run(seed);
            if *task == Task::Compile {
                fuel.extend(other.usage.fuel.iter().map(|fuel| fuel.0));
            }
            let Some(difference) = difference(&plain, &other, false) else { continue };
            let (found, what) = match task {
                Task::Compile => (format!("with other random bytes: {difference}"), "what it makes"),
                Task::Signature => {
                    (format!("the signature with other random bytes: {difference}"), "its signature")
                }
            };
            // The build id is the key that random bytes follow from as well: it is there to be put into artifacts.
            if uses_build_id(it) {
                return Check::warning(
                    NAME,
                    found,
                    "it can read `module.build-id`, which is another one too: if that is not why, use no random bytes and no hash maps with a random seed",
                );
            }
            return Check::fail(
                NAME,
                found,
                format!(
                    "{what} follows from random bytes, and every new version of prefab gives others: use none, and no order of a hash map with a random seed"
                ),
            );
        }
    }
    let (least, most) =
        (fuel.iter().min().copied().unwrap_or_default(), fuel.iter().max().copied().unwrap_or_default());
    let spread = most - least;
    let found = if spread == 0 {
        "other random bytes change nothing, not even its fuel".to_owned()
    } else {
        format!("other random bytes change its fuel by {spread} units, and nothing else")
    };
    Check::pass(NAME, found).with([("fuel-spread", spread)])
}

fn uses_build_id(it: &Checking<'_>) -> bool {
    const NAME: &[u8] = b"[method]module.build-id";
    it.bench.subject.component.windows(NAME.len()).any(|bytes| bytes == NAME)
}

/// How a run differs from the first one, if it does.
fn difference(first: &Run, again: &Run, with_fuel: bool) -> Option<String> {
    match (&first.kind, &again.kind) {
        (
            OutcomeKind::Compiled(Success::Artifacts(one)),
            OutcomeKind::Compiled(Success::Artifacts(other)),
        ) => {
            if one.len() != other.len() {
                return Some(format!("{} instead of {}", counted(other.len(), "artifact"), one.len()));
            }
            if let Some((one, other)) = one.iter().zip(other).find(|(one, other)| one != other) {
                if one.path != other.path {
                    return Some(format!("the artifact {} where there was {}", other.path, one.path));
                }
                let at = one.bytes.iter().zip(&other.bytes).take_while(|(one, other)| one == other).count();
                return Some(format!("the artifact {} differs from byte {at} on", one.path));
            }
        }
        (one, other) if one != other => {
            return Some(format!("{} instead of {}", ended(again), ended(first)));
        }
        _ => {}
    }
    if first.diagnostics != again.diagnostics {
        return Some("other findings are reported".to_owned());
    }
    if with_fuel && first.usage.fuel != again.usage.fuel {
        let units = |run: &Run| run.usage.fuel.unwrap_or_default().0;
        return Some(format!("{} units of fuel instead of {}", units(again), units(first)));
    }
    None
}

//! At the caps: with less than it needs, a compilation ends with the name of the cap, and the next one is as before.

use prefab_model::{Bytes, Fuel, OutcomeKind};
use prefab_sandbox::{Run, Success};

use super::Checking;
use crate::case::ended;
use crate::report::Check;

pub(super) fn fuel(it: &mut Checking<'_>) -> Check {
    const NAME: &str = "fuel-cap";
    let (base, first) = match it.base() {
        Ok(base) => base,
        Err(why) => return Check::not_applicable(NAME, why),
    };
    let Some(Fuel(used)) = first.usage.fuel.filter(|fuel| fuel.0 > 1) else {
        return Check::not_applicable(NAME, "it uses no fuel");
    };
    let half = it.bench.run_within(base, |limits| limits.fuel = Fuel(used / 2));
    if !matches!(half.kind, OutcomeKind::OutOfFuel) {
        return strange(NAME, &format!("with half of the {} fuel that it used", Fuel(used)), &half);
    }
    after(it, NAME, format!("with half of its fuel ({}) it runs out of it cleanly", Fuel(used / 2)))
        .with([("fuel", used), ("cap", used / 2)])
}

pub(super) fn memory(it: &mut Checking<'_>) -> Check {
    const NAME: &str = "memory-cap";
    /// A page of WebAssembly: what memory grows by.
    const PAGE: u64 = 64 << 10;
    let (base, first) = match it.base() {
        Ok(base) => base,
        Err(why) => return Check::not_applicable(NAME, why),
    };
    let Bytes(peak) = first.usage.peak_memory;
    if peak < PAGE {
        return Check::not_applicable(NAME, "it has no memory");
    }
    let cap = Bytes(peak - PAGE);
    let less = it.bench.run_within(base, |limits| limits.memory = cap);
    if !matches!(less.kind, OutcomeKind::OutOfMemory(_)) {
        return strange(NAME, &format!("with {cap} of memory, where it took {}", Bytes(peak)), &less);
    }
    after(it, NAME, format!("with {cap}, a page less than it takes, it runs out of memory cleanly"))
        .with([("peak", peak), ("cap", cap.0)])
}

pub(super) fn output(it: &mut Checking<'_>) -> Check {
    const NAME: &str = "output-cap";
    let (base, first) = match it.base() {
        Ok(base) => base,
        Err(why) => return Check::not_applicable(NAME, why),
    };
    let made = match &first.kind {
        OutcomeKind::Compiled(Success::Artifacts(artifacts)) => {
            artifacts.iter().map(|artifact| artifact.bytes.len() as u64).sum()
        }
        _ => 0,
    };
    let findings = it.rejected().filter(|(_, _, run)| !run.diagnostics.is_empty());
    if made == 0 && findings.is_none() {
        return Check::not_applicable(NAME, "it makes nothing of what there is to compile");
    }
    let mut told = Vec::new();
    if made > 0 {
        let less = it.bench.run_within(base, |limits| limits.output = Bytes(made - 1));
        if !matches!(less.kind, OutcomeKind::OutputCap(_)) {
            return strange(
                NAME,
                &format!("with a byte less of output than the {made} that it makes"),
                &less,
            );
        }
        told.push("with a byte less of output than it makes");
    }
    if let Some((_, case, run)) = findings {
        // Findings that the host adds to those of a program are not counted.
        let less = it.bench.run_within(case, |limits| limits.diagnostics = 0);
        let capped = matches!(less.kind, OutcomeKind::OutputCap(_));
        let by_host = run
            .diagnostics
            .iter()
            .all(|it| it.code.as_deref().is_some_and(|code| code.starts_with("prefab/")));
        if !capped && !by_host {
            return strange(NAME, "with no room for findings, of a vector that has some", &less);
        }
        if capped {
            told.push("with no room for findings");
        }
    }
    if told.is_empty() {
        return Check::not_applicable(NAME, "it makes nothing of what there is to compile");
    }
    after(it, NAME, format!("{} it ends at the cap", told.join(" and "))).with([("output", made)])
}

/// It must have ended at a cap, and has not.
fn strange(name: &'static str, what: &str, run: &Run) -> Check {
    Check::fail(
        name,
        format!("{what}: {}", ended(run)),
        "it takes another way when there is less of something: what it makes may not follow from the limits",
    )
}

/// What came before leaves nothing behind.
fn after(it: &Checking<'_>, name: &'static str, found: String) -> Check {
    let Ok((base, first)) = it.base() else { return Check::pass(name, found) };
    let again = it.bench.run(base);
    if (&again.kind, again.usage.fuel) != (&first.kind, first.usage.fuel) {
        return Check::fail(
            name,
            format!("{found}, but afterwards: {}", ended(&again)),
            "report this: nothing of a compilation may reach the next",
        );
    }
    Check::pass(name, format!("{found}, and compiles as before afterwards"))
}

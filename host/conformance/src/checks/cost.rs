//! What a compilation costs before it does anything, and the most memory that it takes.

use prefab_model::Bytes;

use super::{Checking, unclean};
use crate::case::{fuel_of, millis};
use crate::report::Check;

/// A compilation of nothing that takes more than this is worth a thought: every module pays it.
const MUCH_FUEL: u64 = 500_000_000;

pub(super) fn startup(it: &mut Checking<'_>) -> Check {
    const NAME: &str = "startup";
    let empty = it.base.with_files(Vec::new());
    // The quickest of a few: the first one also brings memory and code into caches.
    let runs: Vec<_> = (0..3).map(|_| it.run(&empty)).collect();
    let Some(run) = runs.iter().min_by_key(|run| run.usage.time) else {
        return Check::not_applicable(NAME, "nothing was run");
    };
    if let Some(check) = unclean(NAME, "a module without files", run) {
        return check;
    }
    let figures = [
        ("fuel", run.usage.fuel.unwrap_or_default().0),
        ("time-ms", millis(run.usage.time)),
        ("memory", run.usage.peak_memory.0),
    ];
    let found = format!(
        "{}, {} and {:.1} ms for a module without files",
        fuel_of(run),
        run.usage.peak_memory,
        run.usage.time.as_secs_f64() * 1000.0
    );
    if run.usage.fuel.unwrap_or_default().0 > MUCH_FUEL {
        let advice = "every module pays that: do less at the start, or ship the state that the start comes to (pre-initialisation, as with Wizer)";
        return Check::warning(NAME, found, advice).with(figures);
    }
    Check::pass(NAME, found).with(figures)
}

pub(super) fn memory(it: &mut Checking<'_>) -> Check {
    const NAME: &str = "memory";
    let runs = it.shipped.iter().map(|(_, _, run)| run).chain(&it.base_run);
    let peak = runs.map(|run| run.usage.peak_memory).max().unwrap_or_default();
    let limit = it.bench.limits.memory;
    if peak == Bytes(0) {
        return Check::not_applicable(NAME, "nothing was compiled to check this with");
    }
    let figures = [("peak", peak.0), ("limit", limit.0)];
    let found = format!("{peak} at most, of {limit} that it may have");
    if peak.0 > limit.0 / 2 {
        let advice = "larger modules take more: raise the limit `memory` in the release";
        return Check::warning(NAME, found, advice).with(figures);
    }
    Check::pass(NAME, found).with(figures)
}

//! Two preparations compared, for people and for other tools: one file for each form. What they have in common is here: the words
//! for verdicts, and figures with how they changed.

pub(crate) mod diff;
pub(crate) mod html;
pub(crate) mod human;
pub(crate) mod junit;
#[cfg(test)]
mod samples;
pub(crate) mod sarif;

use prefab_model::{Bytes, Fuel, PreparationKind, PreparationState};
use prefab_prepare::{Cause, Difference, Finding, Report, Side, Verdict};

/// A verdict in one word or two.
pub(crate) const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Regressed => "regressed",
        Verdict::NewlySkipped => "newly skipped",
        Verdict::StillFailing => "still failing",
        Verdict::NotCompared => "not compared",
        Verdict::Fixed => "fixed",
        Verdict::Changed => "changed",
        Verdict::Added => "added",
        Verdict::Unchanged => "unchanged",
    }
}

/// What a verdict means.
pub(crate) const fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Regressed => "was prepared before, fails now",
        Verdict::NewlySkipped => "was prepared before, waits now for a module that fails",
        Verdict::StillFailing => "not prepared before, nor now",
        Verdict::NotCompared => "nothing can be said: it took no part, or this machine had trouble",
        Verdict::Fixed => "not prepared before, prepared now",
        Verdict::Changed => "prepared in both, with other artifacts",
        Verdict::Added => "only in the new preparation",
        Verdict::Unchanged => "prepared in both, byte for byte the same",
    }
}

/// In how many of the changed modules nothing that runs differs, if in some.
pub(crate) fn source_maps_only(report: &Report) -> Option<String> {
    match report.source_maps_only {
        0 => None,
        all if all == report.verdicts.changed => Some("only source maps".to_owned()),
        some => Some(format!("in {some} of them only source maps")),
    }
}

/// One of the two sides in a few words.
pub(crate) fn named(side: &Side) -> String {
    let kind = match side.kind {
        PreparationKind::Preparation => "preparation",
        PreparationKind::Rehearsal => "rehearsal",
    };
    format!("{} ({kind} {})", side.platform, side.preparation)
}

/// The whole in one sentence.
pub(crate) fn sentence(report: &Report) -> String {
    let all = report.verdicts.modules;
    match (report.verdicts.regressed, report.verdicts.newly_skipped) {
        (0, 0) if report.verdicts.unchanged == all => "Nothing differs".to_owned(),
        (0, 0) => "No module got worse".to_owned(),
        (0, skipped) => format!("{skipped} of {all} modules {} newly skipped", are(skipped)),
        (regressed, 0) => format!("{regressed} of {all} modules regressed"),
        (regressed, skipped) => {
            format!("{regressed} of {all} modules regressed, and {skipped} {} newly skipped", are(skipped))
        }
    }
}

const fn are(count: u64) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// That one of the sides did not come to its end, if so.
pub(crate) fn unfinished(report: &Report) -> Option<String> {
    [&report.base, &report.new]
        .into_iter()
        .find(|side| side.state != PreparationState::Done)
        .map(|side| format!("{} has not come to its end: this is what there is so far", named(side)))
}

/// What to do next, in the order of importance.
pub(crate) fn next_steps(report: &Report) -> Vec<String> {
    let ids = format!("--base {} --new {}", report.base.preparation, report.new.preparation);
    let rehearsed = report.new.kind == PreparationKind::Rehearsal;
    let again = if rehearsed { "`prefab rehearse MANIFEST`" } else { "`prefab prepare --failed`" };
    let counts = &report.verdicts;
    let mut steps = Vec::new();
    if counts.worse() > 0 {
        steps.push(format!("Mend the causes above, the first one first, then try again with {again}"));
    } else if rehearsed {
        steps.push(format!("Go to the new version with `prefab upgrade {}`", report.new.platform));
    }
    // Those that took no part may not have been meant to.
    if report.modules.iter().any(|module| module.verdict == Verdict::NotCompared && module.now.is_some()) {
        steps.push(format!("For those with which this machine had trouble: {again}"));
    }
    if counts.worse() + counts.changed + counts.fixed > 0 {
        steps.push(format!("See what became of a module with `prefab diff MODULE {ids}`"));
    }
    steps
}

/// What a finding without a diagnostic says.
pub(crate) fn said(finding: &Finding) -> String {
    match (&finding.reason, &finding.cause, &finding.limits) {
        (Some(reason), ..) => reason.clone(),
        (None, Cause::Cap(limit), Some(limits)) => {
            format!("hit the cap `limits.{limit}` of {}", limits.show(*limit))
        }
        (None, Cause::Cap(limit), None) => format!("hit the cap `limits.{limit}`"),
        _ => "the compiler gave no reason".to_owned(),
    }
}

/// How much a figure changed, with its sign: `+3.4 %`, `−12 %`, `±0`.
pub(crate) fn percent(difference: Difference) -> String {
    let growth = difference.growth();
    if growth == 0 {
        return "±0".to_owned();
    }
    let sign = if growth < 0 { '−' } else { '+' };
    if difference.base == 0 {
        return "new".to_owned();
    }
    let percent = growth.unsigned_abs() as f64 * 100.0 / difference.base as f64;
    match percent {
        0.0..0.05 => format!("{sign}0.0 %"),
        0.05..10.0 => format!("{sign}{percent:.1} %"),
        _ => format!("{sign}{percent:.0} %"),
    }
}

/// Bytes that came or went: `+1.2 KiB`.
pub(crate) fn grown_bytes(difference: Difference) -> String {
    signed(difference, |amount| Bytes(amount).to_string())
}

/// Fuel that came or went: `−12M`.
pub(crate) fn grown_fuel(difference: Difference) -> String {
    signed(difference, |amount| Fuel(amount).to_string())
}

fn signed(difference: Difference, show: impl Fn(u64) -> String) -> String {
    match difference.growth() {
        0 => "±0".to_owned(),
        growth if growth < 0 => format!("−{}", show(growth.unsigned_abs())),
        growth => format!("+{}", show(growth.unsigned_abs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_with_their_sign() {
        let told = [(100, 100), (1000, 1034), (1000, 880), (0, 5), (1_000_000, 1_000_001), (10, 35)]
            .map(|(base, new)| percent(Difference { base, new }));
        assert_eq!(told, ["±0", "+3.4 %", "−12 %", "new", "+0.0 %", "+250 %"]);
        assert_eq!(grown_bytes(Difference { base: 0, new: 2048 }), "+2 KiB");
        assert_eq!(grown_fuel(Difference { base: 12_000_000, new: 0 }), "−12M");
    }
}

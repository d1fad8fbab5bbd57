//! Figures, times and states in words.

use std::time::Duration;

use maud::{Markup, html};
use prefab_model::{ModuleState, PreparationKind, PreparationState};
use prefab_prepare::{Cause, EnvironmentState, Verdict};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A number with commas between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(super) fn modules(count: u64) -> String {
    if count == 1 { "1 module".to_owned() } else { format!("{} modules", grouped(count)) }
}

/// A time that people can compare: `340 ms`, `3.2 s`, `12 min 5 s`, `3 h 2 min`.
pub(super) fn time(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        1..10 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// How long something still takes, in whole seconds: it is an estimate.
pub(super) fn left(seconds: u64) -> String {
    match seconds.max(1) {
        seconds @ 0..60 => format!("{seconds} s left"),
        seconds => format!("{} left", time(Duration::from_secs(seconds))),
    }
}

/// A point in time, to the second.
pub(super) fn when(at: OffsetDateTime) -> Markup {
    let text = at.replace_nanosecond(0).ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default();
    html! { time datetime=(text) { (text.replace('T', " ").replace('Z', " UTC")) } }
}

/// How a module ended: for people, and in the style sheet.
pub(super) const fn state(state: &ModuleState) -> (&'static str, &'static str) {
    match state {
        ModuleState::Pending => ("Waiting", "pending"),
        ModuleState::Prepared => ("Prepared", "prepared"),
        ModuleState::Failed => ("Failed", "failed"),
        ModuleState::Skipped(_) => ("Skipped", "skipped"),
    }
}

pub(super) fn chip(of: &ModuleState) -> Markup {
    let (word, class) = state(of);
    html! { span.chip.(class) { (word) } }
}

/// How an environment is: for people, and in the style sheet.
pub(super) const fn environment(state: EnvironmentState) -> (&'static str, &'static str) {
    match state {
        EnvironmentState::New => ("New", "pending"),
        EnvironmentState::Preparing => ("Preparing", "running"),
        EnvironmentState::Paused => ("Paused", "skipped"),
        EnvironmentState::Ready => ("Ready", "prepared"),
        EnvironmentState::Errors => ("Errors", "failed"),
        EnvironmentState::Interrupted => ("Interrupted", "skipped"),
        EnvironmentState::Cancelled => ("Called off", "skipped"),
        EnvironmentState::Outdated => ("Outdated", "skipped"),
    }
}

pub(super) const fn preparation(kind: PreparationKind) -> &'static str {
    match kind {
        PreparationKind::Preparation => "Preparation",
        PreparationKind::Rehearsal => "Rehearsal",
    }
}

/// Where a preparation is: for people, and in the style sheet.
pub(super) const fn progress(state: PreparationState) -> (&'static str, &'static str) {
    match state {
        PreparationState::Running => ("Running", "running"),
        PreparationState::Done => ("Done", "prepared"),
        PreparationState::Stopped => ("Interrupted", "skipped"),
        PreparationState::Paused => ("Paused", "skipped"),
        PreparationState::Cancelled => ("Called off", "skipped"),
    }
}

/// A verdict: for people, in the style sheet, and what it means.
pub(super) const fn verdict(verdict: Verdict) -> (&'static str, &'static str, &'static str) {
    match verdict {
        Verdict::Regressed => ("regressed", "regressed", "were prepared before, and fail now"),
        Verdict::NewlySkipped => ("newly skipped", "newly-skipped", "wait for a module that fails now"),
        Verdict::StillFailing => ("still failing", "still-failing", "were not prepared before either"),
        Verdict::NotCompared => ("not compared", "not-compared", "nothing can be said about them"),
        Verdict::Fixed => ("fixed", "fixed", "were not prepared before, and are now"),
        Verdict::Changed => ("changed", "changed", "are prepared, with other artifacts"),
        Verdict::Added => ("added", "added", "were not there before"),
        Verdict::Unchanged => ("unchanged", "unchanged", "have the same artifacts, byte for byte"),
    }
}

/// What errors are grouped by, in a few words.
pub(super) fn cause(cause: &Cause) -> String {
    match cause {
        Cause::Code(Some(code)) => prefab_model::escape::line(code),
        Cause::Code(None) => "no code".to_owned(),
        Cause::Cap(limit) => format!("the cap limits.{limit} was hit"),
        Cause::Trap => "the compiler trapped".to_owned(),
        Cause::Refused => "the compiler was refused".to_owned(),
        Cause::Host => "trouble of this machine".to_owned(),
        Cause::Cancelled => "cancelled".to_owned(),
        Cause::Silent => "rejected without a reason".to_owned(),
    }
}

/// A name that finds room for so many characters.
pub(super) fn short(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_owned();
    }
    let kept: String = name.chars().take(most - 1).collect();
    format!("{kept}…")
}

/// What is between backticks is code.
pub(super) fn with_code(text: &str) -> Markup {
    html! {
        @for (number, part) in text.split('`').enumerate() {
            @if number % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// An address of the web, and nothing like `javascript:`.
pub(super) fn web_address(address: Option<&str>) -> Option<&str> {
    address.filter(|address| address.starts_with("https://") || address.starts_with("http://"))
}

/// A figure beside an earlier one, as how much it grew.
pub(super) fn growth(base: u64, new: u64) -> String {
    if base == new {
        return "same".to_owned();
    }
    if base == 0 {
        return "new".to_owned();
    }
    let percent = (new as f64 / base as f64 - 1.0) * 100.0;
    let digits = usize::from(percent.abs() < 10.0);
    let sign = if percent < 0.0 { '−' } else { '+' };
    format!("{sign}{:.digits$} %", percent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_easy_to_read() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!((modules(1), modules(2000)), ("1 module".into(), "2,000 modules".into()));
        assert_eq!((left(0), left(75)), ("1 s left".into(), "1 min 15 s left".into()));
        let grown = [(100, 100), (100, 103), (100, 50), (0, 5)].map(|(base, new)| growth(base, new));
        assert_eq!(grown, ["same", "+3.0 %", "−50 %", "new"]);
    }

    #[test]
    fn a_long_name_is_cut() {
        assert_eq!(short("abc", 3), "abc");
        assert_eq!(short("abcd", 3), "ab…");
    }

    #[test]
    fn only_addresses_of_the_web_are_linked_to() {
        assert_eq!(web_address(Some("https://a.example/")), Some("https://a.example/"));
        for other in ["javascript:alert(1)", "data:text/html,x", " https://a", "//a"] {
            assert_eq!(web_address(Some(other)), None);
        }
    }
}

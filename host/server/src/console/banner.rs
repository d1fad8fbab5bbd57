//! How an environment is, in the sentences that operators know, with a bar while something happens. Pure.

use maud::{Markup, html};
use prefab_model::Counts;
use prefab_prepare::{Activity, EnvironmentState, Held, Status};

use super::links::Links;
use super::words::{grouped, left, modules, web_address, when};
use crate::live::Compiling;

/// So many compilations are named at a time.
const NAMED: usize = 6;

/// What the banner says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Banner {
    pub(super) tone: &'static str,
    /// Something good that was done before.
    pub(super) lead: Option<String>,
    pub(super) headline: String,
    pub(super) detail: String,
}

/// Whether the figures are those of a preparation that runs, which may only be about to begin.
fn runs(status: &Status) -> bool {
    status.holder.as_ref().is_some_and(|held| held.preparation.is_some())
}

pub(super) fn banner(status: &Status) -> Banner {
    let counts = &status.counts;
    let errors = counts.failed + counts.skipped;
    let upgrades = status.holder.as_ref().is_some_and(|held| held.activity == Activity::Upgrade);
    let platform = status.platform.as_ref().map(ToString::to_string).unwrap_or_default();
    let said = |tone, headline: &str, detail: String| Banner {
        tone,
        lead: None,
        headline: headline.to_owned(),
        detail,
    };
    match status.state {
        EnvironmentState::New if status.platform.is_none() => said(
            "quiet",
            "This environment has no platform version yet",
            "Choose one below: its compilers then prepare the modules.".to_owned(),
        ),
        EnvironmentState::New if status.environment_modules == 0 => said(
            "quiet",
            "This environment has no modules yet",
            "Send some to the API: they can then be prepared here.".to_owned(),
        ),
        EnvironmentState::New => said(
            "quiet",
            "Nothing is prepared yet",
            format!("There are {}.", modules(status.environment_modules)),
        ),
        EnvironmentState::Preparing if !runs(status) => {
            let headline = if upgrades {
                "Your environment is being upgraded"
            } else {
                "A preparation is about to begin"
            };
            said(
                "running",
                headline,
                "Compilers are being loaded. Running applications are not affected.".to_owned(),
            )
        }
        EnvironmentState::Preparing => Banner {
            lead: upgrades.then(|| {
                format!("Your environment has been successfully upgraded to platform version {platform}.")
            }),
            ..said(
                "running",
                &format!("We are now preparing your modules - {}%", status.percent),
                "Running applications are not affected.".to_owned(),
            )
        },
        EnvironmentState::Paused => said(
            "warn",
            &format!("The preparation is paused at {}%", status.percent),
            "Let it go on, or call it off. Running applications are not affected.".to_owned(),
        ),
        EnvironmentState::Ready => said(
            "good",
            "This environment is ready",
            format!("{} prepared for platform version {platform}.", all_are(counts.modules)),
        ),
        EnvironmentState::Errors => said(
            "bad",
            &format!("There are errors in {} of {} modules", grouped(errors), grouped(counts.modules)),
            "What is prepared can be published. Mend what fails, and try again.".to_owned(),
        ),
        EnvironmentState::Interrupted => said(
            "warn",
            &format!("The latest preparation was interrupted at {}%", status.percent),
            "Prepare again to go on: what was compiled is kept.".to_owned(),
        ),
        EnvironmentState::Cancelled => said(
            "warn",
            &format!("The latest preparation was called off at {}%", status.percent),
            "Prepare again to go on: what was compiled is kept.".to_owned(),
        ),
        EnvironmentState::Outdated => said(
            "warn",
            "The modules were prepared for another platform version",
            format!("Prepare them for {platform}."),
        ),
    }
}

fn all_are(count: u64) -> String {
    if count == 1 { "The one module is".to_owned() } else { format!("All {} are", modules(count)) }
}

/// The banner as it is shown, with what is being compiled.
pub(super) fn show(status: &Status, compiling: &[Compiling], links: &Links) -> Markup {
    let Banner { tone, lead, headline, detail } = banner(status);
    let happens = matches!(status.state, EnvironmentState::Preparing | EnvironmentState::Paused);
    let bar = (happens && runs(status)).then_some(&status.counts);
    html! {
        div.banner.(tone) {
            @if let Some(lead) = lead {
                p.done {
                    (lead)
                    @if let Some(notes) = web_address(status.notes.as_deref()) {
                        " " a href=(notes) rel="noreferrer noopener" { "Release notes" }
                    }
                }
            }
            h2.headline #headline { (headline) }
            p.detail { (detail) }
            @if let Some(counts) = bar {
                progress #bar max="100" value=(status.percent) aria-labelledby="headline" { (status.percent) " %" }
                p.figures {
                    span #accounted { (accounted(counts)) }
                    span #eta { @if let Some(eta) = status.eta_seconds { (left(eta)) } }
                }
                div #compiling .compiling hidden[compiling.is_empty()] {
                    p { "Compiling now" }
                    ul { @for one in compiling.iter().take(NAMED) { li { (one.module) " " span { (one.compiler) } } } }
                }
            }
            @if bar.is_none() && status.counts.modules > 0 { (tally(&status.counts, links)) }
            @if let Some(held) = status.holder.as_ref().filter(|held| held.preparation.is_none() && !happens) {
                p.notice { "Somebody is " (activity(held)) " since " (when(held.since)) "." }
            }
        }
        @if let Some(rehearsal) = &status.rehearsal { (rehearsed(rehearsal)) }
    }
}

fn accounted(counts: &Counts) -> String {
    format!("{} of {} modules are accounted for", grouped(counts.ended()), grouped(counts.modules))
}

/// How the modules ended, with ways to them.
fn tally(counts: &Counts, links: &Links) -> Markup {
    let all = [
        ("prepared", "prepared", counts.prepared),
        ("failed", "failed", counts.failed),
        ("skipped", "skipped", counts.skipped),
    ];
    html! {
        ul.tally {
            @for (class, word, count) in all {
                @if count > 0 {
                    li { a.(class) href=(links.to(&format!("?state={class}#modules"))) { b { (grouped(count)) } " " (word) } }
                }
            }
            @if counts.host_errors > 0 { li { (grouped(counts.host_errors)) " of the failed by trouble of this machine" } }
            @if counts.reused > 0 { li { (grouped(counts.reused)) " known from before" } }
        }
    }
}

fn rehearsed(held: &Held) -> Markup {
    let percent = held.counts.map(|counts| counts.percent()).unwrap_or_default();
    html! {
        div.rehearsal {
            p #rehearsing { @if held.paused { "A rehearsal is paused" } @else { "A rehearsal is running" } " - " (percent) "%" }
            progress max="100" value=(percent) aria-labelledby="rehearsing" { (percent) " %" }
            p.more { "It changes nothing and keeps nobody from anything." }
        }
    }
}

pub(super) fn activity(held: &Held) -> &'static str {
    match held.activity {
        Activity::Prepare => "preparing modules",
        Activity::Rehearse => "rehearsing",
        Activity::Upgrade => "upgrading the environment",
        Activity::Publish => "publishing modules",
        Activity::Rollback => "rolling modules back",
        Activity::Collect => "collecting garbage",
        Activity::Configure => "changing the settings",
        Activity::Modules => "adding or removing modules",
        Activity::Releases => "installing a release",
    }
}

#[cfg(test)]
mod tests {
    use prefab_model::PreparationId;
    use prefab_prepare::LockMode;

    use super::*;

    fn status(state: EnvironmentState, counts: Counts, holder: Option<(Activity, Option<i64>)>) -> Status {
        Status {
            state,
            environment: "shop".into(),
            platform: Some("11.9.0".parse().unwrap()),
            notes: None,
            preparation: None,
            counts,
            percent: counts.percent(),
            eta_seconds: None,
            environment_modules: counts.modules,
            published: 0,
            holder: holder.map(|(activity, preparation)| Held {
                activity,
                pid: 1,
                since: time::OffsetDateTime::UNIX_EPOCH,
                preparation: preparation.map(PreparationId),
                counts: Some(counts),
                paused: false,
                lock: LockMode::Environment,
            }),
            rehearsal: None,
        }
    }

    #[test]
    fn the_sentences_are_those_that_operators_know() {
        let half = Counts { modules: 100, signed: 76, ..Counts::default() };
        let upgrading =
            banner(&status(EnvironmentState::Preparing, half, Some((Activity::Upgrade, Some(1)))));
        let upgraded = "Your environment has been successfully upgraded to platform version 11.9.0.";
        assert_eq!(upgrading.lead.as_deref(), Some(upgraded));
        assert_eq!(upgrading.headline, "We are now preparing your modules - 38%");
        let again = banner(&status(EnvironmentState::Preparing, half, Some((Activity::Prepare, Some(1)))));
        assert_eq!(again.lead, None);
        let about = banner(&status(EnvironmentState::Preparing, half, Some((Activity::Upgrade, None))));
        assert_eq!(about.headline, "Your environment is being upgraded");
        let errors = Counts { modules: 256, signed: 256, prepared: 244, failed: 9, skipped: 3, ..half };
        let errors = banner(&status(EnvironmentState::Errors, errors, None));
        assert_eq!(errors.headline, "There are errors in 12 of 256 modules");
        let ready = Counts { modules: 256, signed: 256, prepared: 256, ..half };
        assert_eq!(
            banner(&status(EnvironmentState::Ready, ready, None)).headline,
            "This environment is ready"
        );
    }
}

//! What can be done with an environment, each as a form that needs no script; what cannot be done now is shown with the reason.

use maud::{Markup, html};
use prefab_model::{ModuleName, ModuleState};
use prefab_prepare::{EnvironmentState, LockMode, Status};
use semver::Version;

use super::banner::activity;
use super::links::Links;
use super::words::grouped;
use crate::access::Caller;
use crate::token::Scope;

/// Why nothing that changes the environment can be done now; none if it can.
pub(super) fn refused(status: &Status, caller: &Caller) -> Option<String> {
    if caller.token().scope < Scope::Operate {
        return Some("Your token lets you look, and no more: this takes the scope operate.".to_owned());
    }
    let held = status.holder.as_ref()?;
    Some(match (held.preparation, held.counts) {
        (Some(preparation), Some(counts)) => format!(
            "Preparation {preparation} holds the environment: {} %, {} of {} modules are accounted for.",
            counts.percent(),
            grouped(counts.ended()),
            grouped(counts.modules)
        ),
        _ => format!("The environment is held: somebody is {}.", activity(held)),
    })
}

/// Why nothing can be published or rolled back now. Beside a preparation that holds single modules it can.
pub(super) fn publishing_refused(status: &Status, caller: &Caller) -> Option<String> {
    let beside = status
        .holder
        .as_ref()
        .is_some_and(|held| held.lock == LockMode::Module && held.preparation.is_some());
    let refused = refused(status, caller).filter(|_| !beside || caller.token().scope < Scope::Operate);
    refused.or_else(|| status.platform.is_none().then(|| "There is no platform version yet.".to_owned()))
}

/// A button that sends an action, or says why it cannot be sent.
pub(super) struct Button<'a> {
    pub(super) action: &'a str,
    pub(super) word: &'a str,
    pub(super) main: bool,
    /// The element that says why it cannot be pressed.
    pub(super) why: Option<&'a str>,
    /// What tells it from another one with the same action.
    pub(super) of: &'a str,
}

impl Button<'_> {
    pub(super) fn show(&self) -> Markup {
        html! {
            button id={ "do-" (self.action) (self.of) } .main[self.main] name="action" value=(self.action)
                disabled[self.why.is_some()] aria-describedby=[self.why] { (self.word) }
        }
    }
}

/// A form for some buttons; `hidden` is sent along.
pub(super) fn form(links: &Links, hidden: &[(&str, &str)], inner: &Markup) -> Markup {
    html! {
        form.act method="post" action=(links.to("/act")) {
            @for (name, value) in hidden { input type="hidden" name=(name) value=(value); }
            (inner)
        }
    }
}

/// All that can be done with the environment.
pub(super) fn panel(status: &Status, caller: &Caller, releases: &[Version], links: &Links) -> Markup {
    let refused = refused(status, caller);
    let publishing = publishing_refused(status, caller);
    let may = caller.token().scope >= Scope::Operate;
    let why = refused.as_ref().map(|_| "why");
    let why_not_publish =
        publishing.as_ref().map(|_| if refused == publishing { "why" } else { "why-publish" });
    html! {
        section.actions aria-labelledby="actions" {
            h2 #actions .visually-hidden { "What you can do" }
            @if let Some(reason) = &refused { p.why #why { (reason) } }
            @if let Some(reason) = publishing.as_ref().filter(|_| refused != publishing) { p.why #why-publish { (reason) } }
            div.row {
                @if may { (running(status, links)) }
                (upgrade(status, releases, links, may, why))
                (prepare(status, links, why))
                (publish(status, links, why_not_publish))
            }
        }
    }
}

/// Letting what runs wait, go on, or end.
fn running(status: &Status, links: &Links) -> Markup {
    let running = [
        (&status.holder, "", ["Go on", "Pause", "Call off"]),
        (
            &status.rehearsal,
            "-rehearsal",
            ["Go on with the rehearsal", "Pause the rehearsal", "Call the rehearsal off"],
        ),
    ];
    html! {
        @for (held, of, [resume, pause, cancel]) in running {
            @if let Some((held, preparation)) = held.as_ref().and_then(|held| Some((held, held.preparation?))) {
                (form(links, &[("preparation", &preparation.to_string())], &html! {
                    @if held.paused {
                        (Button { action: "resume", word: resume, main: true, why: None, of }.show())
                    } @else {
                        (Button { action: "pause", word: pause, main: false, why: None, of }.show())
                    }
                    (Button { action: "cancel", word: cancel, main: false, why: None, of }.show())
                }))
            }
        }
    }
}

fn upgrade(status: &Status, releases: &[Version], links: &Links, may: bool, why: Option<&str>) -> Markup {
    let others: Vec<&Version> =
        releases.iter().filter(|version| status.platform.as_ref().is_none_or(|now| *version > now)).collect();
    let rehearses = status.rehearsal.is_some();
    let no_rehearsal = match (may, rehearses || status.platform.is_none()) {
        (false, _) => Some("why"),
        (true, true) => Some("why-rehearse"),
        (true, false) => None,
    };
    html! {
        @if others.is_empty() {
            p.more.none { "There is no newer release on this server." }
        } @else {
            (form(links, &[], &html! {
                label for="version" { "Platform version" }
                select #version name="version" {
                    @for version in others.iter().rev() { option value=(version) { (version) } }
                }
                (Button { action: "upgrade", word: "Upgrade", main: status.state != EnvironmentState::Errors, why, of: "" }.show())
                (Button { action: "rehearse", word: "Rehearse", main: false, why: no_rehearsal, of: "" }.show())
                @if no_rehearsal == Some("why-rehearse") {
                    span.why #why-rehearse {
                        @if rehearses { "A rehearsal is running already." } @else { "The first upgrade cannot be rehearsed: there is nothing to compare with." }
                    }
                }
            }))
        }
    }
}

fn prepare(status: &Status, links: &Links, why: Option<&str>) -> Markup {
    let failed = status.counts.failed + status.counts.skipped > 0;
    let stopped = matches!(
        status.state,
        EnvironmentState::Interrupted | EnvironmentState::Cancelled | EnvironmentState::Outdated
    );
    html! {
        @if status.platform.is_some() && status.environment_modules > 0 {
            (form(links, &[], &html! {
                @if failed && why.is_none() {
                    (Button { action: "retry-failed", word: "Retry what failed", main: true, why, of: "" }.show())
                }
                (Button { action: "prepare", word: if stopped { "Prepare" } else { "Prepare again" }, main: stopped, why, of: "" }.show())
            }))
        }
    }
}

fn publish(status: &Status, links: &Links, why: Option<&str>) -> Markup {
    html! {
        @if status.environment_modules > 0 {
            (form(links, &[], &html! {
                (Button { action: "publish-all", word: "Publish all", main: status.state == EnvironmentState::Ready, why, of: "" }.show())
            }))
            @if status.published > 0 {
                details.confirm #roll-back {
                    summary { "Roll back all…" }
                    div {
                        p { "What was deployed of each module before is deployed again. It is done at once." }
                        (form(links, &[], &html! {
                            (Button { action: "rollback-all", word: "Roll back all modules", main: false, why, of: "" }.show())
                        }))
                    }
                }
            }
        }
    }
}

/// What can be done with one module.
pub(super) fn of_module(
    status: &Status,
    caller: &Caller,
    (module, state): (&ModuleName, &ModuleState),
    published: bool,
    links: &Links,
) -> Markup {
    let refused = refused(status, caller)
        .or_else(|| status.platform.is_none().then(|| "There is no platform version yet.".to_owned()));
    let publishing = publishing_refused(status, caller);
    let why = refused.as_ref().map(|_| "why");
    let why_not_publish =
        publishing.as_ref().map(|_| if refused == publishing { "why" } else { "why-publish" });
    let prepared = *state == ModuleState::Prepared;
    let running = status.holder.as_ref().and_then(|held| held.preparation);
    let first = running.filter(|_| *state == ModuleState::Pending && caller.token().scope >= Scope::Operate);
    html! {
        div.actions {
            @if let Some(reason) = &refused { p.why #why { (reason) } }
            @if let Some(reason) = publishing.as_ref().filter(|_| refused != publishing) { p.why #why-publish { (reason) } }
            div.row {
                @if let Some(preparation) = first {
                    (form(links, &[("module", module.as_str()), ("preparation", &preparation.to_string())], &html! {
                        (Button { action: "first", word: "Prepare it next", main: true, why: None, of: "" }.show())
                    }))
                }
                (form(links, &[("module", module.as_str())], &html! {
                    (Button { action: "retry", word: "Retry", main: !prepared, why, of: "" }.show())
                    (Button { action: "publish", word: "Publish", main: prepared, why: why_not_publish, of: "" }.show())
                    @if published {
                        (Button { action: "rollback", word: "Roll back", main: false, why: why_not_publish, of: "" }.show())
                    }
                }))
            }
        }
    }
}

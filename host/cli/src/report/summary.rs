//! The sentences that operators know: how an environment is, and how a preparation ended.

use std::time::Duration;

use prefab_model::{Counts, PreparationKind, PreparationState};
use prefab_prepare::{EnvironmentState, LockMode, Status, Summary};
use semver::Version;
use time::format_description::well_known::Rfc3339;

use crate::report::escape;
use crate::report::paint::Paint;

/// That the platform version has been switched.
pub(crate) fn upgraded(to: &Version, notes: Option<&str>, paint: Paint) -> String {
    paint.good(&format!(
        "Your environment has been successfully upgraded to platform version {to}{}",
        notes.map(|notes| format!(" (release notes: {})", escape::line(notes))).unwrap_or_default()
    ))
}

/// That an upgrade has been undone.
pub(crate) fn undone(to: &Version, notes: Option<&str>, paint: Paint) -> String {
    paint.good(&format!(
        "Your environment is back on platform version {to}{}",
        notes.map(|notes| format!(" (release notes: {})", escape::line(notes))).unwrap_or_default()
    ))
}

/// How far a preparation is.
pub(crate) fn preparing(percent: u64) -> String {
    format!("We are now preparing your modules - {percent}%")
}

/// How a preparation ended, with its figures and where to look.
pub(crate) fn ended(summary: &Summary, paint: Paint) -> String {
    let Summary { counts, .. } = summary;
    let compilations = if summary.compiled == 1 { "compilation" } else { "compilations" };
    let cost = format!("  {} {compilations} in {}\n", summary.compiled, time(summary.time));
    match summary.state {
        PreparationState::Done if summary.kind == PreparationKind::Rehearsal => {
            format!(
                "{}{cost}  Compare it with the current version: `prefab report`\n",
                rehearsed(summary, paint)
            )
        }
        PreparationState::Done => format!("{}{cost}{}", verdict(counts, paint), look(counts)),
        state => format!(
            "{}\n{}{cost}  Go on with `{}`\n",
            paint.bad(&format!(
                "{}: {} of {} modules are accounted for",
                if state == PreparationState::Cancelled { "Cancelled" } else { "Stopped" },
                counts.ended(),
                counts.modules
            )),
            figures(counts),
            match summary.kind {
                PreparationKind::Preparation => "prefab prepare",
                PreparationKind::Rehearsal => "prefab rehearse",
            }
        ),
    }
}

fn rehearsed(summary: &Summary, paint: Paint) -> String {
    let Summary { counts, platform, .. } = summary;
    let errors = counts.failed + counts.skipped;
    let line = if errors == 0 {
        paint.good(&format!("With {platform}, this environment would be ready"))
    } else {
        paint
            .bad(&format!("With {platform}, there would be errors in {errors} of {} modules", counts.modules))
    };
    format!("{line}\n{}", figures(counts))
}

/// The environment as `prefab status` shows it.
pub(crate) fn status(status: &Status, paint: Paint) -> String {
    let counts = &status.counts;
    let on = match (&status.platform, &status.notes) {
        (Some(version), Some(notes)) => {
            format!("platform version {version} (release notes: {})", escape::line(notes))
        }
        (Some(version), None) => format!("platform version {version}"),
        (None, _) => "no platform version yet: go to one with `prefab upgrade`".to_owned(),
    };
    let state = match status.state {
        EnvironmentState::New if status.environment_modules == 0 => {
            "  No modules yet: add some with `prefab module add` or `prefab import npm`\n".to_owned()
        }
        EnvironmentState::New => "  Nothing is prepared yet\n".to_owned(),
        EnvironmentState::Preparing if !runs(status) => {
            "  A preparation is about to begin: its compilers are being loaded\n".to_owned()
        }
        EnvironmentState::Preparing => {
            let eta = status.eta_seconds.map(|eta| format!(", {}", left(Duration::from_secs(eta))));
            let eta = eta.unwrap_or_default();
            format!(
                "{}\n  {} of {} modules are accounted for{eta}\n{}",
                preparing(status.percent),
                counts.ended(),
                counts.modules,
                figures(counts)
            )
        }
        EnvironmentState::Paused => format!(
            "{}\n{}  Let it go on with `prefab resume`, or call it off with `prefab cancel`\n",
            paint.bad(&format!("The preparation is paused at {}%", status.percent)),
            figures(counts)
        ),
        EnvironmentState::Ready | EnvironmentState::Errors => {
            format!("{}{}", verdict(counts, paint), look(counts))
        }
        EnvironmentState::Interrupted => format!(
            "{}\n{}  Go on with `prefab prepare`\n",
            paint.bad(&format!("The latest preparation was interrupted at {}%", status.percent)),
            figures(counts)
        ),
        EnvironmentState::Cancelled => format!(
            "{}\n{}  Prepare the modules with `prefab prepare`: what was compiled is kept\n",
            paint.bad(&format!("The latest preparation was called off at {}%", status.percent)),
            figures(counts)
        ),
        EnvironmentState::Outdated => format!(
            "{}\n  Prepare the modules with `prefab prepare`\n",
            paint.bad("The modules were prepared for another platform version")
        ),
    };
    let held = status.holder.as_ref().map(|held| {
        let since = held.since.replace_nanosecond(0).ok().and_then(|since| since.format(&Rfc3339).ok());
        let since = since.unwrap_or_default();
        format!(
            "  Process {} holds the environment since {since}: {} until it ends\n",
            held.pid,
            match held.lock {
                LockMode::Environment => "changes are refused",
                LockMode::Module =>
                    "modules can be published once they are prepared; other changes are refused",
            }
        )
    });
    let rehearsal = status.rehearsal.as_ref().map(|held| {
        let percent = held.counts.map(|counts| counts.percent()).unwrap_or_default();
        let waits = if held.paused { ", paused" } else { "" };
        format!("  Process {} rehearses: {percent}%{waits}\n", held.pid)
    });
    format!(
        "Environment {} is on {on}\n{state}{}{}  {} modules, {} of them published\n",
        paint.strong(&escape::line(&status.environment)),
        held.unwrap_or_default(),
        rehearsal.unwrap_or_default(),
        status.environment_modules,
        status.published
    )
}

/// Whether the figures are those of the preparation that holds the environment, which may be about to begin.
pub(crate) fn runs(status: &Status) -> bool {
    status.holder.as_ref().is_some_and(|held| held.preparation.is_some())
}

/// That everything is prepared, or in how many modules there are errors, with the figures.
fn verdict(counts: &Counts, paint: Paint) -> String {
    let errors = counts.failed + counts.skipped;
    let line = if errors == 0 {
        paint.good("This environment is ready")
    } else {
        paint.bad(&format!("There are errors in {errors} of {} modules", counts.modules))
    };
    format!("{line}\n{}", figures(counts))
}

/// prepared + failed + skipped are all modules; reused and the host's trouble are also in one of these.
fn figures(counts: &Counts) -> String {
    let host = match counts.host_errors {
        0 => String::new(),
        some => format!(", {some} of the failed by trouble of this machine"),
    };
    format!(
        "  {} prepared, {} failed, {} skipped, {} reused{host}\n",
        counts.prepared, counts.failed, counts.skipped, counts.reused
    )
}

fn look(counts: &Counts) -> &'static str {
    if counts.failed + counts.skipped == 0 {
        ""
    } else if counts.host_errors > 0 {
        "  See what is wrong with `prefab errors`, and try again with `prefab prepare --failed`\n"
    } else {
        "  See what is wrong with `prefab errors`\n"
    }
}

/// How long something still takes, in whole seconds: it is an estimate.
pub(crate) fn left(eta: Duration) -> String {
    match eta.as_secs().max(1) {
        seconds @ 0..60 => format!("{seconds} s left"),
        seconds => format!("{} left", time(Duration::from_secs(seconds))),
    }
}

/// A time that people can compare: `340 ms`, `3.2 s`, `12 min 5 s`, `3 h 2 min`.
pub(crate) fn time(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        1..10 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use prefab_model::{Fuel, PreparationId};
    use prefab_prepare::{Activity, Held};

    use super::*;

    fn summary(state: PreparationState, counts: Counts) -> Summary {
        Summary {
            preparation: PreparationId(3),
            kind: PreparationKind::Preparation,
            platform: Version::new(11, 9, 0),
            state,
            counts,
            time: Duration::from_millis(3217),
            compiled: 401,
            fuel: Fuel(12_000_000_000),
        }
    }

    const ERRORS: Counts = Counts {
        modules: 256,
        signed: 256,
        prepared: 244,
        failed: 9,
        skipped: 3,
        reused: 120,
        host_errors: 0,
    };

    #[test]
    fn an_upgrade_is_told_with_its_release_notes() {
        let version = Version::new(11, 9, 0);
        assert_eq!(
            upgraded(&version, Some("https://example.org/11.9.0"), Paint::PLAIN),
            "Your environment has been successfully upgraded to platform version 11.9.0 (release notes: https://example.org/11.9.0)"
        );
        assert_eq!(
            upgraded(&version, None, Paint::PLAIN),
            "Your environment has been successfully upgraded to platform version 11.9.0"
        );
    }

    #[test]
    fn a_preparation_with_errors_ends_with_where_to_look() {
        insta::assert_snapshot!(ended(&summary(PreparationState::Done, ERRORS), Paint::PLAIN));
    }

    #[test]
    fn a_preparation_without_errors_makes_the_environment_ready() {
        let counts = Counts { modules: 2, signed: 2, prepared: 2, ..Counts::default() };
        insta::assert_snapshot!(ended(&summary(PreparationState::Done, counts), Paint::PLAIN));
    }

    #[test]
    fn a_stopped_preparation_says_how_to_go_on() {
        let counts = Counts {
            modules: 256,
            signed: 256,
            prepared: 90,
            failed: 1,
            host_errors: 1,
            ..Counts::default()
        };
        insta::assert_snapshot!(ended(&summary(PreparationState::Stopped, counts), Paint::PLAIN));
    }

    #[test]
    fn each_state_of_an_environment_says_what_to_do_next() {
        let holder = |preparation| Held {
            activity: Activity::Upgrade,
            pid: 4711,
            since: time::OffsetDateTime::UNIX_EPOCH,
            preparation,
            counts: Some(ERRORS),
            paused: false,
            lock: LockMode::Environment,
        };
        let ready = Counts { failed: 0, skipped: 0, prepared: 256, ..ERRORS };
        let half = Counts { prepared: 97, failed: 0, skipped: 0, ..ERRORS };
        let states = [
            (EnvironmentState::New, Counts::default(), None),
            (EnvironmentState::Preparing, ready, Some(holder(None))),
            (EnvironmentState::Preparing, half, Some(holder(Some(PreparationId(3))))),
            (EnvironmentState::Paused, half, Some(holder(Some(PreparationId(3))))),
            (EnvironmentState::Ready, ready, None),
            (EnvironmentState::Errors, ERRORS, None),
            (EnvironmentState::Interrupted, half, None),
            (EnvironmentState::Cancelled, half, None),
            (EnvironmentState::Outdated, ready, None),
        ];
        let texts = states.map(|(state, counts, holder)| {
            let it = Status {
                state,
                environment: "acme".into(),
                platform: Some(Version::new(11, 9, 0)),
                notes: None,
                preparation: Some(PreparationId(3)),
                counts,
                percent: counts.percent(),
                eta_seconds: Some(75),
                environment_modules: 256,
                published: 250,
                holder,
                rehearsal: None,
            };
            status(&it, Paint::PLAIN)
        });
        insta::assert_snapshot!(texts.join("\n"));
    }

    #[test]
    fn times_are_short() {
        let times = [340, 3_200, 12_000, 725_000, 10_920_000].map(|ms| time(Duration::from_millis(ms)));
        assert_eq!(times, ["340 ms", "3.2 s", "12 s", "12 min 5 s", "3 h 2 min"]);
    }
}

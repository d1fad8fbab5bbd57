//! `prefab upgrade`, and undoing one.

use prefab_prepare::{Event, ReleaseTarget, Selection, Summary};
use semver::Version;
use serde::Serialize;

use crate::args::{Locking, Running};
use crate::commands::prepare::{exit, options};
use crate::commands::registry::{self, Allowing};
use crate::exit::Exit;
use crate::report::summary;
use crate::session::Session;

/// What `--json` prints.
#[derive(Serialize)]
struct Upgraded<'a> {
    upgraded: Option<Switch>,
    #[serde(flatten)]
    summary: &'a Summary,
}

#[derive(Serialize)]
struct Switch {
    from: Option<Version>,
    to: Version,
    notes: Option<String>,
}

/// Goes to the target; back to the version before if there is none.
pub(super) fn run(
    session: &Session,
    target: Option<&ReleaseTarget>,
    running: Running,
    locking: Locking,
    allowing: Allowing,
) -> anyhow::Result<Exit> {
    let env = session.environment()?;
    let mut progress = session.progress();
    let stop = env.interruptible(progress.voice())?;
    let mut switch = None;
    let mut printed = Ok(());
    let mut reporter = |event: &Event| {
        if let Event::Upgraded { from, to, notes } = event {
            let told = if target.is_some() { summary::upgraded } else { summary::undone };
            printed = session.out.human(&told(to, notes.as_deref(), session.paint));
            switch = Some(Switch { from: from.clone(), to: to.clone(), notes: notes.clone() });
        }
        registry::warn(session, event);
        progress.event(event);
    };
    let mut options = options(Selection::All, running, locking.into());
    options.allow = allowing.into();
    let summary = match target {
        Some(target) => env.upgrade(target, options, &stop, &mut reporter)?,
        None => env.undo_upgrade(options, &stop, &mut reporter)?,
    };
    progress.clear();
    printed?;
    let upgraded = Upgraded { upgraded: switch, summary: &summary };
    session.out.result(&upgraded, |upgraded| summary::ended(upgraded.summary, session.paint))?;
    Ok(exit(&summary))
}

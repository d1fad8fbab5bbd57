//! `prefab prepare`, and what it has in common with `prefab upgrade`.

use prefab_model::{ModuleName, PreparationState};
use prefab_prepare::{PrepareOptions, Priority, Selection, Stop, Summary, open_sandbox, prepare};

use crate::args::{PriorityChoice, Running};
use crate::exit::Exit;
use crate::interrupt;
use crate::report::summary;
use crate::session::Session;

pub(super) fn run(
    session: &Session,
    failed: bool,
    modules: Vec<ModuleName>,
    running: &Running,
) -> anyhow::Result<Exit> {
    let env = session.environment()?;
    let selection = match (failed, modules.is_empty()) {
        (true, _) => Selection::Failed,
        (false, true) => Selection::All,
        (false, false) => Selection::Modules(modules),
    };
    let sandbox = open_sandbox()?;
    let mut progress = session.progress();
    let stop = Stop::new();
    interrupt::stops(&stop, progress.voice())?;
    let summary =
        prepare(&env, &sandbox, &options(selection, running), &stop, &mut |event| progress.event(event))?;
    progress.clear();
    session.out.result(&summary, |summary| summary::ended(summary, session.paint))?;
    Ok(exit(&summary))
}

pub(super) fn options(selection: Selection, running: &Running) -> PrepareOptions {
    let priority = match running.priority {
        PriorityChoice::Idle => Priority::Idle,
        PriorityChoice::Normal => Priority::Normal,
    };
    PrepareOptions { selection, jobs: running.jobs, priority }
}

pub(super) fn exit(summary: &Summary) -> Exit {
    match summary.state {
        PreparationState::Done if summary.counts.failed + summary.counts.skipped == 0 => Exit::Fine,
        PreparationState::Done => Exit::ModulesWithErrors,
        PreparationState::Running
        | PreparationState::Paused
        | PreparationState::Stopped
        | PreparationState::Cancelled => Exit::Trouble,
    }
}

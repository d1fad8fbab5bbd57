//! `prefab prepare`, and what it has in common with `prefab upgrade`.

use prefab_model::{ModuleName, PreparationState};
use prefab_prepare::{Allow, LockMode, PrepareOptions, Priority, Selection, Summary};

use crate::args::{LockChoice, Locking, PriorityChoice, Running};
use crate::exit::Exit;
use crate::report::summary;
use crate::session::Session;

pub(super) fn run(
    session: &Session,
    failed: bool,
    modules: Vec<ModuleName>,
    running: Running,
    locking: Locking,
) -> anyhow::Result<Exit> {
    let env = session.environment()?;
    let selection = match (failed, modules.is_empty()) {
        (true, _) => Selection::Failed,
        (false, true) => Selection::All,
        (false, false) => Selection::Modules(modules),
    };
    let mut progress = session.progress();
    let stop = env.interruptible(progress.voice())?;
    let options = options(selection, running, locking.into());
    let summary = env.prepare(options, &stop, &mut |event| progress.event(event))?;
    progress.clear();
    session.out.result(&summary, |summary| summary::ended(summary, session.paint))?;
    Ok(exit(&summary))
}

pub(super) fn options(selection: Selection, running: Running, lock: LockMode) -> PrepareOptions {
    let priority = running.priority.into();
    let allow = Allow::default();
    PrepareOptions { selection, jobs: running.jobs, priority, first: running.first, lock, allow }
}

impl From<PriorityChoice> for Priority {
    fn from(choice: PriorityChoice) -> Self {
        match choice {
            PriorityChoice::Idle => Self::Idle,
            PriorityChoice::Normal => Self::Normal,
        }
    }
}

impl From<Locking> for LockMode {
    fn from(locking: Locking) -> Self {
        match locking.lock {
            LockChoice::Environment => Self::Environment,
            LockChoice::Module => Self::Module,
        }
    }
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

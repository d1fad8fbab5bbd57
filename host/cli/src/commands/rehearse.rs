//! `prefab rehearse`

use prefab_model::ModuleName;
use prefab_prepare::{LockMode, ReleaseTarget, Selection};

use crate::args::Running;
use crate::commands::prepare::{exit, options};
use crate::commands::registry::{self, Allowing};
use crate::exit::Exit;
use crate::report::summary;
use crate::session::Session;

pub(super) fn run(
    session: &Session,
    target: &ReleaseTarget,
    modules: Vec<ModuleName>,
    running: Running,
    allowing: Allowing,
) -> anyhow::Result<Exit> {
    let env = session.environment()?;
    let selection = if modules.is_empty() { Selection::All } else { Selection::Modules(modules) };
    let mut progress = session.progress();
    let stop = env.interruptible(progress.voice())?;
    let mut options = options(selection, running, LockMode::Module);
    options.allow = allowing.into();
    let summary = env.rehearse(target, options, &stop, &mut |event| {
        registry::warn(session, event);
        progress.event(event);
    })?;
    progress.clear();
    session.out.result(&summary, |summary| summary::ended(summary, session.paint))?;
    Ok(exit(&summary))
}

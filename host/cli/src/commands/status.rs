//! `prefab status`

use std::thread;
use std::time::Duration;

use prefab_model::Counts;
use prefab_prepare::{EnvironmentState, Status};

use crate::environment::AnyEnvironment;
use crate::exit::Exit;
use crate::report::summary;
use crate::session::Session;

/// How often the ledger is asked while watching.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) fn run(session: &Session, watch: bool) -> anyhow::Result<Exit> {
    let env = session.environment()?;
    let now = if watch { follow(session, &env)? } else { env.status()? };
    if watch && session.out.is_json() {
        session.out.json_line(&now)?;
    } else {
        session.out.result(&now, |now| summary::status(now, session.paint))?;
    }
    Ok(match now.state {
        EnvironmentState::Errors if watch => Exit::ModulesWithErrors,
        EnvironmentState::Interrupted | EnvironmentState::Cancelled if watch => Exit::Trouble,
        _ => Exit::Fine,
    })
}

/// Shows a preparation until it ends, and returns what is then.
fn follow(session: &Session, env: &AnyEnvironment) -> anyhow::Result<Status> {
    let mut progress = session.progress();
    let mut last: Option<Counts> = None;
    loop {
        let now = env.status()?;
        if !matches!(now.state, EnvironmentState::Preparing | EnvironmentState::Paused) {
            progress.clear();
            return Ok(now);
        }
        if summary::runs(&now) {
            let paused = now.state == EnvironmentState::Paused;
            progress.figures(now.counts, now.eta_seconds.map(Duration::from_secs), paused);
        }
        if session.out.is_json() && last.replace(now.counts) != Some(now.counts) {
            session.out.json_line(&now)?;
        }
        thread::sleep(PAUSE);
    }
}

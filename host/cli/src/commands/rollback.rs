//! `prefab rollback`

use prefab_prepare::{RollbackSummary, RolledBack, RolledBackHow};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::args::Which;
use crate::exit::Exit;
use crate::report::escape;
use crate::session::Session;

/// What `--json` prints.
#[derive(Serialize)]
struct Rollback<'a> {
    dry_run: bool,
    #[serde(flatten)]
    summary: &'a RollbackSummary,
    modules: &'a [RolledBack],
}

pub(super) fn run(session: &Session, which: Which, dry_run: bool) -> anyhow::Result<Exit> {
    let env = session.environment()?;
    let stop = env.interruptible(session.progress().voice())?;
    let mut modules = Vec::new();
    let mut printed = Ok(());
    let mut reporter = |module: &RolledBack| {
        let line = session.out.human(&told(module, dry_run));
        if printed.is_ok() {
            printed = line;
        }
        if session.out.is_json() {
            modules.push(module.clone());
        }
    };
    let summary = env.rollback(&which.selection(), dry_run, &stop, &mut reporter)?;
    printed?;
    session.out.result(&Rollback { dry_run, summary: &summary, modules: &modules }, |rollback| {
        let RollbackSummary { rolled_back, refused } = rollback.summary;
        let done = if dry_run { "would be rolled back" } else { "rolled back" };
        format!("{rolled_back} {done}, {refused} refused\n")
    })?;
    Ok(match summary.refused {
        _ if stop.is_asked() => Exit::Trouble,
        0 => Exit::Fine,
        _ => Exit::ModulesWithErrors,
    })
}

fn told(rolled_back: &RolledBack, dry_run: bool) -> String {
    let RolledBack { module, from, how } = rolled_back;
    match how {
        RolledBackHow::Switched { to, published } => {
            let done = if dry_run { "would be rolled back" } else { "rolled back" };
            let from = from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
            format!("{module}: {done}{from} to what was published for {to} on {}", time(*published))
        }
        RolledBackHow::Refused { reason } => format!("{module}: refused: {}", escape::line(reason)),
    }
}

fn time(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
}

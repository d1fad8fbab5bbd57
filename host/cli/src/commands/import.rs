//! `prefab import`

use std::fmt::Write as _;

use prefab_prepare::ImportSummary;

use crate::args::ImportCommand;
use crate::exit::Exit;
use crate::report::escape;
use crate::session::Session;

/// So many packages that were left out are named; `--json` has all.
const NAMED: usize = 10;

pub(super) fn run(session: &Session, command: &ImportCommand) -> anyhow::Result<Exit> {
    let ImportCommand::Npm { dir } = command;
    let env = session.environment()?;
    let progress = session.counter("packages read");
    let summary = env.import_npm(dir, &mut |count| progress.set(count))?;
    progress.clear();
    session.out.result(&summary, told)?;
    Ok(Exit::Fine)
}

fn told(summary: &ImportSummary) -> String {
    let ImportSummary { added, updated, unchanged, removed, nested, skipped } = summary;
    let mut text = format!(
        "Imported {} modules: {added} added, {updated} updated, {unchanged} unchanged; {removed} removed\n  \
         {nested} lie in another package's node_modules\n",
        added + updated + unchanged
    );
    if !skipped.is_empty() {
        let _ = writeln!(text, "  {} packages were left out:", skipped.len());
        for package in skipped.iter().take(NAMED) {
            let path = escape::line(&package.path.to_string_lossy());
            let _ = writeln!(text, "    {path}: {}", escape::line(&package.reason));
        }
        if skipped.len() > NAMED {
            let _ = writeln!(text, "    … and {} more: see them with --json", skipped.len() - NAMED);
        }
    }
    text
}

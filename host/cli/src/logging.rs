//! The log on standard error. It is for finding faults; results and progress do not go through it.

use std::io;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use crate::args::{Command, Global, LogFormat};
use crate::report::paint::Paint;

/// Starts the log as the flags ask for. A server says what it does without being asked.
pub(crate) fn start(global: &Global, command: &Command) -> anyhow::Result<()> {
    let filter = match (&global.log, global.verbose) {
        (Some(filter), _) => filter.as_str(),
        (None, 0) if matches!(command, Command::Serve(_)) && !global.quiet => "info",
        (None, 0) => "error",
        (None, 1) => "info",
        (None, 2) => "debug",
        (None, _) => "trace",
    };
    let filter = EnvFilter::try_new(filter).with_context(|| {
        format!("cannot use the log filter {filter:?}: write, say, `info,prefab_sandbox=trace`")
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match global.log_format {
        LogFormat::Text => log.with_ansi(Paint::choose(global.color, &io::stderr()).is_on()).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    Ok(())
}

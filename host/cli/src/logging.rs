//! The log on standard error. It is for finding faults; results and progress do not go through it.

use std::io;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use crate::args::Global;
use crate::report::paint::Paint;

/// Starts the log as the flags ask for.
pub(crate) fn start(global: &Global) -> anyhow::Result<()> {
    let filter = match (&global.log, global.verbose) {
        (Some(filter), _) => filter.as_str(),
        (None, 0) => "error",
        (None, 1) => "info",
        (None, 2) => "debug",
        (None, _) => "trace",
    };
    let filter = EnvFilter::try_new(filter).with_context(|| {
        format!("cannot use the log filter {filter:?}: write, say, `info,prefab_sandbox=trace`")
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(Paint::choose(global.color, &io::stderr()).is_on())
        .init();
    Ok(())
}

//! The log on standard error, and traces for a collector if one is named. Both are for finding faults; results and progress do not go
//! through them.

use std::io;

use anyhow::Context as _;
use tracing::{Level, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt};

use crate::args::{Command, Global, LogFormat};
use crate::report::paint::Paint;
use crate::traces::Traces;

/// Starts the log as the flags ask for. A server says what it does without being asked. What is returned is to be kept until the end.
pub(crate) fn start(global: &Global, command: &Command) -> anyhow::Result<Option<Traces>> {
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
    let Some(collector) = global.otlp.as_deref().filter(|_| is_traced(command)) else {
        tracing_subscriber::registry().with(filter).with(log(global)).init();
        return Ok(None);
    };
    let (kept, tracer) = Traces::start(collector)?;
    // Spans alone, and only prefab's own.
    let ours = filter_fn(|about| {
        about.is_span() && *about.level() <= Level::INFO && about.target().starts_with("prefab")
    });
    let spans = tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(ours);
    tracing_subscriber::registry().with(log::<Registry>(global).with_filter(filter)).with(spans).init();
    Ok(Some(kept))
}

/// Whether it is one that goes on for long enough to be looked into.
const fn is_traced(command: &Command) -> bool {
    matches!(
        command,
        Command::Serve(_) | Command::Prepare { .. } | Command::Upgrade { .. } | Command::Rehearse { .. }
    )
}

fn log<S: Subscriber + for<'a> LookupSpan<'a>>(global: &Global) -> Box<dyn Layer<S> + Send + Sync> {
    let log = fmt::layer().with_writer(io::stderr);
    match global.log_format {
        LogFormat::Text => log.with_ansi(Paint::choose(global.color, &io::stderr()).is_on()).boxed(),
        LogFormat::Json => log.json().flatten_event(true).boxed(),
    }
}

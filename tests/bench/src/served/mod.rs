//! What the server costs and what it does to others: its path against the command line's on the same modules, how soon it says how far
//! a preparation is, how many watch that preparation, and what becomes of a busy web server beside it.
//!
//! All of it drives the real `prefab`. `scene.rs` starts it, `asking.rs` and `watching.rs` are its callers, `beside.rs` is the web server.

mod asking;
mod beside;
mod scene;
mod watching;

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use crate::report::median;
use asking::Answers;
use beside::Beside;
use scene::Scene;
use watching::Watched;

pub(crate) use beside::web;

/// What is measured with.
pub(crate) struct Plan<'a> {
    /// The `prefab` to run.
    pub(crate) prefab: &'a Path,
    /// The folder with the complete releases.
    pub(crate) releases: &'a Path,
    /// Where folders are made.
    pub(crate) scratch: &'a Path,
    /// How many modules.
    pub(crate) modules: usize,
    /// How often what is compared is measured.
    pub(crate) rounds: usize,
    /// How many watch.
    pub(crate) watchers: usize,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    modules: usize,
    /// Seconds that preparing all modules takes with `prefab upgrade`, in worker processes as the server has them, by round.
    embedded_seconds: Vec<f64>,
    /// The same over HTTP.
    served_seconds: Vec<f64>,
    /// The ratio of the medians.
    overhead: f64,
    status: Answers,
    watchers: Watched,
    beside: Beside,
}

/// Makes all measurements.
pub(crate) fn run(plan: &Plan<'_>, progress: &mut dyn FnMut(&str)) -> Result<Measured> {
    progress("making modules");
    let scene = Scene::new(plan)?;
    let (mut embedded_seconds, mut served_seconds) = (Vec::new(), Vec::new());
    // In turns: what else the machine does meets both.
    for round in 1..=plan.rounds {
        progress(&format!("round {round}: prepared in a folder"));
        embedded_seconds.push(scene.prepare_in_folder(round)?);
        progress(&format!("round {round}: prepared by the server"));
        served_seconds.push(scene.prepare_on_server(&format!("round-{round}"))?);
    }
    let overhead = median(served_seconds.clone()) / median(embedded_seconds.clone());
    progress("asking for the status 200 times a second while modules are prepared");
    let status = asking::measure(&scene)?;
    progress(&format!("{} watch while modules are prepared", plan.watchers));
    let watchers = watching::measure(&scene, plan.watchers)?;
    progress("a busy web server beside it");
    let beside = beside::measure(&scene)?;
    let modules = plan.modules;
    Ok(Measured { modules, embedded_seconds, served_seconds, overhead, status, watchers, beside })
}

/// The measurements for people.
pub(crate) fn table(measured: &Measured) -> String {
    let Measured { modules, embedded_seconds, served_seconds, overhead, status, watchers, beside } = measured;
    let mut text = String::from("| measured | wanted | found |\n|---|---|---|\n");
    let mut row = |what: &str, wanted: &str, found: String| {
        let _ = writeln!(text, "| {what} | {wanted} | {found} |");
    };
    let (folder, server) = (median(embedded_seconds.clone()), median(served_seconds.clone()));
    row(
        &format!("preparing {modules} modules over HTTP against `prefab upgrade`"),
        "at most 1.05",
        format!("{overhead:.3} ({server:.2} s against {folder:.2} s, medians of {})", served_seconds.len()),
    );
    row(
        &format!("status while that runs, {} requests at 200 a second: p99", status.asked),
        "50 ms",
        format!("{:.1} ms (median {:.1}, most {:.1})", status.p99_ms, status.median_ms, status.most_ms),
    );
    row(
        "watchers of one preparation that saw it to its end",
        &watchers.began.to_string(),
        format!("{}, the last {:.0} ms after the first", watchers.ended, watchers.spread_ms),
    );
    let kept = beside.during.requests_per_second / beside.alone.requests_per_second;
    let slower = beside.during.p99_ms / beside.alone.p99_ms;
    row(
        "a busy web server beside a preparation: requests a second",
        "at least 0.90",
        format!(
            "{kept:.3} ({:.0} of {:.0})",
            beside.during.requests_per_second, beside.alone.requests_per_second
        ),
    );
    row(
        "the same: p99",
        "at most 1.5",
        format!("{slower:.2} ({:.1} ms against {:.1} ms)", beside.during.p99_ms, beside.alone.p99_ms),
    );
    text
}

/// The value below which so many per cent of the sorted values lie.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let place = (sorted.len() * percent).div_ceil(100);
    sorted.get(place.saturating_sub(1)).or(sorted.last()).copied().unwrap_or(f64::NAN)
}

//! Driving a body by its seeds and mutations of them: the same seed, the same inputs.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fmt, fs};

use fastrand::Rng;

use crate::{Body, watch};

/// How much is tried.
#[derive(Debug, Clone, Copy)]
pub enum Budget {
    /// So many inputs besides the seeds.
    Inputs(u64),
    /// Inputs until the time is over.
    Time(Duration),
}

/// What was tried.
#[derive(Debug)]
pub struct Report {
    body: &'static str,
    seed: u64,
    inputs: u64,
    time: Duration,
    slowest: Duration,
    /// The file with the input that the body did not stand, if there was one.
    pub fallen: Option<PathBuf>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { body, seed, inputs, time, slowest, fallen } = self;
        let resident = watch::resident("VmRSS").unwrap_or(0) >> 20;
        write!(
            f,
            "{body}: {inputs} inputs in {:.1} s, the slowest in {:.2} s; {resident} MiB; seed {seed}",
            time.as_secs_f64(),
            slowest.as_secs_f64()
        )?;
        match fallen {
            None => Ok(()),
            Some(file) => {
                write!(
                    f,
                    "\nIt does not stand the last one: cargo run --bin prefab-fuzz -- {body} {}",
                    file.display()
                )
            }
        }
    }
}

/// Feeds a body until the budget is used up or something is not as it must be. Each input is in `folder` while it is
/// tried, so that one which ends the process is there afterwards.
///
/// # Errors
/// The folder cannot be written.
pub fn drive(body: &'static Body, seed: u64, budget: Budget, folder: &Path) -> io::Result<Report> {
    let mut rng = Rng::with_seed(seed);
    let seeds = (body.seeds)();
    let file = folder.join(format!("fuzz-{}-{seed}", body.name));
    let started = Instant::now();
    let mut report = Report {
        body: body.name,
        seed,
        inputs: 0,
        time: Duration::ZERO,
        slowest: Duration::ZERO,
        fallen: None,
    };
    let is_over = |inputs: u64| match budget {
        Budget::Inputs(most) => inputs >= most.saturating_add(seeds.len() as u64),
        Budget::Time(most) => started.elapsed() >= most,
    };
    let mut untried = seeds.iter();
    while report.fallen.is_none() && !is_over(report.inputs) {
        let input = untried.next().cloned().unwrap_or_else(|| {
            let which = rng.usize(0..seeds.len());
            (body.mutate)(&mut rng, &seeds, which)
        });
        fs::write(&file, &input)?;
        let begun = Instant::now();
        if panic::catch_unwind(AssertUnwindSafe(|| body.check(&input))).is_err() {
            report.fallen = Some(file.clone());
        }
        report.slowest = report.slowest.max(begun.elapsed());
        report.inputs += 1;
    }
    if report.fallen.is_none() {
        fs::remove_file(&file)?;
    }
    report.time = started.elapsed();
    Ok(report)
}

//! The native compilers in a process per module, bare or in bubblewrap: what isolation costs where processes give it.
//!
//! The process is this program again, as `one-module`. It is told through a pipe what to compile, reads the files from disk as
//! any compiler does, and says what came of it.

use std::io::{self, Read as _, Write as _};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::measure::{Measurement, Timer, Work, peak_rss_bytes};
use crate::native;
use crate::scene::{Order, Scene, Unit};

/// What a process is to do: a module, once for each of its compilers.
#[derive(Serialize, Deserialize)]
struct Job {
    parts: Vec<Part>,
    /// Whether to make the signatures too.
    both_passes: bool,
}

#[derive(Serialize, Deserialize)]
struct Part {
    order: Order,
    /// Signatures of dependencies, by the names that the sources use.
    signatures: Vec<(String, Vec<u8>)>,
}

/// What a process says.
#[derive(Serialize, Deserialize)]
struct Report {
    peak_rss_bytes: u64,
    work: Work,
}

/// What keeps a process in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Walls {
    None,
    Bubblewrap,
}

/// Compiles a sample of the modules, evenly taken, each in a process that makes both passes.
pub(crate) fn sample(scene: &mut Scene, walls: Walls, most: usize) -> Result<Measurement> {
    let signatures = native::on_large_stack(|| {
        let mut uncounted = Work::default();
        scene.units().map(|unit| native::signature(unit, &mut uncounted)).collect()
    })?;
    scene.hand_out(signatures);
    let modules: Vec<_> = scene.modules.iter().filter(|module| !module.units.is_empty()).collect();
    let count = most.min(modules.len());
    let sample = (0..count).map(|number| job(&modules[number * modules.len() / count].units, true));
    measure(&sample.collect::<Result<Vec<_>>>()?, walls)
}

/// Compiles the tiny module so many times.
pub(crate) fn tiny(unit: &Unit, walls: Walls, times: usize) -> Result<Measurement> {
    measure(&vec![job(std::slice::from_ref(unit), false)?; times], walls)
}

/// Why bubblewrap is of no use here, if it is not.
pub(crate) fn without_bubblewrap() -> Option<String> {
    let mut command = bubblewrap();
    let ended = command.arg("true").stdin(Stdio::null()).stderr(Stdio::piped()).output();
    match ended {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

fn bubblewrap() -> Command {
    let mut command = Command::new("bwrap");
    command.args(["--unshare-all", "--die-with-parent", "--new-session"]);
    command.args(["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"]);
    command
}

fn job(units: &[Unit], both_passes: bool) -> Result<Vec<u8>> {
    let part = |unit: &Unit| Part {
        order: unit.order.clone(),
        signatures: unit
            .inputs
            .signatures
            .iter()
            .map(|(name, bytes)| (name.clone(), bytes.to_vec()))
            .collect(),
    };
    Ok(postcard::to_allocvec(&Job { parts: units.iter().map(part).collect(), both_passes })?)
}

fn measure(jobs: &[Vec<u8>], walls: Walls) -> Result<Measurement> {
    let (mut timer, mut work, mut peak) = (Timer::default(), Work::default(), 0);
    for job in jobs {
        let report = timer.time(|| run(walls, job))?;
        peak = peak.max(report.peak_rss_bytes);
        work += report.work;
    }
    Ok(timer.measurement_of_others(jobs.len() as u64, peak, work))
}

fn run(walls: Walls, job: &[u8]) -> Result<Report> {
    let program = std::env::current_exe()?;
    let mut command = match walls {
        Walls::None => Command::new(program),
        Walls::Bubblewrap => {
            let mut command = bubblewrap();
            command.arg(program);
            command
        }
    };
    command.arg("one-module").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process =
        command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    // Closed when written, so that the process knows that this is all. It says nothing before.
    process.stdin.take().context("the process has no input")?.write_all(job)?;
    let output = process.wait_with_output()?;
    if !output.status.success() {
        bail!("the process for a module ended with {}", output.status);
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// What the process for a module does.
pub(crate) fn one_module() -> Result<()> {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes)?;
    let job: Job = postcard::from_bytes(&bytes)?;
    let work = native::on_large_stack(|| {
        let mut work = Work::default();
        for part in job.parts {
            let mut unit = part.order.load()?;
            if job.both_passes {
                native::signature(&unit, &mut work);
            }
            unit.inputs.signatures =
                part.signatures.into_iter().map(|(name, bytes)| (name, bytes.into())).collect();
            native::compile(&unit, &mut work);
        }
        anyhow::Ok(work)
    })??;
    serde_json::to_writer(io::stdout(), &Report { peak_rss_bytes: peak_rss_bytes()?, work })?;
    Ok(())
}

//! One measurement: what it is of, and what comes of it.
//!
//! Each is made in a process of its own, so that its peak memory is its own too. That process prints a [`Measurement`] as JSON.

use std::fs;
use std::ops::AddAssign;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use prefab_model::Fuel;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lower")]
pub(crate) enum Letter {
    /// Native, in process, one thread, no sandbox, sources in memory: the limit.
    A,
    /// Sandboxed, all caps on, one thread, sources in memory.
    B,
    /// The whole `prepare`, one thread.
    C1,
    /// The whole `prepare`, all threads.
    C2,
    /// A native process per module.
    D,
    /// A native process in bubblewrap per module.
    E,
    /// A second `prepare` with nothing changed.
    F,
    /// A tiny module, sandboxed.
    G,
    /// A native process for a tiny module.
    #[value(name = "d-tiny")]
    #[serde(rename = "d-tiny")]
    DTiny,
    /// A native process in bubblewrap for a tiny module.
    #[value(name = "e-tiny")]
    #[serde(rename = "e-tiny")]
    ETiny,
}

impl Letter {
    /// All, in an order in which those that are compared lie beside each other, and `f` finds what `c2` has prepared.
    pub(crate) const ALL: [Self; 10] =
        [Self::A, Self::B, Self::C1, Self::C2, Self::F, Self::G, Self::DTiny, Self::ETiny, Self::D, Self::E];

    /// As it is written in the table and in the JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
            Self::C1 => "c1",
            Self::C2 => "c2",
            Self::D => "d",
            Self::E => "e",
            Self::F => "f",
            Self::G => "g",
            Self::DTiny => "d-tiny",
            Self::ETiny => "e-tiny",
        }
    }
}

/// What a measurement came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Measurement {
    /// Time on the wall.
    pub(crate) seconds: f64,
    /// Time on processors, of all threads; not known of processes that were started for it.
    pub(crate) cpu_seconds: Option<f64>,
    /// How many modules took part.
    pub(crate) modules: u64,
    /// The most memory that the process had at any time; of several processes, the one that had most.
    pub(crate) peak_rss_bytes: u64,
    #[serde(flatten)]
    pub(crate) work: Work,
}

/// What was done in a measurement: to see that two of them did the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Work {
    /// How many signatures and modules were compiled.
    #[serde(default, skip_serializing_if = "is_none")]
    pub(crate) compilations: u64,
    /// How many of them ended without an error; not counted by `prepare`.
    #[serde(default, skip_serializing_if = "is_none")]
    pub(crate) succeeded: u64,
    /// What they produced; not counted by `prepare`.
    #[serde(default, skip_serializing_if = "is_none")]
    pub(crate) artifacts: u64,
    #[serde(default, skip_serializing_if = "is_none")]
    pub(crate) artifact_bytes: u64,
    /// What the sandboxed ones used.
    #[serde(default)]
    pub(crate) fuel: Fuel,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
const fn is_none(count: &u64) -> bool {
    *count == 0
}

impl AddAssign for Work {
    fn add_assign(&mut self, other: Self) {
        self.compilations += other.compilations;
        self.succeeded += other.succeeded;
        self.artifacts += other.artifacts;
        self.artifact_bytes += other.artifact_bytes;
        self.fuel.0 += other.fuel.0;
    }
}

/// Adds up the time of those parts that are measured.
#[derive(Default)]
pub(crate) struct Timer {
    seconds: f64,
    cpu_seconds: f64,
}

impl Timer {
    /// Measures a part.
    pub(crate) fn time<R>(&mut self, part: impl FnOnce() -> R) -> R {
        let (began, cpu_began) = (Instant::now(), cpu_seconds());
        let result = part();
        self.seconds += began.elapsed().as_secs_f64();
        self.cpu_seconds += cpu_seconds() - cpu_began;
        result
    }

    /// What this process measured.
    pub(crate) fn measurement(&self, modules: u64, work: Work) -> Result<Measurement> {
        Ok(Measurement {
            seconds: self.seconds,
            cpu_seconds: Some(self.cpu_seconds),
            modules,
            peak_rss_bytes: peak_rss_bytes()?,
            work,
        })
    }

    /// What was measured of other processes.
    pub(crate) fn measurement_of_others(&self, modules: u64, peak_rss_bytes: u64, work: Work) -> Measurement {
        Measurement { seconds: self.seconds, cpu_seconds: None, modules, peak_rss_bytes, work }
    }
}

/// Time on processors that this process has used, of all threads.
pub(crate) fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The most memory that this process has had.
pub(crate) fn peak_rss_bytes() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    Ok(kibibytes.context("/proc/self/status does not tell VmHWM")? << 10)
}

/// Makes a measurement in a process of its own.
pub(crate) fn in_own_process(letter: Letter, scratch: &Path, sample: usize) -> Result<Measurement> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["measure", letter.name(), "--sample", &sample.to_string()]).arg("--scratch").arg(scratch);
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("measuring {} ended with {}", letter.name(), output.status);
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

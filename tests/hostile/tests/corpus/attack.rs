//! One attack: what it does, how it must end, and what it cost this process.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

use prefab_model::{Bytes, Fuel, Limits, Outcome, OutcomeKind, Task};
use prefab_sandbox::{LoadError, Success};

use crate::support::{self, COPY, SANDBOX};

/// More time than any attack may take here, on a busy machine.
const MOST_TIME: Duration = Duration::from_secs(30);
/// More memory than any attack may take of this process: the caps that guests have here, and as much again.
const MOST_MEMORY: Bytes = Bytes(384 << 20);

/// More bytes than anybody should have to read about one.
const MOST_WORDS: usize = 16 << 10;

/// How an attack ended.
pub(crate) struct Seen {
    ended: String,
    fuel: Option<Fuel>,
}

impl Seen {
    pub(crate) fn new(ended: String, fuel: Option<Fuel>) -> Self {
        Self { ended, fuel }
    }

    pub(crate) fn of<S: std::fmt::Debug>(outcome: &Outcome<S>, success: impl Fn(&S) -> String) -> Self {
        let ended = match &outcome.kind {
            OutcomeKind::Compiled(it) => success(it),
            OutcomeKind::Rejected => "rejected".to_owned(),
            OutcomeKind::OutOfFuel => "out of fuel".to_owned(),
            OutcomeKind::OutOfMemory(limit) => format!("out of memory: {limit}"),
            OutcomeKind::OutputCap(limit) => format!("output cap: {limit}"),
            OutcomeKind::Deadline => "deadline".to_owned(),
            OutcomeKind::Trapped(text) => format!("trap: {}", text.lines().next().unwrap_or_default()),
            other => format!("{other:?}"),
        };
        Self { ended, fuel: outcome.usage.fuel }
    }
}

impl From<Outcome<Success>> for Seen {
    fn from(run: Outcome<Success>) -> Self {
        Self::of(&run, |success| match success {
            Success::Artifacts(artifacts) => format!("compiled: {} artifacts", artifacts.len()),
            Success::Signature(bytes) => format!("a signature of {}", Bytes(bytes.len() as u64)),
        })
    }
}

impl From<LoadError> for Seen {
    fn from(error: LoadError) -> Self {
        Self { ended: format!("not admitted: {error}"), fuel: None }
    }
}

/// An attack.
pub(crate) struct Attack {
    does: &'static str,
    caught_by: &'static str,
    /// How its end begins.
    ends: &'static str,
    act: Box<dyn Fn() -> Seen>,
}

/// Describes an attack.
pub(crate) fn attack<S: Into<Seen>>(
    does: &'static str,
    caught_by: &'static str,
    ends: &'static str,
    act: impl Fn() -> S + 'static,
) -> Attack {
    Attack { does, caught_by, ends, act: Box::new(move || act().into()) }
}

/// Caps under which guests attack here, so that the corpus is quick.
pub(crate) fn tight(limits: &mut Limits) {
    limits.fuel = Fuel(50_000_000);
    limits.memory = Bytes(64 << 20);
    limits.output = Bytes(16 << 20);
}

/// What a good compilation costs in this process before the first attack.
pub(crate) struct Health {
    fuel: Option<Fuel>,
    time: Duration,
}

impl Health {
    pub(crate) fn now() -> Self {
        (0..3).map(|_| Self::measure()).min_by_key(|health| health.time).unwrap()
    }

    fn measure() -> Self {
        let started = Instant::now();
        let run = support::run(&SANDBOX.load(&COPY.component()).unwrap(), Task::Compile, |_| {});
        let time = started.elapsed();
        match &run.kind {
            OutcomeKind::Compiled(Success::Artifacts(artifacts)) => {
                assert_eq!(artifacts[0].bytes, b"let a");
            }
            other => panic!("a good compilation ended as {other:?}"),
        }
        Self { fuel: run.usage.fuel, time }
    }

    /// Whether it is as it was. Another program may have taken the processor for a moment: the best of some counts.
    fn is_kept(&self) -> bool {
        (0..8)
            .map(|_| Self::measure())
            .any(|now| now.fuel == self.fuel && now.time < self.time * 3 + Duration::from_millis(20))
    }
}

/// What came of an attack.
pub(crate) struct Row<'a> {
    attack: &'a Attack,
    seen: Seen,
    time: Duration,
    peak: Option<Bytes>,
    healthy: bool,
}

impl Attack {
    pub(crate) fn run(&self, health: &Health) -> Row<'_> {
        let before = resident("VmRSS");
        // Sets the peak back to what is there now.
        let counts = fs::write("/proc/self/clear_refs", "5").is_ok();
        let started = Instant::now();
        let seen = panic::catch_unwind(AssertUnwindSafe(|| (self.act)()))
            .unwrap_or_else(|_| Seen::new("a panic of the host".to_owned(), None));
        let time = started.elapsed();
        let peak = before.zip(resident("VmHWM")).filter(|_| counts);
        let peak = peak.map(|(before, peak)| Bytes(peak.saturating_sub(before)));
        Row { attack: self, seen, time, peak, healthy: health.is_kept() }
    }
}

/// A figure of this process's memory, in bytes.
fn resident(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? << 10)
}

impl Row<'_> {
    /// What is not as it must be.
    pub(crate) fn faults(&self) -> Vec<String> {
        let wrong = [
            (!self.seen.ended.starts_with(self.attack.ends), "it did not end so"),
            (self.seen.ended.len() > MOST_WORDS, "too much is said about it"),
            (self.time > MOST_TIME, "it took too long"),
            (self.peak.is_some_and(|peak| peak.0 > MOST_MEMORY.0), "it took too much memory"),
            (!self.healthy, "good compilations are not what they were before"),
        ];
        let wrong = wrong.into_iter().filter(|(is_so, _)| *is_so);
        wrong
            .map(|(_, what)| format!("{}: {what} ({}): {}", self.attack.does, self.attack.ends, self.line()))
            .collect()
    }

    pub(crate) fn line(&self) -> String {
        let Self { attack, seen, time, peak, .. } = self;
        let mut ended = seen.ended.lines().collect::<Vec<_>>().join(" ").replace('|', "\\|");
        if let Some((at, _)) = ended.char_indices().nth(110) {
            ended.truncate(at);
            ended.push('…');
        }
        let fuel = seen.fuel.map_or("-".to_owned(), |fuel| fuel.to_string());
        let peak =
            peak.map_or("?".to_owned(), |peak| format!("{:.1} MiB", peak.0 as f64 / f64::from(1 << 20)));
        format!(
            "| {} | {ended} | {} | {fuel} | {peak} | {} ms |\n",
            attack.does,
            attack.caught_by,
            time.as_millis()
        )
    }
}

pub(crate) fn heading(number: usize) -> String {
    format!(
        "# Hostile compilers, and what becomes of each\n\n\
         {number} attacks, run one after the other in one process by `cargo test --test corpus`, which fails if one of them ends \
         otherwise. Guests have 50 M fuel, 64 MiB of memory and 16 MiB of output here, so that it is quick. After each one, the \
         same process makes native code of a good compiler and compiles with it: same artifact, same fuel, and no more \
         time than before, within what a busy machine does to it. Fuel is not known after a trap (`-`). Memory is what the \
         host's process grew by at its peak, making native code of the guest included; of what is made in a child process, \
         only this side is counted. The figures are of a debug build on two shared cores.\n\n\
         This file is written by `PREFAB_HOSTILE_TABLE=../../docs/hostile.md cargo test --test corpus`.\n"
    )
}

pub(crate) fn family(name: &str) -> String {
    format!(
        "\n## {name}\n\n| attack | outcome | caught by | fuel | memory | time |\n|---|---|---|---|---|---|\n"
    )
}

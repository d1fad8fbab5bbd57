//! A second wall round guests: worker processes that run compilations and have no rights on this machine.
//!
//! Who gets out of WebAssembly is then in a process that can open, connect, start and signal nothing, and that holds nothing
//! but the compilation it was given (ATTACKS G22, O1). A worker is this program started again; it is told which compiler to run
//! while it still has rights, gives them up, and then runs compilations of that compiler one after the other, each in a fresh
//! instance. What it answers is taken in like what a guest says: within the caps, and by the grammar of paths.
//!
//! [`wire`] is what is said, [`child`] the worker's side, [`process`] this side of one worker, [`line`] the pipe to it on
//! which nobody waits for ever, [`spawner`] who starts them, [`schedule`] at which priority. Here is who works for whom.

pub(crate) mod child;
mod line;
mod process;
mod schedule;
mod spawner;
mod wire;

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use prefab_model::{Compilation, Descriptor, Limits, Outcome, OutcomeKind, Usage};

use self::process::{Order, Process};
use self::schedule::Schedule;
use self::spawner::Spawner;
use crate::component::Compiler;
use crate::control::Control;
use crate::run::{Inputs, MAX_DESCRIPTOR, Run};

pub(crate) use self::wire::MARK;

/// Where guests run.
#[derive(Debug, Clone, Default)]
pub enum Isolation {
    /// In this process, each in an instance of its own. A hole in the WebAssembly engine would be a hole in this process.
    #[default]
    InProcess,
    /// In worker processes without rights, kept for further compilations of the same compiler.
    Process {
        /// The program that is started. The first thing in its `main` must be [`run_as_child`](crate::run_as_child).
        program: PathBuf,
    },
}

impl Isolation {
    /// In worker processes that are this program started again. Its `main` must call [`run_as_child`](crate::run_as_child) first.
    pub fn process() -> Self {
        // Not where the program was found, as that may meanwhile be another one: what runs is what is started.
        Self::Process { program: "/proc/self/exe".into() }
    }
}

/// The workers of a sandbox.
pub(crate) struct Workers {
    program: PathBuf,
    spawner: Spawner,
    /// Those that wait for work; the last one was the last to work.
    idle: Mutex<Vec<Process>>,
    /// How many of them are kept.
    most_idle: usize,
}

impl Workers {
    pub(crate) fn new(program: PathBuf) -> io::Result<Self> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Ok(Self { program, spawner: Spawner::start()?, idle: Mutex::default(), most_idle: 2 * threads + 2 })
    }

    /// Runs a compilation in a worker, as [`Sandbox::run`](crate::Sandbox::run).
    pub(crate) fn run(
        &self,
        compiler: &Compiler,
        compilation: &Compilation,
        inputs: &Inputs,
        control: &Control,
    ) -> Run {
        control.wait();
        let order = Order::compile(compilation, inputs);
        self.outcome(compiler, &order, control, |answer| answer.success(compilation.task))
    }

    /// Asks a compiler in a worker what it is, as [`Sandbox::describe`](crate::Sandbox::describe).
    pub(crate) fn describe(&self, compiler: &Compiler, limits: &Limits) -> Outcome<Descriptor> {
        let limits = Limits { output: MAX_DESCRIPTOR, diagnostic_bytes: MAX_DESCRIPTOR, ..limits.clone() };
        let order = Order::describe(&limits);
        self.outcome(compiler, &order, &Control::default(), process::Answer::description)
    }

    fn outcome<S>(
        &self,
        compiler: &Compiler,
        order: &Order<'_>,
        control: &Control,
        read: impl FnOnce(process::Answer) -> Result<Outcome<S>, String>,
    ) -> Outcome<S> {
        let started = Instant::now();
        let over = |kind| {
            let usage = Usage { time: started.elapsed(), ..Usage::default() };
            Outcome { kind, usage, diagnostics: Vec::new(), log: String::new() }
        };
        if control.is_cancelled() {
            return over(OutcomeKind::Cancelled);
        }
        let mut worker = match self.worker(compiler, order, control) {
            Ok(worker) => worker,
            Err(kind) => return over(kind.into_outcome()),
        };
        let answered = worker.ask(order, control);
        match answered.and_then(|answer| read(answer).map_err(process::End::Nonsense)) {
            Ok(outcome) => {
                self.keep(worker);
                outcome
            }
            // A worker that was interrupted or did not keep to its part is ended, not asked again.
            Err(end) => over(end.into_outcome()),
        }
    }

    /// One that waits and suits, or a new one.
    fn worker(
        &self,
        compiler: &Compiler,
        order: &Order<'_>,
        control: &Control,
    ) -> Result<Process, process::End> {
        let schedule = Schedule::of_this_thread();
        loop {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            let suits = |it: &Process| it.suits(compiler.digest(), order.room(), schedule);
            let Some(place) = idle.iter().rposition(suits) else { break };
            let mut worker = idle.remove(place);
            drop(idle);
            if worker.is_alive() {
                return Ok(worker);
            }
        }
        Process::start(&self.spawner, &self.program, compiler, order.room(), schedule, control)
    }

    fn keep(&self, worker: Process) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(worker);
        let longest_idle = (idle.len() > self.most_idle).then(|| idle.remove(0));
        drop(idle);
        drop(longest_idle);
    }
}

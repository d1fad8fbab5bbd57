//! One worker process, seen from outside: started, asked, and ended.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use prefab_model::{
    Bytes, Compilation, CompilerDigest, Descriptor, Diagnostic, Limits, ModulePath, Outcome, OutcomeKind,
    Task, Usage,
};
use rustix::process::Pid;
use wasmtime::WasmFeatures;

use super::line::{Line, Pipes, Stopped};
use super::schedule::Schedule;
use super::spawner::Spawner;
use super::wire::{self, GREETING, Item, JobRef, Kind, Load, MARK, Word, Work};
use crate::component::Compiler;
use crate::control::Control;
use crate::end::{MAX_TRAP_TEXT, cut};
use crate::findings;
use crate::output::Collected;
use crate::run::{Inputs, Success};
use crate::walls::Walls;

/// How long a worker may take to load its compiler and to give up its rights. That is some tens of milliseconds, and much more at
/// idle priority on a busy machine.
const START: Duration = Duration::from_mins(2);
/// How long after its deadline a worker may take to say so.
const GRACE: Duration = Duration::from_secs(10);
/// Memory that a worker needs besides the guest's and what it reads and answers.
const ROOM: u64 = 512 << 20;
/// What a frame may have besides diagnostics and the log: a trap's text, a compiler's description, paths.
const FRAME: u64 = 4 << 20;
/// What a worker's own last diagnostic may have beyond the cap: it says why a compiler gave up.
const LAST_WORD: u64 = 32 << 10;
/// The line that says that a log was cut off.
const LOG_NOTE: u64 = 128;

/// What is written and read at once, in bytes: what a pipe holds.
pub(super) const PIECE: usize = 64 << 10;

/// What a worker is asked to do.
pub(super) struct Order<'a> {
    job: JobRef<'a>,
    files: Vec<(&'a ModulePath, &'a Arc<[u8]>)>,
    signatures: Vec<(&'a str, &'a Arc<[u8]>)>,
    room: u64,
}

impl<'a> Order<'a> {
    pub(super) fn compile(compilation: &'a Compilation, inputs: &'a Inputs) -> Self {
        let files: Vec<_> = inputs.files.iter().map(|file| (&file.path, &file.bytes)).collect();
        let signatures: Vec<_> =
            inputs.signatures.iter().map(|(name, bytes)| (name.as_str(), bytes)).collect();
        let read: usize = files.iter().map(|(_, bytes)| bytes.len()).sum::<usize>()
            + signatures.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
        let room = room(&compilation.limits, read as u64);
        Self { job: JobRef::Compile(compilation), files, signatures, room }
    }

    pub(super) fn describe(limits: &'a Limits) -> Self {
        let room = room(limits, 0);
        Self { job: JobRef::Describe(limits), files: Vec::new(), signatures: Vec::new(), room }
    }

    /// The memory that a worker needs for it, in bytes.
    pub(super) const fn room(&self) -> u64 {
        self.room
    }

    fn limits(&self) -> &Limits {
        match self.job {
            JobRef::Compile(compilation) => &compilation.limits,
            JobRef::Describe(limits) => limits,
        }
    }

    fn send(&self, to: &mut impl Write) -> io::Result<()> {
        let length = |bytes: &Arc<[u8]>| bytes.len() as u64;
        let work = Work {
            job: self.job,
            files: self.files.iter().map(|(path, bytes)| (*path, length(bytes))).collect(),
            signatures: self.signatures.iter().map(|(name, bytes)| (*name, length(bytes))).collect(),
        };
        wire::send(to, &Word::Work(work))?;
        let files = self.files.iter().map(|(_, bytes)| bytes);
        let signatures = self.signatures.iter().map(|(_, bytes)| bytes);
        files.chain(signatures).try_for_each(|bytes| to.write_all(bytes))?;
        to.flush()
    }
}

/// The guest's memory, what it reads, what it answers twice (as the guest's host collects it, and as it is sent), and the rest.
fn room(limits: &Limits, read: u64) -> u64 {
    let answered = limits.output.0.saturating_add(limits.diagnostic_bytes.0).saturating_mul(2);
    limits.memory.0.saturating_add(read).saturating_add(answered).saturating_add(ROOM)
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum End {
    Stopped(Stopped),
    /// It could not be started, or went away.
    Lost(String),
    /// It said what no worker says.
    Nonsense(String),
}

impl End {
    pub(super) fn into_outcome<S>(self) -> OutcomeKind<S> {
        match self {
            Self::Stopped(Stopped::Cancelled) => OutcomeKind::Cancelled,
            Self::Stopped(Stopped::Deadline) => OutcomeKind::Deadline,
            Self::Lost(text) => OutcomeKind::HostError(text),
            Self::Nonsense(text) => {
                OutcomeKind::HostError(format!("the worker process broke its protocol and was ended: {text}"))
            }
        }
    }
}

/// What a worker answered, within the caps.
pub(super) struct Answer {
    kind: Kind,
    usage: Usage,
    log: String,
    signature: Option<Vec<u8>>,
    collected: Collected,
}

impl Answer {
    /// As the outcome of a compilation.
    pub(super) fn success(self, task: Task) -> Result<Outcome<Success>, String> {
        let has_error = self.collected.has_error();
        let (artifacts, diagnostics) = self.collected.into_parts();
        let success = match (&self.kind, task, self.signature) {
            (Kind::Artifacts, Task::Compile, _) => Some(Success::Artifacts(artifacts)),
            (Kind::Signature(_), Task::Signature, Some(bytes)) => Some(Success::Signature(bytes)),
            _ => None,
        };
        if has_error && success.is_some() {
            return Err("it reported an error and a success".to_owned());
        }
        outcome(self.kind, success, diagnostics, self.usage, self.log)
    }

    /// As what a compiler says of itself.
    pub(super) fn description(self) -> Result<Outcome<Descriptor>, String> {
        let description = match &self.kind {
            Kind::Description(description) => Some(description.clone()),
            _ => None,
        };
        outcome(self.kind, description, Vec::new(), self.usage, self.log)
    }
}

fn outcome<S>(
    kind: Kind,
    success: Option<S>,
    diagnostics: Vec<Diagnostic>,
    usage: Usage,
    log: String,
) -> Result<Outcome<S>, String> {
    let kind = match kind {
        Kind::Artifacts | Kind::Signature(_) | Kind::Description(_) => {
            OutcomeKind::Compiled(success.ok_or("it answered what it was not asked")?)
        }
        Kind::Rejected => OutcomeKind::Rejected,
        Kind::OutOfFuel => OutcomeKind::OutOfFuel,
        Kind::OutOfMemory(limit) => OutcomeKind::OutOfMemory(limit),
        Kind::Deadline => OutcomeKind::Deadline,
        Kind::OutputCap(limit) => OutcomeKind::OutputCap(limit),
        Kind::Trapped(text) => OutcomeKind::Trapped(cut(text, MAX_TRAP_TEXT)),
        Kind::Refused(text) => OutcomeKind::Refused(cut(text, MAX_TRAP_TEXT)),
        Kind::HostError(text) => OutcomeKind::HostError(cut(text, MAX_TRAP_TEXT)),
        Kind::Cancelled => OutcomeKind::Cancelled,
    };
    Ok(Outcome { kind, usage, diagnostics, log })
}

/// A worker. Dropping it ends it.
pub(super) struct Process {
    child: Child,
    pipes: Pipes,
    compiler: CompilerDigest,
    room: u64,
    schedule: Schedule,
}

impl Process {
    /// Starts a worker for a compiler and waits until it has given up its rights.
    pub(super) fn start(
        spawner: &Spawner,
        program: &Path,
        loaded: &Compiler,
        room: u64,
        schedule: Schedule,
        control: &Control,
    ) -> Result<Self, End> {
        let trouble = |error: &dyn std::fmt::Display| {
            End::Lost(format!(
                "a worker process ({}) cannot be started: {error}; without them, guests run in prefab's own process \
                 (`--isolation in-process`)",
                program.display()
            ))
        };
        if std::env::var_os(MARK).is_some() {
            return Err(trouble(
                &"this process is one itself: its program must call `run_as_child` first in `main`",
            ));
        }
        let native = loaded.native_image().map_err(|error| trouble(&error))?;
        let mut command = Command::new(program);
        command
            .arg0("prefab-worker")
            .env_clear()
            .env(MARK, room.to_string())
            // What is typed at a terminal is for the parent, which may want to finish what it began.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // What a hostile worker would say there is for nobody's terminal.
            .stderr(Stdio::null());
        let mut child = spawner.spawn(command).map_err(|error| trouble(&error))?;
        schedule.give_to(Pid::from_child(&child));
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(trouble(&"it has no pipes"));
        };
        let pipes = Pipes::new(to, from).map_err(|error| trouble(&error))?;
        let compiler = loaded.digest();
        let mut worker = Self { child, pipes, compiler, room, schedule };
        let mounts = loaded.program().map_or(&[][..], |program| program.mounts());
        let program = loaded.program().map(|program| {
            (program.recipe().to_bytes(), mounts.iter().map(|bytes| bytes.len() as u64).collect())
        });
        let exceptions = loaded.engine().get_wasm_features().contains(WasmFeatures::EXCEPTIONS);
        let load = Load { compiler: *compiler.as_bytes(), image: native.len() as u64, program, exceptions };
        let mut line = Line::new(&mut worker.pipes, control, START);
        let greeted = greet(&mut line, &load, &native, mounts);
        let stopped = line.stopped();
        match (greeted, stopped) {
            (_, Some(Stopped::Cancelled)) => Err(End::Stopped(Stopped::Cancelled)),
            (Ok(walls), _) => check(walls).map(|()| worker).map_err(|hole| trouble(&hole)),
            (Err(error), _) => Err(trouble(&worker.obituary(&error))),
        }
    }

    /// Whether it can be asked for this compiler, with so much memory, at this priority.
    pub(super) fn suits(&self, compiler: CompilerDigest, room: u64, schedule: Schedule) -> bool {
        self.compiler == compiler && self.room >= room && self.schedule == schedule
    }

    /// Whether it is still there.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it, and waits for the answer. After an error it is of no use any more.
    pub(super) fn ask(&mut self, order: &Order<'_>, control: &Control) -> Result<Answer, End> {
        let limits = order.limits();
        let mut line = Line::new(&mut self.pipes, control, limits.deadline.saturating_add(GRACE));
        let sent = order.send(&mut BufWriter::with_capacity(PIECE, &mut line));
        line.works();
        let answer = sent.and_then(|()| read(&mut BufReader::with_capacity(PIECE, &mut line), limits));
        let stopped = line.stopped();
        answer.map_err(|error| match stopped {
            Some(stopped) => End::Stopped(stopped),
            None if error.kind() == io::ErrorKind::InvalidData => End::Nonsense(error.to_string()),
            None => End::Lost(format!("the worker process went away: {}", self.obituary(&error))),
        })
    }

    /// What became of it, in words.
    fn obituary(&mut self, error: &io::Error) -> String {
        // It has closed its pipes, or is of no use: it does not have to end by itself.
        let began = Instant::now();
        while self.is_alive() && began.elapsed() < Duration::from_millis(100) {
            std::thread::yield_now();
        }
        let _ = self.child.kill();
        match self.child.wait() {
            Ok(status) if status.signal() == Some(rustix::process::Signal::KILL.as_raw()) => {
                "it was killed; the machine may be short of memory".to_owned()
            }
            Ok(status) => format!("it ended with {status} ({error})"),
            Err(_) => error.to_string(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.is_alive() {
            // In the background of a busy machine it would take long to die.
            Schedule::NORMAL.give_to(Pid::from_child(&self.child));
        }
        // If that fails, it is gone already, or ends as soon as it finds its pipes closed.
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}

fn greet(line: &mut Line<'_>, load: &Load, native: &[u8], mounts: &[Arc<[u8]>]) -> io::Result<Walls> {
    wire::send(line, load)?;
    line.write_all(native)?;
    mounts.iter().try_for_each(|bytes| line.write_all(bytes))?;
    let mut greeting = [0; GREETING.len() + 1];
    line.read_exact(&mut greeting)?;
    if greeting[..GREETING.len()] != GREETING {
        return Err(io::Error::other("it is no worker: `run_as_child` must be called first in its `main`"));
    }
    Ok(Walls::from_byte(greeting[GREETING.len()]))
}

/// Whether a worker with these walls may have to do with a guest.
fn check(walls: Walls) -> Result<(), &'static str> {
    if !walls.seccomp {
        return Err("this kernel has no seccomp, which is what takes away its rights");
    }
    if walls.hole {
        return Err("it could still do what it has no right to");
    }
    walls.tell_missing();
    Ok(())
}

fn read(from: &mut impl Read, limits: &Limits) -> io::Result<Answer> {
    let nonsense = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
    // What is not UTF-8 becomes three bytes.
    let log_bytes = limits.log.0.saturating_mul(3).saturating_add(LOG_NOTE);
    let most = limits.diagnostic_bytes.0.saturating_add(log_bytes).saturating_add(FRAME);
    let mut collected = Collected::new(&Limits {
        diagnostics: limits.diagnostics.saturating_add(1),
        diagnostic_bytes: Bytes(limits.diagnostic_bytes.0.saturating_add(LAST_WORD)),
        ..limits.clone()
    });
    loop {
        match wire::receive(from, most)? {
            Item::Artifact { path, media_type, size } => {
                let bytes = wire::receive_bytes(from, size, limits.output.0)?;
                collected
                    .emit(path, media_type, bytes)
                    .map_err(|stop| nonsense(stop.to_string()))?
                    .map_err(|declined| nonsense(format!("an artifact cannot be taken: {declined:?}")))?;
            }
            Item::Diagnostic(diagnostic) => {
                let diagnostic = findings::in_order(Diagnostic { excerpt: None, ..diagnostic });
                collected.report(diagnostic).map_err(|stop| nonsense(stop.to_string()))?;
            }
            Item::End { kind, usage, log } => {
                let signature = match kind {
                    Kind::Signature(size) => Some(wire::receive_bytes(from, size, limits.output.0)?),
                    _ => None,
                };
                if log.len() as u64 > log_bytes || usage.fuel.is_some_and(|fuel| fuel > limits.fuel) {
                    return Err(nonsense("it printed or computed more than it may".to_owned()));
                }
                return Ok(Answer { kind, usage, log, signature, collected });
            }
        }
    }
}

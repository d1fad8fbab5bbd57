//! A worker: this program, started again by `process.rs` with a variable in its environment.
//!
//! It loads one compiler, gives up its rights, greets, and then does what it is told through standard input, one guest at a time.
//! One thread listens, so that a guest can be told to pause, and so that the process ends with its parent in any case; the
//! other one runs guests and answers through standard output.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, BufWriter, Read, Write};
use std::process;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use prefab_model::{CompilerDigest, Descriptor, Outcome, OutcomeKind, Recipe};

use super::process::PIECE;
use super::wire::{self, GREETING, Item, Job, Kind, Load, MARK, ReadWork, Word, Work};
use crate::command::Program;
use crate::component::{Compiler, MAX_COMPONENT};
use crate::control::Control;
use crate::engine::{Dialect, Engines};
use crate::precompiled;
use crate::run::{Inputs, Run, SourceFile, Success};
use crate::stack::THREAD_STACK;
use crate::ticker::Ticker;
use crate::walls::{self, Terms};

/// Frames and files come from the parent, which is trusted: this only keeps a mistake from taking all memory.
const MOST: u64 = 1 << 40;
/// A native image is some times larger than its component.
const MOST_IMAGE: u64 = 64 * MAX_COMPONENT;

/// Runs guests until standard input ends.
pub(crate) fn serve(terms: &OsStr) -> io::Result<()> {
    let memory = terms.to_str().and_then(|terms| terms.parse().ok());
    let memory = memory
        .ok_or_else(|| io::Error::other(format!("{MARK} is for prefab's own use: unset this variable")))?;
    walls::come_alone();
    let engines = Engines::plain().map_err(|error| io::Error::other(format!("{error:#}")))?;
    let compiler = load(&engines)?;

    // Until here there is no other thread, and no code of a guest was run.
    let memory = walls::held_memory()?.saturating_add(memory);
    let walls = walls::build(Terms { cpu: None, memory })?;
    let mut stdout = io::stdout().lock();
    stdout.write_all(&GREETING)?;
    stdout.write_all(&[walls.to_byte()])?;
    stdout.flush()?;
    drop(stdout);

    let _ticker = Ticker::start(engines.all().cloned().collect())?;
    let control = Control::default();
    let (sender, orders) = mpsc::channel();
    let worker = {
        let control = control.clone();
        move || work(&engines, &compiler, &control, orders)
    };
    thread::Builder::new().name("prefab-guest".into()).stack_size(THREAD_STACK).spawn(move || {
        // Nobody is left to read an answer that cannot be written.
        process::exit(i32::from(worker().is_err()));
    })?;
    let mut stdin = io::stdin().lock();
    loop {
        match wire::receive(&mut stdin, MOST)? {
            Word::Work(work) => {
                let order = read_files(&mut stdin, work)?;
                sender.send(order).map_err(io::Error::other)?;
            }
            Word::Pause => control.pause(),
            Word::Resume => control.resume(),
        }
    }
}

fn load(engines: &Engines) -> io::Result<Compiler> {
    let broken = |error: wasmtime::Error| io::Error::other(format!("{error:#}"));
    let mut stdin = io::stdin().lock();
    let Load { compiler, image, program, exceptions } = wire::receive(&mut stdin, MOST)?;
    let image = wire::receive_bytes(&mut stdin, image, MOST_IMAGE)?;
    let program = program.map(|(recipe, mounts)| load_program(&mut stdin, &recipe, &mounts)).transpose()?;
    let dialect = if exceptions { Dialect::Exceptions } else { Dialect::Plain };
    let component = precompiled::from_parent(engines.plain_for(dialect), &image).map_err(broken)?;
    // Otherwise a file in memory would be made for it when it first runs, which cannot be done then.
    component.initialize_copy_on_write_image().map_err(broken)?;
    engines.compiler(CompilerDigest::from_bytes(compiler), &component, program).map_err(io::Error::other)
}

fn load_program(from: &mut impl Read, recipe: &[u8], mounts: &[u64]) -> io::Result<Arc<Program>> {
    let recipe = Recipe::parse(recipe).ok_or_else(|| io::Error::other("it got no recipe"))?;
    let mounts = mounts.iter().map(|length| Ok(wire::receive_bytes(from, *length, MOST)?.into()));
    let mounts = mounts.collect::<io::Result<_>>()?;
    let program = Program::new(recipe.map_err(io::Error::other)?, mounts).map_err(io::Error::other)?;
    Ok(Arc::new(program))
}

/// A call, with all that belongs to it.
struct Order {
    job: Job,
    inputs: Inputs,
}

fn read_files(from: &mut impl Read, work: ReadWork) -> io::Result<Order> {
    let Work { job, files, signatures } = work;
    let mut inputs = Inputs { files: Vec::with_capacity(files.len()), signatures: BTreeMap::new() };
    for (path, length) in files {
        let bytes = wire::receive_bytes(from, length, MOST)?.into();
        inputs.files.push(SourceFile { path, bytes });
    }
    for (name, length) in signatures {
        inputs.signatures.insert(name, wire::receive_bytes(from, length, MOST)?.into());
    }
    Ok(Order { job, inputs })
}

fn work(
    engines: &Engines,
    compiler: &Compiler,
    control: &Control,
    orders: Receiver<Order>,
) -> io::Result<()> {
    for Order { job, inputs } in orders {
        // What is printed in pieces is sent in one.
        let mut to = BufWriter::with_capacity(PIECE, io::stdout().lock());
        match job {
            Job::Compile(compilation) => {
                answer(&mut to, engines.run(compiler, &compilation, &inputs, control))?;
            }
            Job::Describe(limits) => describe(&mut to, engines.describe(compiler, &limits))?,
        }
        to.flush()?;
    }
    Ok(())
}

fn answer(to: &mut impl Write, run: Run) -> io::Result<()> {
    let Outcome { kind, usage, diagnostics, log } = run;
    for diagnostic in diagnostics {
        wire::send(to, &Item::Diagnostic(diagnostic))?;
    }
    let mut signature = Vec::new();
    let kind = kind_of(kind, |success| match success {
        Success::Artifacts(artifacts) => {
            for artifact in artifacts {
                let path = artifact.path.to_string();
                let size = artifact.bytes.len() as u64;
                wire::send(to, &Item::Artifact { path, media_type: artifact.media_type, size })?;
                to.write_all(&artifact.bytes)?;
            }
            Ok(Kind::Artifacts)
        }
        Success::Signature(bytes) => {
            signature = bytes;
            Ok(Kind::Signature(signature.len() as u64))
        }
    })?;
    wire::send(to, &Item::End { kind, usage, log })?;
    to.write_all(&signature)
}

fn describe(to: &mut impl Write, described: Outcome<Descriptor>) -> io::Result<()> {
    let Outcome { kind, usage, log, .. } = described;
    let kind = kind_of(kind, |descriptor| Ok(Kind::Description(descriptor)))?;
    wire::send(to, &Item::End { kind, usage, log })
}

fn kind_of<S>(kind: OutcomeKind<S>, success: impl FnOnce(S) -> io::Result<Kind>) -> io::Result<Kind> {
    Ok(match kind {
        OutcomeKind::Compiled(it) => success(it)?,
        OutcomeKind::Rejected => Kind::Rejected,
        OutcomeKind::OutOfFuel => Kind::OutOfFuel,
        OutcomeKind::OutOfMemory(limit) => Kind::OutOfMemory(limit),
        OutcomeKind::Deadline => Kind::Deadline,
        OutcomeKind::OutputCap(limit) => Kind::OutputCap(limit),
        OutcomeKind::Trapped(text) => Kind::Trapped(text),
        OutcomeKind::Refused(text) => Kind::Refused(text),
        OutcomeKind::HostError(text) => Kind::HostError(text),
        OutcomeKind::Cancelled => Kind::Cancelled,
    })
}

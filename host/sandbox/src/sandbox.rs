//! The sandbox as its users see it: set up once, asked to load compilers and to run compilations.
//!
//! Where guests run, here or in worker processes, is decided once, in its options; what comes of a compilation is the same.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use prefab_model::{Compilation, Descriptor, EngineRevision, Limits, Outcome, Task};

use crate::codegen::Codegen;
use crate::component::Compiler;
use crate::control::Control;
use crate::engine::{self, Engines};
use crate::precompiled::ImageCache;
use crate::run::{Inputs, Run};
use crate::ticker::Ticker;
use crate::worker::{Isolation, Workers};

/// Runs compilations. Shared by the threads that do so: everything behind it is made once and only read.
///
/// Dropping it stops its threads and its worker processes. Compilers that were loaded stay usable with the sandbox that loaded
/// them only. A sandbox serves one tenant: in worker processes, nobody else's compilations run.
pub struct Sandbox {
    pub(crate) engines: Engines,
    pub(crate) images: Option<ImageCache>,
    /// Images that others have made: used, and never added to.
    pub(crate) lent: Option<ImageCache>,
    pub(crate) codegen: Codegen,
    revision: EngineRevision,
    runs: Runs,
}

/// Where guests run.
enum Runs {
    Here { _ticker: Ticker },
    InWorkers(Workers),
}

/// How a sandbox is set up.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// A folder for the native images of compilers, made with mode 0700 if it is not there. Without one, every load makes
    /// native code anew.
    pub cache: Option<PathBuf>,
    /// A folder of another sandbox, whose images are used as well. What this one makes does not go there, so that nobody who uses the
    /// other can tell by the time of loading what this one has loaded.
    pub lent: Option<PathBuf>,
    /// Where native code is made.
    pub codegen: Codegen,
    /// Where guests run.
    pub isolation: Isolation,
}

/// A sandbox that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The machine or its settings do not suffice for wasmtime.
    #[error("the WebAssembly engine cannot be set up on this machine: {0}")]
    Engine(String),
    /// The folder for native images cannot be used.
    #[error("cannot keep native images in {path}: {reason}", path = path.display())]
    Cache {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// A variable of the environment that sets it up.
    #[error("the environment variable {name} cannot be used: {reason}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A thread that it needs could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] io::Error),
}

impl From<wasmtime::Error> for SandboxError {
    fn from(error: wasmtime::Error) -> Self {
        Self::Engine(format!("{error:#}"))
    }
}

impl Sandbox {
    /// Sets up a sandbox that does all in this process: for compilers that you trust not to be made for taking all its memory
    /// and time while native code is made of them. Whatever they do when they run is contained all the same.
    ///
    /// `cache` is as in [`SandboxOptions`].
    ///
    /// # Errors
    /// As [`Sandbox::open`].
    pub fn new(cache: Option<&Path>) -> Result<Self, SandboxError> {
        let cache = cache.map(Path::to_owned);
        let (codegen, isolation) = (Codegen::InProcess, Isolation::InProcess);
        Self::open(SandboxOptions { cache, lent: None, codegen, isolation })
    }

    /// Sets up a sandbox.
    ///
    /// # Errors
    /// [`SandboxError`] if the machine lacks what wasmtime needs, or if the folder is not ours alone to write.
    pub fn open(options: SandboxOptions) -> Result<Self, SandboxError> {
        let SandboxOptions { cache, lent, codegen, isolation } = options;
        let engines = match isolation {
            Isolation::InProcess => Engines::pooled()?,
            Isolation::Process { .. } => Engines::plain()?,
        };
        let compatibility = engine::compatibility(&engines.plain.engine);
        let open = |folder: PathBuf| ImageCache::open(&folder, compatibility);
        let (images, lent) = (cache.map(open).transpose()?, lent.map(open).transpose()?);
        let runs = match isolation {
            Isolation::InProcess => Runs::Here { _ticker: Ticker::start(engines.all().cloned().collect())? },
            Isolation::Process { program } => Runs::InWorkers(Workers::new(program)?),
        };
        Ok(Self { engines, images, lent, codegen, revision: engine::revision(), runs })
    }

    /// Runs one compilation in a fresh instance and waits for its end, which comes soon after its deadline at the latest: 50 ms,
    /// or some seconds if a worker process has to be ended for it.
    ///
    /// Whatever the guest does is an outcome. Call it on a thread with [`THREAD_STACK`](crate::THREAD_STACK).
    pub fn run(
        &self,
        compiler: &Compiler,
        compilation: &Compilation,
        inputs: &Inputs,
        control: &Control,
    ) -> Run {
        if let (Task::Signature, Some(program)) = (compilation.task, compiler.program()) {
            return program.signature(inputs, &compilation.limits);
        }
        match &self.runs {
            Runs::Here { .. } => self.engines.run(compiler, compilation, inputs, control),
            Runs::InWorkers(workers) => workers.run(compiler, compilation, inputs, control),
        }
    }

    /// Asks a compiler what it is. What it says is for people: it may lie.
    ///
    /// Of the limits, those on output do not apply: a descriptor may have a MiB at most.
    pub fn describe(&self, compiler: &Compiler, limits: &Limits) -> Outcome<Descriptor> {
        match &self.runs {
            Runs::Here { .. } => self.engines.describe(compiler, limits),
            Runs::InWorkers(workers) => workers.describe(compiler, limits),
        }
    }

    /// Names all that can change what a compilation results in. The machine's CPU is not part of it: code made for another
    /// CPU computes the same, so that any machine can check the result of another. Nor is where guests run.
    pub const fn revision(&self) -> &EngineRevision {
        &self.revision
    }

    /// Removes native images that were made before `before` for other engines than this one: they are never loaded by it, and another prefab
    /// that needs one makes it anew. Returns the size of each, in bytes. With `dry_run` they stay.
    ///
    /// # Errors
    /// The folder cannot be read, or an image not removed.
    pub fn collect_images(&self, before: SystemTime, dry_run: bool) -> io::Result<Vec<u64>> {
        let Some(images) = &self.images else { return Ok(Vec::new()) };
        let mut sizes = Vec::new();
        for (name, size) in images.foreign(before)? {
            if !dry_run {
                images.remove(&name)?;
            }
            sizes.push(size);
        }
        Ok(sizes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_is_shared_by_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Sandbox>();
        shared::<Compiler>();
    }
}

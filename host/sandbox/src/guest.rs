//! What a store holds for one call of a guest: what the guest is shown, what it hands over, and its little WASI world.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prefab_model::{Compilation, Limits, ModulePath, Stream, Task};
use wasmtime::component::ResourceTable;

use crate::end::Stop;
use crate::files::{Quota, Tree};
use crate::limits::Caps;
use crate::output::Collected;
use crate::run::Inputs;
use crate::wasi::{Capture, Log, Printer, Random, SharedLog};

/// Pollables, streams and open files that a guest may have at a time: it needs a handful (ATTACKS G14, T10).
const MAX_WASI_RESOURCES: usize = 1_000;

/// The data of a store.
pub(crate) struct Guest {
    /// The WASI resources that the guest has handles to.
    pub(crate) resources: ResourceTable,
    /// What a command-line compiler was called with.
    pub(crate) called: Called,
    /// The files of one.
    pub(crate) files: Option<Files>,
    log: SharedLog,
    /// All that was printed to one of the streams, if that matters.
    pub(crate) capture: Option<(Stream, Capture)>,
    pub(crate) random: Random,
    pub(crate) caps: Caps,
    pub(crate) output: Collected,
    pub(crate) shown: Shown,
    /// How long it was paused, which is not its time.
    pub(crate) paused: Duration,
}

impl Guest {
    pub(crate) fn new(limits: &Limits, seed: &[u8; 32], shown: Shown) -> Self {
        Self {
            resources: resources(),
            called: Called::default(),
            files: None,
            log: Arc::new(Mutex::new(Log::new(limits.log))),
            capture: None,
            random: Random::new(seed),
            caps: Caps::new(limits),
            output: Collected::new(limits),
            shown,
            paused: Duration::ZERO,
        }
    }

    /// Makes it ready for another run of the same compilation: with the same files, and nothing else that it had.
    pub(crate) fn fresh(&mut self, limits: &Limits, called: Called) {
        self.resources = resources();
        self.caps = Caps::new(limits);
        self.called = called;
    }

    /// The most memory that its instance had.
    pub(crate) const fn peak_memory(&self) -> prefab_model::Bytes {
        self.caps.peak_memory()
    }

    /// What it prints to by one of its streams.
    pub(crate) fn printer(&self, stream: Stream) -> Printer {
        let capture = self.capture.as_ref().filter(|(captured, _)| *captured == stream);
        Printer { log: Arc::clone(&self.log), capture: capture.map(|(_, capture)| capture.clone()) }
    }

    /// What it has printed.
    pub(crate) fn log_text(&self) -> String {
        let log = Log::new(prefab_model::Bytes(0));
        std::mem::replace(&mut *self.log.lock().unwrap_or_else(PoisonError::into_inner), log).into_text()
    }

    /// Counts what the host does with files for it, which fuel does not: a unit a byte, and some for each call.
    ///
    /// # Errors
    /// It may not have more.
    pub(crate) fn charge(&mut self, bytes: u64) -> Result<(), Stop> {
        let Some(files) = &mut self.files else { return Ok(()) };
        files.work = files.work.checked_sub(bytes.saturating_add(CALL)).ok_or(Stop::OutOfFuel)?;
        Ok(())
    }

    /// What may still be written, in bytes.
    pub(crate) fn writable_bytes(&self) -> u64 {
        self.files.as_ref().map_or(0, |files| files.tree.quota().left())
    }
}

fn resources() -> ResourceTable {
    let mut resources = ResourceTable::new();
    resources.set_max_capacity(MAX_WASI_RESOURCES);
    resources
}

/// What a call about a file costs besides its bytes.
const CALL: u64 = 100;

/// The command line and the environment.
#[derive(Default, Clone)]
pub(crate) struct Called {
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
}

/// The files of a guest, and what the host may still do with them.
pub(crate) struct Files {
    pub(crate) tree: Tree,
    work: u64,
}

impl Files {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { tree: Tree::new(Quota::new(limits)), work: limits.fuel.0 }
    }
}

/// What a compiler can see of a module.
#[derive(Default)]
pub(crate) struct Shown {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    /// The compilation's key in hexadecimal digits.
    pub(crate) build_id: String,
    pub(crate) options: Vec<(String, String)>,
    pub(crate) entry_points: Vec<(String, String)>,
    /// The name that sources use, the module it stands for, and its signature; sorted by name.
    pub(crate) dependencies: Vec<ShownDependency>,
    /// Sorted by path.
    pub(crate) files: Vec<(ModulePath, Arc<[u8]>)>,
}

/// A dependency as it is shown.
pub(crate) struct ShownDependency {
    pub(crate) name: String,
    pub(crate) module: Option<String>,
    pub(crate) signature: Option<Arc<[u8]>>,
}

impl Shown {
    /// What is shown in this compilation. Order and content follow from the compilation alone, not from the order in
    /// which `inputs` were put together.
    pub(crate) fn new(compilation: &Compilation, inputs: &Inputs) -> Self {
        let module = &compilation.module;
        let mut files: Vec<_> =
            inputs.files.iter().map(|file| (file.path.clone(), Arc::clone(&file.bytes))).collect();
        files.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut dependencies: Vec<_> = module
            .dependencies
            .iter()
            .map(|dependency| ShownDependency {
                name: dependency.name.clone(),
                module: dependency.module.as_ref().map(ToString::to_string),
                signature: match compilation.task {
                    Task::Signature => None,
                    Task::Compile => inputs.signatures.get(&dependency.name).cloned(),
                },
            })
            .collect();
        dependencies.sort_by(|one, other| one.name.cmp(&other.name));
        let mut entry_points: Vec<_> =
            module.entry_points.iter().map(|entry| (entry.name.clone(), entry.path.to_string())).collect();
        entry_points.sort();
        Self {
            name: module.name.to_string(),
            version: module.version.clone(),
            build_id: compilation.key.hex(),
            options: compilation.options.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            entry_points,
            dependencies,
            files,
        }
    }

    /// The bytes of a file.
    pub(crate) fn file(&self, path: &ModulePath) -> Option<&Arc<[u8]>> {
        let at = self.files.binary_search_by(|(other, _)| other.cmp(path)).ok()?;
        Some(&self.files[at].1)
    }
}

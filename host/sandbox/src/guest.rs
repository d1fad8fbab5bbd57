//! What a store holds for one call of a guest: what the guest is shown, what it hands over, and its little WASI world.

use std::sync::Arc;
use std::time::Duration;

use prefab_model::{Compilation, Limits, ModulePath, Task};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::filesystem::WasiFilesystemCtx;

use crate::limits::Caps;
use crate::output::Collected;
use crate::run::Inputs;
use crate::wasi::{Log, Random};

/// Pollables and streams that a guest may have at a time: it needs a handful (ATTACKS G14).
const MAX_WASI_RESOURCES: usize = 1_000;

/// The data of a store.
pub(crate) struct Guest {
    /// The WASI resources that the guest has handles to.
    pub(crate) resources: ResourceTable,
    /// A file system without any folder.
    pub(crate) filesystem: WasiFilesystemCtx,
    pub(crate) log: Log,
    pub(crate) random: Random,
    pub(crate) caps: Caps,
    pub(crate) output: Collected,
    pub(crate) shown: Shown,
    /// How long it was paused, which is not its time.
    pub(crate) paused: Duration,
}

impl Guest {
    pub(crate) fn new(limits: &Limits, seed: &[u8; 32], shown: Shown) -> Self {
        let mut resources = ResourceTable::new();
        resources.set_max_capacity(MAX_WASI_RESOURCES);
        Self {
            resources,
            filesystem: WasiFilesystemCtx::default(),
            log: Log::new(limits.log),
            random: Random::new(seed),
            caps: Caps::new(limits),
            output: Collected::new(limits),
            shown,
            paused: Duration::ZERO,
        }
    }
}

/// What a compiler can see of a module.
#[derive(Default)]
pub(crate) struct Shown {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
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

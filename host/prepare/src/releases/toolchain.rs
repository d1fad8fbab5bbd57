//! A release's compilers, loaded.

use prefab_model::{CompilerEntry, Release};
use prefab_sandbox::{Compiler, Sandbox};

use super::ReleasesError;
use crate::environment::Environment;
use crate::event::Event;

/// A release's compilers, ready to run, in the order of the manifest.
pub(crate) struct Toolchain {
    pub(crate) release: Release,
    pub(crate) compilers: Vec<Compiler>,
}

impl Toolchain {
    /// Loads the compilers of an installed release.
    pub(crate) fn load(
        env: &Environment,
        release: Release,
        sandbox: &Sandbox,
        reporter: &mut dyn FnMut(&Event),
    ) -> Result<Self, ReleasesError> {
        let compilers = release
            .compilers
            .iter()
            .map(|entry| {
                let bytes = env.store().blobs().component(&entry.digest)?;
                load(sandbox, &release, entry, &bytes, reporter)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { release, compilers })
    }
}

/// Loads one compiler, and says so first where that takes a while.
pub(super) fn load(
    sandbox: &Sandbox,
    release: &Release,
    entry: &CompilerEntry,
    bytes: &[u8],
    reporter: &mut dyn FnMut(&Event),
) -> Result<Compiler, ReleasesError> {
    if !sandbox.is_quick(entry.digest) {
        reporter(&Event::Loading { compiler: entry.name.clone(), platform: release.version.clone() });
    }
    sandbox.load(bytes).map_err(|source| ReleasesError::Load {
        compiler: entry.name.clone(),
        version: release.version.clone(),
        source,
    })
}

//! A release's compilers, each loaded when it is first needed: where nothing has changed, none is.

use std::sync::{Arc, Mutex, PoisonError};

use prefab_model::{CompilerEntry, Release};
use prefab_sandbox::{Compiler, Sandbox};
use prefab_ship::Package;
use prefab_store::Store;

use super::ReleasesError;
use super::obtained::{Obtained, parts_of};
use super::parts::Parts;
use crate::event::Event;
use crate::warrant::Warrant;

/// A release's compilers, in the order of the manifest.
pub(crate) struct Toolchain {
    pub(crate) release: Release,
    /// What lets them be used.
    pub(crate) warrant: Warrant,
    /// The components of a release that is not installed; of one that is, the store has them.
    package: Option<Arc<Package>>,
    /// Those that are loaded.
    slots: Vec<Mutex<Option<Arc<Compiler>>>>,
}

impl Toolchain {
    /// The compilers of an installed release.
    pub(crate) fn installed(release: Release, warrant: Warrant) -> Self {
        Self::new(release, warrant, None)
    }

    /// The compilers of a release that is not installed.
    pub(crate) fn obtained(obtained: Obtained, warrant: Warrant) -> Self {
        Self::new(obtained.release, warrant, Some(obtained.package))
    }

    fn new(release: Release, warrant: Warrant, package: Option<Arc<Package>>) -> Self {
        let slots = release.compilers.iter().map(|_| Mutex::default()).collect();
        Self { release, warrant, package, slots }
    }

    /// Refuses once the release is revoked.
    pub(crate) fn check_warrant(&self) -> Result<(), ReleasesError> {
        let refused = |source| ReleasesError::Refused { version: self.release.version.clone(), source };
        self.warrant.check().map_err(refused)
    }

    /// Loads the compilers of which there is no native code yet, which takes seconds, and says so.
    pub(crate) fn load_slow(
        &self,
        store: &Store,
        sandbox: &Sandbox,
        reporter: &mut dyn FnMut(&Event),
    ) -> Result<(), ReleasesError> {
        for (number, entry) in (0..).zip(&self.release.compilers) {
            if !sandbox.is_quick(entry.code) {
                reporter(&loading(&self.release, entry));
                self.compiler(number, store, sandbox)?;
            }
        }
        Ok(())
    }

    /// The compiler at this place in the release. Threads that need the same one for the first time wait for each other.
    pub(crate) fn compiler(
        &self,
        number: u16,
        store: &Store,
        sandbox: &Sandbox,
    ) -> Result<Arc<Compiler>, ReleasesError> {
        let place = usize::from(number);
        let (slot, entry) = (&self.slots[place], &self.release.compilers[place]);
        let mut loaded = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(compiler) = &*loaded {
            return Ok(Arc::clone(compiler));
        }
        let parts = match &self.package {
            Some(package) => parts_of(package, entry),
            None => Parts::stored(store, entry)?,
        };
        let compiler = Arc::new(load_parts(sandbox, &self.release, entry, &parts)?);
        *loaded = Some(Arc::clone(&compiler));
        Ok(compiler)
    }
}

/// Loads one compiler, and says so first where that takes a while.
pub(super) fn load(
    sandbox: &Sandbox,
    release: &Release,
    entry: &CompilerEntry,
    parts: &Parts,
    reporter: &mut dyn FnMut(&Event),
) -> Result<Compiler, ReleasesError> {
    if !sandbox.is_quick(entry.code) {
        reporter(&loading(release, entry));
    }
    load_parts(sandbox, release, entry, parts)
}

fn loading(release: &Release, entry: &CompilerEntry) -> Event {
    Event::Loading { compiler: entry.name.clone(), platform: release.version.clone() }
}

fn load_parts(
    sandbox: &Sandbox,
    release: &Release,
    entry: &CompilerEntry,
    parts: &Parts,
) -> Result<Compiler, ReleasesError> {
    parts.load(sandbox, entry.recipe(), &entry.codegen).map_err(|source| ReleasesError::Load {
        compiler: entry.name.clone(),
        version: release.version.clone(),
        source,
    })
}

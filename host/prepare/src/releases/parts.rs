//! What a compiler consists of: its component, and for a command-line program the recipe that names it and the files that ship with it. In the
//! blobs, each is found by its digest.

use std::sync::Arc;

use prefab_model::{CodegenWish, CompilerDigest, CompilerEntry, Recipe};
use prefab_sandbox::{Compiler, LoadError, Sandbox};
use prefab_store::{Store, StoreError};

/// The bytes of a compiler.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(crate) component: Vec<u8>,
    /// The files that ship with it, in the order of the manifest.
    pub(crate) mounts: Vec<Arc<[u8]>>,
}

/// Why a compiler cannot be had from the blobs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoCompiler {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Recipe(#[from] prefab_model::InvalidRecipe),
}

impl Parts {
    /// Those of a compiler of an installed release.
    pub(crate) fn stored(store: &Store, entry: &CompilerEntry) -> Result<Self, StoreError> {
        Self::by_recipe(store, &entry.code, entry.recipe().as_ref())
    }

    fn by_recipe(store: &Store, code: &CompilerDigest, recipe: Option<&Recipe>) -> Result<Self, StoreError> {
        let mounts = recipe.iter().flat_map(|recipe| &recipe.command.mounts);
        let read = |digest| Ok(store.blobs().component(digest)?.into());
        Ok(Self {
            component: store.blobs().component(code)?,
            mounts: mounts.map(|mount| read(&mount.digest)).collect::<Result<_, StoreError>>()?,
        })
    }

    /// Keeps them. Not durable before the blobs are flushed.
    pub(crate) fn keep(&self, store: &Store, entry: &CompilerEntry) -> Result<(), StoreError> {
        let recipe = entry.recipe().map(|recipe| recipe.to_bytes());
        let mounts = self.mounts.iter().map(|bytes| bytes.to_vec());
        for bytes in std::iter::once(self.component.clone()).chain(recipe).chain(mounts) {
            store.blobs().put_component(bytes)?;
        }
        Ok(())
    }

    /// Makes them ready to run.
    pub(crate) fn load(
        &self,
        sandbox: &Sandbox,
        recipe: Option<Recipe>,
        wish: &CodegenWish,
    ) -> Result<Compiler, LoadError> {
        match recipe {
            None => sandbox.load_with(&self.component, wish),
            Some(recipe) => sandbox.load_command(recipe, &self.component, self.mounts.clone(), wish),
        }
    }
}

/// Makes the compiler of this name ready to run, whatever release it came with.
pub(crate) fn load_stored(
    store: &Store,
    sandbox: &Sandbox,
    compiler: &CompilerDigest,
    wish: &CodegenWish,
) -> Result<Compiler, NoCompiler> {
    let named = store.blobs().component(compiler)?;
    match Recipe::parse(&named).transpose()? {
        None => Ok(sandbox.load_with(&named, wish)?),
        Some(recipe) => {
            let parts = Parts::by_recipe(store, &recipe.component, Some(&recipe))?;
            Ok(parts.load(sandbox, Some(recipe), wish)?)
        }
    }
}

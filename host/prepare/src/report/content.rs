//! Whether a module's artifacts are the same in two preparations, and how large they are.
//!
//! Mostly the digests of the bundles tell. Where these differ, what is in the bundles is compared: after a change in how they are
//! packed the artifacts may still be the same. Two modules' worth of artifacts are in memory at a time.

use std::collections::{BTreeMap, BTreeSet};

use prefab_model::{BundleDigest, ModulePath, Task};
use prefab_store::{ModuleResult, Store, StoreError, Yield};

use super::Difference;
use crate::artifacts::limits;
use crate::environment::Environment;

/// How the artifacts of a module compare.
pub(super) enum Content {
    Same,
    Different {
        /// Bytes of all artifacts.
        size: Difference,
        /// Whether nothing but source maps differs.
        source_maps_only: bool,
    },
    /// They cannot be read any more, for this reason.
    Unreadable(String),
}

/// What the compilations of a result left and cost.
pub(super) struct Left {
    /// The bundles, in the order of the compilations; none if one is not known any more.
    pub(super) bundles: Option<Vec<BundleDigest>>,
    /// The fuel of both passes; none where it is not known.
    pub(super) fuel: Option<u64>,
}

impl Left {
    pub(super) fn of(store: &Store, result: &ModuleResult) -> Result<Self, StoreError> {
        let mut left = Self { bundles: Some(Vec::new()), fuel: Some(0) };
        for compilation in &result.compilations {
            let Yield { bundle, fuel } = store
                .yielded(&result.module, &compilation.key)?
                .unwrap_or(Yield { bundle: None, fuel: None });
            left.fuel = left.fuel.zip(fuel).map(|(sum, fuel)| sum.saturating_add(fuel.0));
            if compilation.task == Task::Compile {
                left.bundles = left.bundles.zip(bundle).map(|(mut bundles, bundle)| {
                    bundles.push(bundle);
                    bundles
                });
            }
        }
        Ok(left)
    }
}

pub(super) fn compare(env: &Environment, base: &Left, new: &Left) -> Result<Content, StoreError> {
    let (Some(base), Some(new)) = (&base.bundles, &new.bundles) else {
        return Ok(Content::Unreadable("its outcome is not kept any more: prepare it once again".to_owned()));
    };
    if base == new {
        return Ok(Content::Same);
    }
    match different(env, base, new) {
        // One damaged bundle does not keep the rest from being compared.
        Err(
            error @ (StoreError::MissingBlob { .. }
            | StoreError::CorruptBlob { .. }
            | StoreError::RefusedBundle { .. }),
        ) => Ok(Content::Unreadable(error.to_string())),
        compared => compared,
    }
}

fn different(env: &Environment, base: &[BundleDigest], new: &[BundleDigest]) -> Result<Content, StoreError> {
    let (base, new) = (read(env, base)?, read(env, new)?);
    let size = |artifacts: &Artifacts| artifacts.values().map(|(_, bytes)| bytes.len() as u64).sum();
    let size = Difference { base: size(&base), new: size(&new) };
    let paths: BTreeSet<&ModulePath> = base.keys().chain(new.keys()).collect();
    let differs = |path: &&ModulePath| {
        base.get(*path).map(|(_, bytes)| bytes) != new.get(*path).map(|(_, bytes)| bytes)
    };
    let mut differ = paths.into_iter().filter(differs).peekable();
    if differ.peek().is_none() {
        return Ok(Content::Same);
    }
    Ok(Content::Different { size, source_maps_only: differ.all(is_source_map) })
}

/// Source maps follow from the rest, and differ when nothing that runs does.
pub(super) fn is_source_map(path: &ModulePath) -> bool {
    std::path::Path::new(path.as_str()).extension().is_some_and(|extension| extension == "map")
}

/// Artifacts with their media types and bytes, by path.
pub(super) type Artifacts = BTreeMap<ModulePath, (String, Vec<u8>)>;

/// The artifacts of some bundles.
pub(super) fn read(env: &Environment, bundles: &[BundleDigest]) -> Result<Artifacts, StoreError> {
    let mut artifacts = BTreeMap::new();
    for bundle in bundles {
        for artifact in env.store().blobs().read_bundle(bundle, limits(env))?.artifacts {
            artifacts.insert(artifact.path, (artifact.media_type, artifact.bytes));
        }
    }
    Ok(artifacts)
}

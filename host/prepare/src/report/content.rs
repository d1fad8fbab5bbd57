//! Whether a module's artifacts are the same in two preparations, and how large they are.
//!
//! Mostly the digests of the bundles tell. Where they do not, as after a change in how bundles are packed, what is in them is
//! compared, and their bytes only where paths and sizes are equal.

use std::collections::BTreeMap;

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
            let Yield { bundle, fuel } =
                store.yielded(&compilation.key)?.unwrap_or(Yield { bundle: None, fuel: None });
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
    let (old, now) = (sizes(env, base)?, sizes(env, new)?);
    if old == now && bytes_are_equal(env, base, new)? {
        return Ok(Content::Same);
    }
    let sum = |sizes: &BTreeMap<_, u64>| sizes.values().sum();
    Ok(Content::Different { size: Difference { base: sum(&old), new: sum(&now) } })
}

fn sizes(env: &Environment, bundles: &[BundleDigest]) -> Result<BTreeMap<ModulePath, u64>, StoreError> {
    let mut sizes = BTreeMap::new();
    for bundle in bundles {
        let artifacts = env.store().blobs().list_bundle(bundle, limits(env))?;
        sizes.extend(artifacts.into_iter().map(|artifact| (artifact.path, artifact.size)));
    }
    Ok(sizes)
}

fn bytes_are_equal(
    env: &Environment,
    base: &[BundleDigest],
    new: &[BundleDigest],
) -> Result<bool, StoreError> {
    Ok(read(env, base)? == read(env, new)?)
}

/// The artifacts of some bundles with their media types and bytes, by path.
pub(super) fn read(
    env: &Environment,
    bundles: &[BundleDigest],
) -> Result<BTreeMap<ModulePath, (String, Vec<u8>)>, StoreError> {
    let mut artifacts = BTreeMap::new();
    for bundle in bundles {
        for artifact in env.store().blobs().read_bundle(bundle, limits(env))?.artifacts {
            artifacts.insert(artifact.path, (artifact.media_type, artifact.bytes));
        }
    }
    Ok(artifacts)
}

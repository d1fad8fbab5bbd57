//! Looking at what was prepared of a module.

use std::path::Path;

use prefab_model::{
    Artifact, ArtifactInfo, BundleDigest, CompilerName, Limits, ModuleName, ModulePath, OutcomeKind,
    SourceDigest, Stored, Task,
};
use prefab_store::{BundleLimits, DeployedBundle, ModuleResult, StoreError};
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::modules::ModulesError;

/// Why a module's artifacts cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactsError {
    /// There is no such module.
    #[error(transparent)]
    Module(#[from] Box<ModulesError>),
    /// It was not prepared.
    #[error(
        "module {module} has no artifacts: it was not prepared successfully. `prefab errors {module}` says why, `prefab prepare` tries again"
    )]
    NotPrepared {
        /// The module.
        module: ModuleName,
    },
    /// The ledger or the blobs failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was prepared of a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleArtifacts {
    /// The module.
    pub module: ModuleName,
    /// The platform version it was prepared for.
    pub platform: Version,
    /// One bundle for each compiler that took any of its files.
    pub bundles: Vec<BundleArtifacts>,
}

/// The artifacts of one compilation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleArtifacts {
    /// The compiler.
    pub compiler: CompilerName,
    /// The bundle that holds them.
    pub bundle: BundleDigest,
    /// The size of the bundle as stored, in bytes.
    pub size: u64,
    /// The artifacts.
    pub artifacts: Vec<ArtifactInfo>,
}

/// Lists what was prepared of a module.
pub fn artifacts(env: &Environment, module: &ModuleName) -> Result<ModuleArtifacts, ArtifactsError> {
    let (platform, bundles) = prepared(env, module)?;
    let bundles = bundles
        .into_iter()
        .map(|DeployedBundle { compiler, bundle, size, .. }| {
            let artifacts = env.store().blobs().list_bundle(&bundle, limits(env))?;
            Ok(BundleArtifacts { compiler, bundle, size, artifacts })
        })
        .collect::<Result<_, StoreError>>()?;
    Ok(ModuleArtifacts { module: module.clone(), platform, bundles })
}

/// One artifact of what was prepared of a module; none if there is none by this name.
pub fn read_artifact(
    env: &Environment,
    module: &ModuleName,
    path: &ModulePath,
) -> Result<Option<Artifact>, ArtifactsError> {
    let (_, bundles) = prepared(env, module)?;
    for DeployedBundle { bundle, .. } in bundles {
        let read = env.store().blobs().read_bundle(&bundle, limits(env))?;
        if let Some(artifact) = read.artifacts.into_iter().find(|artifact| artifact.path == *path) {
            return Ok(Some(artifact));
        }
    }
    Ok(None)
}

/// Writes what was prepared of a module into a folder that is empty or does not exist. Returns how many files there are.
pub fn extract_artifacts(
    env: &Environment,
    module: &ModuleName,
    folder: &Path,
) -> Result<u64, ArtifactsError> {
    let (_, bundles) = prepared(env, module)?;
    let digests: Vec<BundleDigest> = bundles.into_iter().map(|bundle| bundle.bundle).collect();
    Ok(env.store().blobs().extract(&digests, folder, limits(env))?.len() as u64)
}

/// The bundles of a module as it was last prepared.
fn prepared(
    env: &Environment,
    module: &ModuleName,
) -> Result<(Version, Vec<DeployedBundle>), ArtifactsError> {
    let store = env.store();
    if store.module(module)?.is_none() {
        return Err(Box::new(ModulesError::unknown(env, module)).into());
    }
    let not_prepared = || ArtifactsError::NotPrepared { module: module.clone() };
    let (preparation, result) = store.latest_result(module)?.ok_or_else(not_prepared)?;
    let version = store.preparation(preparation)?.ok_or_else(not_prepared)?.version;
    let bundles = bundles(env, &result)?.ok_or_else(not_prepared)?;
    Ok((version, bundles))
}

/// The bundles that a result stands for; none if one is missing.
pub(crate) fn bundles(
    env: &Environment,
    result: &ModuleResult,
) -> Result<Option<Vec<DeployedBundle>>, StoreError> {
    if result.state != prefab_model::ModuleState::Prepared {
        return Ok(None);
    }
    let mut bundles = Vec::new();
    for compilation in result.compilations.iter().filter(|compilation| compilation.task == Task::Compile) {
        let Some(known) = env.store().known(&result.module, &compilation.key)? else { return Ok(None) };
        let OutcomeKind::Compiled(Stored::Bundle { digest, size }) = known.kind else { return Ok(None) };
        // Of outcomes from before this was recorded, it is not known.
        let source = env
            .store()
            .compilation(&result.module, &compilation.key)?
            .map_or_else(|| SourceDigest::of(b""), |compilation| compilation.source);
        bundles.push(DeployedBundle {
            compiler: compilation.compiler.clone(),
            key: compilation.key,
            source,
            bundle: digest,
            size,
        });
    }
    Ok(Some(bundles))
}

/// How much of a bundle is unpacked at most: what the environment lets a compilation produce, or what was the default when it
/// did.
pub(crate) fn limits(env: &Environment) -> BundleLimits {
    let (default, now) = (Limits::default(), Limits::default().with(&env.config().limits));
    BundleLimits { bytes: default.output.max(now.output), artifacts: default.artifacts.max(now.artifacts) }
}

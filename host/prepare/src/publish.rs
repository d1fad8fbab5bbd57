//! Publishing: making a module's prepared artifacts the deployed ones.
//!
//! A module that is prepared as it stands is only switched (`deploy.rs`). One whose sources have changed is compiled first.

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use prefab_model::{CompilerName, ModuleName, ModulePath, PreparationId, Release, SourceDigest};
use prefab_sandbox::Sandbox;
use prefab_store::{Deployment, ModuleKind, ModuleResult, Snapshot, StoreError};
use semver::Version;
use serde::Serialize;
use time::OffsetDateTime;

use crate::artifacts::bundles;
use crate::choose::{ModuleSelection, choose};
use crate::deploy::{DeployError, Place};
use crate::environment::Environment;
use crate::event::Event;
use crate::history::{Action, entry, millis, who};
use crate::import::description;
use crate::lock::{Activity, Held, HoldError};
use crate::modules::ModulesError;
use crate::run::{PrepareError, PrepareOptions, Selection, Stop, prepare_held};
use crate::snapshot::{snapshot, source_digest};

/// Why modules could not be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A module that was named is not there.
    #[error(transparent)]
    Module(#[from] Box<ModulesError>),
    /// What was changed could not be compiled.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The deployed files could not be written or switched.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// The environment is held.
    #[error(transparent)]
    Hold(#[from] HoldError),
    /// The ledger or the blobs failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PublishError {
    /// Who holds the environment, if that is the reason.
    pub fn held(&self) -> Option<&Held> {
        match self {
            Self::Hold(HoldError::Held(held)) => Some(held),
            Self::Prepare(error) => error.held(),
            _ => None,
        }
    }
}

/// What became of one module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Published {
    /// The module.
    pub module: ModuleName,
    /// The platform version.
    pub platform: Version,
    /// What was done.
    #[serde(flatten)]
    pub how: PublishedHow,
}

/// What was done to publish a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "how")]
pub enum PublishedHow {
    /// Its prepared artifacts became the deployed ones; nothing was compiled.
    Switched,
    /// Its sources had changed: it was compiled, then switched.
    Compiled,
    /// What is deployed is what is prepared.
    Unchanged,
    /// It is not prepared; what is deployed of it stays.
    Refused {
        /// Why.
        reason: String,
    },
}

/// How many of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PublishSummary {
    /// Modules of which other artifacts are deployed than before.
    pub published: u64,
    /// Modules that were up to date.
    pub unchanged: u64,
    /// Modules that are not prepared.
    pub refused: u64,
}

/// Publishes modules, each in one atomic step: first those that are prepared as they stand, then those that have changed since, which
/// are compiled before.
pub fn publish(
    env: &Environment,
    sandbox: &Sandbox,
    selection: &ModuleSelection,
    stop: &Stop,
    watch: &mut dyn FnMut(&Event),
    reporter: &mut dyn FnMut(&Published),
) -> Result<PublishSummary, PublishError> {
    let mut hold = env.hold(Activity::Publish)?;
    let release = env.release()?.ok_or(PrepareError::NoPlatform)?;
    let mut summary = PublishSummary::default();
    let mut report = |module: ModuleName, how: PublishedHow| {
        match how {
            PublishedHow::Switched | PublishedHow::Compiled => summary.published += 1,
            PublishedHow::Unchanged => summary.unchanged += 1,
            PublishedHow::Refused { .. } => summary.refused += 1,
        }
        reporter(&Published { module, platform: release.version.clone(), how });
    };
    let mut changed = Vec::new();
    for module in choose(env, selection)? {
        if stop.is_asked() {
            break;
        }
        match Prepared::read(env, &module)? {
            Some(prepared) if prepared.is_current(env, &release, &module)? => {
                let how = deploy(env, &release, &prepared, PublishedHow::Switched)?;
                report(module, how);
            }
            _ => changed.push(module),
        }
    }
    if !changed.is_empty() && !stop.is_asked() {
        let options =
            PrepareOptions { selection: Selection::Modules(changed.clone()), ..PrepareOptions::default() };
        prepare_held(env, &mut hold, sandbox, &options, stop, watch)?;
    }
    for module in changed {
        if stop.is_asked() {
            break;
        }
        let how = match Prepared::read(env, &module)? {
            Some(prepared) => deploy(env, &release, &prepared, PublishedHow::Compiled)?,
            None => PublishedHow::Refused { reason: "it has not been prepared".to_owned() },
        };
        report(module, how);
    }
    Ok(summary)
}

/// What the ledger knows of a module's latest preparation.
struct Prepared {
    preparation: PreparationId,
    result: ModuleResult,
    snapshot: Snapshot,
}

impl Prepared {
    fn read(env: &Environment, module: &ModuleName) -> Result<Option<Self>, StoreError> {
        let Some((preparation, result)) = env.store().latest_result(module)? else { return Ok(None) };
        let snapshot = env.store().snapshot(module)?.unwrap_or_default();
        Ok(Some(Self { preparation, result, snapshot }))
    }

    /// Whether it is of this release and of the sources as they are now.
    fn is_current(
        &self,
        env: &Environment,
        release: &Release,
        module: &ModuleName,
    ) -> Result<bool, StoreError> {
        let store = env.store();
        if store.preparation(self.preparation)?.is_none_or(|of| of.release != release.digest) {
            return Ok(false);
        }
        let Some(row) = store.module(module)? else { return Ok(false) };
        let Ok(dir) = Dir::open_ambient_dir(&row.root, ambient_authority()) else { return Ok(false) };
        if row.kind == ModuleKind::Native
            && !description::read(&dir)
                .is_ok_and(|(kind, manifest)| kind == row.kind && manifest == row.manifest)
        {
            return Ok(false);
        }
        let takes = |path: &ModulePath| release.compilers.iter().any(|entry| entry.takes(path));
        let contents = |snapshot: &Snapshot| source_digest(snapshot, &takes);
        Ok(snapshot(&dir, &takes, Some(&self.snapshot), 0)
            .is_ok_and(|now| contents(&now.snapshot) == contents(&self.snapshot)))
    }
}

/// Makes what is prepared of a module the deployed. `how` says what it is that was done, if anything was.
fn deploy(
    env: &Environment,
    release: &Release,
    prepared: &Prepared,
    how: PublishedHow,
) -> Result<PublishedHow, PublishError> {
    let Prepared { preparation, result, snapshot } = prepared;
    let (store, module) = (env.store(), &result.module);
    let source = |compiler: &CompilerName| {
        let entry = release.compilers.iter().find(|entry| entry.name == *compiler);
        entry
            .and_then(|entry| source_digest(snapshot, &|path| entry.takes(path)))
            .unwrap_or_else(|| SourceDigest::of(b""))
    };
    let Some(bundles) = bundles(env, result, &source)? else {
        return Ok(PublishedHow::Refused { reason: reason(result) });
    };
    let place = Place::of(env, module, &bundles);
    let same = store.deployment(module)?.is_some_and(|deployment| {
        let digests = |bundles: &[prefab_store::DeployedBundle]| {
            bundles.iter().map(|bundle| bundle.bundle).collect::<Vec<_>>()
        };
        deployment.version == release.version && digests(&deployment.bundles) == digests(&bundles)
    });
    if same && place.is_deployed() {
        return Ok(PublishedHow::Unchanged);
    }
    place.make(env)?;
    let now = OffsetDateTime::now_utc();
    if !same {
        let action = Action::Published { module: module.clone(), platform: release.version.clone() };
        let deployment = Deployment {
            module: module.clone(),
            restores: None,
            preparation: Some(*preparation),
            version: release.version.clone(),
            release: release.digest,
            bundles,
            at: millis(now),
            who: who(),
        };
        store.publish(&[deployment], &entry(now, &action))?;
    }
    place.switch()?;
    Ok(how)
}

fn reason(result: &ModuleResult) -> String {
    match &result.state {
        prefab_model::ModuleState::Skipped(skipped) => {
            format!("it was skipped, because the signature of {} could not be made", skipped.root)
        }
        _ => format!("it has errors: `prefab errors {}` shows them", result.module),
    }
}

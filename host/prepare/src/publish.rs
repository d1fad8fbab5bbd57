//! Publishing: making a module's prepared artifacts the deployed ones.
//!
//! A module that is prepared as it stands is only switched (`deploy.rs`). One whose sources have changed is compiled first.

use std::collections::BTreeMap;

use prefab_model::{ModuleName, ModulePath, PreparationId, Release, Task};
use prefab_sandbox::Sandbox;
use prefab_store::{Deployment, ModuleKind, ModuleResult, StoreError};
use semver::Version;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::artifacts::bundles;
use crate::choose::{ModuleSelection, choose};
use crate::deploy::{DeployError, Place};
use crate::environment::Environment;
use crate::event::Event;
use crate::folded::{Folded, fold};
use crate::history::{Action, entry, millis};
use crate::import::description;
use crate::lock::{Activity, HoldError};
use crate::module_folder;
use crate::modules::ModulesError;
use crate::plan::{DependencyState, Planner};
use crate::releases::with_warrant;
use crate::run::{PrepareError, PrepareOptions, Selection, Stop, prepare_held};
use crate::snapshot::{snapshot, source_digest};
use crate::sources::{self, NotKept};
use crate::warrant::Warrant;

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
    #[error("{0}")]
    Hold(#[from] HoldError),
    /// The ledger or the blobs failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of one module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "how")]
pub enum PublishedHow {
    /// Its prepared artifacts became the deployed ones; nothing was compiled.
    Switched,
    /// Its sources had changed: it was compiled, then switched.
    Compiled,
    /// Its artifacts were damaged: it was compiled again, then switched.
    Repaired,
    /// What is deployed is what is prepared.
    Unchanged,
    /// It is not prepared yet by the preparation that runs; what is deployed of it stays.
    NotYet {
        /// The preparation.
        preparation: PreparationId,
    },
    /// It is not prepared; what is deployed of it stays.
    Refused {
        /// Why.
        reason: String,
    },
}

/// How many of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishSummary {
    /// Modules of which other artifacts are deployed than before.
    pub published: u64,
    /// Modules that were up to date.
    pub unchanged: u64,
    /// Modules that are not prepared.
    pub refused: u64,
    /// Modules that a preparation which runs has not come to yet.
    pub not_yet: u64,
}

/// Publishes modules, each in one atomic step: first those that are prepared as they stand, then those that have changed since, which
/// are compiled before. Beside a preparation that holds single modules only, it is the preparation that compiles them.
pub fn publish(
    env: &Environment,
    sandbox: &Sandbox,
    selection: &ModuleSelection,
    stop: &Stop,
    watch: &mut dyn FnMut(&Event),
    reporter: &mut dyn FnMut(&Published),
) -> Result<PublishSummary, PublishError> {
    let mut hold = env.hold_deployments(Activity::Publish)?;
    let platform = env.store().platform()?.ok_or(PrepareError::NoPlatform)?;
    let (release, warrant) = with_warrant(env, &platform.version).map_err(PrepareError::from)?;
    let publishing = Publishing { env, sandbox, release: &release, warrant };
    let mut summary = PublishSummary::default();
    let mut report = |module: ModuleName, how: PublishedHow| {
        match how {
            PublishedHow::Switched | PublishedHow::Compiled | PublishedHow::Repaired => {
                summary.published += 1;
            }
            PublishedHow::Unchanged => summary.unchanged += 1,
            PublishedHow::Refused { .. } => summary.refused += 1,
            PublishedHow::NotYet { .. } => summary.not_yet += 1,
        }
        reporter(&Published { module, platform: release.version.clone(), how });
    };
    let mut changed = Vec::new();
    for module in choose(env, selection)? {
        if stop.is_asked() {
            break;
        }
        match publishing.switch(&module, hold.beside().is_none())? {
            Switched::Yes(how) => report(module, how),
            Switched::No(how) => changed.push((module, how)),
        }
    }
    if let Some(preparation) = hold.beside() {
        let mut left = Vec::new();
        for (module, how) in std::mem::take(&mut changed) {
            if stop.is_asked() {
                break;
            }
            if env.store().result(preparation, &module)?.is_none() {
                report(module, PublishedHow::NotYet { preparation });
                continue;
            }
            match fold(env, preparation, &module)? {
                Folded::Through => report(module.clone(), publishing.deploy_latest(&module, how)?),
                Folded::Ended => left.push((module, how)),
            }
        }
        if left.is_empty() {
            return Ok(summary);
        }
        drop(hold);
        hold = env.hold(Activity::Publish)?;
        changed = left;
    }
    if !changed.is_empty() && !stop.is_asked() {
        let modules = changed.iter().map(|(module, _)| module.clone()).collect();
        let options = PrepareOptions { selection: Selection::Modules(modules), ..PrepareOptions::default() };
        prepare_held(env, &mut hold, sandbox, &options, stop, watch)?;
    }
    for (module, how) in changed {
        if stop.is_asked() {
            break;
        }
        let how = publishing.deploy_latest(&module, how)?;
        report(module, how);
    }
    Ok(summary)
}

/// Whether a module could be switched at once, or what it will be once it is compiled.
enum Switched {
    Yes(PublishedHow),
    No(PublishedHow),
}

struct Publishing<'a> {
    env: &'a Environment,
    sandbox: &'a Sandbox,
    release: &'a Release,
    warrant: Warrant,
}

impl Publishing<'_> {
    /// Switches a module if it is prepared as it stands, and its artifacts are whole. If they are not and `mend`, they are forgotten, so
    /// that they are compiled again.
    fn switch(&self, module: &ModuleName, mend: bool) -> Result<Switched, PublishError> {
        let Some(prepared) = Prepared::read(self.env, module)? else {
            return Ok(Switched::No(PublishedHow::Compiled));
        };
        if !prepared.is_current(self, module)? {
            return Ok(Switched::No(PublishedHow::Compiled));
        }
        match self.deploy(&prepared, PublishedHow::Switched) {
            Ok(how) => Ok(Switched::Yes(how)),
            Err(PublishError::Deploy(DeployError::Store(error))) if mend && is_damage(&error) => {
                tracing::warn!(%module, %error, "compiling again what is damaged");
                let keys: Vec<_> =
                    prepared.result.compilations.iter().map(|compilation| compilation.key).collect();
                self.env.store().forget_outcomes(module, &keys)?;
                Ok(Switched::No(PublishedHow::Repaired))
            }
            Err(error) => Err(error),
        }
    }

    /// Makes what was just prepared of a module the deployed.
    fn deploy_latest(&self, module: &ModuleName, how: PublishedHow) -> Result<PublishedHow, PublishError> {
        match Prepared::read(self.env, module)? {
            Some(prepared) => self.deploy(&prepared, how),
            None => Ok(PublishedHow::Refused { reason: "it has not been prepared".to_owned() }),
        }
    }

    /// Makes what is prepared of a module the deployed. `how` says what it is that was done, if anything was.
    fn deploy(&self, prepared: &Prepared, how: PublishedHow) -> Result<PublishedHow, PublishError> {
        let Prepared { preparation, result } = prepared;
        let Publishing { env, release, .. } = self;
        let (store, module) = (env.store(), &result.module);
        let Some(bundles) = bundles(env, result)? else {
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
        // What a revoked compiler made is not deployed anew.
        if let Err(refusal) = self.warrant.check() {
            let reason = format!("release {} is refused: {refusal}", release.version);
            return Ok(PublishedHow::Refused { reason });
        }
        let mut kept = Vec::new();
        for bundle in &bundles {
            let Some(entry) = release.compilers.iter().find(|entry| entry.name == bundle.compiler) else {
                continue;
            };
            match sources::keep(env, module, &bundle.source, entry) {
                Ok(source) => kept.extend(source),
                Err(NotKept::Source(problem)) => {
                    let reason =
                        format!("its sources were changed while it was published ({problem}): do it again");
                    return Ok(PublishedHow::Refused { reason });
                }
                Err(NotKept::Store(error)) => return Err(error.into()),
            }
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
                who: env.who(),
            };
            store.publish(&[deployment], &kept, &entry(env, now, &action))?;
        }
        place.switch()?;
        Ok(how)
    }
}

/// Whether bytes that were stored are not there any more as they were.
fn is_damage(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::CorruptBlob { .. } | StoreError::MissingBlob { .. } | StoreError::RefusedBundle { .. }
    )
}

/// What the ledger knows of a module's latest preparation.
struct Prepared {
    preparation: PreparationId,
    result: ModuleResult,
}

impl Prepared {
    fn read(env: &Environment, module: &ModuleName) -> Result<Option<Self>, StoreError> {
        let latest = env.store().latest_result(module)?;
        Ok(latest.map(|(preparation, result)| Self { preparation, result }))
    }

    /// Whether it is of this release, and preparing the module as it is now would do just what was done. Of its dependencies, what was
    /// known of them then counts.
    fn is_current(&self, publishing: &Publishing<'_>, module: &ModuleName) -> Result<bool, StoreError> {
        let Publishing { env, sandbox, release, .. } = publishing;
        let store = env.store();
        if store.preparation(self.preparation)?.is_none_or(|of| of.release != release.digest) {
            return Ok(false);
        }
        let Some(row) = store.module(module)? else { return Ok(false) };
        let Ok(dir) = module_folder::open(&row.root) else { return Ok(false) };
        let manifest = match row.kind {
            ModuleKind::Native => match description::read(&dir) {
                Ok((_, manifest)) => manifest,
                Err(_) => return Ok(false),
            },
            ModuleKind::Npm => row.manifest,
        };
        let takes = |path: &ModulePath| release.compilers.iter().any(|entry| entry.takes(path));
        let Ok(now) = snapshot(&dir, &takes, store.snapshot(module)?.as_ref(), 0) else { return Ok(false) };
        let planner = Planner { config: env.config(), engine: sandbox.revision() };
        let mut compiled = self.result.compilations.iter().filter(|done| done.task == Task::Compile);
        for entry in &release.compilers {
            let Some(source) = source_digest(&now.snapshot, &|path| entry.takes(path)) else { continue };
            let Some(done) = compiled.next() else { return Ok(false) };
            let Some(then) = store.compilation(module, &done.key)? else { return Ok(false) };
            let states = then.module.dependencies.iter().filter_map(|dependency| {
                let module = manifest.dependencies.get(&dependency.name)?;
                Some((module.clone(), DependencyState::of(dependency)))
            });
            let states: BTreeMap<ModuleName, DependencyState> = states.collect();
            let again = planner.compile(entry, &manifest, source, |module| {
                states.get(module).copied().unwrap_or(DependencyState::Absent)
            });
            if again.key != done.key {
                return Ok(false);
            }
        }
        Ok(compiled.next().is_none())
    }
}

fn reason(result: &ModuleResult) -> String {
    match &result.state {
        prefab_model::ModuleState::Skipped(skipped) => {
            format!("it was skipped, because the signature of {} could not be made", skipped.root)
        }
        _ => format!("it has errors: `prefab errors {}` shows them", result.module),
    }
}

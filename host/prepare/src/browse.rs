//! Looking through an environment's modules, for those who show them: a page of them with how each stands, and all there is to tell of one.
//!
//! How a module stands is what the latest preparation says. While only some modules are prepared anew, the others stand as they did,
//! as long as that was for the same release.

use std::time::Duration;

use prefab_model::{Bytes, Fuel, ModuleName, ModuleState, OutcomeKind, PreparationId};
use prefab_store::{BrowsedModule, Browsing, Note, StoreError};
use semver::Version;
use serde::Serialize;
use time::OffsetDateTime;

pub use prefab_store::BrowsedState;

use crate::environment::Environment;
use crate::errors::{ErrorsError, Problem, of_host};
use crate::history::from_millis;
use crate::modules::ModulesError;

/// What is looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModuleQuery {
    /// Only modules that stand so.
    pub state: Option<BrowsedState>,
    /// Only modules with this in their names.
    pub search: String,
    /// Only modules behind this one.
    pub after: Option<ModuleName>,
}

/// A module as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModuleLine {
    /// Its name.
    pub name: ModuleName,
    /// Its own version.
    pub version: Option<String>,
    /// The application it belongs to.
    pub application: Option<String>,
    /// The modules it needs.
    pub dependencies: Vec<ModuleName>,
    /// How it ended.
    #[serde(flatten)]
    pub state: ModuleState,
    /// Whether trouble of this machine was the reason.
    pub host_trouble: bool,
    /// Whether all its outcomes were known before.
    pub reused: bool,
    /// The platform version of what is deployed of it.
    pub published: Option<Version>,
}

/// Some modules, and whether there are more behind them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModulePage {
    /// By name.
    pub modules: Vec<ModuleLine>,
    /// Whether there are more.
    pub more: bool,
}

/// Up to `limit` modules that are looked for, by name.
pub fn browse_modules(env: &Environment, query: &ModuleQuery, limit: u32) -> Result<ModulePage, StoreError> {
    let browsing = Browsing { state: query.state, search: &query.search, ..standing(env)? };
    let mut found = env.store().browse(&browsing, query.after.as_ref(), limit.saturating_add(1))?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    Ok(ModulePage { modules: found.into_iter().map(line).collect(), more })
}

/// How these modules stand, each that is there.
pub fn browse_these(env: &Environment, modules: &[ModuleName]) -> Result<Vec<ModuleLine>, StoreError> {
    let found = env.store().browse_these(&standing(env)?, modules)?;
    Ok(found.into_iter().map(line).collect())
}

pub(crate) fn line(module: BrowsedModule) -> ModuleLine {
    let manifest = module.row.manifest;
    ModuleLine {
        name: manifest.name,
        version: manifest.version,
        application: manifest.application,
        dependencies: manifest.dependencies.into_values().collect(),
        state: module.state,
        host_trouble: module.host_trouble,
        reused: module.reused,
        published: module.deployed,
    }
}

/// Which preparations say how modules stand.
pub(crate) fn standing(env: &Environment) -> Result<Browsing<'static>, StoreError> {
    let none = Browsing { preparation: None, earlier: None, state: None, search: "" };
    let Some(latest) = env.store().latest_preparation()? else { return Ok(none) };
    let earlier = if latest.counts.modules < env.store().module_count()? {
        env.store().latest_preparation_before(latest.id)?.filter(|earlier| earlier.release == latest.release)
    } else {
        None
    };
    Ok(Browsing { preparation: Some(latest.id), earlier: earlier.map(|earlier| earlier.id), ..none })
}

/// What the preparation of a module came to, with each of its compilations.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModuleRun {
    /// In which preparation.
    pub preparation: PreparationId,
    /// For which platform version.
    pub platform: Version,
    /// How it ended.
    #[serde(flatten)]
    pub state: ModuleState,
    /// Whether all its outcomes were known before.
    pub reused: bool,
    /// What else is worth knowing.
    pub notes: Vec<Note>,
    /// What the host itself found, and every compilation with what it said and cost.
    pub compilations: Vec<Problem>,
}

impl ModuleRun {
    /// Fuel of all its compilations, where it is known.
    pub fn fuel(&self) -> Option<Fuel> {
        let fuel = self.usages().map(|usage| usage.fuel.map(|fuel| fuel.0));
        fuel.sum::<Option<u64>>().filter(|_| self.usages().next().is_some()).map(Fuel)
    }

    /// The most memory that one of them had.
    pub fn peak_memory(&self) -> Option<Bytes> {
        self.usages().map(|usage| usage.peak_memory).max_by_key(|memory| memory.0)
    }

    /// The time of all of them together.
    pub fn time(&self) -> Option<Duration> {
        self.usages().map(|usage| usage.time).reduce(Duration::saturating_add)
    }

    fn usages(&self) -> impl Iterator<Item = &prefab_model::Usage> {
        self.compilations.iter().filter_map(|problem| problem.usage.as_ref())
    }
}

/// What the preparation of a module came to; none if it has not ended yet.
pub fn module_run(env: &Environment, module: &ModuleName) -> Result<Option<ModuleRun>, ErrorsError> {
    let store = env.store();
    if store.module(module)?.is_none() {
        return Err(Box::new(ModulesError::unknown(env, module)).into());
    }
    let standing = standing(env)?;
    let mut found = None;
    for id in standing.preparation.into_iter().chain(standing.earlier) {
        if let Some(result) = store.result(id, module)? {
            found = store.preparation(id)?.map(|preparation| (preparation, result));
            break;
        }
    }
    let Some((preparation, result)) = found else { return Ok(None) };
    let mut compilations = Vec::new();
    if !result.problems.is_empty() {
        compilations.push(of_host(OutcomeKind::Rejected, result.problems));
    }
    if let Some(text) = result.host_error {
        compilations.push(of_host(OutcomeKind::HostError(text), Vec::new()));
    }
    for compilation in result.compilations {
        let Some(stored) = store.outcome(module, &compilation.key)? else { continue };
        compilations.push(Problem {
            compiler: Some(compilation.compiler),
            task: Some(compilation.task),
            outcome: stored.outcome.kind,
            limits: Some(stored.limits),
            usage: Some(stored.outcome.usage),
            diagnostics: stored.outcome.diagnostics,
            log: stored.outcome.log,
        });
    }
    Ok(Some(ModuleRun {
        preparation: preparation.id,
        platform: preparation.version,
        state: result.state,
        reused: result.reused,
        notes: result.notes,
        compilations,
    }))
}

/// Something of a module that was deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeploymentLine {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// By whom.
    pub who: String,
    /// The platform version it was compiled for.
    pub platform: Version,
    /// Whether it was gone back to.
    pub rolled_back: bool,
}

/// What was deployed of a module, the latest first, at most `limit`.
pub fn deployments(
    env: &Environment,
    module: &ModuleName,
    limit: u32,
) -> Result<Vec<DeploymentLine>, StoreError> {
    let deployments = env.store().deployments_of(module, limit)?;
    let line = |deployment: prefab_store::Deployment| DeploymentLine {
        at: from_millis(deployment.at),
        who: deployment.who,
        platform: deployment.version,
        rolled_back: deployment.restores.is_some(),
    };
    Ok(deployments.into_iter().map(line).collect())
}

//! Rolling back: what was deployed of a module before, deployed again.
//!
//! A rollback is a deployment of its own, recorded with the one it went back to, and is made in the same steps as any other
//! (`deploy.rs`). Rolling back twice goes two deployments back, not to and fro, and what was rolled back is not come back to: after
//! publishing A, B, rolling back to A and publishing C, the way back from C is A. The way forward is `prefab publish`.

use std::fmt;

use prefab_model::ModuleName;
use prefab_store::{Deployment, DeploymentId, StoreError};
use semver::Version;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::artifacts::limits;
use crate::choose::{ModuleSelection, choose};
use crate::deploy::{DeployError, Place};
use crate::environment::Environment;
use crate::history::{Action, entry, from_millis, millis};
use crate::lock::{Activity, HoldError};
use crate::modules::ModulesError;
use crate::run::Stop;

/// Why modules could not be rolled back.
#[derive(Debug, thiserror::Error)]
pub enum RollbackError {
    /// A module that was named is not there.
    #[error(transparent)]
    Module(#[from] Box<ModulesError>),
    /// The deployed files could not be written or switched.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// The environment is held.
    #[error("{0}")]
    Hold(#[from] HoldError),
    /// The ledger failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of one module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolledBack {
    /// The module.
    pub module: ModuleName,
    /// The platform version of what was deployed; none if nothing was.
    pub from: Option<Version>,
    /// What was done.
    #[serde(flatten)]
    pub how: RolledBackHow,
}

/// What was done to roll a module back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "how")]
pub enum RolledBackHow {
    /// What was deployed before is deployed again.
    Switched {
        /// Its platform version.
        to: Version,
        /// When it was published.
        #[serde(with = "time::serde::rfc3339")]
        published: OffsetDateTime,
    },
    /// What is deployed of it stays.
    Refused {
        /// Why.
        reason: String,
    },
}

/// How many of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackSummary {
    /// Modules that were rolled back.
    pub rolled_back: u64,
    /// Modules that could not be.
    pub refused: u64,
}

/// Rolls modules back, each in one atomic step. With `dry_run` nothing is changed: it is only found out what would be.
pub fn rollback(
    env: &Environment,
    selection: &ModuleSelection,
    dry_run: bool,
    stop: &Stop,
    reporter: &mut dyn FnMut(&RolledBack),
) -> Result<RollbackSummary, RollbackError> {
    let _hold = env.hold_deployments(Activity::Rollback)?;
    let mut summary = RollbackSummary::default();
    for module in choose(env, selection)? {
        if stop.is_asked() {
            break;
        }
        let from = env.store().deployment(&module)?.map(|deployment| deployment.version);
        let how = match &from {
            None => refused("nothing of it was ever published"),
            Some(from) => back(env, &module, from, dry_run)?,
        };
        match how {
            RolledBackHow::Switched { .. } => summary.rolled_back += 1,
            RolledBackHow::Refused { .. } => summary.refused += 1,
        }
        reporter(&RolledBack { module, from, how });
    }
    Ok(summary)
}

fn refused(reason: impl fmt::Display) -> RolledBackHow {
    RolledBackHow::Refused { reason: reason.to_string() }
}

fn back(
    env: &Environment,
    module: &ModuleName,
    from: &Version,
    dry_run: bool,
) -> Result<RolledBackHow, RollbackError> {
    let Some((id, earlier)) = env.store().deployments_before(module, 1)?.pop() else {
        return Ok(refused("there is no earlier deployment of it to go back to"));
    };
    let place = Place::of(env, module, &earlier.bundles);
    let made = if dry_run { check(env, &place, &earlier) } else { place.make(env) };
    match made {
        Ok(()) => {}
        Err(DeployError::Store(
            error @ (StoreError::MissingBlob { .. } | StoreError::CorruptBlob { .. }),
        )) => {
            return Ok(refused(format_args!(
                "{error}. What it had on {} cannot be brought back; what is prepared now can be published with `prefab publish {module}`",
                earlier.version
            )));
        }
        Err(error) => return Err(error.into()),
    }
    let published = from_millis(earlier.at);
    let to = earlier.version.clone();
    if !dry_run {
        record(env, from, id, earlier)?;
        place.switch()?;
    }
    Ok(RolledBackHow::Switched { to, published })
}

/// Whether the artifacts can be had.
fn check(env: &Environment, place: &Place, earlier: &Deployment) -> Result<(), DeployError> {
    if !place.folder.is_dir() {
        for bundle in &earlier.bundles {
            env.store().blobs().list_bundle(&bundle.bundle, limits(env))?;
        }
    }
    Ok(())
}

fn record(
    env: &Environment,
    from: &Version,
    restores: DeploymentId,
    earlier: Deployment,
) -> Result<(), StoreError> {
    let now = OffsetDateTime::now_utc();
    let action = Action::RolledBack {
        module: earlier.module.clone(),
        from: from.clone(),
        to: earlier.version.clone(),
        published: from_millis(earlier.at),
    };
    let deployment = Deployment { restores: Some(restores), at: millis(now), who: env.who(), ..earlier };
    env.store().publish(&[deployment], &[], &entry(env, now, &action))
}

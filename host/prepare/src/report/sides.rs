//! The two preparations that are compared: which ones, and what is to be said of each.

use prefab_model::{
    Counts, ModuleName, PreparationId, PreparationKind, PreparationState, Release, ReleaseDigest,
};
use prefab_store::{Preparation, StoreError};
use semver::Version;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::environment::Environment;
use crate::history::from_millis;
use crate::modules::ModulesError;

/// Why two preparations cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// There is nothing to compare with.
    #[error(
        "there is nothing to compare with: the modules were never prepared with the environment's current release. Prepare them with `prefab prepare`, or name a preparation with --base"
    )]
    NoBase,
    /// There is nothing that could be compared.
    #[error(
        "there is no rehearsal to report on: make one with `prefab rehearse MANIFEST`, or name a preparation with --new (`prefab history` has their numbers)"
    )]
    NoRehearsal,
    /// There is no such preparation.
    #[error(
        "there is no preparation {id} in this environment: `prefab history` has the numbers of those there are"
    )]
    UnknownPreparation {
        /// Its number.
        id: PreparationId,
    },
    /// There is no such module.
    #[error(transparent)]
    Module(#[from] Box<ModulesError>),
    /// The module is in neither of the two.
    #[error(
        "module {module} took no part in preparation {base} nor in {new}: prepare it first, or name others with --base and --new"
    )]
    NotPrepared {
        /// The module.
        module: ModuleName,
        /// One preparation.
        base: PreparationId,
        /// The other one.
        new: PreparationId,
    },
    /// The ledger or the blobs failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One of the two preparations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Its number.
    pub preparation: PreparationId,
    /// Whether it is a rehearsal.
    pub kind: PreparationKind,
    /// The platform version that modules were prepared for.
    pub platform: Version,
    /// Its release.
    pub release: ReleaseDigest,
    /// A link to the release notes, as the release has it, if the release is installed.
    pub notes: Option<String>,
    /// Where it is: if it is not done, the report is of what there is so far.
    pub state: PreparationState,
    /// Its figures.
    pub counts: Counts,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
}

impl Side {
    pub(super) fn of(env: &Environment, id: PreparationId) -> Result<Self, ReportError> {
        let preparation = env.store().preparation(id)?.ok_or(ReportError::UnknownPreparation { id })?;
        let Preparation { kind, version, release, state, counts, started_at, .. } = preparation;
        let installed = env.store().release(&version)?.filter(|installed| installed.digest == release);
        let notes = installed.and_then(|installed| Release::parse(&installed.manifest).ok()?.notes);
        let started_at = from_millis(started_at);
        Ok(Self { preparation: id, kind, platform: version, release, notes, state, counts, started_at })
    }
}

/// Which two preparations are meant: where none is named, the latest preparation with the environment's current release is the
/// base, and the latest rehearsal is compared with it. If only the base is named and there was no rehearsal, the
/// latest preparation is.
pub fn sides(
    env: &Environment,
    base: Option<PreparationId>,
    new: Option<PreparationId>,
) -> Result<(PreparationId, PreparationId), ReportError> {
    let store = env.store();
    let new = match (new, store.latest_rehearsal()?) {
        (Some(named), _) => named,
        (None, Some(rehearsal)) => rehearsal.id,
        (None, None) if base.is_some() => store.latest_preparation()?.ok_or(ReportError::NoRehearsal)?.id,
        (None, None) => return Err(ReportError::NoRehearsal),
    };
    let base = if let Some(named) = base {
        named
    } else {
        let current = store.platform()?.ok_or(ReportError::NoBase)?;
        store.latest_preparation_of(&current.release)?.ok_or(ReportError::NoBase)?.id
    };
    Ok((base, new))
}

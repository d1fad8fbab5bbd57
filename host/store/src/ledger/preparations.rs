//! Preparations: one row a run, with its figures.

use prefab_model::{Counts, PreparationId, PreparationKind, PreparationState, ReleaseDigest};
use rusqlite::{Connection, OptionalExtension, Row};
use semver::Version;

use super::column;
use crate::error::Fault;
use crate::{Store, StoreError};

/// The process that runs a preparation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its number, while it lives.
    pub pid: u32,
    /// Who it is, for people.
    pub who: String,
}

/// A preparation that is about to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPreparation {
    /// What it is for.
    pub kind: PreparationKind,
    /// The platform version that modules are prepared for.
    pub version: Version,
    /// Its release.
    pub release: ReleaseDigest,
    /// How many modules take part.
    pub modules: u64,
    /// When it begins.
    pub started_at: i64,
    /// Who runs it.
    pub holder: Holder,
}

/// A preparation and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preparation {
    /// Its number.
    pub id: PreparationId,
    /// What it is for.
    pub kind: PreparationKind,
    /// The platform version that modules are prepared for.
    pub version: Version,
    /// Its release.
    pub release: ReleaseDigest,
    /// Where it is, as its process last said: one that was killed still says that it runs.
    pub state: PreparationState,
    /// Its figures, as of the last batch.
    pub counts: Counts,
    /// Who runs it.
    pub holder: Holder,
    /// When it began.
    pub started_at: i64,
    /// When it was done or stopped.
    pub finished_at: Option<i64>,
}

const fn state_code(state: PreparationState) -> i64 {
    match state {
        PreparationState::Running => 0,
        PreparationState::Done => 1,
        PreparationState::Stopped => 2,
        PreparationState::Paused => 3,
        PreparationState::Cancelled => 4,
    }
}

const fn state_from_code(code: i64) -> Option<PreparationState> {
    match code {
        0 => Some(PreparationState::Running),
        1 => Some(PreparationState::Done),
        2 => Some(PreparationState::Stopped),
        3 => Some(PreparationState::Paused),
        4 => Some(PreparationState::Cancelled),
        _ => None,
    }
}

/// The code of [`PreparationKind::Preparation`], for statements.
pub(super) const PREPARATION_KIND: i64 = 0;

const fn kind_code(kind: PreparationKind) -> i64 {
    match kind {
        PreparationKind::Preparation => PREPARATION_KIND,
        PreparationKind::Rehearsal => 1,
    }
}

const fn kind_from_code(code: i64) -> Option<PreparationKind> {
    match code {
        PREPARATION_KIND => Some(PreparationKind::Preparation),
        1 => Some(PreparationKind::Rehearsal),
        _ => None,
    }
}

const SELECT: &str = "SELECT id, version, release, state, holder_pid, holder, started_at, finished_at,
    modules, signed, prepared, failed, skipped, reused, host_errors, kind FROM preparations";

impl Store {
    /// Begins a preparation: it is running from now on.
    pub fn begin_preparation(&self, new: &NewPreparation) -> Result<PreparationId, StoreError> {
        self.ledger.write("begin a preparation", |ledger| {
            ledger.execute(
                "INSERT INTO preparations (version, release, state, holder_pid, holder, started_at,
                     modules, signed, prepared, failed, skipped, reused, host_errors, kind)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0, 0, 0, 0, 0, ?8)",
                (
                    new.version.to_string(),
                    new.release.as_bytes(),
                    state_code(PreparationState::Running),
                    new.holder.pid,
                    &new.holder.who,
                    new.started_at,
                    column::number(new.modules),
                    kind_code(new.kind),
                ),
            )?;
            Ok(PreparationId(ledger.last_insert_rowid()))
        })
    }

    /// Ends a preparation, done or stopped, with its last figures.
    pub fn finish_preparation(
        &self,
        id: PreparationId,
        state: PreparationState,
        counts: &Counts,
        at: i64,
    ) -> Result<(), StoreError> {
        self.ledger.write("finish the preparation", |ledger| {
            put_counts(ledger, id, counts)?;
            ledger.execute(
                "UPDATE preparations SET state = ?2, finished_at = ?3 WHERE id = ?1",
                (id.0, state_code(state), at),
            )?;
            Ok(())
        })
    }

    /// Says that a preparation waits, or goes on.
    pub fn set_preparation_state(
        &self,
        id: PreparationId,
        state: PreparationState,
    ) -> Result<(), StoreError> {
        self.ledger.write("record the state of the preparation", |ledger| {
            ledger.execute("UPDATE preparations SET state = ?2 WHERE id = ?1", (id.0, state_code(state)))?;
            Ok(())
        })
    }

    /// The preparation that began last, rehearsals aside.
    pub fn latest_preparation(&self) -> Result<Option<Preparation>, StoreError> {
        self.latest(PreparationKind::Preparation)
    }

    /// The rehearsal that began last.
    pub fn latest_rehearsal(&self) -> Result<Option<Preparation>, StoreError> {
        self.latest(PreparationKind::Rehearsal)
    }

    /// The preparation that began last before this one, rehearsals aside.
    pub fn latest_preparation_before(&self, id: PreparationId) -> Result<Option<Preparation>, StoreError> {
        self.ledger.read("read the preparation before", |ledger| {
            ledger
                .prepare_cached(&format!(
                    "{SELECT} WHERE kind = {PREPARATION_KIND} AND id < ?1 ORDER BY id DESC LIMIT 1"
                ))?
                .query_row([id.0], preparation)
                .optional()
                .map_err(Fault::from)
        })
    }

    /// The preparation with this release that began last, rehearsals aside.
    pub fn latest_preparation_of(&self, release: &ReleaseDigest) -> Result<Option<Preparation>, StoreError> {
        self.ledger.read("read the latest preparation of the release", |ledger| {
            ledger
                .prepare_cached(&format!(
                    "{SELECT} WHERE kind = {PREPARATION_KIND} AND release = ?1 ORDER BY id DESC LIMIT 1"
                ))?
                .query_row([release.as_bytes()], preparation)
                .optional()
                .map_err(Fault::from)
        })
    }

    fn latest(&self, kind: PreparationKind) -> Result<Option<Preparation>, StoreError> {
        self.ledger.read("read the latest preparation", |ledger| {
            ledger
                .prepare_cached(&format!("{SELECT} WHERE kind = ?1 ORDER BY id DESC LIMIT 1"))?
                .query_row([kind_code(kind)], preparation)
                .optional()
                .map_err(Fault::from)
        })
    }

    /// Up to `limit` preparations and rehearsals before this number, the latest first.
    pub fn preparations_before(
        &self,
        before: PreparationId,
        limit: u32,
    ) -> Result<Vec<Preparation>, StoreError> {
        self.ledger.read("list the preparations", |ledger| {
            ledger
                .prepare_cached(&format!("{SELECT} WHERE id < ?1 ORDER BY id DESC LIMIT ?2"))?
                .query_map((before.0, limit), preparation)?
                .collect::<Result<_, _>>()
                .map_err(Fault::from)
        })
    }

    /// The preparation of this number.
    pub fn preparation(&self, id: PreparationId) -> Result<Option<Preparation>, StoreError> {
        self.ledger.read("read the preparation", |ledger| {
            ledger
                .prepare_cached(&format!("{SELECT} WHERE id = ?1"))?
                .query_row([id.0], preparation)
                .optional()
                .map_err(Fault::from)
        })
    }
}

pub(crate) fn put_counts(ledger: &Connection, id: PreparationId, counts: &Counts) -> Result<(), Fault> {
    let updated = ledger
        .prepare_cached(
            "UPDATE preparations SET modules = ?2, signed = ?3, prepared = ?4, failed = ?5, skipped = ?6, reused = ?7,
                 host_errors = ?8 WHERE id = ?1",
        )?
        .execute((
            id.0,
            column::number(counts.modules),
            column::number(counts.signed),
            column::number(counts.prepared),
            column::number(counts.failed),
            column::number(counts.skipped),
            column::number(counts.reused),
            column::number(counts.host_errors),
        ))?;
    if updated == 1 { Ok(()) } else { Err(StoreError::UnknownPreparation { id }.into()) }
}

fn preparation(row: &Row<'_>) -> rusqlite::Result<Preparation> {
    Ok(Preparation {
        id: PreparationId(row.get(0)?),
        version: column::parsed(row, 1)?,
        release: column::digest(row, 2)?,
        state: column::code(row, 3, state_from_code)?,
        holder: Holder { pid: row.get(4)?, who: row.get(5)? },
        started_at: row.get(6)?,
        finished_at: row.get(7)?,
        counts: Counts {
            modules: column::count(row, 8)?,
            signed: column::count(row, 9)?,
            prepared: column::count(row, 10)?,
            failed: column::count(row, 11)?,
            skipped: column::count(row, 12)?,
            reused: column::count(row, 13)?,
            host_errors: column::count(row, 14)?,
        },
        kind: column::code(row, 15, kind_from_code)?,
    })
}

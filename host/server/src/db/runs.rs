//! What runs in the background, so that it goes on after a restart.

use super::{Db, DbError, parsed};
use crate::names::{EnvironmentName, TenantName};

/// A preparation or rehearsal that runs, or ran when the server ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunRow {
    pub(crate) tenant: TenantName,
    pub(crate) environment: EnvironmentName,
    pub(crate) rehearsal: bool,
    /// The request, as JSON.
    pub(crate) request: String,
    pub(crate) who: String,
    pub(crate) paused: bool,
}

impl Db {
    pub(crate) fn put_run(&self, run: &RunRow) -> Result<(), DbError> {
        self.write("record what runs", |db| {
            db.execute(
                "INSERT OR REPLACE INTO runs (tenant, environment, rehearsal, request, who, paused) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (run.tenant.as_str(), run.environment.as_str(), run.rehearsal, &run.request, &run.who, run.paused),
            )
            .map(drop)
        })
    }

    pub(crate) fn set_run_paused(
        &self,
        tenant: &TenantName,
        environment: &EnvironmentName,
        rehearsal: bool,
        paused: bool,
    ) -> Result<(), DbError> {
        self.write("record what is paused", |db| {
            db.execute(
                "UPDATE runs SET paused = ?4 WHERE tenant = ?1 AND environment = ?2 AND rehearsal = ?3",
                (tenant.as_str(), environment.as_str(), rehearsal, paused),
            )
            .map(drop)
        })
    }

    pub(crate) fn remove_run(
        &self,
        tenant: &TenantName,
        environment: &EnvironmentName,
        rehearsal: bool,
    ) -> Result<(), DbError> {
        self.write("record what ended", |db| {
            db.execute(
                "DELETE FROM runs WHERE tenant = ?1 AND environment = ?2 AND rehearsal = ?3",
                (tenant.as_str(), environment.as_str(), rehearsal),
            )
            .map(drop)
        })
    }

    pub(crate) fn runs(&self) -> Result<Vec<RunRow>, DbError> {
        self.read("read what ran", |db| {
            db.prepare_cached("SELECT tenant, environment, rehearsal, request, who, paused FROM runs")?
                .query_map((), |row| {
                    Ok(RunRow {
                        tenant: parsed(row, 0)?,
                        environment: parsed(row, 1)?,
                        rehearsal: row.get(2)?,
                        request: row.get(3)?,
                        who: row.get(4)?,
                        paused: row.get(5)?,
                    })
                })?
                .collect()
        })
    }
}

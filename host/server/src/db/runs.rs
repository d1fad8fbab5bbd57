//! What runs in the background, so that it goes on after a restart.

use prefab_model::PreparationId;

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

/// What a row is found by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunKey<'a> {
    pub(crate) tenant: &'a TenantName,
    pub(crate) environment: &'a EnvironmentName,
    pub(crate) rehearsal: bool,
    /// The number that it has in its environment since it began, which is another one after a restart.
    pub(crate) preparation: PreparationId,
}

impl Db {
    /// Records that a run goes on as this preparation, or rehearsal, in place of what its environment ran before.
    pub(crate) fn put_run(&self, run: &RunRow, preparation: PreparationId) -> Result<(), DbError> {
        self.write("record what runs", |db| {
            db.execute(
                "INSERT OR REPLACE INTO runs (tenant, environment, rehearsal, request, who, paused, preparation) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                (run.tenant.as_str(), run.environment.as_str(), run.rehearsal, &run.request, &run.who, run.paused, preparation.0),
            )
            .map(drop)
        })
    }

    pub(crate) fn set_run_paused(&self, run: &RunKey<'_>, paused: bool) -> Result<(), DbError> {
        self.change_run("record what is paused", "UPDATE runs SET paused = ?5", run, Some(paused))
    }

    /// Forgets a run that has ended, or was called off. Another one that has begun meanwhile stays.
    pub(crate) fn remove_run(&self, run: &RunKey<'_>) -> Result<(), DbError> {
        self.change_run("record what ended", "DELETE FROM runs", run, None)
    }

    fn change_run(
        &self,
        what: &'static str,
        change: &str,
        run: &RunKey<'_>,
        value: Option<bool>,
    ) -> Result<(), DbError> {
        let own = "WHERE tenant = ?1 AND environment = ?2 AND rehearsal = ?3 AND preparation = ?4";
        self.write(what, |db| {
            let mut statement = db.prepare_cached(&format!("{change} {own}"))?;
            let (tenant, environment) = (run.tenant.as_str(), run.environment.as_str());
            match value {
                Some(value) => {
                    statement.execute((tenant, environment, run.rehearsal, run.preparation.0, value))
                }
                None => statement.execute((tenant, environment, run.rehearsal, run.preparation.0)),
            }
            .map(drop)
        })
    }

    /// All, each with the number as which it began.
    pub(crate) fn runs(&self) -> Result<Vec<(RunRow, PreparationId)>, DbError> {
        self.read("read what ran", |db| {
            db.prepare_cached(
                "SELECT tenant, environment, rehearsal, request, who, paused, preparation FROM runs",
            )?
            .query_map((), |row| {
                let run = RunRow {
                    tenant: parsed(row, 0)?,
                    environment: parsed(row, 1)?,
                    rehearsal: row.get(2)?,
                    request: row.get(3)?,
                    who: row.get(4)?,
                    paused: row.get(5)?,
                };
                Ok((run, PreparationId(row.get(6)?)))
            })?
            .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_run_takes_away_no_other_that_has_begun_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("server.db")).unwrap();
        let row = RunRow {
            tenant: "acme".parse().unwrap(),
            environment: "shop".parse().unwrap(),
            rehearsal: false,
            request: "{}".to_owned(),
            who: "somebody".to_owned(),
            paused: false,
        };
        let key = |preparation| RunKey {
            tenant: &row.tenant,
            environment: &row.environment,
            rehearsal: false,
            preparation: PreparationId(preparation),
        };
        db.put_run(&row, PreparationId(1)).unwrap();
        db.put_run(&row, PreparationId(2)).unwrap();
        db.remove_run(&key(1)).unwrap();
        db.set_run_paused(&key(1), true).unwrap();
        assert_eq!(db.runs().unwrap(), [(row.clone(), PreparationId(2))]);
        db.set_run_paused(&key(2), true).unwrap();
        assert!(db.runs().unwrap()[0].0.paused);
        db.remove_run(&key(2)).unwrap();
        assert!(db.runs().unwrap().is_empty());
    }
}

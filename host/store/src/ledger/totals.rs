//! Totals: how many modules are present, and of how many something is deployed. `prefab status` reads them; counting a million rows
//! takes longer than it may. Triggers keep them (schema_4.sql), so that no statement can forget to.

use rusqlite::Connection;

use super::column;
use crate::error::Fault;
use crate::{Store, StoreError};

impl Store {
    /// How many modules there are.
    pub fn module_count(&self) -> Result<u64, StoreError> {
        self.ledger.read("read how many modules there are", |ledger| {
            let mut statement = ledger.prepare_cached("SELECT modules FROM totals")?;
            Ok(statement.query_row((), |row| column::count(row, 0))?)
        })
    }

    /// How many modules have something deployed, also of those that were removed.
    pub fn deployed_count(&self) -> Result<u64, StoreError> {
        self.ledger.read("read how many modules are deployed", |ledger| {
            let mut statement = ledger.prepare_cached("SELECT deployed FROM totals")?;
            Ok(statement.query_row((), |row| column::count(row, 0))?)
        })
    }
}

/// Counts, and compares.
pub(super) fn check(ledger: &Connection) -> Result<(), Fault> {
    let (modules, deployed, counted_modules, counted_deployed): (i64, i64, i64, i64) = ledger.query_row(
        "SELECT modules, deployed, (SELECT count(*) FROM modules WHERE present), (SELECT count(*) FROM deployed) FROM totals",
        (),
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
    )?;
    if (modules, deployed) == (counted_modules, counted_deployed) {
        return Ok(());
    }
    Err(Fault::record(
        "totals",
        format_args!(
            "they say {modules} modules and {deployed} deployed, and there are {counted_modules} and {counted_deployed}"
        ),
    ))
}

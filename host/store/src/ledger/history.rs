//! The history of an environment: who did what and when. It is only ever added to.

use rusqlite::Connection;
use serde_json::Value;

use crate::error::Fault;
use crate::{Store, StoreError};

/// One thing that somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// When.
    pub at: i64,
    /// Who.
    pub who: String,
    /// What: a command's name, such as `upgrade`.
    pub what: String,
    /// With which arguments and result.
    pub detail: Value,
}

impl Store {
    /// Adds an entry.
    pub fn append_history(&self, entry: &HistoryEntry) -> Result<(), StoreError> {
        self.ledger.write("add to the history", |ledger| append(ledger, entry))
    }

    /// The latest entries, at most `limit`, newest first.
    pub fn history(&self, limit: u32) -> Result<Vec<HistoryEntry>, StoreError> {
        self.ledger.read("read the history", |ledger| {
            let mut statement = ledger
                .prepare_cached("SELECT at, who, what, detail FROM history ORDER BY id DESC LIMIT ?1")?;
            let mut rows = statement.query([limit])?;
            let mut entries = Vec::new();
            while let Some(row) = rows.next()? {
                let detail = row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?;
                entries.push(HistoryEntry {
                    at: row.get(0)?,
                    who: row.get(1)?,
                    what: row.get(2)?,
                    detail: serde_json::from_str(detail)
                        .map_err(|error| Fault::record("history detail", error))?,
                });
            }
            Ok(entries)
        })
    }
}

pub(super) fn append(ledger: &Connection, entry: &HistoryEntry) -> Result<(), Fault> {
    ledger
        .prepare_cached("INSERT INTO history (at, who, what, detail) VALUES (?1, ?2, ?3, ?4)")?
        .execute((entry.at, &entry.who, &entry.what, entry.detail.to_string()))?;
    Ok(())
}

//! Snapshots: what was seen of a module's files when they were last read, so that files that did not change are not read again.

use prefab_model::{ModuleName, ModulePath};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::{modules, record};
use crate::error::Fault;
use crate::{Store, StoreError};

/// A module's files as they were last read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The files, in the order in which they were stored.
    pub files: Vec<SnapshotFile>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotFile {
    /// Its path within the module.
    pub path: ModulePath,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last changed, in nanoseconds since 1970, as the file system says.
    pub mtime_ns: i64,
    /// Its inode.
    pub inode: u64,
    /// The BLAKE3 hash of its bytes.
    pub content: [u8; 32],
}

impl Store {
    /// What was seen of a module's files when they were last read; none if they never were.
    pub fn snapshot(&self, module: &ModuleName) -> Result<Option<Snapshot>, StoreError> {
        self.ledger.read("read the snapshot", |ledger| match modules::id(ledger, module)? {
            Some(module) => get(ledger, module),
            None => Ok(None),
        })
    }
}

/// What was seen of the files of the module with this number.
pub(super) fn get(ledger: &Connection, module: i64) -> Result<Option<Snapshot>, Fault> {
    let mut statement = ledger.prepare_cached("SELECT record FROM snapshots WHERE module = ?1")?;
    let mut rows = statement.query([module])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let bytes = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
    record::decode("snapshot", bytes).map(Some)
}

pub(crate) fn put(ledger: &Connection, module: i64, snapshot: &Snapshot) -> Result<(), Fault> {
    ledger
        .prepare_cached("INSERT OR REPLACE INTO snapshots (module, record) VALUES (?1, ?2)")?
        .execute((module, record::encode(snapshot)?))?;
    Ok(())
}

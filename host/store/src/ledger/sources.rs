//! Sources that are kept, so that what was published can be compiled again: which blob has the files of a source digest.

use prefab_model::{BundleDigest, SourceDigest};
use rusqlite::{Connection, OptionalExtension};

use super::column;
use crate::error::Fault;
use crate::{Store, StoreError};

impl Store {
    /// The blob with the files of this source, if they are kept.
    pub fn sources(&self, source: &SourceDigest) -> Result<Option<BundleDigest>, StoreError> {
        self.ledger.read("look up sources", |ledger| {
            ledger
                .prepare_cached("SELECT blob FROM sources WHERE digest = ?1")?
                .query_row([source.as_bytes()], |row| column::digest(row, 0))
                .optional()
                .map_err(Fault::from)
        })
    }
}

pub(crate) fn put(ledger: &Connection, source: &SourceDigest, blob: &BundleDigest) -> Result<(), Fault> {
    ledger
        .prepare_cached("INSERT OR REPLACE INTO sources (digest, blob) VALUES (?1, ?2)")?
        .execute((source.as_bytes(), blob.as_bytes()))?;
    Ok(())
}

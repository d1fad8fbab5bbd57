//! Signatures: kept in the ledger itself, since they are small, many, and read by every dependent.

use prefab_model::{CompilerName, ModuleName, SignatureDigest};
use rusqlite::{Connection, OptionalExtension};

use super::{column, outcomes};
use crate::error::Fault;
use crate::{Store, StoreError};

impl Store {
    /// The bytes of a module's signature.
    ///
    /// # Errors
    /// Also if they are no longer those that were stored.
    pub fn signature(
        &self,
        module: &ModuleName,
        digest: &SignatureDigest,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.ledger.read("read the signature", |ledger| {
            let bytes: Option<Vec<u8>> = ledger
                .prepare_cached(
                    "SELECT bytes FROM signatures WHERE module IN ((SELECT id FROM modules WHERE name = ?1), 0) AND digest = ?2
                     LIMIT 1",
                )?
                .query_row((module.as_str(), digest.as_bytes()), |row| row.get(0))
                .optional()?;
            match bytes {
                Some(bytes) if SignatureDigest::of(&bytes) != *digest => {
                    Err(Fault::record("signature", format_args!("{digest} has other bytes")))
                }
                bytes => Ok(bytes),
            }
        })
    }

    /// The signature that this compiler, in whichever version, made of the module when it last succeeded.
    pub fn latest_signature(
        &self,
        module: &ModuleName,
        compiler: &CompilerName,
    ) -> Result<Option<SignatureDigest>, StoreError> {
        self.ledger.read("read the latest signature", |ledger| {
            ledger
                .prepare_cached(
                    "SELECT o.stored FROM modules m
                     JOIN successes s ON s.module = m.id AND s.compiler = ?2 AND s.task = ?3
                     JOIN outcomes o ON o.module = s.module AND o.key = s.key
                     WHERE m.name = ?1",
                )?
                .query_row((module.as_str(), compiler.as_str(), outcomes::SIGNATURE_TASK), |row| {
                    column::digest(row, 0)
                })
                .optional()
                .map_err(Fault::from)
        })
    }
}

/// Keeps a module's signature; bytes that were damaged since they were first stored are put right.
pub(crate) fn put(
    ledger: &Connection,
    module: i64,
    digest: &SignatureDigest,
    bytes: &[u8],
) -> Result<(), Fault> {
    ledger
        .prepare_cached(
            "INSERT INTO signatures (module, digest, bytes) VALUES (?1, ?2, ?3)
             ON CONFLICT (module, digest) DO UPDATE SET bytes = excluded.bytes WHERE bytes <> excluded.bytes",
        )?
        .execute((module, digest.as_bytes(), bytes))?;
    Ok(())
}

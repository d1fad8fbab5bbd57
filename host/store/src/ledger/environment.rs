//! Facts of the environment: its platform version, and the releases that are installed.

use prefab_model::{KeyId, ReleaseDigest};
use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row, Transaction};
use semver::Version;

use super::column;
use crate::error::Fault;
use crate::ledger::history;
use crate::{HistoryEntry, Store, StoreError};

/// The platform that an environment is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// Its version.
    pub version: Version,
    /// The release that this is.
    pub release: ReleaseDigest,
    /// What an undo goes back to: the version before and its release.
    pub previous: Option<(Version, ReleaseDigest)>,
}

/// A release that is installed. Its compilers are blobs, found by the digests in the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledRelease {
    /// Its version.
    pub version: Version,
    /// The digest of the manifest.
    pub digest: ReleaseDigest,
    /// The text of the manifest, `release.toml`.
    pub manifest: String,
    /// When it was installed.
    pub installed_at: i64,
    /// Where it came from, and who signed it.
    pub provenance: Provenance,
}

/// Where a release came from, and who signed it, as far as that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    /// A place in a registry, or a file or folder.
    pub origin: Option<String>,
    /// The digest that the registry had of it.
    pub origin_digest: Option<String>,
    /// The text of its signature.
    pub signature: Option<String>,
    /// The key by which it was taken in.
    pub signed_by: Option<KeyId>,
}

impl Store {
    /// The platform that the environment is on; none before the first upgrade.
    pub fn platform(&self) -> Result<Option<Platform>, StoreError> {
        self.ledger.read("read the platform version", |ledger| {
            ledger
                .prepare_cached("SELECT version, release, previous_version, previous_release FROM platform")?
                .query_row((), |row| {
                    let nothing = row.get_ref(2)? == ValueRef::Null || row.get_ref(3)? == ValueRef::Null;
                    Ok(Platform {
                        version: column::parsed(row, 0)?,
                        release: column::digest(row, 1)?,
                        previous: if nothing {
                            None
                        } else {
                            Some((column::parsed(row, 2)?, column::digest(row, 3)?))
                        },
                    })
                })
                .optional()
                .map_err(Fault::from)
        })
    }

    /// Puts the environment on a platform, and tells the history so in the same transaction.
    pub fn set_platform(&self, platform: &Platform, entry: &HistoryEntry) -> Result<(), StoreError> {
        self.ledger.write("switch the platform version", |ledger| {
            ledger.execute(
                "INSERT OR REPLACE INTO platform (id, version, release, previous_version, previous_release)
                 VALUES (1, ?1, ?2, ?3, ?4)",
                (
                    platform.version.to_string(),
                    platform.release.as_bytes(),
                    platform.previous.as_ref().map(|(version, _)| version.to_string()),
                    platform.previous.as_ref().map(|(_, release)| *release.as_bytes()),
                ),
            )?;
            history::append(ledger, entry)
        })
    }

    /// Records a release, instead of one with the same version if there is one. Its compilers must be in the blobs by now.
    pub fn install_release(&self, release: &InstalledRelease) -> Result<(), StoreError> {
        self.blobs.sync()?;
        self.ledger.write("install the release", |ledger| put_release(ledger, release))
    }

    /// The installed releases, oldest version first.
    pub fn releases(&self) -> Result<Vec<InstalledRelease>, StoreError> {
        let mut releases = self.ledger.read("read the releases", |ledger| {
            let mut statement = ledger.prepare_cached(&format!("SELECT {COLUMNS} FROM releases"))?;
            let rows = statement.query_map((), release)?.collect::<Result<Vec<_>, _>>()?;
            Ok(rows)
        })?;
        releases.sort_by(|a, b| a.version.cmp(&b.version));
        Ok(releases)
    }

    /// The installed release of this version.
    pub fn release(&self, version: &Version) -> Result<Option<InstalledRelease>, StoreError> {
        self.ledger.read("read the release", |ledger| {
            ledger
                .prepare_cached(&format!("SELECT {COLUMNS} FROM releases WHERE version = ?1"))?
                .query_row([version.to_string()], release)
                .optional()
                .map_err(Fault::from)
        })
    }
}

const COLUMNS: &str = "version, digest, manifest, installed_at, origin, origin_digest, signature, signed_by";

fn put_release(ledger: &Transaction<'_>, release: &InstalledRelease) -> Result<(), Fault> {
    let Provenance { origin, origin_digest, signature, signed_by } = &release.provenance;
    ledger.execute(
        &format!("INSERT OR REPLACE INTO releases ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"),
        (
            release.version.to_string(),
            release.digest.as_bytes(),
            &release.manifest,
            release.installed_at,
            origin,
            origin_digest,
            signature,
            signed_by.map(|key| key.to_string()),
        ),
    )?;
    Ok(())
}

fn release(row: &Row<'_>) -> rusqlite::Result<InstalledRelease> {
    Ok(InstalledRelease {
        version: column::parsed(row, 0)?,
        digest: column::digest(row, 1)?,
        manifest: row.get(2)?,
        installed_at: row.get(3)?,
        provenance: Provenance {
            origin: row.get(4)?,
            origin_digest: row.get(5)?,
            signature: row.get(6)?,
            signed_by: if row.get_ref(7)? == ValueRef::Null { None } else { Some(column::parsed(row, 7)?) },
        },
    })
}

//! Deployments: what was published of which module, and what of that is deployed now.

use prefab_model::{
    BundleDigest, CompilationKey, CompilerName, ModuleName, PreparationId, ReleaseDigest, SourceDigest,
};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};
use semver::Version;
use serde::{Deserialize, Serialize};

use super::modules::{ModuleIds, PAGE};
use super::{column, history, modules, record, sources};
use crate::error::Fault;
use crate::{HistoryEntry, Store, StoreError};

/// The number of a deployment in its environment, from 1; a later one has a larger number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentId(pub i64);

/// A module's artifacts, made the deployed ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The module.
    pub module: ModuleName,
    /// Of a rollback: the deployment it went back to, which is no rollback itself.
    pub restores: Option<DeploymentId>,
    /// The preparation they come from; none if the module was compiled for this.
    pub preparation: Option<PreparationId>,
    /// The platform version they were compiled for.
    pub version: Version,
    /// Its release.
    pub release: ReleaseDigest,
    /// The bundles, one a compiler.
    pub bundles: Vec<DeployedBundle>,
    /// When they were published.
    pub at: i64,
    /// By whom.
    pub who: String,
}

/// One compiler's part of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployedBundle {
    /// The compiler's name in its release.
    pub compiler: CompilerName,
    /// The compilation.
    pub key: CompilationKey,
    /// The source it was made of.
    pub source: SourceDigest,
    /// The artifacts.
    pub bundle: BundleDigest,
    /// Their size as stored, in bytes.
    pub size: u64,
}

const SELECT: &str = "SELECT m.name, d.preparation, d.version, d.release, d.record, d.at, d.who, d.restores
    FROM deployments d JOIN modules m ON m.id = d.module";

/// The deployment that another one goes back to, by its number: the latest before it. Where one of the two is a rollback, the deployment
/// that it went back to stands in its place, so that what was rolled back is not come back to.
const BEFORE: &str = "SELECT earlier.id, coalesce(earlier.restores, earlier.id) FROM deployments earlier
    WHERE earlier.module = ?1 AND earlier.id < ?2 ORDER BY earlier.id DESC LIMIT 1";

impl Store {
    /// Records that these are deployed from now on, with the blobs of the sources they were made of, and tells the history so, in one
    /// transaction.
    pub fn publish(
        &self,
        deployments: &[Deployment],
        kept: &[(SourceDigest, BundleDigest)],
        entry: &HistoryEntry,
    ) -> Result<(), StoreError> {
        self.blobs.sync()?;
        self.ledger.write("record the publishing", |ledger| {
            for (source, blob) in kept {
                sources::put(ledger, source, blob)?;
            }
            let mut ids = ModuleIds::new(ledger);
            for deployment in deployments {
                put(ledger, ids.get(&deployment.module)?, deployment)?;
            }
            history::append(ledger, entry)
        })
    }

    /// What is deployed of a module.
    pub fn deployment(&self, module: &ModuleName) -> Result<Option<Deployment>, StoreError> {
        self.ledger.read("read a deployment", |ledger| {
            let mut statement = ledger.prepare_cached(&format!(
                "{SELECT} JOIN deployed now ON now.module = d.module AND now.deployment = d.id WHERE m.name = ?1"
            ))?;
            let mut rows = statement.query([module.as_str()])?;
            rows.next()?.map(deployment).transpose()
        })
    }

    /// The latest deployments of a module, at most `limit`, newest first.
    pub fn deployments_of(&self, module: &ModuleName, limit: u32) -> Result<Vec<Deployment>, StoreError> {
        self.ledger.read("read a module's deployments", |ledger| {
            let mut statement =
                ledger.prepare_cached(&format!("{SELECT} WHERE m.name = ?1 ORDER BY d.id DESC LIMIT ?2"))?;
            let mut rows = statement.query((module.as_str(), limit))?;
            let mut deployments = Vec::new();
            while let Some(row) = rows.next()? {
                deployments.push(deployment(row)?);
            }
            Ok(deployments)
        })
    }

    /// The deployments that a module can be rolled back to, one after the other, the nearest first; at most `limit`.
    pub fn deployments_before(
        &self,
        module: &ModuleName,
        limit: u32,
    ) -> Result<Vec<(DeploymentId, Deployment)>, StoreError> {
        self.ledger.read("read a module's earlier deployments", |ledger| {
            let mut select = ledger.prepare_cached(&format!("{SELECT} WHERE d.id = ?1"))?;
            let mut earlier = Vec::new();
            for step in way_back(ledger, modules::id(ledger, module)?, limit)? {
                let mut rows = select.query([step.restores])?;
                if let Some(row) = rows.next()? {
                    earlier.push((DeploymentId(step.restores), deployment(row)?));
                }
            }
            Ok(earlier)
        })
    }

    /// The names of the modules of which something is deployed that was compiled for this release, in order, at most `limit`.
    pub fn deployed_for(&self, release: &ReleaseDigest, limit: u32) -> Result<Vec<ModuleName>, StoreError> {
        self.ledger.read("read what is deployed for a release", |ledger| {
            let mut statement = ledger.prepare_cached(
                "SELECT m.name FROM deployed now JOIN deployments d ON d.id = now.deployment
                 JOIN modules m ON m.id = now.module WHERE d.release = ?1 ORDER BY m.name LIMIT ?2",
            )?;
            let names = statement.query_map((release.as_bytes(), limit), |row| column::parsed(row, 0))?;
            Ok(names.collect::<Result<_, _>>()?)
        })
    }

    /// What is deployed of the modules that follow `after` in the order of names, at most a thousand; empty at the end.
    pub fn deployed_page(&self, after: Option<&ModuleName>) -> Result<Vec<Deployment>, StoreError> {
        self.ledger.read("read the deployments", |ledger| {
            let mut statement = ledger.prepare_cached(&format!(
                "{SELECT} JOIN deployed now ON now.module = d.module AND now.deployment = d.id
                 WHERE m.name > ?1 ORDER BY m.name LIMIT ?2"
            ))?;
            let mut rows = statement.query((after.map_or("", ModuleName::as_str), PAGE))?;
            let mut deployments = Vec::new();
            while let Some(row) = rows.next()? {
                deployments.push(deployment(row)?);
            }
            Ok(deployments)
        })
    }
}

/// One step of a module's way back. Both deployments are needed to find it again.
pub(crate) struct StepBack {
    /// The deployment before the one that the step begins at.
    pub(crate) before: i64,
    /// The one to go back to: the same, or what it went back to if it is a rollback.
    pub(crate) restores: i64,
}

/// The steps that a module can be rolled back, the nearest first, at most `limit`.
pub(crate) fn way_back(ledger: &Connection, module: Option<i64>, limit: u32) -> Result<Vec<StepBack>, Fault> {
    let mut at: Option<i64> = ledger
        .prepare_cached(
            "SELECT coalesce(d.restores, d.id) FROM deployed now JOIN deployments d ON d.id = now.deployment
             WHERE now.module = ?1",
        )?
        .query_row([module], |row| row.get(0))
        .optional()?;
    let mut before = ledger.prepare_cached(BEFORE)?;
    let mut steps = Vec::new();
    while let Some(id) = at.filter(|_| steps.len() < limit as usize) {
        let step = before
            .query_row((module, id), |row| Ok(StepBack { before: row.get(0)?, restores: row.get(1)? }))
            .optional()?;
        at = step.as_ref().map(|step| step.restores);
        steps.extend(step);
    }
    Ok(steps)
}

fn put(ledger: &Connection, module: i64, deployment: &Deployment) -> Result<(), Fault> {
    ledger
        .prepare_cached(
            "INSERT INTO deployments (module, preparation, version, release, at, who, record, restores)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute((
            module,
            deployment.preparation.map(|id| id.0),
            deployment.version.to_string(),
            deployment.release.as_bytes(),
            deployment.at,
            &deployment.who,
            record::encode(&deployment.bundles)?,
            deployment.restores.map(|id| id.0),
        ))?;
    ledger
        .prepare_cached(
            "INSERT INTO deployed (module, deployment) VALUES (?1, ?2)
             ON CONFLICT (module) DO UPDATE SET deployment = excluded.deployment",
        )?
        .execute((module, ledger.last_insert_rowid()))?;
    Ok(())
}

/// The bundles in a record.
pub(crate) fn bundles_of(record: ValueRef<'_>) -> Result<Vec<DeployedBundle>, Fault> {
    record::decode("deployment", record.as_blob().map_err(rusqlite::Error::from)?)
}

fn deployment(row: &Row<'_>) -> Result<Deployment, Fault> {
    let preparation: Option<i64> = row.get(1)?;
    Ok(Deployment {
        module: column::parsed(row, 0)?,
        restores: row.get::<_, Option<i64>>(7)?.map(DeploymentId),
        preparation: preparation.map(PreparationId),
        version: column::parsed(row, 2)?,
        release: column::digest(row, 3)?,
        bundles: bundles_of(row.get_ref(4)?)?,
        at: row.get(5)?,
        who: row.get(6)?,
    })
}

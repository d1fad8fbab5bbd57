//! Collecting what nothing refers to any more: rows of the ledger first, in one durable transaction, then the blobs that no row names.
//!
//! In this order a process may be killed at any instant: a blob without a row is only an orphan, which the next collection finds.
//! Whoever calls holds the environment, since a preparation puts blobs before the rows that name them. A ledger of which any part cannot
//! be read is left as it is, and with it the blobs.

use std::collections::HashSet;

use prefab_model::{
    BundleDigest, Compilation, CompilationKey, ModuleName, Release, SignatureDigest, SourceDigest, Task,
};
use rusqlite::Connection;

use crate::error::Fault;
use crate::ledger::deployments::{bundles_of, way_back};
use crate::ledger::{column, outcomes, record, results};
use crate::{DeployedBundle, Store, StoreError};

/// What a collection leaves although nothing that is current refers to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// So many deployments of each module besides the present one: those that it can be rolled back to.
    pub deployments: u32,
    /// All results of so many preparations, and of so many rehearsals. Of the others, the latest result of each module with each release
    /// stays.
    pub preparations: u32,
    /// All that was made since, in milliseconds since 1970.
    pub since: i64,
}

/// How many there were, and what they took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Tally {
    /// Counts one more.
    pub fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// Rows that were collected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CollectedRows {
    /// How modules ended in old preparations.
    pub results: u64,
    /// Deployments further back than is kept.
    pub deployments: u64,
    /// Outcomes of compilations.
    pub outcomes: u64,
    /// Signatures.
    pub signatures: u64,
    /// Sources of deployments.
    pub sources: u64,
}

/// The blobs that rows name.
#[derive(Debug)]
pub struct LiveBlobs(Vec<[u8; 32]>);

impl LiveBlobs {
    pub(crate) fn contains(&self, digest: &[u8; 32]) -> bool {
        self.0.binary_search(digest).is_ok()
    }
}

impl Store {
    /// Collects rows, and returns which blobs the others name. `visit` is called with each deployment that stays. With `dry_run` all
    /// stays in the end, and is only counted.
    pub fn collect_rows(
        &self,
        keep: Keep,
        dry_run: bool,
        visit: &mut dyn FnMut(&ModuleName, &[DeployedBundle]),
    ) -> Result<(CollectedRows, LiveBlobs), StoreError> {
        self.ledger.write("collect garbage", |ledger| {
            ledger.execute_batch("SAVEPOINT collection")?;
            let mut live = Live::default();
            let mut rows = CollectedRows {
                results: results_of_old_preparations(ledger, keep)?,
                deployments: deployments(ledger, keep)?,
                ..CollectedRows::default()
            };
            live.results(ledger)?;
            live.successes(ledger)?;
            live.deployments(ledger, visit)?;
            rows.outcomes = live.outcomes(ledger, keep)?;
            rows.signatures = live.signatures(ledger)?;
            rows.sources = live.sources(ledger)?;
            live.releases(ledger)?;
            if dry_run {
                ledger.execute_batch("ROLLBACK TO collection")?;
            }
            ledger.execute_batch("RELEASE collection")?;
            live.blobs.sort_unstable();
            live.blobs.dedup();
            Ok((rows, LiveBlobs(live.blobs)))
        })
    }

    /// Removes the blobs that are not in `live`, and what a killed process left of some. `progress` is told how many were looked at. With
    /// `dry_run` they are only counted.
    pub fn collect_blobs(
        &self,
        live: &LiveBlobs,
        dry_run: bool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Tally, StoreError> {
        self.blobs.collect(live, dry_run, progress)
    }

    /// Gives room that the ledger no longer needs back to the file system, if that is a quarter of it or more. Returns how much, in
    /// bytes; nothing where there is too little room for the copy that this takes.
    pub fn shrink(&self) -> Result<u64, StoreError> {
        match self.ledger.shrink() {
            Err(StoreError::NoSpace { .. }) => Ok(0),
            other => other,
        }
    }
}

/// What is referred to.
#[derive(Default)]
struct Live {
    outcomes: HashSet<[u8; 32]>,
    signatures: HashSet<[u8; 32]>,
    sources: HashSet<[u8; 32]>,
    blobs: Vec<[u8; 32]>,
}

impl Live {
    /// The outcomes that results name.
    fn results(&mut self, ledger: &Connection) -> Result<(), Fault> {
        let mut statement = ledger.prepare("SELECT record FROM results")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let compilations = results::compilations(row.get_ref(0)?)?;
            self.outcomes.extend(compilations.iter().map(|compilation| *compilation.key.as_bytes()));
        }
        Ok(())
    }

    /// The outcomes that tell a module's cost and its latest signature.
    fn successes(&mut self, ledger: &Connection) -> Result<(), Fault> {
        ledger.execute(
            "DELETE FROM successes WHERE module NOT IN (SELECT id FROM modules WHERE present)",
            (),
        )?;
        let mut statement = ledger.prepare("SELECT key FROM successes")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            self.outcomes.insert(*column::digest::<CompilationKey>(row, 0)?.as_bytes());
        }
        Ok(())
    }

    fn deployments(
        &mut self,
        ledger: &Connection,
        visit: &mut dyn FnMut(&ModuleName, &[DeployedBundle]),
    ) -> Result<(), Fault> {
        let mut statement =
            ledger.prepare("SELECT m.name, d.record FROM deployments d JOIN modules m ON m.id = d.module")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let bundles = bundles_of(row.get_ref(1)?)?;
            for bundle in &bundles {
                self.outcomes.insert(*bundle.key.as_bytes());
                self.sources.insert(*bundle.source.as_bytes());
                self.blobs.push(*bundle.bundle.as_bytes());
            }
            visit(&column::parsed(row, 0)?, &bundles);
        }
        Ok(())
    }

    /// Removes the outcomes that nothing refers to. What the others refer to lives.
    fn outcomes(&mut self, ledger: &Connection, keep: Keep) -> Result<u64, Fault> {
        let mut dead = Vec::new();
        let mut statement = ledger.prepare(
            "SELECT o.key, o.created_at, o.task, o.stored, i.record, o.module FROM outcomes o LEFT JOIN inputs i ON i.id = o.inputs",
        )?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let key: CompilationKey = column::digest(row, 0)?;
            if !self.outcomes.contains(key.as_bytes()) && row.get::<_, i64>(1)? < keep.since {
                dead.push((row.get(5)?, key));
                continue;
            }
            let stored = row.get_ref(3)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
            if let Some(stored) = stored {
                let digest = CompilationKey::try_from(stored)
                    .map_err(|error| Fault::record("what an outcome left", error))?;
                match column::code(row, 2, outcomes::task_from_code)? {
                    Task::Compile => self.blobs.push(*digest.as_bytes()),
                    Task::Signature => drop(self.signatures.insert(*digest.as_bytes())),
                }
            }
            if let Some(inputs) = row.get_ref(4)?.as_blob_or_null().map_err(rusqlite::Error::from)? {
                let compilation: Compilation = record::decode("what was compiled", inputs)?;
                self.blobs.push(*compilation.compiler.as_bytes());
                let shown = compilation.module.dependencies.iter().filter_map(|it| it.signature);
                self.signatures.extend(shown.map(|signature| *signature.as_bytes()));
            }
        }
        for (module, key) in &dead {
            outcomes::delete(ledger, *module, key)?;
        }
        Ok(dead.len() as u64)
    }

    fn signatures(&self, ledger: &Connection) -> Result<u64, Fault> {
        let mut dead = Vec::new();
        let mut statement = ledger.prepare("SELECT digest, module FROM signatures")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let digest: SignatureDigest = column::digest(row, 0)?;
            if !self.signatures.contains(digest.as_bytes()) {
                dead.push((digest, row.get::<_, i64>(1)?));
            }
        }
        let mut delete = ledger.prepare("DELETE FROM signatures WHERE module = ?1 AND digest = ?2")?;
        for (digest, module) in &dead {
            delete.execute((module, digest.as_bytes()))?;
        }
        Ok(dead.len() as u64)
    }

    fn sources(&mut self, ledger: &Connection) -> Result<u64, Fault> {
        let mut dead = Vec::new();
        let mut statement = ledger.prepare("SELECT digest, blob FROM sources")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let digest: SourceDigest = column::digest(row, 0)?;
            if self.sources.contains(digest.as_bytes()) {
                self.blobs.push(*column::digest::<BundleDigest>(row, 1)?.as_bytes());
            } else {
                dead.push(digest);
            }
        }
        let mut delete = ledger.prepare("DELETE FROM sources WHERE digest = ?1")?;
        for digest in &dead {
            delete.execute([digest.as_bytes()])?;
        }
        Ok(dead.len() as u64)
    }

    /// The compilers of installed releases.
    fn releases(&mut self, ledger: &Connection) -> Result<(), Fault> {
        let mut statement = ledger.prepare("SELECT manifest FROM releases")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let manifest = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
            let release = Release::parse(manifest).map_err(|error| Fault::record("release", error))?;
            for compiler in &release.compilers {
                self.blobs.push(*compiler.digest.as_bytes());
                self.blobs.extend(compiler.parts().map(|(_, digest)| *digest.as_bytes()));
            }
        }
        Ok(())
    }
}

/// Removes results of old preparations where a later one of the same kind and release has one of the same module, and those of modules
/// that are gone; then the preparations that have none left.
fn results_of_old_preparations(ledger: &Connection, keep: Keep) -> Result<u64, Fault> {
    let mut statement = ledger.prepare(
        "SELECT id, release, kind FROM (
             SELECT *, row_number() OVER (PARTITION BY kind ORDER BY id DESC) AS place FROM preparations
         ) WHERE place > ?1 AND started_at < ?2",
    )?;
    let old: Vec<(i64, Vec<u8>, i64)> = statement
        .query_map((keep.preparations, keep.since), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    let mut delete = ledger.prepare(
        "DELETE FROM results WHERE preparation = ?1 AND (
             module NOT IN (SELECT id FROM modules WHERE present)
             OR EXISTS (
                 SELECT 1 FROM preparations p JOIN results r ON r.preparation = p.id AND r.module = results.module
                 WHERE p.id > ?1 AND p.release = ?2 AND p.kind = ?3))",
    )?;
    let mut empty = ledger.prepare(
        "DELETE FROM preparations WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM results WHERE preparation = ?1)
             AND id NOT IN (SELECT preparation FROM deployments WHERE preparation IS NOT NULL)",
    )?;
    let mut results = 0;
    for (id, release, kind) in old {
        results += delete.execute((id, release, kind))? as u64;
        empty.execute([id])?;
    }
    Ok(results)
}

/// Removes the deployments that no module can be rolled back to within the steps that are kept.
fn deployments(ledger: &Connection, keep: Keep) -> Result<u64, Fault> {
    let mut modules = ledger.prepare("SELECT module, deployment FROM deployed")?;
    let modules: Vec<(i64, i64)> =
        modules.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut all = ledger.prepare("SELECT id, at, restores FROM deployments WHERE module = ?1")?;
    let mut delete = ledger.prepare("DELETE FROM deployments WHERE id = ?1")?;
    let mut deleted = 0;
    for (module, current) in modules {
        let all: Vec<(i64, i64, Option<i64>)> = all
            .query_map([module], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        let steps = way_back(ledger, Some(module), keep.deployments)?;
        let mut live: HashSet<i64> = steps.iter().flat_map(|step| [step.before, step.restores]).collect();
        live.insert(current);
        live.extend(all.iter().filter(|(_, at, _)| *at >= keep.since).map(|(id, ..)| *id));
        // A rollback stands for the deployment that it went back to.
        let restored: Vec<i64> =
            all.iter().filter(|(id, ..)| live.contains(id)).filter_map(|(.., restores)| *restores).collect();
        live.extend(restored);
        for (id, ..) in all.iter().filter(|(id, ..)| !live.contains(id)) {
            deleted += delete.execute([id])? as u64;
        }
    }
    Ok(deleted)
}

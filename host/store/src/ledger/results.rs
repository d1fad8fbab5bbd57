//! Results: how each module ended in a preparation, and by which compilations.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use prefab_model::{
    CompilationKey, CompilerName, Counts, Diagnostic, ModuleName, ModuleState, PreparationId, SkipReason,
    Task,
};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};

use super::modules::{ModuleIds, PAGE};
use super::preparations::PREPARATION_KIND;
use super::{column, record};
use crate::error::Fault;
use crate::{Store, StoreError};

/// How a module ended in a preparation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleResult {
    /// The module.
    pub module: ModuleName,
    /// How it ended.
    pub state: ModuleState,
    /// Whether all its outcomes were known before.
    pub reused: bool,
    /// Trouble of the host's own, where that was the reason: it will be tried again.
    pub host_error: Option<String>,
    /// What else is worth knowing.
    pub notes: Vec<Note>,
    /// What the host itself found, such as a file that cannot be read: then the module failed without being compiled.
    pub problems: Vec<Diagnostic>,
    /// Its compilations; their outcomes are found by the keys. One that ended in trouble of the host's has none.
    pub compilations: Vec<CompilationRef>,
}

/// Something worth knowing of how a module was prepared. Kept by their order: new ones go to the end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Note {
    /// This dependency's signature could not be made, and one from an earlier success was used instead.
    EarlierSignature(ModuleName),
    /// This dependency failed, though its signature could be made.
    DependencyFailed(ModuleName),
    /// There is no module in the environment for this dependency.
    DependencyMissing(String),
    /// No compiler of the release takes any of the module's files.
    NothingToCompile,
    /// The machine was in the way at first, as the text says; a second try, alone, went through.
    Spurious(String),
}

/// A compilation by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompilationRef {
    /// The compiler's name in its release.
    pub compiler: CompilerName,
    /// Which pass.
    pub task: Task,
    /// The key of the outcome.
    pub key: CompilationKey,
}

/// Which results to go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultFilter {
    /// All.
    All,
    /// Those that failed.
    Failed,
    /// Those that were skipped.
    Skipped,
    /// Those that failed or were skipped.
    NotPrepared,
}

#[derive(Serialize, Deserialize)]
struct Record {
    notes: Vec<Note>,
    problems: Vec<Diagnostic>,
    compilations: Vec<CompilationRef>,
}

const PENDING: i64 = 0;
const PREPARED: i64 = 1;
const FAILED: i64 = 2;
const SKIPPED: i64 = 3;

const COLUMNS: &str = "m.name, r.state, root.name, r.reused, r.host_error, r.record, r.module";
const NAMES: &str = "JOIN modules m ON m.id = r.module LEFT JOIN modules root ON root.id = r.root";

impl Store {
    /// How a module ended in a preparation; none if it has not yet.
    pub fn result(
        &self,
        preparation: PreparationId,
        module: &ModuleName,
    ) -> Result<Option<ModuleResult>, StoreError> {
        self.ledger.read("read a module's result", |ledger| {
            let mut statement = ledger.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM results r {NAMES}
                 WHERE r.preparation = ?1 AND r.module = (SELECT id FROM modules WHERE name = ?2)"
            ))?;
            let mut rows = statement.query((preparation.0, module.as_str()))?;
            rows.next()?.map(result).transpose()
        })
    }

    /// How a module ended in the latest preparation that it took part in, rehearsals aside.
    pub fn latest_result(
        &self,
        module: &ModuleName,
    ) -> Result<Option<(PreparationId, ModuleResult)>, StoreError> {
        self.ledger.read("read a module's latest result", |ledger| {
            // Backwards through the preparations: mostly it is the very latest, and an index by module would have to be written
            // for each module of each preparation.
            let mut statement = ledger.prepare_cached(&format!(
                "SELECT {COLUMNS}, r.preparation FROM preparations p
                 JOIN results r ON r.preparation = p.id AND r.module = (SELECT id FROM modules WHERE name = ?1)
                 {NAMES} WHERE p.kind = {PREPARATION_KIND} ORDER BY p.id DESC LIMIT 1"
            ))?;
            let mut rows = statement.query([module.as_str()])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            Ok(Some((PreparationId(row.get(7)?), result(row)?)))
        })
    }

    /// Goes through the results of a preparation, until `visit` breaks. They are read in pages: memory does not grow with their
    /// number, and `visit` may use the store. Modules come in the order in which they were added to the environment.
    pub fn for_each_result(
        &self,
        preparation: PreparationId,
        filter: ResultFilter,
        mut visit: impl FnMut(ModuleResult) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        // SQLite takes the partial index only where its condition stands as it is there.
        const NOT_PREPARED: &str = "INDEXED BY results_not_prepared";
        let (index, condition) = match filter {
            ResultFilter::All => ("", ""),
            ResultFilter::Failed => (NOT_PREPARED, "AND r.state <> 1 AND r.state = 2"),
            ResultFilter::Skipped => (NOT_PREPARED, "AND r.state <> 1 AND r.state = 3"),
            ResultFilter::NotPrepared => (NOT_PREPARED, "AND r.state <> 1 AND r.state IN (2, 3)"),
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM results r {index} {NAMES}
             WHERE r.preparation = ?1 AND r.module > ?2 {condition} ORDER BY r.module LIMIT ?3"
        );
        let mut after = 0;
        loop {
            let (page, last) = self.ledger.read("read the results", |ledger| {
                let mut statement = ledger.prepare_cached(&sql)?;
                let mut rows = statement.query((preparation.0, after, PAGE))?;
                let (mut page, mut last) = (Vec::new(), after);
                while let Some(row) = rows.next()? {
                    last = row.get(6)?;
                    page.push(result(row)?);
                }
                Ok((page, last))
            })?;
            if page.is_empty() {
                return Ok(());
            }
            for result in page {
                if visit(result).is_break() {
                    return Ok(());
                }
            }
            after = last;
        }
    }

    /// Takes over from an earlier preparation how the modules ended that did not take part in this one, and counts this one's
    /// results anew: for a preparation of some modules, which then speaks for all.
    pub fn carry_over_results(&self, from: PreparationId, to: PreparationId) -> Result<Counts, StoreError> {
        self.ledger.write("carry over results", |ledger| {
            ledger.execute(
                "INSERT OR IGNORE INTO results (preparation, module, state, root, reused, host_error, record)
                 SELECT ?2, r.module, r.state, r.root, r.reused, r.host_error, r.record
                 FROM results r JOIN modules m ON m.id = r.module AND m.present
                 WHERE r.preparation = ?1",
                (from.0, to.0),
            )?;
            let counts = ledger.query_row(
                "SELECT count(*), count(*) FILTER (WHERE state = 1), count(*) FILTER (WHERE state = 2),
                     count(*) FILTER (WHERE state = 3), count(*) FILTER (WHERE reused), count(host_error)
                 FROM results WHERE preparation = ?1",
                [to.0],
                |row| {
                    let modules = column::count(row, 0)?;
                    Ok(Counts {
                        modules,
                        signed: modules,
                        prepared: column::count(row, 1)?,
                        failed: column::count(row, 2)?,
                        skipped: column::count(row, 3)?,
                        reused: column::count(row, 4)?,
                        host_errors: column::count(row, 5)?,
                    })
                },
            )?;
            super::preparations::put_counts(ledger, to, &counts)?;
            Ok(counts)
        })
    }

    /// The results of a preparation, all in memory: for those that are few, as the failed ones.
    pub fn results(
        &self,
        preparation: PreparationId,
        filter: ResultFilter,
    ) -> Result<Vec<ModuleResult>, StoreError> {
        let mut results = Vec::new();
        self.for_each_result(preparation, filter, |result| {
            results.push(result);
            ControlFlow::Continue(())
        })?;
        Ok(results)
    }
}

/// Up to `count` results of a preparation, of the modules behind the one with the number `after`, each with its module's number.
pub(super) fn page(
    ledger: &Connection,
    preparation: PreparationId,
    after: i64,
    count: u32,
) -> Result<VecDeque<(i64, ModuleResult)>, Fault> {
    let mut statement = ledger.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM results r {NAMES}
         WHERE r.preparation = ?1 AND r.module > ?2 ORDER BY r.module LIMIT ?3"
    ))?;
    let mut rows = statement.query((preparation.0, after, count))?;
    let mut page = VecDeque::new();
    while let Some(row) = rows.next()? {
        page.push_back((row.get(6)?, result(row)?));
    }
    Ok(page)
}

pub(crate) fn put(
    ledger: &Connection,
    preparation: PreparationId,
    ids: &mut ModuleIds<'_>,
    result: &ModuleResult,
) -> Result<(), Fault> {
    let (state, root) = match &result.state {
        ModuleState::Pending => (PENDING, None),
        ModuleState::Prepared => (PREPARED, None),
        ModuleState::Failed => (FAILED, None),
        ModuleState::Skipped(SkipReason { root }) => (SKIPPED, Some(ids.get(root)?)),
    };
    let record = Record {
        notes: result.notes.clone(),
        problems: result.problems.clone(),
        compilations: result.compilations.clone(),
    };
    ledger
        .prepare_cached(
            "INSERT OR REPLACE INTO results (preparation, module, state, root, reused, host_error, record)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute((
            preparation.0,
            ids.get(&result.module)?,
            state,
            root,
            result.reused,
            &result.host_error,
            record::encode(&record)?,
        ))?;
    Ok(())
}

/// The compilations in a record.
pub(crate) fn compilations(record: ValueRef<'_>) -> Result<Vec<CompilationRef>, Fault> {
    let record: Record = record::decode("result", record.as_blob().map_err(rusqlite::Error::from)?)?;
    Ok(record.compilations)
}

fn result(row: &Row<'_>) -> Result<ModuleResult, Fault> {
    let state = match row.get(1)? {
        PENDING => ModuleState::Pending,
        PREPARED => ModuleState::Prepared,
        FAILED => ModuleState::Failed,
        SKIPPED => ModuleState::Skipped(SkipReason { root: column::parsed(row, 2)? }),
        other => return Err(rusqlite::Error::IntegralValueOutOfRange(1, other).into()),
    };
    let Record { notes, problems, compilations } =
        record::decode("result", row.get_ref(5)?.as_blob().map_err(rusqlite::Error::from)?)?;
    Ok(ModuleResult {
        module: column::parsed(row, 0)?,
        state,
        reused: row.get(3)?,
        host_error: row.get(4)?,
        notes,
        problems,
        compilations,
    })
}

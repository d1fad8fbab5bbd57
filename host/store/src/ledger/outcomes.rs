//! Outcomes: how compilations ended, found by their module and their key. Only those that would end so again are kept.

use std::sync::PoisonError;
use std::time::Duration;

use prefab_model::{
    BundleDigest, Bytes, Compilation, CompilationKey, CompilerName, Diagnostic, Fuel, Limit, Limits,
    ModuleName, Outcome, OutcomeKind, SignatureDigest, Stored, Task, Usage,
};
use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};

use super::{Ledger, column, modules, record};
use crate::error::Fault;
use crate::{OutcomeRow, Store, StoreError};

/// The code of [`Task::Signature`], for statements.
pub(super) const SIGNATURE_TASK: i64 = 0;

const fn task_code(task: Task) -> i64 {
    match task {
        Task::Signature => SIGNATURE_TASK,
        Task::Compile => 1,
    }
}

pub(crate) const fn task_from_code(code: i64) -> Option<Task> {
    match code {
        SIGNATURE_TASK => Some(Task::Signature),
        1 => Some(Task::Compile),
        _ => None,
    }
}

/// The outcome with the key `?2` of the module with the name `?1`.
pub(super) const OF_MODULE: &str = "module = (SELECT id FROM modules WHERE name = ?1) AND key = ?2";

/// What planning needs to know of an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// How it ended.
    pub kind: OutcomeKind,
    /// The limits under which it did.
    pub limits: Limits,
}

impl Known {
    /// Whether the outcome holds under the limits `now`.
    pub fn holds_under(&self, now: &Limits) -> bool {
        self.kind.holds_under(&self.limits, now)
    }
}

/// All that is known of an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredOutcome {
    /// How it ended, with its cost and all it had to say.
    pub outcome: Outcome,
    /// The limits under which it did.
    pub limits: Limits,
    /// The module for which it was first reached.
    pub module: ModuleName,
    /// The compiler's name in its release.
    pub compiler: CompilerName,
    /// Which pass.
    pub task: Task,
    /// When.
    pub created_at: i64,
    /// What was compiled, in full; none of a signature, nor of an outcome from before that was kept.
    pub compilation: Option<Compilation>,
}

/// What of an outcome can be long.
#[derive(Default, Serialize, Deserialize)]
struct Detail {
    /// Of a trap or a refusal.
    reason: String,
    diagnostics: Vec<Diagnostic>,
    log: String,
}

impl Detail {
    fn is_empty(&self) -> bool {
        self.reason.is_empty() && self.diagnostics.is_empty() && self.log.is_empty()
    }
}

impl Store {
    /// How this compilation of the module ended, without what it had to say: cheap, for planning.
    pub fn known(&self, module: &ModuleName, key: &CompilationKey) -> Result<Option<Known>, StoreError> {
        self.ledger.read("look up an outcome", |ledger| {
            let mut statement = ledger.prepare_cached(&format!(
                "SELECT kind, cap, stored, size, limits, detail FROM outcomes WHERE {OF_MODULE}"
            ))?;
            let mut rows = statement.query((module.as_str(), key.as_bytes()))?;
            rows.next()?.map(|row| self.ledger.known(ledger, row)).transpose()
        })
    }

    /// How this compilation of the module ended, with all it had to say.
    pub fn outcome(
        &self,
        module: &ModuleName,
        key: &CompilationKey,
    ) -> Result<Option<StoredOutcome>, StoreError> {
        self.ledger.read("read an outcome", |ledger| {
            let mut statement = ledger.prepare_cached(
                "SELECT o.kind, o.cap, o.stored, o.size, o.limits, o.detail, o.fuel, o.peak_memory, o.nanoseconds,
                     m.name, o.compiler, o.task, o.created_at, o.inputs
                 FROM modules m JOIN outcomes o ON o.module = m.id AND o.key = ?2 WHERE m.name = ?1",
            )?;
            let mut rows = statement.query((module.as_str(), key.as_bytes()))?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let detail = detail(ledger, row.get(5)?)?;
            Ok(Some(StoredOutcome {
                outcome: Outcome {
                    kind: kind(row, row.get(0)?, detail.reason)?,
                    usage: usage(row, 6)?,
                    diagnostics: detail.diagnostics,
                    log: detail.log,
                },
                limits: self.ledger.limits(ledger, row.get(4)?)?,
                module: column::parsed(row, 9)?,
                compiler: column::parsed(row, 10)?,
                task: column::code(row, 11, task_from_code)?,
                created_at: row.get(12)?,
                compilation: inputs(ledger, row.get(13)?)?,
            }))
        })
    }

    /// What was compiled of the module under this key; none if that is not known.
    pub fn compilation(
        &self,
        module: &ModuleName,
        key: &CompilationKey,
    ) -> Result<Option<Compilation>, StoreError> {
        self.ledger.read("read what was compiled", |ledger| {
            let id = ledger
                .prepare_cached(&format!("SELECT inputs FROM outcomes WHERE {OF_MODULE}"))?
                .query_row((module.as_str(), key.as_bytes()), |row| row.get(0))
                .optional()?;
            inputs(ledger, id.flatten())
        })
    }

    /// What it cost when this compiler, in whichever version, last succeeded with the module.
    pub fn latest_usage(
        &self,
        module: &ModuleName,
        compiler: &CompilerName,
        task: Task,
    ) -> Result<Option<Usage>, StoreError> {
        self.ledger.read("look up a cost", |ledger| {
            ledger
                .prepare_cached(
                    "SELECT o.fuel, o.peak_memory, o.nanoseconds FROM modules m
                     JOIN successes s ON s.module = m.id AND s.compiler = ?2 AND s.task = ?3
                     JOIN outcomes o ON o.module = s.module AND o.key = s.key
                     WHERE m.name = ?1",
                )?
                .query_row((module.as_str(), compiler.as_str(), task_code(task)), |row| usage(row, 0))
                .optional()
                .map_err(Fault::from)
        })
    }

    /// Forgets how these compilations of the module ended, so that they are run again: for when a blob is lost. Returns how many were
    /// known.
    pub fn forget_outcomes(&self, module: &ModuleName, keys: &[CompilationKey]) -> Result<u64, StoreError> {
        self.ledger.write("forget outcomes", |ledger| {
            let Some(module) = modules::id(ledger, module)? else { return Ok(0) };
            let mut forgotten = 0;
            for key in keys {
                forgotten += delete(ledger, module, key)?;
            }
            Ok(forgotten as u64)
        })
    }
}

impl Ledger {
    /// Reads the columns kind, cap, stored, size, limits, detail, which are the first.
    pub(super) fn known(&self, ledger: &Connection, row: &Row<'_>) -> Result<Known, Fault> {
        let code = row.get(0)?;
        let reason = if has_reason(code) { detail(ledger, row.get(5)?)?.reason } else { String::new() };
        Ok(Known { kind: kind(row, code, reason)?, limits: self.limits(ledger, row.get(4)?)? })
    }

    fn limits(&self, ledger: &Connection, id: i64) -> Result<Limits, Fault> {
        if let Some(limits) = self.limits.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(limits.clone());
        }
        let record: Vec<u8> = ledger
            .prepare_cached("SELECT record FROM limits WHERE id = ?1")?
            .query_row([id], |row| row.get(0))?;
        let limits: Limits = record::decode("limits", &record)?;
        self.limits.write().unwrap_or_else(PoisonError::into_inner).insert(id, limits.clone());
        Ok(limits)
    }
}

/// Puts an outcome in the place of one with the same key: it was reached under limits that the other does not hold under, or
/// the other's blob was lost. One that was rehearsed is no success of the environment's.
pub(crate) fn put(
    ledger: &Connection,
    module: i64,
    limits: &mut LimitIds<'_>,
    row: &OutcomeRow,
    rehearsed: bool,
) -> Result<(), Fault> {
    let Outcome { kind, usage, diagnostics, log } = &row.outcome;
    let (code, cap, stored, size, reason) = match kind {
        OutcomeKind::Compiled(Stored::Bundle { digest, size }) => {
            (0, None, Some(digest.as_bytes()), Some(*size), "")
        }
        OutcomeKind::Compiled(Stored::Signature(digest)) => (1, None, Some(digest.as_bytes()), None, ""),
        OutcomeKind::Rejected => (2, None, None, None, ""),
        OutcomeKind::OutOfFuel => (3, None, None, None, ""),
        OutcomeKind::OutOfMemory(limit) => (4, Some(cap_code(*limit)), None, None, ""),
        OutcomeKind::OutputCap(limit) => (5, Some(cap_code(*limit)), None, None, ""),
        OutcomeKind::Trapped(reason) => (TRAPPED, None, None, None, reason.as_str()),
        OutcomeKind::Refused(reason) => (REFUSED, None, None, None, reason.as_str()),
        OutcomeKind::Deadline | OutcomeKind::HostError(_) | OutcomeKind::Cancelled => {
            return Err(StoreError::NotDeterministic { key: row.compilation.key }.into());
        }
    };
    let compilation = &row.compilation;
    delete_parts(ledger, module, &compilation.key)?;
    let detail = Detail { reason: reason.to_owned(), diagnostics: diagnostics.clone(), log: log.clone() };
    let detail = if detail.is_empty() {
        None
    } else {
        ledger
            .prepare_cached("INSERT INTO details (record) VALUES (?1)")?
            .execute([record::encode(&detail)?])?;
        Some(ledger.last_insert_rowid())
    };
    let inputs = match compilation.task {
        Task::Signature => None,
        Task::Compile => {
            ledger
                .prepare_cached("INSERT INTO inputs (record) VALUES (?1)")?
                .execute([record::encode(compilation)?])?;
            Some(ledger.last_insert_rowid())
        }
    };
    ledger
        .prepare_cached(
            "INSERT OR REPLACE INTO outcomes (module, key, kind, cap, stored, size, fuel, peak_memory, nanoseconds, limits,
                 compiler, task, created_at, detail, inputs)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?
        .execute((
            module,
            compilation.key.as_bytes(),
            code,
            cap,
            stored,
            size.map(column::number),
            usage.fuel.map(|fuel| column::number(fuel.0)),
            column::number(usage.peak_memory.0),
            i64::try_from(usage.time.as_nanos()).unwrap_or(i64::MAX),
            limits.get(&compilation.limits)?,
            compilation.compiler_name.as_str(),
            task_code(compilation.task),
            row.created_at,
            detail,
            inputs,
        ))?;
    if kind.is_compiled() && !rehearsed {
        ledger
            .prepare_cached(
                "INSERT OR REPLACE INTO successes (module, compiler, task, key) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((
                module,
                compilation.compiler_name.as_str(),
                task_code(compilation.task),
                compilation.key.as_bytes(),
            ))?;
    }
    Ok(())
}

/// Looks up the numbers of limits within one transaction, each of the few sets once; those that are new are put into the ledger.
pub(crate) struct LimitIds<'t> {
    ledger: &'t Connection,
    known: Vec<(Limits, i64)>,
}

impl<'t> LimitIds<'t> {
    pub(crate) fn new(ledger: &'t Connection) -> Self {
        Self { ledger, known: Vec::new() }
    }

    fn get(&mut self, limits: &Limits) -> Result<i64, Fault> {
        if let Some((_, id)) = self.known.iter().find(|(known, _)| known == limits) {
            return Ok(*id);
        }
        let record = record::encode(limits)?;
        let known = self
            .ledger
            .prepare_cached("SELECT id FROM limits WHERE record = ?1")?
            .query_row([&record], |row| row.get(0))
            .optional()?;
        let id = if let Some(id) = known {
            id
        } else {
            self.ledger.prepare_cached("INSERT INTO limits (record) VALUES (?1)")?.execute([&record])?;
            self.ledger.last_insert_rowid()
        };
        self.known.push((limits.clone(), id));
        Ok(id)
    }
}

/// The code of [`OutcomeKind::Compiled`] with a bundle, for statements.
pub(super) const BUNDLE_KIND: i64 = 0;
const TRAPPED: i64 = 6;
const REFUSED: i64 = 7;

const fn has_reason(code: i64) -> bool {
    matches!(code, TRAPPED | REFUSED)
}

/// Reads the columns kind, cap, stored, size, which are the first.
fn kind(row: &Row<'_>, code: i64, reason: String) -> rusqlite::Result<OutcomeKind> {
    let cap =
        || column::code(row, 1, |code| usize::try_from(code).ok().and_then(|code| Limit::ALL.get(code)));
    Ok(match code {
        0 => OutcomeKind::Compiled(Stored::Bundle {
            digest: column::digest::<BundleDigest>(row, 2)?,
            size: column::count(row, 3)?,
        }),
        1 => OutcomeKind::Compiled(Stored::Signature(column::digest::<SignatureDigest>(row, 2)?)),
        2 => OutcomeKind::Rejected,
        3 => OutcomeKind::OutOfFuel,
        4 => OutcomeKind::OutOfMemory(*cap()?),
        5 => OutcomeKind::OutputCap(*cap()?),
        TRAPPED => OutcomeKind::Trapped(reason),
        REFUSED => OutcomeKind::Refused(reason),
        other => return Err(rusqlite::Error::IntegralValueOutOfRange(0, other)),
    })
}

/// The number of a limit: its place in [`Limit::ALL`], to which new ones are added at the end.
const fn cap_code(limit: Limit) -> i64 {
    limit as i64
}

fn usage(row: &Row<'_>, at: usize) -> rusqlite::Result<Usage> {
    let fuel: Option<i64> = row.get(at)?;
    Ok(Usage {
        fuel: fuel.map(|fuel| Fuel(fuel.unsigned_abs())),
        peak_memory: Bytes(column::count(row, at + 1)?),
        time: Duration::from_nanos(column::count(row, at + 2)?),
    })
}

/// Removes an outcome with all that belongs to it. Returns how many there were.
pub(crate) fn delete(ledger: &Connection, module: i64, key: &CompilationKey) -> Result<usize, Fault> {
    delete_parts(ledger, module, key)?;
    Ok(ledger
        .prepare_cached("DELETE FROM outcomes WHERE module = ?1 AND key = ?2")?
        .execute((module, key.as_bytes()))?)
}

fn delete_parts(ledger: &Connection, module: i64, key: &CompilationKey) -> Result<(), Fault> {
    let parts: Option<(Option<i64>, Option<i64>)> = ledger
        .prepare_cached("SELECT detail, inputs FROM outcomes WHERE module = ?1 AND key = ?2")?
        .query_row((module, key.as_bytes()), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (detail, inputs) = parts.unwrap_or_default();
    if let Some(detail) = detail {
        ledger.prepare_cached("DELETE FROM details WHERE id = ?1")?.execute([detail])?;
    }
    if let Some(inputs) = inputs {
        ledger.prepare_cached("DELETE FROM inputs WHERE id = ?1")?.execute([inputs])?;
    }
    Ok(())
}

fn inputs(ledger: &Connection, id: Option<i64>) -> Result<Option<Compilation>, Fault> {
    let Some(id) = id else { return Ok(None) };
    let record: Option<Vec<u8>> = ledger
        .prepare_cached("SELECT record FROM inputs WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    record.map(|record| record::decode("what was compiled", &record)).transpose()
}

fn detail(ledger: &Connection, id: Option<i64>) -> Result<Detail, Fault> {
    let Some(id) = id else { return Ok(Detail::default()) };
    let record: Vec<u8> = ledger
        .prepare_cached("SELECT record FROM details WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?
        .ok_or_else(|| Fault::record("outcome", format_args!("its detail {id} is missing")))?;
    record::decode("detail of an outcome", &record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_numbered_by_its_place() {
        for (place, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(usize::try_from(cap_code(limit)), Ok(place));
        }
    }
}

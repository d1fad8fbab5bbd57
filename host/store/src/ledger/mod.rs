//! The ledger: one SQLite file in WAL mode, at most one connection that writes, a few that read.
//!
//! Connections and transactions live here; each table has a file of its own beside this one, with the part of
//! [`Store`](crate::Store) that speaks of it.

pub(crate) mod browse;
pub(crate) mod column;
pub(crate) mod deployments;
pub(crate) mod environment;
pub(crate) mod history;
mod migrations;
pub(crate) mod modules;
pub(crate) mod outcomes;
pub(crate) mod pairs;
pub(crate) mod preparations;
pub(crate) mod record;
pub(crate) mod results;
pub(crate) mod signatures;
pub(crate) mod snapshots;
pub(crate) mod sources;
pub(crate) mod standing;
mod totals;

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use prefab_model::Limits;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::StoreError;
use crate::error::Fault;

const FILE: &str = "ledger.db";

/// How long to wait for another process that writes. Its transactions are batches that take well below a second.
const BUSY: Duration = Duration::from_secs(30);

/// Up to this size the whole file is checked when it is opened: some 4 ms. Above, damage is found when it is met.
const CHECKED_ON_OPEN: u64 = 2 << 20;

/// The file is not rewritten for less than this, in bytes.
const LEAST_SHRUNK: u64 = 1 << 20;

/// Set to this by the first migration: `PFAB`. Tells a ledger from the database of another program.
const APPLICATION_ID: i64 = 0x5046_4142;

pub(crate) struct Ledger {
    path: PathBuf,
    /// None before something is written.
    writer: Mutex<Option<Connection>>,
    idle_readers: Mutex<Vec<Connection>>,
    /// The sets of limits met so far, by their number in the ledger: a handful, and every outcome refers to one.
    limits: RwLock<HashMap<i64, Limits>>,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Ledger {
    pub(crate) fn open(state: &Path) -> Result<Self, StoreError> {
        const ACTION: &str = "open the ledger";
        let path = state.join(FILE);
        let named = |fault: Fault| fault.into_error(ACTION, &path);
        // Most commands find all as it should be, and many only read: they neither wait for those that write nor connect for it.
        let mut reader = None;
        if path.exists() {
            let connection = connect_reader(&path).map_err(named)?;
            if is_current(&connection, &path).map_err(named)? {
                reader = Some(connection);
            }
        }
        let writer = if reader.is_some() { None } else { Some(migrated(state, &path)?) };
        let ledger = Self {
            path,
            writer: Mutex::new(writer),
            idle_readers: Mutex::new(reader.into_iter().collect()),
            limits: RwLock::new(HashMap::new()),
        };
        if std::fs::metadata(&ledger.path).is_ok_and(|file| file.len() <= CHECKED_ON_OPEN) {
            ledger.read(ACTION, quick_check)?;
        }
        Ok(ledger)
    }

    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.read("check the ledger", |ledger| {
            quick_check(ledger)?;
            totals::check(ledger)
        })
    }

    /// Runs `body` on a connection that does not write.
    pub(crate) fn read<T>(
        &self,
        action: &'static str,
        body: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let named = |fault: Fault| fault.into_error(action, &self.path);
        let idle = lock(&self.idle_readers).pop();
        let reader = match idle {
            Some(reader) => reader,
            None => connect_reader(&self.path).map_err(named)?,
        };
        let result = body(&reader).map_err(named);
        // After an error the connection is dropped: it may be the one that is broken.
        if result.is_ok() {
            lock(&self.idle_readers).push(reader);
        }
        result
    }

    /// Runs `body` in one transaction that is durable when this returns, or has never been.
    pub(crate) fn write<T>(
        &self,
        action: &'static str,
        body: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let mut writer = lock(&self.writer);
        let run = || {
            let transaction = connected(&mut writer, &self.path)?
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = body(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        run().map_err(|fault: Fault| fault.into_error(action, &self.path))
    }
}

impl Ledger {
    /// Rewrites the file without its free pages, if they are a quarter of it and a MiB at least. Returns how many bytes it is shorter.
    pub(crate) fn shrink(&self) -> Result<u64, StoreError> {
        const ACTION: &str = "shrink the ledger";
        let mut writer = lock(&self.writer);
        let mut run = || {
            let writer = connected(&mut writer, &self.path)?;
            let number = |name| writer.pragma_query_value(None, name, |row| column::count(row, 0));
            let (free, pages, size) =
                (number("freelist_count")?, number("page_count")?, number("page_size")?);
            if free * size < LEAST_SHRUNK || free < pages / 4 {
                return Ok(0);
            }
            writer.execute_batch("VACUUM")?;
            // What was rewritten is in the WAL: only now does the file become shorter. Readers may be in the way of it, and then a later
            // checkpoint does it.
            writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))?;
            Ok(pages.saturating_sub(number("page_count")?) * size)
        };
        run().map_err(|fault: Fault| fault.into_error(ACTION, &self.path))
    }
}

/// A thread that panicked inside a transaction has rolled it back while unwinding, so the connection is fine.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection that writes to the ledger at `path`, which is made or brought up to date if need be.
fn migrated(state: &Path, path: &Path) -> Result<Connection, StoreError> {
    let named = |fault: Fault| fault.into_error("open the ledger", path);
    // SQLite has no lock for "read the version, then migrate": two first commands at a time would both do it.
    let turn = state.join("open.lock");
    let _turn = File::options()
        .create(true)
        // Cutting it off would wait where the file system is being flushed.
        .truncate(false)
        .write(true)
        .open(&turn)
        .and_then(|file| file.lock().map(|()| file))
        .map_err(|error| StoreError::io("lock", turn, error))?;
    let mut writer = connect(path).map_err(named)?;
    if !is_current(&writer, path).map_err(named)? {
        migrations::apply(&mut writer).map_err(named)?;
    }
    Ok(writer)
}

/// The connection that writes, made if there is none yet.
fn connected<'a>(writer: &'a mut Option<Connection>, path: &Path) -> Result<&'a mut Connection, Fault> {
    match writer {
        Some(writer) => Ok(writer),
        none => Ok(none.insert(connect(path)?)),
    }
}

/// Whether the schema is the latest; an error if it is later still, or of another program.
fn is_current(connection: &Connection, path: &Path) -> Result<bool, Fault> {
    check_owner(connection, path)?;
    Ok(migrations::is_latest(migrations::version(connection)?, path)?)
}

fn connect(path: &Path) -> Result<Connection, Fault> {
    let connection = open_file(path, OpenFlags::SQLITE_OPEN_CREATE)?;
    // A page cache that holds the inner pages of all tables for a million modules, and what one batch after the other appends to.
    connection.pragma_update(None, "cache_size", -64 * 1024)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: the WAL is flushed at every commit, so that power may fail right after it.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Ids are looked up in the transaction that writes them. SQLite would search all outcomes whenever a detail is deleted.
    connection.pragma_update(None, "foreign_keys", false)?;
    // Pages between checkpoints (16 MiB): later batches write to many of the same pages again.
    connection.pragma_update(None, "wal_autocheckpoint", 4096)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    Ok(connection)
}

fn connect_reader(path: &Path) -> Result<Connection, Fault> {
    let connection = open_file(path, OpenFlags::empty())?;
    connection.pragma_update(None, "cache_size", -8 * 1024)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn open_file(path: &Path, create: OpenFlags) -> Result<Connection, Fault> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | create,
    )?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}

/// Refuses a database with tables of another program.
fn check_owner(connection: &Connection, path: &Path) -> Result<(), Fault> {
    let id: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    if id == APPLICATION_ID || (id == 0 && tables == 0) {
        Ok(())
    } else {
        Err(StoreError::ForeignLedger { path: path.to_owned() }.into())
    }
}

fn quick_check(connection: &Connection) -> Result<(), Fault> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", (), |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(Fault::Record(found)) }
}

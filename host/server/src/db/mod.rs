//! What the server itself remembers: one SQLite file in WAL mode, `server.db`. Environments have ledgers of their own.
//!
//! Connections and transactions live here; each table has a file of its own beside this one. All of it blocks: handlers call it on
//! threads that may.

mod audit;
mod follows;
mod quotas;
mod replies;
mod runs;
mod sessions;
mod tenants;
mod tokens;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use rusqlite_migration::{M, Migrations};
use time::OffsetDateTime;

pub use audit::AuditEntry;
pub(crate) use audit::NewAuditEntry;
pub(crate) use follows::{FollowRow, ScheduledRow};
pub(crate) use replies::{Earlier, Reply};
pub(crate) use runs::{RunKey, RunRow};
pub use tenants::Tenant;
pub use tokens::NewToken;

/// How long to wait for another process that writes.
const BUSY: Duration = Duration::from_secs(30);

const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("schema_1.sql")),
    M::up(include_str!("sessions.sql")),
    M::up(include_str!("quotas.sql")),
    M::up(include_str!("follows.sql")),
    M::up(include_str!("run_preparations.sql")),
];

/// Why the server's database could not do something.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// SQLite failed.
    #[error("cannot {action} in {}", path.display())]
    Sql {
        /// What was attempted.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// The schema could not be brought up to date.
    #[error("{} cannot be used: it may have been written by a newer prefab", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite_migration::Error,
    },
}

/// The server's database. Reads do not wait for writes.
pub struct Db {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Db {
    /// Opens the database, and makes it first if there is none.
    ///
    /// # Errors
    /// A damaged or newer database, or trouble with the file.
    pub fn open(path: &Path) -> Result<Self, DbError> {
        let sql = |source| DbError::Sql { action: "open the database", path: path.to_owned(), source };
        let mut writer = connect(path).map_err(sql)?;
        writer.pragma_update(None, "journal_mode", "WAL").map_err(sql)?;
        writer.pragma_update(None, "synchronous", "FULL").map_err(sql)?;
        Migrations::from_slice(MIGRATIONS)
            .to_latest(&mut writer)
            .map_err(|source| DbError::Schema { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), writer: Mutex::new(writer), readers: Mutex::new(Vec::new()) })
    }

    fn read<T>(
        &self,
        action: &'static str,
        body: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, DbError> {
        let sql = |source| DbError::Sql { action, path: self.path.clone(), source };
        let idle = lock(&self.readers).pop();
        let reader = match idle {
            Some(reader) => reader,
            None => connect(&self.path).map_err(sql)?,
        };
        let read = body(&reader).map_err(sql)?;
        lock(&self.readers).push(reader);
        Ok(read)
    }

    /// One transaction that is durable when this returns, or has never been.
    fn write<T>(
        &self,
        action: &'static str,
        body: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, DbError> {
        let mut writer = lock(&self.writer);
        let run = || {
            let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = body(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        run().map_err(|source| DbError::Sql { action, path: self.path.clone(), source })
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// A thread that panicked inside a transaction has rolled it back while unwinding, so the connection is fine.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn millis(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

fn from_millis(millis: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// A column that must hold what `parse` takes.
fn parsed<T: std::str::FromStr>(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text: String = row.get(column)?;
    text.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_migrations_apply_in_turn() {
        Migrations::from_slice(MIGRATIONS).validate().unwrap();
    }
}

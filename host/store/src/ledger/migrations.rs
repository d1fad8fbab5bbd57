//! The ledger's schema, one file a version. A published file is never changed: a change is a new one, added to the list.

use std::path::Path;

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

use crate::StoreError;
use crate::error::Fault;

const ALL: &[M<'static>] = &[
    M::up(include_str!("schema_1.sql")),
    M::up(include_str!("schema_2.sql")),
    M::up(include_str!("schema_3.sql")),
    M::up(include_str!("schema_4.sql")),
    M::up(include_str!("schema_5.sql")),
];

/// The schema's version, 0 for a new file.
pub(super) fn version(connection: &Connection) -> Result<i64, Fault> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Whether nothing is to be done; an error if the version is later than any known.
pub(super) fn is_latest(version: i64, path: &Path) -> Result<bool, StoreError> {
    match usize::try_from(version).unwrap_or(usize::MAX).cmp(&ALL.len()) {
        std::cmp::Ordering::Less => Ok(false),
        std::cmp::Ordering::Equal => Ok(true),
        std::cmp::Ordering::Greater => {
            Err(StoreError::NewerLedger { path: path.to_owned(), found: version, known: ALL.len() })
        }
    }
}

/// Brings the schema up to date, in one transaction.
pub(super) fn apply(connection: &mut Connection) -> Result<(), Fault> {
    Migrations::from_slice(ALL).to_latest(connection).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => Fault::Sql(err),
        other => Fault::record("schema", other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_migrations_apply_in_turn() {
        Migrations::from_slice(ALL).validate().unwrap();
    }
}

//! Columns as the types of the model. A value that its type does not take means that the ledger is damaged.

use std::error::Error;
use std::str::FromStr;

use prefab_model::InvalidDigest;
use rusqlite::Row;
use rusqlite::types::Type;

/// A text that its type reads back.
pub(crate) fn parsed<T>(row: &Row<'_>, at: usize) -> rusqlite::Result<T>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    let text = row.get_ref(at)?.as_str().map_err(rusqlite::Error::from)?;
    text.parse().map_err(|error| invalid(at, Type::Text, error))
}

/// 32 bytes.
pub(crate) fn digest<T>(row: &Row<'_>, at: usize) -> rusqlite::Result<T>
where
    T: for<'a> TryFrom<&'a [u8], Error = InvalidDigest>,
{
    let bytes = row.get_ref(at)?.as_blob().map_err(rusqlite::Error::from)?;
    T::try_from(bytes).map_err(|error| invalid(at, Type::Blob, error))
}

/// A number that stands for one of a few values.
pub(crate) fn code<T>(row: &Row<'_>, at: usize, from: impl FnOnce(i64) -> Option<T>) -> rusqlite::Result<T> {
    let code: i64 = row.get(at)?;
    from(code).ok_or(rusqlite::Error::IntegralValueOutOfRange(at, code))
}

/// A number that is never negative.
pub(crate) fn count(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    code(row, at, |number| u64::try_from(number).ok())
}

/// A count as SQLite keeps it. None of ours comes near the end of the range; one that did would be kept as its largest.
pub(crate) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn invalid(at: usize, kind: Type, error: impl Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(at, kind, Box::new(error))
}

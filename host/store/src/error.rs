//! What can go wrong with the store, told so that a person knows what to do.
//!
//! Inside the ledger a [`Fault`] is passed on, which knows neither the file nor what was attempted; both are added where a
//! transaction ends.

use std::fmt;
use std::path::PathBuf;

use prefab_model::{CompilationKey, ModuleName, PreparationId};
use rusqlite::ErrorCode;

use crate::ObjectsError;

/// The kinds of blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobKind {
    /// A compilation's artifacts.
    Bundle,
    /// A compiler's component.
    Compiler,
    /// The sources of a module that was published, as one compiler takes them.
    Sources,
}

impl BlobKind {
    const fn remedy(self) -> &'static str {
        match self {
            Self::Bundle => "prepare the module again to make it anew",
            Self::Compiler => "install the release again to put it back",
            Self::Sources => "they are kept anew when the module is published from them again",
        }
    }
}

impl fmt::Display for BlobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bundle => "bundle",
            Self::Compiler => "compiler",
            Self::Sources => "archive of sources",
        })
    }
}

/// Trouble with the store. Nothing that was committed before is lost by it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused something.
    #[error("could not {action} {}", path.display())]
    Io {
        /// What was attempted, such as `create`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The disk is full.
    #[error("could not {action}: no space is left for {}: free some, then do it again; what was committed before is safe", path.display())]
    NoSpace {
        /// What was attempted.
        action: String,
        /// The file or folder that could not grow.
        path: PathBuf,
    },
    /// SQLite failed in a way that has no name of its own here.
    #[error("could not {action}, which is {}", path.display())]
    Ledger {
        /// What was attempted.
        action: &'static str,
        /// The ledger.
        path: PathBuf,
        /// Why it failed.
        source: rusqlite::Error,
    },
    /// Another process kept the ledger locked for longer than is ever needed.
    #[error("could not {action}: the ledger {} is in use by another process; wait for it to finish, then do it again", path.display())]
    LedgerBusy {
        /// What was attempted.
        action: &'static str,
        /// The ledger.
        path: PathBuf,
    },
    /// The ledger is damaged, or is no SQLite database at all.
    #[error(
        "could not {action}: the ledger {} is damaged ({reason}): restore it from a backup, or move it and the files that begin with \
         its name away and set the environment up again; sources and deployed files are not affected",
        path.display()
    )]
    CorruptLedger {
        /// What was attempted.
        action: &'static str,
        /// The ledger.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is a sound SQLite database, but of another program.
    #[error("{} is a database of another program, not a ledger: move it away", path.display())]
    ForeignLedger {
        /// The file.
        path: PathBuf,
    },
    /// The ledger was written by a later prefab.
    #[error("the ledger {} was written by a newer prefab (schema {found}, this one knows {known}): use that version", path.display())]
    NewerLedger {
        /// The ledger.
        path: PathBuf,
        /// The schema that it has.
        found: i64,
        /// The latest that this program knows.
        known: usize,
    },
    /// A blob is not where the ledger says.
    #[error("the {kind} {digest} is missing from {place}: {}", kind.remedy())]
    MissingBlob {
        /// What it is.
        kind: BlobKind,
        /// Its digest.
        digest: String,
        /// Where it should be.
        place: String,
    },
    /// A blob's bytes are not those that were stored.
    #[error("the {kind} {digest} in {place} is damaged: its bytes have another digest: {}", kind.remedy())]
    CorruptBlob {
        /// What it is.
        kind: BlobKind,
        /// Its digest, as the ledger has it.
        digest: String,
        /// Where it is.
        place: String,
    },
    /// A bundle is what was stored, and cannot be unpacked: malformed, unsafe, or larger than is allowed.
    #[error("the bundle {digest} is refused: {reason}")]
    RefusedBundle {
        /// Its digest.
        digest: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A blob could not be read or written.
    #[error("could not {action} the {kind} {digest}")]
    Blob {
        /// What was attempted.
        action: &'static str,
        /// What it is.
        kind: BlobKind,
        /// Its digest.
        digest: String,
        /// Why it failed.
        source: Box<object_store::Error>,
    },
    /// The object store that keeps the blobs could not be asked, or refused.
    #[error(
        "could not {action} in {place}: see that the object store can be reached and that the AWS_* variables are right, then do it again; what was committed before is safe"
    )]
    Objects {
        /// What was attempted.
        action: String,
        /// Where.
        place: String,
        /// Why it failed.
        source: ObjectsError,
    },
    /// A bundle could not be put together.
    #[error("could not pack a bundle of {artifacts} artifacts")]
    Pack {
        /// How many there are.
        artifacts: usize,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Only an empty folder is extracted into.
    #[error("could not extract into {}: it is not empty; name a folder that is empty or does not exist", path.display())]
    FolderNotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// An outcome that depends on the machine cannot be remembered.
    #[error("the outcome of {key} depends on the machine and cannot be remembered under its key")]
    NotDeterministic {
        /// The compilation.
        key: CompilationKey,
    },
    /// A row speaks of a module that the ledger does not know.
    #[error("there is no module {name} in the ledger: add it first")]
    UnknownModule {
        /// Its name.
        name: ModuleName,
    },
    /// A row speaks of a preparation that the ledger does not know.
    #[error("there is no preparation {id} in the ledger")]
    UnknownPreparation {
        /// Its number.
        id: PreparationId,
    },
}

impl StoreError {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        let path = path.into();
        if source.kind() == std::io::ErrorKind::StorageFull {
            return Self::NoSpace { action: format!("{action} {}", path.display()), path };
        }
        Self::Io { action, path, source }
    }
}

/// What goes wrong inside a transaction.
#[derive(Debug)]
pub(crate) enum Fault {
    Sql(rusqlite::Error),
    /// A record that cannot be what was written.
    Record(String),
    /// An error that is complete as it is.
    Other(StoreError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Other(error)
    }
}

impl Fault {
    /// A text or number in the ledger that its type does not take.
    pub(crate) fn record(what: &str, error: impl fmt::Display) -> Self {
        Self::Record(format!("{what}: {error}"))
    }

    pub(crate) fn into_error(self, action: &'static str, path: &std::path::Path) -> StoreError {
        let path = path.to_owned();
        match self {
            Self::Other(error) => error,
            Self::Record(reason) => StoreError::CorruptLedger { action, path, reason },
            Self::Sql(source) => match source.sqlite_error_code() {
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    StoreError::CorruptLedger { action, path, reason: source.to_string() }
                }
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                    StoreError::LedgerBusy { action, path }
                }
                Some(ErrorCode::DiskFull) => StoreError::NoSpace { action: action.to_owned(), path },
                _ => match source {
                    // A column that holds another type, or a null where there is none: the schema forbids both.
                    rusqlite::Error::FromSqlConversionFailure(..)
                    | rusqlite::Error::IntegralValueOutOfRange(..)
                    | rusqlite::Error::InvalidColumnType(..)
                    | rusqlite::Error::Utf8Error(..) => {
                        StoreError::CorruptLedger { action, path, reason: source.to_string() }
                    }
                    source => StoreError::Ledger { action, path, source },
                },
            },
        }
    }
}

//! What prefab remembers: the ledger (SQLite), the only authority on what happened, and the blobs (`object_store`), which
//! hold the bytes that the ledger speaks of by digest.
//!
//! The one rule: a blob is durable before a row names it. [`Store::commit`] sees to that, so that a process may be killed at
//! any instant. No clock, no compiling, and no policy lives here; times come from callers, in milliseconds since 1970.

mod batch;
mod blobs;
mod bundle;
mod error;
mod gc;
mod ledger;
mod store;

pub use batch::{Batch, OutcomeRow};
pub use blobs::{Blobs, ObjectsError, check_blobs, sync_file_system};
pub use bundle::{Bundle, BundleLimits};
pub use error::{BlobKind, StoreError};
pub use gc::{CollectedRows, Keep, LiveBlobs, Tally};
pub use ledger::browse::{BrowsedModule, BrowsedState, Browsing};
pub use ledger::deployments::{DeployedBundle, Deployment, DeploymentId};
pub use ledger::environment::{InstalledRelease, Platform, Provenance};
pub use ledger::history::HistoryEntry;
pub use ledger::modules::{ModuleKind, ModuleRow};
pub use ledger::outcomes::{Known, StoredOutcome};
pub use ledger::pairs::Yield;
pub use ledger::preparations::{Holder, NewPreparation, Preparation};
pub use ledger::results::{CompilationRef, ModuleResult, Note, ResultFilter};
pub use ledger::snapshots::{Snapshot, SnapshotFile};
pub use ledger::standing::Standing;
pub use store::Store;

//! The store as the rest of prefab holds it: one for an environment, shared by all threads.

use std::path::Path;

use prefab_model::BlobsUrl;

use crate::ledger::Ledger;
use crate::{Blobs, StoreError};

/// An environment's ledger and blobs.
///
/// Any number of threads may read at a time and are not held up by the one that writes, nor by another process that does.
#[derive(Debug)]
pub struct Store {
    pub(crate) ledger: Ledger,
    pub(crate) blobs: Blobs,
}

impl Store {
    /// Opens the store in `state` (the folder `.prefab` of an environment), and makes it first if there is none. A ledger of
    /// an earlier schema is brought up to date.
    ///
    /// # Errors
    /// A damaged, foreign or newer ledger, or trouble with the file system; each says what to do.
    pub fn open(state: &Path) -> Result<Self, StoreError> {
        Self::open_with(state, None)
    }

    /// The same, with the blobs elsewhere if it is said where. Nothing is asked of that place yet.
    ///
    /// # Errors
    /// As [`Store::open`]; and what the environment variables say of that place cannot be used.
    pub fn open_with(state: &Path, elsewhere: Option<&BlobsUrl>) -> Result<Self, StoreError> {
        std::fs::create_dir_all(state).map_err(|error| StoreError::io("create", state, error))?;
        let blobs = Blobs::open(&state.join("blobs"), elsewhere)?;
        let ledger = Ledger::open(state)?;
        Ok(Self { ledger, blobs })
    }

    /// The bytes.
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Reads the whole ledger and checks that it is sound. Takes about two seconds a gigabyte; [`Store::open`] does so by itself
    /// only while the ledger is small.
    ///
    /// # Errors
    /// [`StoreError::CorruptLedger`] says what is wrong.
    pub fn check(&self) -> Result<(), StoreError> {
        self.ledger.check()
    }
}

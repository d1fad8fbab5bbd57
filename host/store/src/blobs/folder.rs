//! Blobs in a folder, through `object_store`: each is written beside its place, then renamed.

use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use object_store::ObjectStoreExt as _;
use object_store::local::LocalFileSystem;

use super::{Place, Refusal, is_dead, location};
use crate::StoreError;
use crate::gc::{LiveBlobs, Tally};

#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    handle: File,
    store: LocalFileSystem,
    /// Whether something was put since the last flush began.
    unsynced: AtomicBool,
    flush: Mutex<()>,
}

impl Folder {
    pub(super) fn open(folder: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(|error| StoreError::io("create", folder, error))?;
        let handle = File::open(folder).map_err(|error| StoreError::io("open", folder, error))?;
        let store = LocalFileSystem::new_with_prefix(folder)
            .map_err(|error| StoreError::io("open", folder, io::Error::other(error)))?;
        let (unsynced, flush) = (AtomicBool::new(false), Mutex::new(()));
        Ok(Self { root: folder.to_owned(), handle, store, unsynced, flush })
    }
}

impl Place for Folder {
    fn put(&self, hex: &str, bytes: Vec<u8>) -> Result<(), Refusal> {
        // Outside of a tokio runtime, `LocalFileSystem` does its work at once, on this thread.
        pollster::block_on(self.store.put(&location(hex), bytes.into())).map_err(refusal)?;
        self.unsynced.store(true, Ordering::Release);
        Ok(())
    }

    fn get(&self, hex: &str) -> Result<Vec<u8>, Refusal> {
        let bytes = pollster::block_on(async { self.store.get(&location(hex)).await?.bytes().await });
        Ok(bytes.map_err(refusal)?.into())
    }

    fn has(&self, hex: &str) -> Result<bool, Refusal> {
        // Asking `object_store` would open the file.
        let path = self.root.join(&hex[..2]).join(hex);
        path.try_exists().map_err(|error| {
            Refusal::Failed(object_store::Error::Generic { store: "LocalFileSystem", source: error.into() })
        })
    }

    /// One `syncfs` a batch instead of an `fsync` a blob: 64 blobs of 15 KB took 2 to 8 ms instead of 200 to 250 ms (ext4, while
    /// compilers were writing to the same disk).
    fn sync(&self) -> Result<(), StoreError> {
        // Whoever comes while another thread flushes waits: that flush may hold their blobs.
        let _turn = self.flush.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.unsynced.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        rustix::fs::syncfs(&self.handle).map_err(|error| {
            self.unsynced.store(true, Ordering::Release);
            StoreError::io("flush", &self.root, error.into())
        })
    }

    fn collect(
        &self,
        live: &LiveBlobs,
        dry_run: bool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Tally, StoreError> {
        let mut dead = Tally::default();
        let mut seen = 0;
        let list =
            |folder: &Path| fs::read_dir(folder).map_err(|error| StoreError::io("list", folder, error));
        for folder in list(&self.root)? {
            let folder = folder.map_err(|error| StoreError::io("list", &self.root, error))?.path();
            if !folder.is_dir() {
                continue;
            }
            for file in list(&folder)? {
                let file = file.map_err(|error| StoreError::io("list", &folder, error))?;
                seen += 1;
                progress(seen);
                if !file.file_name().to_str().is_some_and(|name| is_dead(name, live)) {
                    continue;
                }
                let path = file.path();
                let size = file.metadata().map_err(|error| StoreError::io("look at", &path, error))?.len();
                if !dry_run {
                    fs::remove_file(&path).map_err(|error| StoreError::io("remove", &path, error))?;
                }
                dead.add(size);
            }
        }
        Ok(dead)
    }

    fn bytes_elsewhere(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

    fn name(&self) -> String {
        self.root.display().to_string()
    }
}

fn refusal(error: object_store::Error) -> Refusal {
    match error {
        object_store::Error::NotFound { .. } => Refusal::Missing,
        error if is_full(&error) => Refusal::Full,
        error => Refusal::Failed(error),
    }
}

/// `object_store` keeps the reason of the operating system somewhere in the chain of sources.
fn is_full(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let reason = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if matches!(reason, Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)) {
            return true;
        }
        cause = error.source();
    }
    false
}

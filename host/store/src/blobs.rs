//! The blobs: bytes that are named by their digest, in `object_store`.
//!
//! Blobs are written by many threads at a time, and are durable only after [`Blobs::sync`]. Every read checks the digest.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt};
use prefab_model::{Artifact, ArtifactInfo, ArtifactPaths, BundleDigest, CompilerDigest};

use crate::bundle::{self, Stop};
use crate::gc::{LiveBlobs, Tally};
use crate::{BlobKind, Bundle, BundleLimits, StoreError};

/// The blobs of an environment.
#[derive(Debug)]
pub struct Blobs {
    folder: PathBuf,
    handle: File,
    store: Box<dyn ObjectStore>,
    /// Whether something was put since the last flush began.
    unsynced: AtomicBool,
    flush: Mutex<()>,
}

impl Blobs {
    pub(crate) fn open(folder: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(|error| StoreError::io("create", folder, error))?;
        let handle = File::open(folder).map_err(|error| StoreError::io("open", folder, error))?;
        let store = LocalFileSystem::new_with_prefix(folder)
            .map_err(|error| StoreError::io("open", folder, io::Error::other(error)))?;
        Ok(Self {
            folder: folder.to_owned(),
            handle,
            store: Box::new(store),
            unsynced: AtomicBool::new(false),
            flush: Mutex::new(()),
        })
    }

    /// Keeps artifacts, whose paths must be different, as one bundle. Returns its digest and its size as stored, in bytes. Not
    /// durable before [`Blobs::sync`].
    pub fn put_bundle(&self, artifacts: &[Artifact]) -> Result<(BundleDigest, u64), StoreError> {
        self.pack(BlobKind::Bundle, artifacts)
    }

    /// Keeps files of a module, in the form of a bundle. Returns the digest of that. Not durable before [`Blobs::sync`].
    pub fn put_sources(&self, files: &[Artifact]) -> Result<BundleDigest, StoreError> {
        Ok(self.pack(BlobKind::Sources, files)?.0)
    }

    /// The digest of the bundle that these artifacts make, without keeping it.
    pub fn bundle_digest(artifacts: &[Artifact]) -> Result<BundleDigest, StoreError> {
        Ok(BundleDigest::of(&packed(artifacts)?))
    }

    fn pack(&self, kind: BlobKind, artifacts: &[Artifact]) -> Result<(BundleDigest, u64), StoreError> {
        let packed = packed(artifacts)?;
        let digest = BundleDigest::of(&packed);
        let size = packed.len() as u64;
        self.put(kind, &digest.hex(), packed)?;
        Ok((digest, size))
    }

    /// Keeps a compiler's component. Not durable before [`Blobs::sync`].
    pub fn put_component(&self, bytes: Vec<u8>) -> Result<CompilerDigest, StoreError> {
        let digest = CompilerDigest::of(&bytes);
        self.put(BlobKind::Compiler, &digest.hex(), bytes)?;
        Ok(digest)
    }

    /// Makes everything that was put so far durable.
    ///
    /// One `syncfs` a batch instead of an `fsync` a blob: 64 blobs of 15 KB took 2 to 8 ms instead of 200 to 250 ms (ext4, while
    /// compilers were writing to the same disk).
    pub fn sync(&self) -> Result<(), StoreError> {
        // Whoever comes while another thread flushes waits: that flush may hold their blobs.
        let _turn = self.flush.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.unsynced.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        rustix::fs::syncfs(&self.handle).map_err(|error| {
            self.unsynced.store(true, Ordering::Release);
            StoreError::io("flush", &self.folder, error.into())
        })
    }

    /// Whether there is a blob for this bundle. Its bytes are not looked at.
    pub fn has_bundle(&self, digest: &BundleDigest) -> Result<bool, StoreError> {
        let hex = digest.hex();
        // Asking `object_store` would open the file.
        let path = self.folder.join(&hex[..2]).join(&hex);
        path.try_exists().map_err(|error| StoreError::io("look up", path, error))
    }

    /// A compiler's component.
    pub fn component(&self, digest: &CompilerDigest) -> Result<Vec<u8>, StoreError> {
        let hex = digest.hex();
        let bytes = self.get(BlobKind::Compiler, &hex)?;
        if CompilerDigest::of(&bytes) == *digest {
            Ok(bytes)
        } else {
            Err(self.corrupt(BlobKind::Compiler, &hex))
        }
    }

    /// A bundle with its bytes.
    pub fn read_bundle(&self, digest: &BundleDigest, limits: BundleLimits) -> Result<Bundle, StoreError> {
        let stored = self.stored(BlobKind::Bundle, digest)?;
        bundle::unpack(&stored, limits).map_err(|stop| refused(digest, stop))
    }

    /// Sources with their bytes, sorted by path.
    pub fn read_sources(
        &self,
        digest: &BundleDigest,
        limits: BundleLimits,
    ) -> Result<Vec<Artifact>, StoreError> {
        let stored = self.stored(BlobKind::Sources, digest)?;
        let bundle = bundle::unpack_sources(&stored, limits).map_err(|stop| refused(digest, stop))?;
        Ok(bundle.artifacts)
    }

    /// What is in a bundle, without unpacking it.
    pub fn list_bundle(
        &self,
        digest: &BundleDigest,
        limits: BundleLimits,
    ) -> Result<Vec<ArtifactInfo>, StoreError> {
        let stored = self.stored(BlobKind::Bundle, digest)?;
        bundle::list(&stored, limits).map_err(|stop| refused(digest, stop))
    }

    /// Unpacks bundles, file by file, into one folder that is empty or does not exist yet. Nothing is left outside of it, whatever
    /// is in the bundles; two that have a file of the same path are refused. Not durable: [`sync_file_system`] makes it so.
    pub fn extract(
        &self,
        digests: &[BundleDigest],
        folder: &Path,
        limits: BundleLimits,
    ) -> Result<Vec<ArtifactInfo>, StoreError> {
        let failed = |action, error| StoreError::io(action, folder, error);
        std::fs::create_dir_all(folder).map_err(|error| failed("create", error))?;
        let into =
            Dir::open_ambient_dir(folder, ambient_authority()).map_err(|error| failed("open", error))?;
        if into.entries().map_err(|error| failed("list", error))?.next().is_some() {
            return Err(StoreError::FolderNotEmpty { path: folder.to_owned() });
        }
        let mut extracted = Vec::new();
        // Each bundle keeps its own paths apart; here those of different bundles are.
        let mut paths = ArtifactPaths::default();
        for digest in digests {
            let stored = self.stored(BlobKind::Bundle, digest)?;
            bundle::walk(&stored, limits, &mut |info, reader| {
                paths.insert(&info.path).map_err(|error| Stop::Refused(error.to_string()))?;
                write_artifact(&into, folder, info, reader)?;
                extracted.push(info.clone());
                Ok(())
            })
            .map_err(|stop| refused(digest, stop))?;
        }
        Ok(extracted)
    }

    /// Removes the blobs that are not in `live`, and what was left of those that were being written when their process was killed. Files of
    /// other names are nobody's business here.
    pub(crate) fn collect(
        &self,
        live: &LiveBlobs,
        dry_run: bool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Tally, StoreError> {
        let mut dead = Tally::default();
        let mut seen = 0;
        let list =
            |folder: &Path| std::fs::read_dir(folder).map_err(|error| StoreError::io("list", folder, error));
        for folder in list(&self.folder)? {
            let folder = folder.map_err(|error| StoreError::io("list", &self.folder, error))?.path();
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
                    std::fs::remove_file(&path).map_err(|error| StoreError::io("remove", &path, error))?;
                }
                dead.add(size);
            }
        }
        Ok(dead)
    }

    fn stored(&self, kind: BlobKind, digest: &BundleDigest) -> Result<Vec<u8>, StoreError> {
        let hex = digest.hex();
        let stored = self.get(kind, &hex)?;
        if BundleDigest::of(&stored) == *digest { Ok(stored) } else { Err(self.corrupt(kind, &hex)) }
    }

    /// One that is there already is written anew: it may be damaged, or not durable.
    fn put(&self, kind: BlobKind, hex: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        // Outside of a tokio runtime, `LocalFileSystem` does its work at once, on this thread.
        pollster::block_on(self.store.put(&location(hex), bytes.into()))
            .map_err(|error| self.failed("store", kind, hex, error))?;
        self.unsynced.store(true, Ordering::Release);
        Ok(())
    }

    fn get(&self, kind: BlobKind, hex: &str) -> Result<Vec<u8>, StoreError> {
        let bytes = pollster::block_on(async { self.store.get(&location(hex)).await?.bytes().await })
            .map_err(|error| self.failed("read", kind, hex, error))?;
        Ok(bytes.into())
    }

    fn failed(
        &self,
        action: &'static str,
        kind: BlobKind,
        hex: &str,
        error: object_store::Error,
    ) -> StoreError {
        let digest = format!("blake3:{hex}");
        if matches!(error, object_store::Error::NotFound { .. }) {
            return StoreError::MissingBlob { kind, digest, folder: self.folder.clone() };
        }
        if is_full(&error) {
            return StoreError::NoSpace {
                action: format!("{action} the {kind} {digest}"),
                path: self.folder.clone(),
            };
        }
        StoreError::Blob { action, kind, digest, source: Box::new(error) }
    }

    fn corrupt(&self, kind: BlobKind, hex: &str) -> StoreError {
        StoreError::CorruptBlob { kind, digest: format!("blake3:{hex}"), folder: self.folder.clone() }
    }
}

fn packed(artifacts: &[Artifact]) -> Result<Vec<u8>, StoreError> {
    bundle::pack(artifacts).map_err(|source| StoreError::Pack { artifacts: artifacts.len(), source })
}

fn write_artifact(
    target: &Dir,
    folder: &Path,
    info: &ArtifactInfo,
    bytes: &mut dyn io::Read,
) -> Result<(), Stop> {
    let path = info.path.as_str();
    let failed = |error| Stop::Sink(StoreError::io("write", folder.join(path), error));
    if let Some((parent, _)) = path.rsplit_once('/') {
        target.create_dir_all(parent).map_err(failed)?;
    }
    let mut file = target.open_with(path, OpenOptions::new().write(true).create_new(true)).map_err(failed)?;
    let written = io::copy(bytes, &mut file).map_err(failed)?;
    if written == info.size { Ok(()) } else { Err(Stop::Refused(format!("{path} is cut off"))) }
}

/// Makes everything durable that was written to the file system that holds `folder`.
pub fn sync_file_system(folder: &Path) -> Result<(), StoreError> {
    File::open(folder)
        .and_then(|folder| Ok(rustix::fs::syncfs(folder)?))
        .map_err(|error| StoreError::io("flush", folder, error))
}

/// `aa/aa…`: 256 folders, so that a million blobs are some 4,000 in each.
fn location(hex: &str) -> object_store::path::Path {
    object_store::path::Path::from_iter([&hex[..2], hex])
}

/// Whether a file of this name is a blob that nothing refers to, or a part of one: `object_store` writes to `NAME#NUMBER` first.
fn is_dead(name: &str, live: &LiveBlobs) -> bool {
    let (hex, part) = name.split_once('#').map_or((name, None), |(hex, part)| (hex, Some(part)));
    match (blake3::Hash::from_hex(hex), part) {
        (Ok(digest), None) => !live.contains(digest.as_bytes()),
        (Ok(_), Some(_)) => true,
        (Err(_), _) => false,
    }
}

/// `object_store` keeps the reason of the operating system somewhere in the chain of sources.
fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
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

fn refused(digest: &BundleDigest, stop: Stop) -> StoreError {
    match stop {
        Stop::Refused(reason) => StoreError::RefusedBundle { digest: digest.to_string(), reason },
        Stop::Sink(error) => error,
    }
}

//! The blobs: bytes that are named by their digest, in a folder (`blobs/folder.rs`) or in an object store (`blobs/objects.rs`).
//!
//! Blobs are written by many threads at a time, and are durable only after [`Blobs::sync`]. Every read checks the digest.

mod folder;
mod http;
mod objects;

use std::fs::File;
use std::io;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use prefab_model::{Artifact, ArtifactInfo, ArtifactPaths, BlobsUrl, BundleDigest, CompilerDigest};

use self::folder::Folder;
use self::objects::Objects;
pub use self::objects::ObjectsError;

use crate::bundle::{self, Stop};
use crate::gc::{LiveBlobs, Tally};
use crate::{BlobKind, Bundle, BundleLimits, StoreError};

/// Where blobs are kept, by the hexadecimal digits of their digests.
trait Place: std::fmt::Debug + Send + Sync {
    /// Keeps one, all of it or nothing. One that is there already is written anew: it may be damaged, or not durable.
    fn put(&self, hex: &str, bytes: Vec<u8>) -> Result<(), Refusal>;
    fn get(&self, hex: &str) -> Result<Vec<u8>, Refusal>;
    fn has(&self, hex: &str) -> Result<bool, Refusal>;
    /// Makes everything that was put so far durable.
    fn sync(&self) -> Result<(), StoreError>;
    /// Removes those that are not in `live`, and what was left of those that were being written when their process was killed. What has
    /// another name is nobody's business here.
    fn collect(
        &self,
        live: &LiveBlobs,
        dry_run: bool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Tally, StoreError>;
    /// How many bytes there are that are not in a folder.
    fn bytes_elsewhere(&self) -> Result<u64, StoreError>;
    /// What people call it.
    fn name(&self) -> String;
}

/// Why a place did not do something with a blob.
enum Refusal {
    /// It is not there.
    Missing,
    Full,
    Failed(object_store::Error),
    /// The object store could not be asked.
    Away(ObjectsError),
}

/// The blobs of an environment.
#[derive(Debug)]
pub struct Blobs {
    place: Box<dyn Place>,
}

impl Blobs {
    /// Those in `folder`, or else in an object store.
    pub(crate) fn open(folder: &Path, elsewhere: Option<&BlobsUrl>) -> Result<Self, StoreError> {
        let place: Box<dyn Place> = match elsewhere {
            None => Box::new(Folder::open(folder)?),
            Some(url) => Box::new(Objects::open(url)?),
        };
        Ok(Self { place })
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
    pub fn sync(&self) -> Result<(), StoreError> {
        self.place.sync()
    }

    /// Whether there is a blob for this bundle. Its bytes are not looked at.
    pub fn has_bundle(&self, digest: &BundleDigest) -> Result<bool, StoreError> {
        let hex = digest.hex();
        self.place.has(&hex).map_err(|refusal| self.failed("look up", BlobKind::Bundle, &hex, refusal))
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

    /// How many bytes there are in an object store: none if blobs are in a folder. It lists them all.
    pub fn bytes_elsewhere(&self) -> Result<u64, StoreError> {
        self.place.bytes_elsewhere()
    }

    /// Removes the blobs that are not in `live`.
    pub(crate) fn collect(
        &self,
        live: &LiveBlobs,
        dry_run: bool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Tally, StoreError> {
        self.place.collect(live, dry_run, progress)
    }

    fn stored(&self, kind: BlobKind, digest: &BundleDigest) -> Result<Vec<u8>, StoreError> {
        let hex = digest.hex();
        let stored = self.get(kind, &hex)?;
        if BundleDigest::of(&stored) == *digest { Ok(stored) } else { Err(self.corrupt(kind, &hex)) }
    }

    fn put(&self, kind: BlobKind, hex: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        self.place.put(hex, bytes).map_err(|refusal| self.failed("store", kind, hex, refusal))
    }

    fn get(&self, kind: BlobKind, hex: &str) -> Result<Vec<u8>, StoreError> {
        self.place.get(hex).map_err(|refusal| self.failed("read", kind, hex, refusal))
    }

    fn failed(&self, action: &'static str, kind: BlobKind, hex: &str, refusal: Refusal) -> StoreError {
        let (digest, place) = (format!("blake3:{hex}"), self.place.name());
        match refusal {
            Refusal::Missing => StoreError::MissingBlob { kind, digest, place },
            Refusal::Full => {
                StoreError::NoSpace { action: format!("{action} the {kind} {digest}"), path: place.into() }
            }
            Refusal::Failed(error) => StoreError::Blob { action, kind, digest, source: Box::new(error) },
            Refusal::Away(source) => {
                StoreError::Objects { action: format!("{action} the {kind} {digest}"), place, source }
            }
        }
    }

    fn corrupt(&self, kind: BlobKind, hex: &str) -> StoreError {
        StoreError::CorruptBlob { kind, digest: format!("blake3:{hex}"), place: self.place.name() }
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

/// Finds out whether blobs can be written there. Leaves a small object behind, the same each time.
///
/// # Errors
/// [`StoreError::Objects`] says why not.
pub fn check_blobs(url: &BlobsUrl) -> Result<(), StoreError> {
    Objects::open(url)?.check()
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

/// Whether what has this name is a blob that nothing refers to, or a part of one: `object_store` writes to `NAME#NUMBER` first.
fn is_dead(name: &str, live: &LiveBlobs) -> bool {
    let (hex, part) = name.split_once('#').map_or((name, None), |(hex, part)| (hex, Some(part)));
    match (blake3::Hash::from_hex(hex), part) {
        (Ok(digest), None) => !live.contains(digest.as_bytes()),
        (Ok(_), Some(_)) => true,
        (Err(_), _) => false,
    }
}

fn refused(digest: &BundleDigest, stop: Stop) -> StoreError {
    match stop {
        Stop::Refused(reason) => StoreError::RefusedBundle { digest: digest.to_string(), reason },
        Stop::Sink(error) => error,
    }
}

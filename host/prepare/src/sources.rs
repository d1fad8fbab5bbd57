//! The sources of what was published, kept so that it can be compiled again: one archive for each compiler's view of a module.

use std::path::Path;

use prefab_model::{Artifact, BundleDigest, Bytes, CompilerEntry, ModuleName, ModulePath, SourceDigest};
use prefab_sandbox::SourceFile;
use prefab_store::{BundleLimits, Snapshot, SnapshotFile, StoreError};

use crate::environment::Environment;
use crate::module_folder;
use crate::snapshot::{MAX_FILES, MAX_MODULE, SourceProblem, read_again, snapshot, source_digest};

const LIMITS: BundleLimits = BundleLimits { bytes: Bytes(MAX_MODULE), artifacts: MAX_FILES as u64 };

/// Why sources could not be kept.
pub(crate) enum NotKept {
    /// They are no longer as they were.
    Source(SourceProblem),
    Store(StoreError),
}

impl From<SourceProblem> for NotKept {
    fn from(problem: SourceProblem) -> Self {
        Self::Source(problem)
    }
}

impl From<StoreError> for NotKept {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Puts the files that a compiler takes of a module into the blobs, unless they are there. They become durable, and known, with the
/// deployment.
pub(crate) fn keep(
    env: &Environment,
    module: &ModuleName,
    source: &SourceDigest,
    entry: &CompilerEntry,
) -> Result<Option<(SourceDigest, BundleDigest)>, NotKept> {
    let store = env.store();
    // Read, not only looked up: what is damaged is kept anew.
    if matches!(kept(env, source), Kept::Whole(_)) {
        return Ok(None);
    }
    let Some(row) = store.module(module)? else { return Ok(None) };
    let dir = module_folder::open(&row.root)
        .map_err(|source| SourceProblem::Io { path: "its folder".to_owned(), source })?;
    let takes = |path: &ModulePath| entry.takes(path);
    let seen = snapshot(&dir, &takes, store.snapshot(module)?.as_ref(), 0)?;
    if source_digest(&seen.snapshot, &takes) != Some(*source) {
        return Err(SourceProblem::Moved.into());
    }
    let mut kept = Vec::new();
    for (file, bytes) in seen.snapshot.files.into_iter().zip(seen.bytes) {
        kept.push(Artifact {
            bytes: bytes.map_or_else(|| read_again(&dir, &file), Ok)?,
            path: file.path,
            media_type: "application/octet-stream".to_owned(),
        });
    }
    Ok(Some((*source, store.blobs().put_sources(&kept)?)))
}

/// The files of a source: those that were kept, or those that are in the module's folder if they are still the same.
///
/// # Errors
/// In words for people, why neither can be had.
pub(crate) fn files(
    env: &Environment,
    source: &SourceDigest,
    root: Option<&Path>,
    takes: Option<&dyn Fn(&ModulePath) -> bool>,
) -> Result<Vec<SourceFile>, String> {
    let kept = match kept(env, source) {
        Kept::Whole(files) => return Ok(files),
        Kept::Missing(reason) => reason,
        Kept::Damaged(reason) => return Err(reason),
    };
    let (Some(root), Some(takes)) = (root, takes) else {
        return Err(format!("{kept}, and the module is no longer in the environment"));
    };
    let dir = module_folder::open(root)
        .map_err(|error| format!("{kept}, and its folder {} cannot be opened: {error}", root.display()))?;
    let seen = snapshot(&dir, takes, None, 0).map_err(|problem| format!("{kept}, and {problem}"))?;
    if source_digest(&seen.snapshot, takes) != Some(*source) {
        return Err(format!("{kept}, and its folder {} has others now", root.display()));
    }
    let files = seen.snapshot.files.into_iter().zip(seen.bytes);
    Ok(files.filter_map(|(file, bytes)| Some(SourceFile { path: file.path, bytes: bytes?.into() })).collect())
}

/// What became of the sources that were to be kept.
enum Kept {
    Whole(Vec<SourceFile>),
    /// They are not there: where else they may be is worth a look.
    Missing(String),
    /// They are there and not what they should be, which must not go unseen.
    Damaged(String),
}

fn kept(env: &Environment, source: &SourceDigest) -> Kept {
    let store = env.store();
    let files = match store.sources(source) {
        Ok(Some(blob)) => store.blobs().read_sources(&blob, LIMITS),
        Ok(None) => return Kept::Missing("its sources were not kept".to_owned()),
        Err(error) => Err(error),
    };
    let files = match files {
        Ok(files) => files,
        Err(error @ StoreError::MissingBlob { .. }) => return Kept::Missing(error.to_string()),
        Err(error) => return Kept::Damaged(error.to_string()),
    };
    let seen = files.iter().map(|file| SnapshotFile {
        path: file.path.clone(),
        size: file.bytes.len() as u64,
        mtime_ns: 0,
        inode: 0,
        content: *blake3::hash(&file.bytes).as_bytes(),
    });
    if source_digest(&Snapshot { files: seen.collect() }, &|_| true) != Some(*source) {
        return Kept::Damaged("the sources that were kept are not those that were compiled".to_owned());
    }
    let file = |file: Artifact| SourceFile { path: file.path, bytes: file.bytes.into() };
    Kept::Whole(files.into_iter().map(file).collect())
}

//! Reading a release from the folder its vendor made.

use std::fs;
use std::io;
use std::path::Path;

use prefab_model::{CompilerDigest, CompilerEntry, Release};
use prefab_sandbox::MAX_COMPONENT;

use super::ReleasesError;

const MANIFEST: &str = "release.toml";
/// The largest manifest that is read, in bytes.
const MAX_MANIFEST: u64 = 1 << 20;

/// A release whose manifest was read from disk and whose components are what it says.
pub(super) struct OnDisk {
    pub(super) release: Release,
    pub(super) manifest: String,
    /// In the order of the manifest.
    pub(super) components: Vec<Vec<u8>>,
}

impl OnDisk {
    pub(super) fn read(source: &Path) -> Result<Self, ReleasesError> {
        let path = if source.is_dir() { source.join(MANIFEST) } else { source.to_owned() };
        let manifest = read_text(&path)?;
        let release = Release::parse(&manifest)
            .map_err(|source| ReleasesError::Manifest { path: path.clone(), source })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let components =
            release.compilers.iter().map(|entry| read_component(folder, entry)).collect::<Result<_, _>>()?;
        Ok(Self { release, manifest, components })
    }
}

fn read_text(path: &Path) -> Result<String, ReleasesError> {
    let io = |source| ReleasesError::Io { path: path.to_owned(), source };
    if fs::metadata(path).map_err(io)?.len() > MAX_MANIFEST {
        return Err(io(io::Error::new(io::ErrorKind::FileTooLarge, "a manifest has at most 1 MiB")));
    }
    fs::read_to_string(path).map_err(io)
}

fn read_component(folder: &Path, entry: &CompilerEntry) -> Result<Vec<u8>, ReleasesError> {
    let path = folder.join(entry.component.as_str());
    let io = |source| ReleasesError::Io { path: path.clone(), source };
    if fs::metadata(&path).map_err(io)?.len() > MAX_COMPONENT {
        return Err(io(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than any compiler may be")));
    }
    let bytes = fs::read(&path).map_err(io)?;
    let found = CompilerDigest::of(&bytes);
    if found == entry.digest {
        Ok(bytes)
    } else {
        Err(ReleasesError::Digest { path, expected: entry.digest, found })
    }
}

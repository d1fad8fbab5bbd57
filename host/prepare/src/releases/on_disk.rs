//! Reading a release from the folder its vendor made.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use prefab_model::{CompilerDigest, CompilerEntry, Release};
use prefab_sandbox::MAX_COMPONENT;

use super::ReleasesError;
use crate::foreign_file;

pub(super) const MANIFEST: &str = "release.toml";
/// The largest manifest that is read, in bytes.
const MAX_MANIFEST: u64 = 1 << 20;
/// All components of a release together may have this many bytes: they are held in memory when it is installed.
const MAX_COMPONENTS: u64 = 1 << 30;

/// A release whose manifest was read from disk and whose components are what it says.
pub(super) struct OnDisk {
    pub(super) release: Release,
    pub(super) manifest: String,
    /// In the order of the manifest.
    pub(super) components: Vec<Vec<u8>>,
}

impl OnDisk {
    pub(super) fn read(source: &Path) -> Result<Self, ReleasesError> {
        let (path, manifest, release) = read_manifest(source)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut components = Vec::with_capacity(release.compilers.len());
        let mut room = MAX_COMPONENTS;
        for entry in &release.compilers {
            let component = read_component(folder, entry, room.min(MAX_COMPONENT))?;
            room = room.saturating_sub(component.len() as u64);
            components.push(component);
        }
        Ok(Self { release, manifest, components })
    }
}

/// A manifest: where it is, its text, and what that says. What it names is not looked at.
pub(super) fn read_manifest(source: &Path) -> Result<(PathBuf, String, Release), ReleasesError> {
    let path = if source.is_dir() { source.join(MANIFEST) } else { source.to_owned() };
    let text = read_text(&path)?;
    match Release::parse(&text) {
        Ok(release) => Ok((path, text, release)),
        Err(source) => Err(ReleasesError::Manifest { path, source }),
    }
}

fn read_text(path: &Path) -> Result<String, ReleasesError> {
    String::from_utf8(read(path, MAX_MANIFEST)?).map_err(|_| ReleasesError::Io {
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"),
    })
}

fn read(path: &Path, most: u64) -> Result<Vec<u8>, ReleasesError> {
    OpenOptions::new()
        .read(true)
        .custom_flags(foreign_file::open_flags())
        .open(path)
        .and_then(|file| foreign_file::read(file, most))
        .map_err(|source| ReleasesError::Io { path: path.to_owned(), source })
}

fn read_component(folder: &Path, entry: &CompilerEntry, most: u64) -> Result<Vec<u8>, ReleasesError> {
    let path = folder.join(entry.component.as_str());
    let bytes = read(&path, most)?;
    let found = CompilerDigest::of(&bytes);
    if found == entry.digest {
        Ok(bytes)
    } else {
        Err(ReleasesError::Digest { path, expected: entry.digest, found })
    }
}

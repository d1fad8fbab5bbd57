//! Reading a release from the folder its vendor made.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use prefab_model::{CompilerDigest, ModulePath, Release};
use prefab_sandbox::MAX_COMPONENT;

use super::ReleasesError;
use super::parts::Parts;
use crate::foreign_file;

pub(super) const MANIFEST: &str = "release.toml";
/// The largest manifest that is read, in bytes.
const MAX_MANIFEST: u64 = 1 << 20;
/// All components of a release, and the files that ship with them, may together have this many bytes: they are held in memory when it is installed.
const MAX_COMPONENTS: u64 = 1 << 30;

/// A release whose manifest was read from disk and whose components are what it says.
pub(super) struct OnDisk {
    pub(super) release: Release,
    pub(super) manifest: String,
    /// In the order of the manifest.
    pub(super) components: Vec<Parts>,
}

impl OnDisk {
    pub(super) fn read(source: &Path) -> Result<Self, ReleasesError> {
        let (path, manifest, release) = read_manifest(source)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut components = Vec::with_capacity(release.compilers.len());
        let mut room = MAX_COMPONENTS;
        for entry in &release.compilers {
            let mut parts = entry.parts().map(|(path, digest)| {
                let bytes = read_part(folder, path, digest, room.min(MAX_COMPONENT))?;
                room = room.saturating_sub(bytes.len() as u64);
                Ok::<_, ReleasesError>(bytes)
            });
            let Some(component) = parts.next().transpose()? else { continue };
            let mounts = parts.map(|bytes| Ok(bytes?.into())).collect::<Result<_, ReleasesError>>()?;
            components.push(Parts { component, mounts });
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

fn read_part(
    folder: &Path,
    path: &ModulePath,
    expected: CompilerDigest,
    most: u64,
) -> Result<Vec<u8>, ReleasesError> {
    let path = folder.join(path.as_str());
    let bytes = read(&path, most)?;
    let found = CompilerDigest::of(&bytes);
    if found == expected { Ok(bytes) } else { Err(ReleasesError::Digest { path, expected, found }) }
}

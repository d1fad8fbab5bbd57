//! A release's folder as it is sent elsewhere: the manifest and what it names, and nothing else that lies there.

use std::collections::HashSet;
use std::path::Path;

use semver::Version;

use super::ReleasesError;
use super::on_disk::{MANIFEST, OnDisk};
use super::parts::Parts;

/// A release's files, by their paths within its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseTree {
    /// Its version.
    pub version: Version,
    /// The manifest, then each component with the files that ship with it.
    pub files: Vec<(String, Vec<u8>)>,
}

/// Reads a release from the folder its vendor made. Its components are what the manifest says; whether they are compilers is found
/// out where it is installed.
///
/// # Errors
/// The manifest cannot be used, or a component is missing or another one.
pub fn read_release_tree(source: &Path) -> Result<ReleaseTree, ReleasesError> {
    let OnDisk { release, manifest, components } = OnDisk::read(source)?;
    let mut files = vec![(MANIFEST.to_owned(), manifest.into_bytes())];
    let mut seen = HashSet::new();
    for (entry, Parts { component, mounts }) in release.compilers.iter().zip(components) {
        let bytes = std::iter::once(component).chain(mounts.iter().map(|bytes| bytes.to_vec()));
        let named = entry.parts().map(|(path, _)| path.as_str().to_owned()).zip(bytes);
        // Two compilers may be one file, and so may two of the files that ship with them.
        files.extend(named.filter(|(path, _)| seen.insert(path.clone())));
    }
    Ok(ReleaseTree { version: release.version, files })
}

//! A release as it is sent elsewhere: the manifest, the signature over it, and what it names, and nothing else.

use semver::Version;

use super::{Obtained, ReleaseTarget, ReleasesError};

const MANIFEST: &str = "release.toml";
const SIGNATURE: &str = "release.toml.minisig";

/// A release's files, by their paths within its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseTree {
    /// Its version.
    pub version: Version,
    /// The manifest, its signature if there is one, and each file that the manifest names.
    pub files: Vec<(String, Vec<u8>)>,
}

/// The files of a release that is in hand: read from a folder or a packed file, or fetched from a registry; none of one that is only
/// named. They are what the manifest says; whether it is taken in is decided where it is sent.
///
/// # Errors
/// The manifest cannot be used, or a file is missing or another one.
pub fn read_release_tree(target: &ReleaseTarget) -> Result<Option<ReleaseTree>, ReleasesError> {
    let Ok(Obtained { release, package, .. }) = target.obtain()? else { return Ok(None) };
    let mut files = vec![(MANIFEST.to_owned(), package.manifest().as_bytes().to_vec())];
    files.extend(package.signature().map(|signature| (SIGNATURE.to_owned(), signature.as_bytes().to_vec())));
    files.extend(package.files().iter().map(|file| (file.path.as_str().to_owned(), file.bytes.clone())));
    Ok(Some(ReleaseTree { version: release.version, files }))
}

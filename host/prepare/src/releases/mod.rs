//! Releases: checking them, installing them, and loading their compilers.
//!
//! An installed release is its manifest in the ledger and its compilers in the blobs, each found by digest: what was installed
//! is what is run, whatever happens to the folder it came from.

mod inspect;
mod limits;
mod on_disk;
mod parts;
mod toolchain;
mod tree;

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use prefab_model::{CompilerDigest, CompilerName, InvalidRelease, Release, ReleaseDigest};
use prefab_sandbox::{LoadError, Sandbox};
use prefab_store::{InstalledRelease, StoreError};
use semver::Version;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub use inspect::{CompilerInspection, ReleaseInspection, inspect_release};
pub use limits::limits_in;
pub(crate) use parts::load_stored;
pub(crate) use toolchain::Toolchain;
pub use tree::{ReleaseTree, read_release_tree};

use crate::environment::Environment;
use crate::event::Event;
use crate::history::{Action, millis, record};
use crate::lock::{Activity, Hold, HoldError};
use on_disk::OnDisk;
use toolchain::load;

/// Why a release cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReleasesError {
    /// A file of the release could not be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The manifest is not one.
    #[error("{} cannot be used: {source}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column where there are any.
        #[source]
        source: InvalidRelease,
    },
    /// A component is not the one that the manifest means.
    #[error(
        "{} is not the file that the manifest means: its digest is {found}, the manifest says {expected}. \
         Get the release again from its vendor",
        path.display()
    )]
    Digest {
        /// The component.
        path: PathBuf,
        /// What the manifest says.
        expected: CompilerDigest,
        /// What it is.
        found: CompilerDigest,
    },
    /// A component is not a compiler that this host can run.
    #[error("compiler {compiler} of release {version} cannot be used")]
    Load {
        /// Its name.
        compiler: CompilerName,
        /// The release.
        version: Version,
        /// What is missing or foreign.
        #[source]
        source: LoadError,
    },
    /// A different release of the same version is installed.
    #[error(
        "another release {version} is installed: its manifest has another digest. A version is never changed once it is out: \
         ask the vendor for a new one"
    )]
    Different {
        /// The version.
        version: Version,
    },
    /// No release of this version is installed.
    #[error(
        "release {version} is not installed{}: install it with `prefab release install FOLDER`",
        installed_list(installed)
    )]
    NotInstalled {
        /// The version.
        version: Version,
        /// Those that are.
        installed: Vec<Version>,
    },
    /// The environment is held.
    #[error("{0}")]
    Hold(#[from] HoldError),
    /// The ledger or the blobs failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn installed_list(installed: &[Version]) -> String {
    if installed.is_empty() {
        return " (none is)".to_owned();
    }
    let list: Vec<_> = installed.iter().map(ToString::to_string).collect();
    format!(" (installed: {})", list.join(", "))
}

/// Which release is meant: an installed version, or a manifest on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseTarget {
    /// An installed version.
    Version(Version),
    /// A `release.toml`, or the folder that holds one.
    Manifest(PathBuf),
}

impl FromStr for ReleaseTarget {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.parse().map_or_else(|_| Self::Manifest(text.into()), Self::Version))
    }
}

/// A release as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReleaseSummary {
    /// Its version.
    pub version: Version,
    /// The digest of its manifest.
    pub digest: ReleaseDigest,
    /// The platform versions that can be upgraded to it.
    pub upgrades_from: String,
    /// A link to its release notes.
    pub notes: Option<String>,
    /// Its compilers.
    pub compilers: Vec<CompilerName>,
    /// Whether the environment is on it.
    pub current: bool,
}

/// Installs a release: checks every compiler, keeps its bytes, and compiles it to native code so that the first
/// preparation need not.
pub fn install_release(
    env: &Environment,
    source: &Path,
    sandbox: &Sandbox,
    reporter: &mut dyn FnMut(&Event),
) -> Result<ReleaseSummary, ReleasesError> {
    let hold = env.hold(Activity::Releases)?;
    let release = install_held(env, &hold, source, sandbox, reporter)?;
    summary(env, &release)
}

pub(crate) fn install_held(
    env: &Environment,
    _hold: &Hold,
    source: &Path,
    sandbox: &Sandbox,
    reporter: &mut dyn FnMut(&Event),
) -> Result<Release, ReleasesError> {
    let OnDisk { release, manifest, components } = OnDisk::read(source)?;
    let version = &release.version;
    let known = env.store().release(version)?;
    if known.as_ref().is_some_and(|installed| installed.digest != release.digest) {
        return Err(ReleasesError::Different { version: version.clone() });
    }
    for (entry, parts) in release.compilers.iter().zip(&components) {
        load(sandbox, &release, entry, parts, reporter)?;
        parts.keep(env.store(), entry)?;
    }
    let now = OffsetDateTime::now_utc();
    env.store().install_release(&InstalledRelease {
        version: version.clone(),
        digest: release.digest,
        manifest,
        installed_at: millis(now),
    })?;
    if known.is_none() {
        record(env, now, &Action::Installed { version: version.clone() })?;
    }
    Ok(release)
}

/// The installed releases, oldest first.
pub fn list_releases(env: &Environment) -> Result<Vec<ReleaseSummary>, ReleasesError> {
    env.store().releases()?.into_iter().map(|installed| summary(env, &stored(env, &installed)?)).collect()
}

/// A release that is not installed, by its manifest alone.
///
/// # Errors
/// The manifest cannot be used.
pub fn summarise_release(env: &Environment, source: &Path) -> Result<ReleaseSummary, ReleasesError> {
    let (_, _, release) = on_disk::read_manifest(source)?;
    summary(env, &release)
}

/// The installed release of this version.
pub(crate) fn installed(env: &Environment, version: &Version) -> Result<Release, ReleasesError> {
    match env.store().release(version)? {
        Some(installed) => stored(env, &installed),
        None => Err(ReleasesError::NotInstalled {
            version: version.clone(),
            installed: env.store().releases()?.into_iter().map(|installed| installed.version).collect(),
        }),
    }
}

fn stored(env: &Environment, installed: &InstalledRelease) -> Result<Release, ReleasesError> {
    Release::parse(&installed.manifest).map_err(|source| ReleasesError::Manifest {
        path: env.state_dir().join("ledger.db").join(installed.version.to_string()),
        source,
    })
}

fn is_current(env: &Environment, release: &Release) -> Result<bool, StoreError> {
    Ok(env.store().platform()?.is_some_and(|platform| platform.release == release.digest))
}

fn summary(env: &Environment, release: &Release) -> Result<ReleaseSummary, ReleasesError> {
    Ok(summarise(release, is_current(env, release)?))
}

fn summarise(release: &Release, current: bool) -> ReleaseSummary {
    ReleaseSummary {
        version: release.version.clone(),
        digest: release.digest,
        upgrades_from: release.upgrades_from.to_string(),
        notes: release.notes.clone(),
        compilers: release.compilers.iter().map(|compiler| compiler.name.clone()).collect(),
        current,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_version_and_anything_else_a_path() {
        assert_eq!("11.9.0".parse(), Ok(ReleaseTarget::Version(Version::new(11, 9, 0))));
        assert_eq!("releases/11.9.0".parse(), Ok(ReleaseTarget::Manifest("releases/11.9.0".into())));
        assert_eq!("11.9".parse(), Ok(ReleaseTarget::Manifest("11.9".into())));
    }
}

//! Releases: checking them, installing them, and loading their compilers.
//!
//! An installed release is its manifest in the ledger and its compilers in the blobs, each found by digest: what was installed
//! is what is run, whatever happens to the folder it came from.

mod inspect;
mod limits;
mod obtained;
mod parts;
mod toolchain;
mod tree;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use prefab_model::{CompilerDigest, CompilerName, InvalidRelease, KeyId, Release, ReleaseDigest};
use prefab_sandbox::{LoadError, Sandbox};
use prefab_ship::LayoutError;
use prefab_store::{InstalledRelease, Provenance, StoreError};
use semver::Version;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub use inspect::{CompilerInspection, ReleaseInspection, inspect_release};
pub use limits::limits_in;
pub(crate) use obtained::Obtained;
pub use obtained::{Fetched, Origin, read_release, signature_path, vouch};
pub(crate) use parts::load_stored;
pub(crate) use toolchain::Toolchain;
pub use tree::{ReleaseTree, read_release_tree};

use crate::environment::Environment;
use crate::event::Event;
use crate::history::{Action, millis, record};
use crate::lock::{Activity, Hold, HoldError};
use crate::trust::{Allow, Refusal, Vouched};
use crate::warrant::{TrustError, Warrant};
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
    /// A file is not a release that was packed.
    #[error("{} cannot be used: {source}", path.display())]
    Packed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: LayoutError,
    },
    /// It is not taken in, or may not be used any more.
    #[error("release {version} is refused: {source}")]
    Refused {
        /// Its version.
        version: Version,
        /// Why.
        #[source]
        source: Refusal,
    },
    /// It cannot be told what is trusted.
    #[error(transparent)]
    Trust(#[from] TrustError),
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

/// Which release is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseTarget {
    /// An installed version.
    Version(Version),
    /// A `release.toml`, the folder that holds one, or a file into which a release was packed.
    Manifest(PathBuf),
    /// One that was fetched from a registry.
    Fetched(Arc<Fetched>),
}

impl ReleaseTarget {
    /// The version, if it is an installed one; or else the release itself, read and checked.
    fn obtain(&self) -> Result<Result<Obtained, &Version>, ReleasesError> {
        match self {
            Self::Version(version) => Ok(Err(version)),
            Self::Manifest(source) => Obtained::read(source).map(Ok),
            Self::Fetched(fetched) => Obtained::fetched(fetched).map(Ok),
        }
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
    /// Where it came from, if that is known.
    pub origin: Option<String>,
    /// The digest that the registry has of it, if it came from one.
    pub origin_digest: Option<String>,
    /// The key by which it was taken in, if somebody who is trusted has signed it.
    pub signed_by: Option<KeyId>,
}

/// Installs a release: decides whether it is taken in, checks every compiler, keeps its bytes, and compiles it to native code so that
/// the first preparation need not. Of one that is installed already, nothing is done.
pub fn install_release(
    env: &Environment,
    target: &ReleaseTarget,
    allow: Allow,
    sandbox: &Sandbox,
    reporter: &mut dyn FnMut(&Event),
) -> Result<ReleaseSummary, ReleasesError> {
    let hold = env.hold(Activity::Releases)?;
    let release = install_held(env, &hold, target, allow, sandbox, reporter)?;
    match env.store().release(&release.version)? {
        Some(installed) => summary(env, &installed),
        None => Ok(summarise(&release, false, &Provenance::default())),
    }
}

pub(crate) fn install_held(
    env: &Environment,
    _hold: &Hold,
    target: &ReleaseTarget,
    allow: Allow,
    sandbox: &Sandbox,
    reporter: &mut dyn FnMut(&Event),
) -> Result<Release, ReleasesError> {
    let obtained = match target.obtain()? {
        Ok(obtained) => obtained,
        Err(version) => return warranted(env, version).map(|(release, _)| release),
    };
    let Obtained { release, package, origin } = &obtained;
    let version = &release.version;
    let known = env.store().release(version)?;
    if known.as_ref().is_some_and(|installed| installed.digest != release.digest) {
        return Err(ReleasesError::Different { version: version.clone() });
    }
    let vouched = obtained.decide(Some(env), allow)?;
    reporter(&Event::Admitted { platform: version.clone(), vouched: vouched.clone() });
    for entry in &release.compilers {
        let parts = obtained.parts(entry);
        load(sandbox, release, entry, &parts, reporter)?;
        parts.keep(env.store(), entry)?;
    }
    let now = OffsetDateTime::now_utc();
    // What a key vouched for once is not forgotten because the same release lies about unsigned as well.
    let vouched_before = known.as_ref().is_some_and(|known| known.provenance.signed_by.is_some());
    let provenance = match known.as_ref() {
        Some(known) if vouched_before && vouched.key().is_none() => known.provenance.clone(),
        _ => provenance(origin, package.signature(), &vouched),
    };
    env.store().install_release(&InstalledRelease {
        version: version.clone(),
        digest: release.digest,
        manifest: package.manifest().to_owned(),
        installed_at: millis(now),
        provenance,
    })?;
    if known.is_none() {
        record(env, now, &Action::Installed { version: version.clone() })?;
    }
    Ok(obtained.release)
}

/// The compilers of a release that need not be installed.
pub(crate) fn toolchain(
    env: &Environment,
    target: &ReleaseTarget,
    allow: Allow,
    reporter: &mut dyn FnMut(&Event),
) -> Result<Toolchain, ReleasesError> {
    match target.obtain()? {
        Err(version) => {
            let (release, warrant) = warranted(env, version)?;
            Ok(Toolchain::installed(release, warrant))
        }
        Ok(obtained) => {
            let vouched = obtained.decide(Some(env), allow)?;
            let warrant = Warrant::new(env, &obtained.release, vouched.key())?;
            reporter(&Event::Admitted { platform: obtained.release.version.clone(), vouched });
            Ok(Toolchain::obtained(obtained, warrant))
        }
    }
}

fn provenance(origin: &Origin, signature: Option<&str>, vouched: &Vouched) -> Provenance {
    let (origin, origin_digest) = match origin {
        Origin::Local(path) => (path.display().to_string(), None),
        Origin::Registry(place, digest) => (place.to_string(), Some(digest.to_string())),
    };
    Provenance {
        origin: Some(origin),
        origin_digest,
        signature: signature.map(str::to_owned),
        signed_by: vouched.key(),
    }
}

/// The installed releases, oldest first.
pub fn list_releases(env: &Environment) -> Result<Vec<ReleaseSummary>, ReleasesError> {
    env.store().releases()?.iter().map(|installed| summary(env, installed)).collect()
}

/// A release that is not installed, by its manifest alone: who signed it is found out when it is.
///
/// # Errors
/// The manifest cannot be used.
pub fn summarise_release(env: &Environment, source: &Path) -> Result<ReleaseSummary, ReleasesError> {
    let release = obtained::read_manifest(source)?;
    Ok(summarise(&release, is_current(env, &release)?, &Provenance::default()))
}

/// The installed release of this version, if it is not revoked, and what lets it be used until it is.
pub(crate) fn warranted(env: &Environment, version: &Version) -> Result<(Release, Warrant), ReleasesError> {
    let (release, warrant) = with_warrant(env, version)?;
    warrant.check().map_err(|source| ReleasesError::Refused { version: version.clone(), source })?;
    Ok((release, warrant))
}

/// The installed release of this version, and what tells whether it may be used.
pub(crate) fn with_warrant(
    env: &Environment,
    version: &Version,
) -> Result<(Release, Warrant), ReleasesError> {
    let installed = record_of(env, version)?;
    let release = stored(env, &installed)?;
    let warrant = Warrant::new(env, &release, installed.provenance.signed_by)?;
    Ok((release, warrant))
}

fn record_of(env: &Environment, version: &Version) -> Result<InstalledRelease, ReleasesError> {
    match env.store().release(version)? {
        Some(installed) => Ok(installed),
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

fn summary(env: &Environment, installed: &InstalledRelease) -> Result<ReleaseSummary, ReleasesError> {
    let release = stored(env, installed)?;
    Ok(summarise(&release, is_current(env, &release)?, &installed.provenance))
}

fn summarise(release: &Release, current: bool, provenance: &Provenance) -> ReleaseSummary {
    let Provenance { origin, origin_digest, signed_by, .. } = provenance.clone();
    ReleaseSummary {
        version: release.version.clone(),
        digest: release.digest,
        upgrades_from: release.upgrades_from.to_string(),
        notes: release.notes.clone(),
        compilers: release.compilers.iter().map(|compiler| compiler.name.clone()).collect(),
        current,
        origin,
        origin_digest,
        signed_by,
    }
}

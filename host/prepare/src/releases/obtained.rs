//! A release in hand: read from the folder its vendor made, from one file, or fetched from a registry. Whether it is taken in is decided
//! here as well, by `trust.rs`, so that no way in forgets to ask.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use prefab_model::{CompilerEntry, ModulePath, Release, Trust};
use prefab_ship::{ManifestDigest, Package, PackageError, Place};
use semver::Version;
use time::OffsetDateTime;

use super::ReleasesError;
use super::parts::Parts;
use crate::environment::Environment;
use crate::foreign_file;
use crate::trust::{Allow, Question, Vouched, decide};

const MANIFEST: &str = "release.toml";
const SIGNATURE: &str = ".minisig";

/// Where a release was got from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file or a folder.
    Local(PathBuf),
    /// A place in a registry, with the digest that it has there.
    Registry(Place, ManifestDigest),
}

/// A release that was fetched from a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The release.
    pub package: Package,
    /// From where.
    pub place: Place,
    /// Its digest there.
    pub digest: ManifestDigest,
}

/// A release whose files are what its manifest says.
pub(crate) struct Obtained {
    pub(crate) release: Release,
    pub(crate) package: Arc<Package>,
    pub(crate) origin: Origin,
}

impl Obtained {
    /// Reads a `release.toml`, the folder that holds one, or a release that was packed into a file.
    pub(crate) fn read(source: &Path) -> Result<Self, ReleasesError> {
        let (package, release) = read_release(source)?;
        // People look at it from elsewhere later.
        let origin = Origin::Local(source.canonicalize().unwrap_or_else(|_| source.to_owned()));
        Ok(Self { release, package: Arc::new(package), origin })
    }

    pub(crate) fn fetched(fetched: &Fetched) -> Result<Self, ReleasesError> {
        let Fetched { package, place, digest } = fetched;
        let release = Release::parse(package.manifest())
            .map_err(|source| ReleasesError::Manifest { path: place.to_string().into(), source })?;
        let origin = Origin::Registry(place.clone(), *digest);
        Ok(Self { release, package: Arc::new(package.clone()), origin })
    }

    /// Whether it is taken in, and who vouches for it; for a release that is looked at where there is no environment, by nobody's keys.
    pub(crate) fn decide(&self, env: Option<&Environment>, allow: Allow) -> Result<Vouched, ReleasesError> {
        let (trust, mut installed) = match env {
            Some(env) => {
                let installed = env.store().releases()?.into_iter().map(|installed| installed.version);
                (env.trust_files().read()?, installed.collect())
            }
            None => (Trust::default(), Vec::new()),
        };
        // To install again what is installed goes back to nothing.
        if installed.contains(&self.release.version) {
            installed.clear();
        }
        self.decide_by(&trust, &installed, allow)
    }

    fn decide_by(
        &self,
        trust: &Trust,
        installed: &[Version],
        allow: Allow,
    ) -> Result<Vouched, ReleasesError> {
        let asked = Question {
            release: &self.release,
            manifest: self.package.manifest(),
            signature: self.package.signature(),
            foreign: matches!(self.origin, Origin::Registry(..)),
            installed,
            now: OffsetDateTime::now_utc(),
        };
        decide(trust, &asked, allow)
            .map_err(|source| ReleasesError::Refused { version: self.release.version.clone(), source })
    }

    /// The bytes of a compiler, with the files that ship with it.
    pub(crate) fn parts(&self, entry: &CompilerEntry) -> Parts {
        parts_of(&self.package, entry)
    }
}

/// The bytes of a compiler of this package. All that its manifest names is there.
pub(super) fn parts_of(package: &Package, entry: &CompilerEntry) -> Parts {
    let mut files = entry.parts().map(|(path, _)| package.file(path).unwrap_or_default());
    let component = files.next().unwrap_or_default().to_vec();
    Parts { component, mounts: files.map(Into::into).collect() }
}

/// Whether a release in a file or a folder would be taken in where this is trusted and nothing is installed, and who vouches for it.
pub fn vouch(source: &Path, trust: &Trust) -> Result<Vouched, ReleasesError> {
    Obtained::read(source)?.decide_by(trust, &[], Allow::default())
}

/// Reads a release from a `release.toml`, the folder that holds one, or a file into which it was packed. Its files are what the manifest
/// says; who made it is not looked at.
pub fn read_release(source: &Path) -> Result<(Package, Release), ReleasesError> {
    if source.is_dir() {
        return read_folder(&source.join(MANIFEST));
    }
    let io = |error| ReleasesError::Io { path: source.to_owned(), source: error };
    let mut file = open(source).map_err(io)?;
    // A pipe would wait.
    if file.metadata().map_err(io)?.is_file() && is_packed(&mut file).map_err(io)? {
        let (package, release, _) = prefab_ship::unpack(io::BufReader::new(open(source).map_err(io)?))
            .map_err(|error| ReleasesError::Packed { path: source.to_owned(), source: error })?;
        return Ok((package, release));
    }
    read_folder(source)
}

/// What the manifest of a release in a folder says, without its files being looked at; a packed release is read whole.
pub(super) fn read_manifest(source: &Path) -> Result<Release, ReleasesError> {
    if !source.is_dir() {
        return read_release(source).map(|(_, release)| release);
    }
    let path = source.join(MANIFEST);
    Release::parse(&read_text(&path, prefab_ship::MAX_MANIFEST)?)
        .map_err(|source| ReleasesError::Manifest { path, source })
}

/// Whether a file begins as a tar does, whatever it is called.
fn is_packed(file: &mut File) -> io::Result<bool> {
    let mut head = Vec::new();
    file.take(512).read_to_end(&mut head)?;
    Ok(head.get(257..262) == Some(b"ustar"))
}

/// Either way in which gathering fails: a file cannot be read, or is not what it should be.
enum Failed {
    Package(PackageError),
    Other(ReleasesError),
}

impl From<PackageError> for Failed {
    fn from(error: PackageError) -> Self {
        Self::Package(error)
    }
}

/// Reads the release whose manifest this is.
fn read_folder(path: &Path) -> Result<(Package, Release), ReleasesError> {
    let manifest = read_text(path, prefab_ship::MAX_MANIFEST)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let signature = signature_path(path);
    let signature = match read_text(&signature, prefab_ship::MAX_SIGNATURE) {
        Ok(text) => Some(text),
        Err(ReleasesError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let mut room = prefab_ship::MAX_FILES;
    let find = |file: &ModulePath| {
        let bytes =
            read(&folder.join(file.as_str()), room.min(prefab_ship::MAX_FILE)).map_err(Failed::Other)?;
        room = room.saturating_sub(bytes.len() as u64);
        Ok(bytes)
    };
    Package::gather(manifest, signature, find).map_err(|failed| match failed {
        Failed::Other(error) => error,
        Failed::Package(PackageError::Manifest(source)) => {
            ReleasesError::Manifest { path: path.to_owned(), source }
        }
        Failed::Package(PackageError::Digest { path, expected, found }) => {
            ReleasesError::Digest { path: folder.join(path.as_str()), expected, found }
        }
        Failed::Package(PackageError::Missing(missing)) => {
            let path = folder.join(missing.as_str());
            ReleasesError::Io { path, source: io::ErrorKind::NotFound.into() }
        }
    })
}

/// Where the signature over a manifest lies.
pub fn signature_path(manifest: &Path) -> PathBuf {
    let mut path = manifest.as_os_str().to_owned();
    path.push(SIGNATURE);
    path.into()
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(foreign_file::open_flags()).open(path)
}

fn read_text(path: &Path, most: u64) -> Result<String, ReleasesError> {
    String::from_utf8(read(path, most)?).map_err(|_| ReleasesError::Io {
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"),
    })
}

fn read(path: &Path, most: u64) -> Result<Vec<u8>, ReleasesError> {
    open(path)
        .and_then(|file| foreign_file::read(file, most))
        .map_err(|source| ReleasesError::Io { path: path.to_owned(), source })
}

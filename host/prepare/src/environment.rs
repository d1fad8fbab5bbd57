//! An environment on disk: where its parts are, and making or opening one.
//!
//! ```text
//! prefab.toml        configuration, written by people and by `prefab config set`
//! deployed/MODULE    what is deployed: a link to a complete folder under .prefab/published
//! .prefab/           state: ledger, blobs, lock, published folders. Nobody else's business
//! ```

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use prefab_model::{BlobsUrl, Config, InvalidBlobsUrl, Release, SyntaxError};
use prefab_store::{Store, StoreError};
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::history::user;
use crate::warrant::TrustFiles;

const CONFIG: &str = "prefab.toml";
const STATE: &str = ".prefab";
const DEPLOYED: &str = "deployed";

/// Why an environment could not be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// There is one already.
    #[error("{0} is an environment already: it has a prefab.toml")]
    Exists(PathBuf),
    /// There is none.
    #[error(
        "there is no prefab.toml in {0} or in a folder above it: make an environment with `prefab init`, or name one with `--env`"
    )]
    NotFound(PathBuf),
    /// `prefab.toml` cannot be used.
    #[error("{} cannot be used: {source}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        #[source]
        source: SyntaxError,
    },
    /// Reading or writing failed.
    #[error("{what} {}", path.display())]
    Io {
        /// What was attempted.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The place for its artifacts cannot be made.
    #[error(transparent)]
    Blobs(#[from] InvalidBlobsUrl),
    /// The ledger or the blobs could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The platform version of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// The version.
    pub version: Version,
    /// A link to its release notes.
    pub notes: Option<String>,
}

/// An environment that is open.
pub struct Environment {
    root: PathBuf,
    config: Config,
    store: Arc<Store>,
    who: Option<String>,
    trust: TrustFiles,
}

impl Environment {
    /// Makes a new environment in `root`, creating the folder if need be.
    pub fn init(root: &Path, name: &str) -> Result<Self, EnvironmentError> {
        Self::init_with(root, name, None)
    }

    /// The same, with its artifacts in an object store: in a place of its own within `blobs`, which nobody else has.
    pub fn init_with(root: &Path, name: &str, blobs: Option<&BlobsUrl>) -> Result<Self, EnvironmentError> {
        let blobs = blobs.map(own_place).transpose()?;
        fs::create_dir_all(root).map_err(io_error("cannot create the folder", root))?;
        let path = root.join(CONFIG);
        let mut table = toml_edit::DocumentMut::new();
        table["name"] = toml_edit::value(name);
        if let Some(blobs) = blobs {
            table["blobs"] = toml_edit::value(blobs.to_string());
        }
        let text = format!(
            "{table}\n# jobs = 2                   # compilations at a time; one a core without it\n\
             # [limits]                   # caps laid over those of the release: `prefab config list`\n\
             # fuel = \"100G\"\n# [options.typescript]       # options laid over those of the release\n# minify = \"true\"\n"
        );
        let mut file = fs::File::create_new(&path).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => EnvironmentError::Exists(root.to_owned()),
            _ => io_error("cannot create", &path)(source),
        })?;
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(io_error("cannot write", &path))?;
        Self::open(root)
    }

    /// Opens the environment in `root`.
    pub fn open(root: &Path) -> Result<Self, EnvironmentError> {
        let root = root.canonicalize().map_err(io_error("cannot open the folder", root))?;
        let path = root.join(CONFIG);
        let text = fs::read_to_string(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => EnvironmentError::NotFound(root.clone()),
            _ => io_error("cannot read", &path)(source),
        })?;
        let config =
            Config::parse(&text).map_err(|source| EnvironmentError::Config { path: path.clone(), source })?;
        let store = Arc::new(Store::open_with(&root.join(STATE), config.blobs.as_ref())?);
        Ok(Self { root, config, store, who: None, trust: TrustFiles::new(path, Vec::new()) })
    }

    /// The same environment for somebody whom the operating system does not know: what is done with it is recorded under their name.
    #[must_use]
    pub fn acting_as(&self, who: impl Into<String>) -> Self {
        let (root, config, store) = (self.root.clone(), self.config.clone(), Arc::clone(&self.store));
        Self { root, config, store, who: Some(who.into()), trust: self.trust.clone() }
    }

    /// The same environment, which trusts and revokes what these files say as well as its own `prefab.toml`. A file that is not there says
    /// nothing.
    #[must_use]
    pub fn trusting(self, files: Vec<PathBuf>) -> Self {
        let trust = TrustFiles::new(self.config_path(), files);
        Self { trust, ..self }
    }

    pub(crate) fn trust_files(&self) -> &TrustFiles {
        &self.trust
    }

    /// The nearest folder from `start` upwards that is an environment.
    pub fn discover(start: &Path) -> Result<PathBuf, EnvironmentError> {
        start
            .ancestors()
            .find(|folder| folder.join(CONFIG).is_file())
            .map(Path::to_owned)
            .ok_or_else(|| EnvironmentError::NotFound(start.to_owned()))
    }

    /// Its folder, as an absolute path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its configuration, as it was when the environment was opened.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Its platform version; none before the first upgrade.
    pub fn platform(&self) -> Result<Option<Platform>, StoreError> {
        Ok(self.release()?.map(|release| Platform { version: release.version, notes: release.notes }))
    }

    /// The release that it is on; none before the first upgrade.
    pub(crate) fn release(&self) -> Result<Option<Release>, StoreError> {
        let Some(platform) = self.store.platform()? else { return Ok(None) };
        let damaged = |reason: String| StoreError::CorruptLedger {
            action: "read the platform's release",
            path: self.state_dir().join("ledger.db"),
            reason,
        };
        let installed = self
            .store
            .release(&platform.version)?
            .ok_or_else(|| damaged(format!("release {} is not in it", platform.version)))?;
        Release::parse(&installed.manifest).map(Some).map_err(|error| damaged(error.to_string()))
    }

    /// How many bytes of artifacts are kept in an object store: none if they are in its folder. It lists them all.
    pub fn bytes_elsewhere(&self) -> Result<u64, StoreError> {
        self.store.blobs().bytes_elsewhere()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Whose name is on what is done.
    pub(crate) fn who(&self) -> String {
        self.who.clone().unwrap_or_else(user)
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.root.join(STATE)
    }

    pub(crate) fn deployed_dir(&self) -> PathBuf {
        self.root.join(DEPLOYED)
    }

    pub(crate) fn config_path(&self) -> PathBuf {
        self.root.join(CONFIG)
    }

    pub(crate) fn set_config(&mut self, config: Config) {
        self.config = config;
    }
}

/// A place within `blobs` under a name that nobody can guess or have had: garbage collection removes what is not this environment's there.
fn own_place(blobs: &BlobsUrl) -> Result<BlobsUrl, EnvironmentError> {
    let mut own = [0; 16];
    getrandom::fill(&mut own).map_err(|error| EnvironmentError::Io {
        what: "cannot get random bytes for",
        path: blobs.to_string().into(),
        source: io::Error::other(error),
    })?;
    let own = format!("{:032x}", u128::from_be_bytes(own));
    Ok(blobs.within([own.as_str()])?)
}

/// Adds what was attempted to an I/O error: for `map_err`.
pub(crate) fn io_error(what: &'static str, path: &Path) -> impl Fn(io::Error) -> EnvironmentError {
    let path = path.to_owned();
    move |source| EnvironmentError::Io { what, path: path.clone(), source }
}

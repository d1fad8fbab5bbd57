//! The data directory: one folder with everything that the server keeps.
//!
//! ```text
//! server.db                                 tenants, tokens, the audit log, what runs
//! server.lock                               locked by the one server that runs here
//! releases/VERSION/                         releases for all tenants
//! trust.toml                                keys whose releases are taken in for all tenants, and what was revoked
//! tenants/TENANT/releases/VERSION/          releases of one tenant
//! tenants/TENANT/trust.toml                 the same for one tenant besides
//! tenants/TENANT/environments/NAME/         an environment, as `prefab --env` opens it
//! tenants/TENANT/environments/NAME/modules/ the trees that were sent
//! incoming/                                 what is being received; emptied at each start
//! ```

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use prefab_model::ModuleName;
use semver::Version;
use tempfile::TempDir;

use crate::db::{Db, DbError};
use crate::names::{EnvironmentName, TenantName};

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Another server runs here.
    #[error("another `prefab serve` runs in {0}: stop it first, or use another folder")]
    Locked(PathBuf),
    /// Reading or writing failed.
    #[error("{what} {}", path.display())]
    Io {
        /// What was attempted.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Adds what was attempted to an I/O error: for `map_err`.
pub(crate) fn io_error(what: &'static str, path: &Path) -> impl Fn(io::Error) -> DataError {
    let path = path.to_owned();
    move |source| DataError::Io { what, path: path.clone(), source }
}

/// The data directory and the database in it.
#[derive(Debug)]
pub struct Data {
    root: PathBuf,
    db: Db,
}

impl Data {
    /// Opens the data directory, and makes it first if there is none. Its owner alone may look into it.
    ///
    /// # Errors
    /// Trouble with the folder or the database.
    pub fn open(root: &Path) -> Result<Self, DataError> {
        if !root.exists() {
            fs::create_dir_all(root).map_err(io_error("cannot create the folder", root))?;
            let only_ours = std::os::unix::fs::PermissionsExt::from_mode(0o700);
            fs::set_permissions(root, only_ours).map_err(io_error("cannot protect the folder", root))?;
        }
        let root = root.canonicalize().map_err(io_error("cannot open the folder", root))?;
        for folder in ["releases", "tenants", "incoming"] {
            let folder = root.join(folder);
            fs::create_dir_all(&folder).map_err(io_error("cannot create the folder", &folder))?;
        }
        let db = Db::open(&root.join("server.db"))?;
        Ok(Self { root, db })
    }

    /// Makes sure that no other server runs here, for as long as what is returned lives; and clears away what one that was killed had
    /// begun to receive.
    pub(crate) fn lock(&self) -> Result<File, DataError> {
        let path = self.root.join("server.lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(io_error("cannot open", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DataError::Locked(self.root.clone())),
            Err(TryLockError::Error(error)) => return Err(io_error("cannot lock", &path)(error)),
        }
        let incoming = self.root.join("incoming");
        fs::remove_dir_all(&incoming)
            .and_then(|()| fs::create_dir(&incoming))
            .map_err(io_error("cannot clear", &incoming))?;
        self.db.free_running_keys()?;
        Ok(lock)
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// The folder of a tenant.
    pub(crate) fn tenant(&self, tenant: &TenantName) -> PathBuf {
        self.root.join("tenants").join(tenant.as_str())
    }

    /// The folder of a tenant's environments.
    pub(crate) fn environments(&self, tenant: &TenantName) -> PathBuf {
        self.tenant(tenant).join("environments")
    }

    /// An environment's folder.
    pub(crate) fn environment(&self, tenant: &TenantName, environment: &EnvironmentName) -> PathBuf {
        self.environments(tenant).join(environment.as_str())
    }

    /// Where the tree of a module is kept that was sent. The grammar of names makes it a path within the environment.
    pub(crate) fn module(
        &self,
        tenant: &TenantName,
        environment: &EnvironmentName,
        module: &ModuleName,
    ) -> PathBuf {
        self.environment(tenant, environment).join("modules").join(module.as_str())
    }

    /// The folder of a tenant's releases, or of those for all tenants.
    pub(crate) fn releases(&self, tenant: Option<&TenantName>) -> PathBuf {
        tenant.map_or_else(|| self.root.clone(), |tenant| self.tenant(tenant)).join("releases")
    }

    /// The file that says which keys are trusted to sign the releases of all tenants, or of one besides.
    pub fn trust(&self, tenant: Option<&TenantName>) -> PathBuf {
        tenant.map_or_else(|| self.root.clone(), |tenant| self.tenant(tenant)).join("trust.toml")
    }

    /// The files that say what is trusted for a tenant, or for all.
    pub(crate) fn trust_files(&self, tenant: Option<&TenantName>) -> Vec<PathBuf> {
        let own = tenant.map(|tenant| self.trust(Some(tenant)));
        [self.trust(None)].into_iter().chain(own).collect()
    }

    /// Where a release is that this tenant may use: its own, or else one for all.
    pub(crate) fn release(&self, tenant: &TenantName, version: &Version) -> Option<PathBuf> {
        [Some(tenant), None]
            .into_iter()
            .map(|tenant| self.releases(tenant).join(version.to_string()))
            .find(|folder| folder.is_dir())
    }

    /// The folder for what is being received.
    pub(crate) fn incoming_folder(&self) -> PathBuf {
        self.root.join("incoming")
    }

    /// An empty folder for what is being received; it is removed with all that is in it when this is dropped.
    pub(crate) fn incoming(&self) -> Result<TempDir, DataError> {
        let folder = self.incoming_folder();
        tempfile::tempdir_in(&folder).map_err(io_error("cannot create a folder in", &folder))
    }
}

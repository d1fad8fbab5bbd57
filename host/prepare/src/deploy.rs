//! What is deployed of a module on disk, and switching it in one step.
//!
//! `deployed/MODULE` is a link to a complete folder under `.prefab/published`, which never changes once it has its name. Whoever deploys
//! makes such a folder, durable to the last byte, records the deployment in the ledger, and renames a new link over the old one. A
//! process that is killed in between leaves the old link, and the next one puts right what the ledger says.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use prefab_model::{BundleDigest, KeyHasher, ModuleName};
use prefab_store::{DeployedBundle, StoreError, sync_file_system};

use crate::artifacts::limits;
use crate::environment::Environment;

/// The folder in `.prefab` with the published folders.
pub(crate) const PUBLISHED: &str = "published";
/// A folder that is being made, beside those of its module that are complete.
pub(crate) const UNFINISHED: &str = "unfinished";
/// How many hexadecimal digits a published folder has for a name.
pub(crate) const FOLDER_DIGITS: usize = 32;

/// Why deployed files could not be written or switched.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The operating system refused something.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// What was attempted.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A bundle could not be had.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where certain bundles of a module are deployed.
pub(crate) struct Place {
    bundles: Vec<BundleDigest>,
    /// The folder that holds exactly these bundles, whether or not it is there.
    pub(crate) folder: PathBuf,
    /// `deployed/MODULE`
    pub(crate) link: PathBuf,
    /// Where the link leads if they are deployed.
    target: PathBuf,
}

impl Place {
    pub(crate) fn of(env: &Environment, module: &ModuleName, bundles: &[DeployedBundle]) -> Self {
        let bundles: Vec<BundleDigest> = bundles.iter().map(|bundle| bundle.bundle).collect();
        let name = folder_name(module, &bundles);
        Self {
            bundles,
            folder: env.state_dir().join(PUBLISHED).join(module.as_str()).join(&name),
            link: env.deployed_dir().join(module.as_str()),
            target: link_target(module, &name),
        }
    }

    /// Whether the folder is there and the link leads to it.
    pub(crate) fn is_deployed(&self) -> bool {
        fs::read_link(&self.link).is_ok_and(|target| target == self.target) && self.folder.is_dir()
    }

    /// Makes the folder, complete and durable before it has its name.
    pub(crate) fn make(&self, env: &Environment) -> Result<(), DeployError> {
        let folder = &self.folder;
        if folder.is_dir() {
            return Ok(());
        }
        let parent = folder.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(io_error("create the folder", parent))?;
        // Whoever was here before was killed: the environment is held by this process.
        let unfinished = parent.join(UNFINISHED);
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).map_err(io_error("remove", &unfinished))?;
        }
        env.store().blobs().extract(&self.bundles, &unfinished, limits(env))?;
        sync_file_system(&unfinished)?;
        fs::rename(&unfinished, folder).map_err(io_error("rename", &unfinished))?;
        sync_file_system(parent)?;
        Ok(())
    }

    /// Makes the link lead to the folder, in one step.
    pub(crate) fn switch(&self) -> Result<(), DeployError> {
        let link = &self.link;
        let parent = link.parent().unwrap_or(link);
        fs::create_dir_all(parent).map_err(io_error("create the folder", parent))?;
        let name = link.file_name().unwrap_or_default().to_string_lossy();
        // A module's name never begins with a dot.
        let new = parent.join(format!(".{name}.new"));
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("remove", &new)(error));
            }
            _ => {}
        }
        symlink(&self.target, &new).map_err(io_error("make the link", &new))?;
        fs::rename(&new, link).map_err(io_error("switch the link", link))?;
        fs::File::open(parent).and_then(|parent| parent.sync_all()).map_err(io_error("flush", parent))
    }
}

fn folder_name(module: &ModuleName, bundles: &[BundleDigest]) -> String {
    let mut hasher = KeyHasher::new("prefab published folder 1");
    hasher.field(module.as_str().as_bytes());
    for bundle in bundles {
        hasher.field(bundle.as_bytes());
    }
    let digest: BundleDigest = hasher.finish();
    digest.hex()[..FOLDER_DIGITS].to_owned()
}

/// Where the link leads: relative, so that an environment can be moved as a whole.
fn link_target(module: &ModuleName, folder: &str) -> PathBuf {
    let up = module.as_str().matches('/').count() + 1;
    let mut target: PathBuf = std::iter::repeat_n("..", up).collect();
    target.extend([".prefab", PUBLISHED, module.as_str(), folder]);
    target
}

/// Adds what was attempted to an I/O error: for `map_err`.
pub(crate) fn io_error(what: &'static str, path: &Path) -> impl Fn(io::Error) -> DeployError {
    let path = path.to_owned();
    move |source| DeployError::Io { what, path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_its_folder_whether_or_not_the_module_has_a_scope() {
        let target = |module: &str| link_target(&module.parse().unwrap(), "abc");
        assert_eq!(target("cart"), Path::new("../.prefab/published/cart/abc"));
        assert_eq!(target("@acme/cart"), Path::new("../../.prefab/published/@acme/cart/abc"));
    }

    #[test]
    fn switching_a_link_replaces_it_also_when_an_earlier_try_was_cut_short() {
        let root = tempfile::tempdir().unwrap();
        let link = root.path().join("deployed/cart");
        fs::create_dir_all(root.path().join("deployed")).unwrap();
        symlink("nowhere", root.path().join("deployed/.cart.new")).unwrap();
        for folder in ["one", "two"] {
            let place = Place {
                bundles: Vec::new(),
                folder: folder.into(),
                link: link.clone(),
                target: folder.into(),
            };
            place.switch().unwrap();
            assert!(fs::read_link(&link).unwrap().ends_with(folder));
        }
        assert_eq!(fs::read_dir(root.path().join("deployed")).unwrap().count(), 1);
    }
}

//! Collecting garbage: what killed processes left behind, and what nothing refers to any more.
//!
//! The store does rows and blobs (`host/store/src/gc.rs` has the order that makes it safe to be killed); here are the published folders and
//! native images. The environment is held meanwhile, so that nothing is collected that a preparation or a rehearsal has just put.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use prefab_sandbox::Sandbox;
use prefab_store::{CollectedRows, Keep, StoreError, Tally, sync_file_system};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::deploy::{DeployError, FOLDER_DIGITS, PUBLISHED, Place, UNFINISHED, io_error};
use crate::environment::Environment;
use crate::history::millis;
use crate::lock::{Activity, HoldError};

/// Folders on their way out, in `.prefab`: no longer published ones, and not yet gone.
const REMOVING: &str = "removing";

/// Why garbage could not be collected. What was collected before is gone, and nothing that is referred to.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// A published folder could not be removed.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// A native image could not be removed.
    #[error("cannot remove native images of compilers that no longer serve")]
    Images(#[source] io::Error),
    /// The environment is held.
    #[error("{0}")]
    Hold(#[from] HoldError),
    /// The ledger or the blobs failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is kept although nothing that is current refers to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectOptions {
    /// How many deployments of each module besides the present one: how far it can be rolled back.
    pub deployments: u32,
    /// All that was made within so many days; orphans are not kept for any time.
    pub days: u32,
    /// Only count.
    pub dry_run: bool,
}

impl Default for CollectOptions {
    fn default() -> Self {
        // Two steps back. A week: long enough to go back to yesterday's sources or to another branch without compiling anything.
        Self { deployments: 2, days: 7, dry_run: false }
    }
}

/// Preparations and rehearsals of which all results are kept, for those who compare: the latest and the one before.
const PREPARATIONS: u32 = 2;

/// What was collected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// Whether all of it is still there.
    pub dry_run: bool,
    /// Rows of the ledger.
    pub rows: CollectedRows,
    /// Blobs, and parts of them.
    pub blobs: Tally,
    /// Published folders that no deployment is in, and unfinished ones.
    pub folders: Tally,
    /// Native images of compilers for another version of the engine.
    pub images: Tally,
    /// By how many bytes the ledger became shorter.
    pub ledger_bytes: u64,
}

impl Collection {
    /// How much room there is again, in bytes.
    pub const fn bytes(&self) -> u64 {
        self.blobs.bytes + self.folders.bytes + self.images.bytes + self.ledger_bytes
    }
}

/// Collects what nothing refers to any more. `progress` is told how many blobs were looked at.
pub fn collect(
    env: &Environment,
    sandbox: &Sandbox,
    options: CollectOptions,
    progress: &mut dyn FnMut(u64),
) -> Result<Collection, CollectError> {
    let CollectOptions { deployments, days, dry_run } = options;
    let _hold = env.hold(Activity::Collect)?;
    // A rehearsal puts blobs without holding the environment.
    let _rehearsal = env.hold_rehearsal(Activity::Collect)?;
    let days = Duration::from_secs(u64::from(days) * 24 * 60 * 60);
    let keep = Keep {
        deployments,
        preparations: PREPARATIONS,
        since: millis(OffsetDateTime::now_utc())
            .saturating_sub(i64::try_from(days.as_millis()).unwrap_or(i64::MAX)),
    };
    let mut folders = Folders::default();
    let (rows, live) = env.store().collect_rows(keep, dry_run, &mut |module, bundles| {
        folders.live.extend(number(&Place::of(env, module, bundles).folder));
    })?;
    let blobs = env.store().collect_blobs(&live, dry_run, progress)?;
    let folders = folders.collect(env, dry_run)?;
    let before = SystemTime::now().checked_sub(days).unwrap_or(SystemTime::UNIX_EPOCH);
    let mut images = Tally::default();
    sandbox
        .collect_images(before, dry_run)
        .map_err(CollectError::Images)?
        .into_iter()
        .for_each(|size| images.add(size));
    let ledger_bytes = if dry_run { 0 } else { env.store().shrink()? };
    Ok(Collection { dry_run, rows, blobs, folders, images, ledger_bytes })
}

/// The name of a published folder as a number.
fn number(folder: &Path) -> Option<u128> {
    let name = folder.file_name()?.to_str()?;
    (name.len() == FOLDER_DIGITS).then(|| u128::from_str_radix(name, 16).ok()).flatten()
}

#[derive(Default)]
struct Folders {
    live: HashSet<u128>,
}

impl Folders {
    /// Removes the published folders that are not alive. A folder loses its name before its first file: one that has its name is always
    /// complete.
    fn collect(mut self, env: &Environment, dry_run: bool) -> Result<Tally, DeployError> {
        let removing = env.state_dir().join(REMOVING);
        let mut dead = Tally::default();
        if removing.exists() {
            dead.add(size(&removing)?);
        }
        let mut names = 0;
        let mut moved = false;
        for module in modules(&env.state_dir().join(PUBLISHED))? {
            // A publishing that was killed between its row and its link: the link is put right by the next.
            self.live.extend(linked(env, &module));
            for folder in children(&module)? {
                let unfinished = folder.file_name().is_some_and(|name| name == UNFINISHED);
                if !unfinished && number(&folder).is_none_or(|number| self.live.contains(&number)) {
                    continue;
                }
                dead.add(size(&folder)?);
                if dry_run {
                    continue;
                }
                fs::create_dir_all(&removing).map_err(io_error("create the folder", &removing))?;
                let to = loop {
                    names += 1;
                    let to = removing.join(names.to_string());
                    if !to.exists() {
                        break to;
                    }
                };
                fs::rename(&folder, &to).map_err(io_error("move away", &folder))?;
                moved = true;
            }
        }
        if moved {
            sync_file_system(&removing)?;
        }
        if !dry_run && removing.exists() {
            fs::remove_dir_all(&removing).map_err(io_error("remove", &removing))?;
        }
        Ok(dead)
    }
}

/// The folder that the link of a module leads to, whose published folders are in `module`.
fn linked(env: &Environment, module: &Path) -> Option<u128> {
    let name = module.strip_prefix(env.state_dir().join(PUBLISHED)).ok()?;
    number(&fs::read_link(env.deployed_dir().join(name)).ok()?)
}

/// The folders of modules; those with a scope are one level deeper.
fn modules(published: &Path) -> Result<Vec<PathBuf>, DeployError> {
    let mut modules = Vec::new();
    for folder in children(published)? {
        if folder.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"@")) {
            modules.extend(children(&folder)?);
        } else {
            modules.push(folder);
        }
    }
    Ok(modules)
}

/// The folders in a folder; none if it is not there.
fn children(folder: &Path) -> Result<Vec<PathBuf>, DeployError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(io_error("list", folder))?,
    };
    let mut folders = Vec::new();
    for entry in entries {
        let entry = entry.map_err(io_error("list", folder))?;
        if entry.file_type().map_err(io_error("look at", &entry.path()))?.is_dir() {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

/// The bytes of all files in a folder.
fn size(folder: &Path) -> Result<u64, DeployError> {
    let mut bytes = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(io_error("list", &folder))? {
            let entry = entry.map_err(io_error("list", &folder))?;
            let metadata = entry.metadata().map_err(io_error("look at", &entry.path()))?;
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                bytes += metadata.len();
            }
        }
    }
    Ok(bytes)
}

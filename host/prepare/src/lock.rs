//! Who holds the environment.
//!
//! Whatever changes an environment holds it meanwhile, by a lock on `.prefab/lock` that the kernel releases when the
//! process ends, however it ends: a dead holder is never waited for. `.prefab/holder.json` beside it says who it is, for people.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use prefab_model::{Counts, PreparationId};
use prefab_store::StoreError;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::environment::Environment;

/// `prefab status` looks whether the lock is free by taking it for a moment; a holder tries again for this long.
const PATIENCE: Duration = Duration::from_millis(200);

/// What the holder of an environment does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activity {
    /// Preparing modules.
    Prepare,
    /// Switching the platform version, then preparing modules.
    Upgrade,
    /// Publishing modules.
    Publish,
    /// Changing the configuration.
    Configure,
    /// Adding or removing modules.
    Modules,
    /// Installing a release.
    Releases,
}

impl Activity {
    const fn verb(self) -> &'static str {
        match self {
            Self::Prepare => "preparing modules",
            Self::Upgrade => "upgrading",
            Self::Publish => "publishing",
            Self::Configure => "changing the configuration",
            Self::Modules => "adding or removing modules",
            Self::Releases => "installing a release",
        }
    }
}

/// The environment is held, by whom, and how far they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// What the holder does.
    pub activity: Activity,
    /// The holder's process.
    pub pid: u32,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// The preparation it runs.
    pub preparation: Option<PreparationId>,
    /// How far that is.
    pub counts: Option<Counts>,
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.preparation, self.counts) {
            (Some(preparation), Some(counts)) => write!(
                f,
                "preparation {preparation} holds the environment: {} %, {} of {} modules are accounted for",
                counts.percent(),
                counts.ended(),
                counts.modules
            )?,
            _ => write!(f, "the environment is held by a process that is {}", self.activity.verb())?,
        }
        let since = self.since.replace_nanosecond(0).ok().and_then(|since| since.format(&Rfc3339).ok());
        write!(f, " (process {}, since {}). ", self.pid, since.as_deref().unwrap_or("just now"))?;
        match self.preparation {
            Some(_) => f.write_str("Running applications are not affected. Watch it with `prefab status --watch` and try again when it is done"),
            None => f.write_str("Try again when it is done"),
        }
    }
}

impl std::error::Error for Held {}

/// Why the environment could not be held.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// Another process holds it.
    #[error(transparent)]
    Held(Box<Held>),
    /// The lock file could not be used.
    #[error("cannot use the lock file {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The ledger could not be asked how far the holder is.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Serialize, Deserialize)]
struct Holder {
    activity: Activity,
    pid: u32,
    #[serde(with = "time::serde::rfc3339")]
    since: OffsetDateTime,
    preparation: Option<PreparationId>,
}

/// Holds the environment for as long as it lives.
#[derive(Debug)]
pub(crate) struct Hold {
    _lock: File,
    holder_path: PathBuf,
    activity: Activity,
    since: OffsetDateTime,
}

impl Hold {
    /// Says in the holder file which preparation is running.
    pub(crate) fn runs(&self, preparation: PreparationId) -> Result<(), HoldError> {
        self.write(Some(preparation))
    }

    fn write(&self, preparation: Option<PreparationId>) -> Result<(), HoldError> {
        let holder =
            Holder { activity: self.activity, pid: std::process::id(), since: self.since, preparation };
        let temporary = self.holder_path.with_extension("json.new");
        serde_json::to_vec(&holder)
            .map_err(io::Error::from)
            .and_then(|text| fs::write(&temporary, text))
            .and_then(|()| fs::rename(&temporary, &self.holder_path))
            .map_err(|source| HoldError::Io { path: self.holder_path.clone(), source })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // Only a courtesy: whether the environment is held is for the lock to say.
        let _ = fs::remove_file(&self.holder_path);
    }
}

fn lock_file(state: &Path) -> Result<File, HoldError> {
    let path = state.join("lock");
    File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(|source| HoldError::Io { path, source })
}

impl Environment {
    /// Holds the environment, or says who does.
    pub(crate) fn hold(&self, activity: Activity) -> Result<Hold, HoldError> {
        let state = self.state_dir();
        let lock = lock_file(&state)?;
        let started = std::time::Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if started.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => return Err(HoldError::Held(Box::new(self.held()?))),
                Err(TryLockError::Error(source)) => {
                    return Err(HoldError::Io { path: state.join("lock"), source });
                }
            }
        }
        let hold = Hold {
            _lock: lock,
            holder_path: state.join("holder.json"),
            activity,
            since: OffsetDateTime::now_utc(),
        };
        hold.write(None)?;
        Ok(hold)
    }

    /// Who holds the environment now, if anybody does.
    pub(crate) fn holder(&self) -> Result<Option<Held>, HoldError> {
        match lock_file(&self.state_dir())?.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => self.held().map(Some),
            Err(TryLockError::Error(source)) => {
                Err(HoldError::Io { path: self.state_dir().join("lock"), source })
            }
        }
    }

    fn held(&self) -> Result<Held, HoldError> {
        let holder = fs::read(self.state_dir().join("holder.json"))
            .ok()
            .and_then(|text| serde_json::from_slice::<Holder>(&text).ok())
            // The holder has the lock and has not yet said who it is, or has just let go.
            .unwrap_or(Holder {
                activity: Activity::Prepare,
                pid: 0,
                since: OffsetDateTime::now_utc(),
                preparation: None,
            });
        let counts = match holder.preparation {
            Some(id) => self.store().preparation(id)?.map(|preparation| preparation.counts),
            None => None,
        };
        Ok(Held {
            activity: holder.activity,
            pid: holder.pid,
            since: holder.since,
            preparation: holder.preparation,
            counts,
        })
    }
}

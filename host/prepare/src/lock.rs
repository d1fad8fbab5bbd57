//! Who holds the environment.
//!
//! Whatever changes an environment holds it meanwhile, by locks in `.prefab` that the kernel releases when the process ends,
//! however it ends: a dead holder is never waited for. A file beside each lock says who holds it, for people.
//!
//! | lock | held by |
//! |---|---|
//! | `lock` | whatever changes modules, releases, settings, or prepares |
//! | `deployments.lock` | whatever changes what is deployed; a preparation too, unless it was told to hold modules only |
//! | `rehearsal.lock` | a rehearsal, which holds nothing else; whoever collects garbage, besides all others |

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prefab_model::{Counts, PreparationId};
use prefab_store::StoreError;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::environment::Environment;

/// `prefab status` looks whether the lock is free by taking it for a moment; a holder tries again for this long.
const PATIENCE: Duration = Duration::from_millis(200);

/// Who is refused while a preparation runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockMode {
    /// Publishing and configuration of all modules, until the end.
    #[default]
    Environment,
    /// Publishing of modules that are not prepared yet; and configuration, which concerns all that are not.
    Module,
}

/// What the holder of an environment does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activity {
    /// Preparing modules.
    Prepare,
    /// Preparing modules with a release that need not be installed, to see what would break.
    Rehearse,
    /// Switching the platform version, then preparing modules.
    Upgrade,
    /// Publishing modules.
    Publish,
    /// Rolling back modules.
    Rollback,
    /// Collecting what nothing refers to.
    Collect,
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
            Self::Rehearse => "rehearsing",
            Self::Upgrade => "upgrading",
            Self::Publish => "publishing",
            Self::Rollback => "rolling back",
            Self::Collect => "collecting garbage",
            Self::Configure => "changing the configuration",
            Self::Modules => "adding or removing modules",
            Self::Releases => "installing a release",
        }
    }
}

/// The environment is held, by whom, and how far they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Whether it waits to be resumed.
    pub paused: bool,
    /// Who is refused meanwhile.
    pub lock: LockMode,
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rehearses = self.activity == Activity::Rehearse;
        match (self.preparation, self.counts) {
            (Some(preparation), Some(counts)) => write!(
                f,
                "{} {preparation} {}: {}{} %, {} of {} modules are accounted for",
                if rehearses { "rehearsal" } else { "preparation" },
                if rehearses { "is running" } else { "holds the environment" },
                if self.paused { "paused at " } else { "" },
                counts.percent(),
                counts.ended(),
                counts.modules
            )?,
            _ => write!(f, "the environment is held by a process that is {}", self.activity.verb())?,
        }
        let since = self.since.replace_nanosecond(0).ok().and_then(|since| since.format(&Rfc3339).ok());
        write!(f, " (process {}, since {}). ", self.pid, since.as_deref().unwrap_or("just now"))?;
        match self.preparation {
            Some(_) if self.paused => f.write_str("Running applications are not affected. Let it go on with `prefab resume`, or call it off with `prefab cancel`"),
            Some(_) => f.write_str("Running applications are not affected. Watch it with `prefab status --watch` and try again when it is done"),
            None => f.write_str("Try again when it is done"),
        }
    }
}

impl std::error::Error for Held {}

/// Why the environment could not be held.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// Another process holds it. Whatever fails for this reason has it in its chain of sources.
    #[error("{0}")]
    Held(#[source] Box<Held>),
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

/// One of the locks, by what the files are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lock {
    Environment,
    Deployments,
    Rehearsal,
}

impl Lock {
    fn file(self, state: &Path) -> PathBuf {
        state.join(match self {
            Self::Environment => "lock",
            Self::Deployments => "deployments.lock",
            Self::Rehearsal => "rehearsal.lock",
        })
    }

    fn holder(self, state: &Path) -> PathBuf {
        state.join(match self {
            Self::Environment => "holder.json",
            Self::Deployments => "deployments.json",
            Self::Rehearsal => "rehearsal.json",
        })
    }

    fn open(self, state: &Path) -> Result<File, HoldError> {
        let path = self.file(state);
        File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|source| HoldError::Io { path, source })
    }

    /// Takes the lock; nothing if another process has it.
    fn take(self, state: &Path, patience: Duration) -> Result<Option<File>, HoldError> {
        let lock = self.open(state)?;
        let started = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Some(lock)),
                Err(TryLockError::WouldBlock) if started.elapsed() < patience => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(source)) => {
                    return Err(HoldError::Io { path: self.file(state), source });
                }
            }
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    activity: Activity,
    pid: u32,
    #[serde(with = "time::serde::rfc3339")]
    since: OffsetDateTime,
    preparation: Option<PreparationId>,
    paused: bool,
    lock: LockMode,
}

/// The file that says who holds a lock. Clones are the same file.
#[derive(Debug, Clone)]
pub(crate) struct HolderFile {
    path: PathBuf,
    holder: Arc<Mutex<Holder>>,
}

impl HolderFile {
    fn new(path: PathBuf, activity: Activity) -> Self {
        let holder = Holder {
            activity,
            pid: std::process::id(),
            since: OffsetDateTime::now_utc(),
            preparation: None,
            paused: false,
            lock: LockMode::Environment,
        };
        Self { path, holder: Arc::new(Mutex::new(holder)) }
    }

    /// Says whether what holds the lock waits to be resumed.
    pub(crate) fn paused(&self, paused: bool) -> Result<(), HoldError> {
        self.write(|holder| holder.paused = paused)
    }

    fn write(&self, change: impl FnOnce(&mut Holder)) -> Result<(), HoldError> {
        let mut holder = self.holder.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut holder);
        let temporary = self.path.with_extension("json.new");
        serde_json::to_vec(&*holder)
            .map_err(io::Error::from)
            .and_then(|text| fs::write(&temporary, text))
            .and_then(|()| fs::rename(&temporary, &self.path))
            .map_err(|source| HoldError::Io { path: self.path.clone(), source })
    }
}

/// Holds the environment, or a part of it, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Hold {
    // Fields are dropped in this order: nobody is named any more once somebody else can take the lock.
    file: Courtesy,
    deployments: Option<File>,
    _lock: Option<File>,
    beside: Option<PreparationId>,
}

/// Removes the holder's file in the end. Only a courtesy: whether a lock is held is for the lock to say.
#[derive(Debug)]
struct Courtesy(HolderFile);

impl Drop for Courtesy {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0.path);
    }
}

impl Hold {
    /// Says which preparation is running, and who is refused meanwhile.
    pub(crate) fn runs(&mut self, preparation: PreparationId, lock: LockMode) -> Result<(), HoldError> {
        if lock == LockMode::Module {
            self.deployments = None;
        }
        self.file().write(|holder| {
            holder.preparation = Some(preparation);
            holder.lock = lock;
        })
    }

    /// The file that says who holds it.
    pub(crate) fn file(&self) -> &HolderFile {
        &self.file.0
    }

    /// The preparation that runs meanwhile, in another process, and holds single modules only.
    pub(crate) fn beside(&self) -> Option<PreparationId> {
        self.beside
    }
}

impl Environment {
    /// Holds the environment, or says who does.
    pub(crate) fn hold(&self, activity: Activity) -> Result<Hold, HoldError> {
        let state = self.state_dir();
        let Some(lock) = Lock::Environment.take(&state, PATIENCE)? else {
            return Err(self.held(Lock::Environment)?.into());
        };
        let Some(deployments) = Lock::Deployments.take(&state, PATIENCE)? else {
            return Err(self.held(Lock::Deployments)?.into());
        };
        let file = HolderFile::new(Lock::Environment.holder(&state), activity);
        file.write(|_| {})?;
        Ok(Hold { file: Courtesy(file), deployments: Some(deployments), _lock: Some(lock), beside: None })
    }

    /// Holds what is deployed: the whole environment, or, beside a preparation that holds single modules only, no more than that.
    pub(crate) fn hold_deployments(&self, activity: Activity) -> Result<Hold, HoldError> {
        let held = match self.hold(activity) {
            Err(HoldError::Held(held)) => held,
            other => return other,
        };
        let (LockMode::Module, Some(preparation)) = (held.lock, held.preparation) else {
            return Err(HoldError::Held(held));
        };
        let state = self.state_dir();
        let Some(deployments) = Lock::Deployments.take(&state, PATIENCE)? else {
            return Err(self.held(Lock::Deployments)?.into());
        };
        let file = HolderFile::new(Lock::Deployments.holder(&state), activity);
        file.write(|_| {})?;
        Ok(Hold {
            file: Courtesy(file),
            deployments: Some(deployments),
            _lock: None,
            beside: Some(preparation),
        })
    }

    /// Holds the right to rehearse, of which there is one, or to keep others from it; or says who does.
    pub(crate) fn hold_rehearsal(&self, activity: Activity) -> Result<Hold, HoldError> {
        let state = self.state_dir();
        let Some(lock) = Lock::Rehearsal.take(&state, PATIENCE)? else {
            return Err(self.held(Lock::Rehearsal)?.into());
        };
        let file = HolderFile::new(Lock::Rehearsal.holder(&state), activity);
        file.write(|_| {})?;
        Ok(Hold { file: Courtesy(file), deployments: None, _lock: Some(lock), beside: None })
    }

    /// Who holds this lock now, if anybody does.
    pub(crate) fn holder(&self, lock: Lock) -> Result<Option<Held>, HoldError> {
        let state = self.state_dir();
        match lock.open(&state)?.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => self.held(lock).map(Some),
            Err(TryLockError::Error(source)) => Err(HoldError::Io { path: lock.file(&state), source }),
        }
    }

    fn held(&self, lock: Lock) -> Result<Held, HoldError> {
        let holder = fs::read(lock.holder(&self.state_dir()))
            .ok()
            .and_then(|text| serde_json::from_slice::<Holder>(&text).ok())
            // The holder has the lock and has not yet said who it is, or has just let go.
            .unwrap_or(Holder {
                activity: Activity::Prepare,
                pid: 0,
                since: OffsetDateTime::now_utc(),
                preparation: None,
                paused: false,
                lock: LockMode::Environment,
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
            paused: holder.paused,
            lock: holder.lock,
        })
    }
}

impl From<Held> for HoldError {
    fn from(held: Held) -> Self {
        Self::Held(Box::new(held))
    }
}

//! What is trusted, as the files say it now; and that a release which was taken in may still be used.
//!
//! The files may change at any time, by `prefab trust` or an editor: revoking waits for nobody who holds the environment. So they are
//! looked at before every compilation, which costs a call of the kernel, and a few times a second by a preparation that runs, so that
//! a compilation which takes long ends as well.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use prefab_model::{Config, KeyId, Release, SyntaxError, Trust};

use crate::environment::Environment;
use crate::run::Stop;
use crate::trust::{Refusal, revoked};

/// How often a preparation that runs looks whether it still may.
const LOOK: Duration = Duration::from_millis(250);
/// The largest file that says what is trusted, in bytes.
const MAX_FILE: u64 = 4 << 20;

/// Why it cannot be told what is trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file could not be read.
    #[error("cannot read what is trusted from {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("{} cannot be used: {source}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        #[source]
        source: SyntaxError,
    },
}

/// The files that say what is trusted in an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TrustFiles {
    /// `prefab.toml`, whose `[trust]` it is.
    config: PathBuf,
    /// Those of a server, which say nothing else. One that is missing says nothing.
    others: Vec<PathBuf>,
}

impl TrustFiles {
    pub(crate) fn new(config: PathBuf, others: Vec<PathBuf>) -> Self {
        Self { config, others }
    }

    /// What they say now.
    pub(crate) fn read(&self) -> Result<Trust, TrustError> {
        let Some(text) = text(&self.config)? else {
            // An environment without its configuration is none.
            let source = io::ErrorKind::NotFound.into();
            return Err(TrustError::Io { path: self.config.clone(), source });
        };
        let syntax = |source| TrustError::Syntax { path: self.config.clone(), source };
        let mut trust = Config::parse(&text).map_err(syntax)?.trust;
        for path in &self.others {
            trust.add(read_trust(path)?);
        }
        Ok(trust)
    }

    /// What changes when any of them does.
    fn stamps(&self) -> Vec<Option<Stamp>> {
        [&self.config].into_iter().chain(&self.others).map(|path| stamp(path)).collect()
    }
}

/// What is trusted in an environment, by its own configuration and the server's if it is on one.
pub fn environment_trust(env: &Environment) -> Result<Trust, TrustError> {
    env.trust_files().read()
}

/// What a file says that says nothing but what is trusted; nothing if there is no such file.
pub fn read_trust(path: &Path) -> Result<Trust, TrustError> {
    match text(path)? {
        Some(text) => {
            Trust::parse(&text).map_err(|source| TrustError::Syntax { path: path.to_owned(), source })
        }
        None => Ok(Trust::default()),
    }
}

fn text(path: &Path) -> Result<Option<String>, TrustError> {
    let io = |source| TrustError::Io { path: path.to_owned(), source };
    match fs::metadata(path) {
        Ok(file) if file.len() > MAX_FILE => Err(io(io::ErrorKind::FileTooLarge.into())),
        Ok(_) => fs::read_to_string(path).map(Some).map_err(io),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io(error)),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

fn stamp(path: &Path) -> Option<Stamp> {
    let file = fs::metadata(path).ok()?;
    Some(Stamp { inode: file.ino(), size: file.len(), modified: (file.mtime(), file.mtime_nsec()) })
}

/// That a release may be used, for as long as nobody revokes it. Clones are the same.
#[derive(Clone)]
pub(crate) struct Warrant(Arc<Held>);

struct Held {
    files: TrustFiles,
    release: Release,
    key: Option<KeyId>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    stamps: Option<Vec<Option<Stamp>>>,
    refused: Option<Refusal>,
}

impl Warrant {
    /// For a release that this key vouches for, if any does.
    ///
    /// # Errors
    /// [`TrustError`] if it cannot be told what is revoked: then nothing is begun.
    pub(crate) fn new(env: &Environment, release: &Release, key: Option<KeyId>) -> Result<Self, TrustError> {
        let files = env.trust_files().clone();
        // Before they are read: a change in between is seen as one.
        let stamps = Some(files.stamps());
        let refused = revoked(&files.read()?, release, key).err();
        let seen = Mutex::new(Seen { stamps, refused });
        Ok(Self(Arc::new(Held { files, release: release.clone(), key, seen })))
    }

    /// Refuses once the release is revoked. A file that cannot be read meanwhile, as one that somebody is writing, changes nothing.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let Held { files, release, key, seen } = &*self.0;
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let stamps = Some(files.stamps());
        if seen.refused.is_none() && seen.stamps != stamps {
            match files.read() {
                Ok(trust) => {
                    seen.refused = revoked(&trust, release, *key).err();
                    seen.stamps = stamps;
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "cannot tell what is revoked");
                }
            }
        }
        seen.refused.clone().map_or(Ok(()), Err)
    }

    /// Stops what runs once the release is revoked, until what is returned is dropped.
    pub(crate) fn watch(&self, stop: &Stop) -> io::Result<Watch> {
        let (warrant, stop) = (self.clone(), stop.clone());
        let (end, ended) = mpsc::channel::<()>();
        let thread = thread::Builder::new().name("prefab-warrant".into()).spawn(move || {
            while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                if warrant.check().is_err() {
                    stop.now();
                    return;
                }
            }
        })?;
        Ok(Watch { end: Some(end), thread: Some(thread) })
    }
}

/// Somebody who looks whether a release may still be used.
pub(crate) struct Watch {
    end: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // The thread does not panic; if it did, there is nothing to mend.
            let _ = thread.join();
        }
    }
}

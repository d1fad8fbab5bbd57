//! Modules that somebody publishes while a preparation runs that holds single modules only, and that have changed since it
//! prepared them: the preparation takes them in once more.
//!
//! Whoever publishes leaves a file with the module's name in `.prefab/folded`, and waits until it is gone or the preparation is. The
//! preparation takes it away once what came of the module is in the ledger.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use prefab_model::{ModuleName, PreparationId};

use crate::environment::Environment;
use crate::lock::{HoldError, Lock};

/// How often whoever publishes looks whether the module is through.
const LOOK: Duration = Duration::from_millis(10);

/// Where requests to an environment's preparation are left.
pub(crate) fn folder(env: &Environment) -> PathBuf {
    env.state_dir().join("folded")
}

/// What became of a request.
pub(crate) enum Folded {
    /// The preparation took the module in.
    Through,
    /// It ended before it came to that.
    Ended,
}

/// Asks the preparation that runs to take in a module once more, and waits for it.
pub(crate) fn fold(
    env: &Environment,
    preparation: PreparationId,
    module: &ModuleName,
) -> Result<Folded, HoldError> {
    let folder = folder(env);
    let path = folder.join(blake3::hash(module.as_str().as_bytes()).to_hex().as_str());
    let temporary = folder.join(format!(".{}", std::process::id()));
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&temporary, module.as_str()))
        .and_then(|()| fs::rename(&temporary, &path))
        .map_err(|source| HoldError::Io { path: path.clone(), source })?;
    while path.exists() {
        let runs = env.holder(Lock::Environment)?.and_then(|held| held.preparation) == Some(preparation);
        if !runs {
            return match fs::remove_file(&path) {
                Ok(()) => Ok(Folded::Ended),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Folded::Through),
                Err(source) => Err(HoldError::Io { path, source }),
            };
        }
        thread::sleep(LOOK);
    }
    Ok(Folded::Through)
}

/// A module that is to be taken in once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) module: ModuleName,
    path: PathBuf,
}

impl Request {
    /// Says that what came of it is in the ledger.
    pub(crate) fn done(&self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "cannot say that a module is through");
        }
    }
}

/// The requests that a preparation has heard and not begun yet. Clones are the same queue.
#[derive(Debug, Clone, Default)]
pub(crate) struct Requests(Arc<Mutex<Queue>>);

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Request>,
    /// Those that were taken out, until their file is gone.
    taken: Vec<PathBuf>,
}

impl Requests {
    pub(crate) fn next(&self) -> Option<Request> {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let request = queue.waiting.pop_front()?;
        queue.taken.push(request.path.clone());
        Some(request)
    }

    /// Looks for new ones.
    pub(crate) fn hear(&self, folder: &Path) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queue.taken.retain(|path| path.exists());
        for entry in entries.flatten() {
            let path = entry.path();
            let known =
                queue.taken.contains(&path) || queue.waiting.iter().any(|request| request.path == path);
            if known || entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            match fs::read_to_string(&path).map(|name| name.parse()) {
                Ok(Ok(module)) => queue.waiting.push_back(Request { module, path }),
                // Nobody waits for what cannot be read.
                _ => drop(fs::remove_file(&path)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_heard_once_and_again_when_it_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let requests = Requests::default();
        let path = folder.path().join("x");
        fs::write(&path, "cart").unwrap();
        requests.hear(folder.path());
        let request = requests.next().unwrap();
        assert_eq!(request.module.as_str(), "cart");
        requests.hear(folder.path());
        assert_eq!(requests.next(), None);
        request.done();
        requests.hear(folder.path());
        fs::write(&path, "cart").unwrap();
        requests.hear(folder.path());
        assert_eq!(requests.next(), Some(request));
    }

    #[test]
    fn what_is_not_a_request_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("x"), "../no\0name").unwrap();
        let requests = Requests::default();
        requests.hear(folder.path());
        assert_eq!(requests.next(), None);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

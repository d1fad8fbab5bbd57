//! Pausing, resuming and cancelling a preparation from another process.
//!
//! Whoever asks leaves a file in `.prefab` that names the process it is meant for. That process looks for it many times a second,
//! does what it says and removes it, which is the answer. Nothing is left to do for a request whose process is dead.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use prefab_model::{ModuleName, PreparationId};
use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::folded::{Requests, folder};
use crate::lock::{Held, HoldError, HolderFile, Lock};
use crate::modules::ModulesError;
use crate::run::Stop;

/// How often a preparation looks for a request: together with a tick of the sandbox, well below the 200 ms that people notice.
const LOOK: Duration = Duration::from_millis(25);
/// How long the process that is asked may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Requests of this process so far: it may make two at once.
static ASKED: AtomicU64 = AtomicU64::new(0);

/// What a running preparation is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Wait in the middle of what is running, and hold the environment meanwhile.
    Pause,
    /// Go on.
    Resume,
    /// End at once. What was committed stays.
    Cancel,
}

/// That a request was heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Controlled {
    /// What was asked.
    pub request: Request,
    /// The preparation, or rehearsal, that did it.
    pub preparation: PreparationId,
    /// Whether it is a rehearsal.
    pub rehearsal: bool,
    /// Its process.
    pub pid: u32,
    /// Whether it has ended. Of a [`Request::Cancel`] that is so, unless the machine is so busy that what runs in the background has
    /// not come to notice it for 10 seconds: it will.
    pub ended: bool,
}

/// Why a request was not heard.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No process runs a preparation or a rehearsal.
    #[error("no preparation is running in this environment")]
    NotRunning,
    /// The process holds the lock and does not answer: it may be stopped by a debugger or a signal.
    #[error(
        "process {pid} runs preparation {preparation} and does not answer: look what is the matter with it"
    )]
    NoAnswer {
        /// The process.
        pid: u32,
        /// What it runs.
        preparation: PreparationId,
    },
    /// A module is not in the environment.
    #[error(transparent)]
    Module(Box<ModulesError>),
    /// Others ask all the time.
    #[error("others tell the preparation what to do: try again when they are through")]
    Busy,
    /// The request could not be written.
    #[error("cannot write {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It could not be found out who runs a preparation.
    #[error("{0}")]
    Hold(#[from] HoldError),
}

#[derive(Serialize, Deserialize)]
struct Message {
    pid: u32,
    preparation: PreparationId,
    #[serde(flatten)]
    asked: Asked,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Asked {
    Request(Request),
    /// To take these modules next.
    First(Vec<ModuleName>),
}

fn request_path(state: &Path, lock: Lock) -> PathBuf {
    state.join(match lock {
        Lock::Rehearsal => "rehearsal-request.json",
        Lock::Environment | Lock::Deployments => "request.json",
    })
}

/// Asks the preparation or rehearsal of this number; without one, the preparation that runs, or else the rehearsal. Waits until it
/// has heard; for [`Request::Cancel`] until it has ended, or for 10 seconds.
pub fn control(
    env: &Environment,
    request: Request,
    meant: Option<PreparationId>,
) -> Result<Controlled, ControlError> {
    let Heard { lock, pid, preparation, ended } = ask(env, Asked::Request(request), meant)?;
    Ok(Controlled { request, preparation, rehearsal: lock == Lock::Rehearsal, pid, ended })
}

/// Asks the same to take these modules next, with all that they need, as far as they take part and are not begun. Says which
/// preparation, or rehearsal, has heard it.
pub fn prioritise(
    env: &Environment,
    modules: Vec<ModuleName>,
    meant: Option<PreparationId>,
) -> Result<PreparationId, ControlError> {
    for module in &modules {
        if env.store().module(module).map_err(HoldError::from)?.is_none() {
            return Err(ControlError::Module(Box::new(ModulesError::unknown(env, module))));
        }
    }
    Ok(ask(env, Asked::First(modules), meant)?.preparation)
}

/// Who has heard a request.
struct Heard {
    lock: Lock,
    pid: u32,
    preparation: PreparationId,
    ended: bool,
}

/// Leaves a request, and waits until it has been heard; a while longer for the end of what it is meant for, if that is what is asked.
fn ask(env: &Environment, asked: Asked, meant: Option<PreparationId>) -> Result<Heard, ControlError> {
    let turn = Turn::wait(&env.state_dir())?;
    let mut running = None;
    for lock in [Lock::Environment, Lock::Rehearsal] {
        let held = env.holder(lock)?;
        if let Some((held, preparation)) = held.and_then(|held| held.preparation.map(|id| (held, id)))
            && meant.is_none_or(|meant| meant == preparation)
        {
            running = Some((lock, held, preparation));
            break;
        }
    }
    let (lock, held, preparation) = running.ok_or(ControlError::NotRunning)?;
    let path = request_path(&env.state_dir(), lock);
    let until_end = asked == Asked::Request(Request::Cancel);
    let message = Message { pid: held.pid, preparation, asked };
    let number = ASKED.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_extension(format!("{}-{number}.new", std::process::id()));
    serde_json::to_vec(&message)
        .map_err(io::Error::from)
        .and_then(|text| fs::write(&temporary, text))
        .and_then(|()| fs::rename(&temporary, &path))
        .map_err(|source| ControlError::Io { path: path.clone(), source })?;
    let began = Instant::now();
    let same = |now: Option<Held>| now.is_some_and(|now| now.pid == held.pid && now.since == held.since);
    // Once it is heard, others may ask while this one waits for the end, and a file that is there is theirs.
    let mut turn = Some(turn);
    let ended = loop {
        if !path.exists() {
            drop(turn.take());
        }
        let heard = turn.is_none();
        if heard && !until_end {
            break false;
        }
        let (ended, late) = (!same(env.holder(lock)?), began.elapsed() > PATIENCE);
        if !heard && (ended || late) {
            let _ = fs::remove_file(&path);
        }
        match (ended, heard) {
            (true, false) if !until_end => return Err(ControlError::NotRunning),
            (true, _) => break true,
            (false, true) if late => break false,
            (false, false) if late => return Err(ControlError::NoAnswer { pid: held.pid, preparation }),
            (false, _) => thread::sleep(Duration::from_millis(5)),
        }
    };
    Ok(Heard { lock, pid: held.pid, preparation, ended })
}

/// The right to leave a request: there is one file for it, and one that is not heard yet is not to be written over.
struct Turn {
    _lock: File,
}

impl Turn {
    fn wait(state: &Path) -> Result<Self, ControlError> {
        let path = state.join("request.lock");
        let io = |source| ControlError::Io { path: path.clone(), source };
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(io)?;
        let began = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { _lock: lock }),
                Err(TryLockError::WouldBlock) if began.elapsed() < 2 * PATIENCE => {
                    thread::sleep(Duration::from_millis(5));
                }
                Err(TryLockError::WouldBlock) => return Err(ControlError::Busy),
                Err(TryLockError::Error(source)) => return Err(io(source)),
            }
        }
    }
}

/// Listens for requests to this process, until it is dropped.
pub(crate) struct Listener {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    pub(crate) fn start(
        env: &Environment,
        lock: Lock,
        preparation: PreparationId,
        file: HolderFile,
        stop: Stop,
        folded: Requests,
    ) -> io::Result<Self> {
        let path = request_path(&env.state_dir(), lock);
        let requests = (lock == Lock::Environment).then(|| folder(env));
        let (sender, stopped) = mpsc::channel();
        let thread = thread::Builder::new().name("prefab-control".into()).spawn(move || {
            while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                hear(&path, preparation, &file, &stop);
                if let Some(requests) = &requests {
                    folded.hear(requests);
                }
            }
        })?;
        Ok(Self { stop: Some(sender), thread: Some(thread) })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The thread does not panic; if it did, there is nothing to mend.
            let _ = thread.join();
        }
    }
}

fn hear(path: &Path, preparation: PreparationId, file: &HolderFile, stop: &Stop) {
    let Ok(text) = fs::read(path) else { return };
    if let Ok(message) = serde_json::from_slice::<Message>(&text)
        && message.pid == std::process::id()
        && message.preparation == preparation
    {
        match message.asked {
            Asked::Request(Request::Pause) => stop.pause(),
            Asked::Request(Request::Resume) => stop.resume(),
            Asked::Request(Request::Cancel) => stop.call_off(),
            Asked::First(modules) => stop.prioritise(modules),
        }
        if let Err(error) = file.paused(stop.is_paused()) {
            tracing::warn!(%error, "cannot say that the preparation is paused");
        }
    }
    // Also one that was meant for a process that is dead.
    let _ = fs::remove_file(path);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::{Activity, LockMode};

    #[test]
    fn a_request_that_is_not_heard_yet_is_not_written_over_by_another() {
        let folder = tempfile::tempdir().unwrap();
        let env = Environment::init(folder.path(), "shop").unwrap();
        let mut hold = env.hold(Activity::Prepare).unwrap();
        hold.runs(PreparationId(1), LockMode::Environment).unwrap();
        let path = request_path(&env.state_dir(), Lock::Environment);
        let asked = || serde_json::from_slice::<Message>(&fs::read(&path).ok()?).ok().map(|it| it.asked);
        let until = |request| {
            let end = Instant::now() + Duration::from_mins(1);
            while asked() != Some(Asked::Request(request)) {
                assert!(Instant::now() < end, "{request:?} is not asked");
                thread::sleep(Duration::from_millis(5));
            }
        };
        thread::scope(|scope| {
            let pause = scope.spawn(|| control(&env, Request::Pause, None));
            until(Request::Pause);
            let resume = scope.spawn(|| control(&env, Request::Resume, None));
            // It would be there long before.
            thread::sleep(Duration::from_millis(300));
            assert_eq!(asked(), Some(Asked::Request(Request::Pause)));
            fs::remove_file(&path).unwrap();
            assert_eq!(pause.join().unwrap().unwrap().request, Request::Pause);
            until(Request::Resume);
            fs::remove_file(&path).unwrap();
            resume.join().unwrap().unwrap();
        });
    }
}

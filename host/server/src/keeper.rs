//! What is done again and again while the server runs: the fuel that was used is written, who stores too much is held back, releases
//! are looked for and followed.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use time::OffsetDateTime;

use crate::follow::{self, watch};
use crate::problem::Problem;
use crate::server::{App, Server};

const EVERY: Duration = Duration::from_secs(1);

/// The threads that do it, until this is dropped.
pub(crate) struct Keeper(Vec<Again>);

impl Keeper {
    /// `watched` is the folder in which releases are looked for.
    pub(crate) fn start(app: &App, watched: Option<PathBuf>) -> io::Result<Self> {
        let (quotas, followed) = (Arc::clone(app), Arc::clone(app));
        let mut threads = vec![
            Again::start("prefab-quotas", EVERY, true, move || {
                if let Err(problem) = quotas.keep(OffsetDateTime::now_utc()) {
                    tracing::error!(?problem, "cannot keep the quotas");
                }
            })?,
            Again::start("prefab-follow", follow::SOON, false, move || {
                if let Err(problem) = follow::look(&followed, OffsetDateTime::now_utc()) {
                    tracing::error!(?problem, "cannot look what is to be upgraded");
                }
            })?,
        ];
        if let Some(folder) = watched {
            let (app, mut watched) = (Arc::clone(app), watch::Watched::new(folder));
            threads.push(Again::start("prefab-watch", watch::EVERY, false, move || watched.look(&app))?);
        }
        Ok(Self(threads))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // All are told before any is waited for.
        self.0.iter_mut().for_each(|again| again.stop = None);
    }
}

/// A thread that does something at once and then again and again; and if it is so said, once more at the end.
struct Again {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Again {
    fn start(
        name: &str,
        every: Duration,
        at_end: bool,
        mut body: impl FnMut() + Send + 'static,
    ) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            body();
            while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                body();
            }
            if at_end {
                body();
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Again {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Server {
    fn keep(&self, now: OffsetDateTime) -> Result<(), Problem> {
        self.shares().tick(self.data().db(), now)?;
        for (tenant, standing) in self.shares().standings() {
            if standing.running + standing.waiting > 0 {
                self.heed_storage(&tenant)?;
            }
        }
        Ok(())
    }
}

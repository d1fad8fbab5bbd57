//! What is done once a second while the server runs: the fuel that was used is written, and who stores too much is held back.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use time::OffsetDateTime;

use crate::problem::Problem;
use crate::server::{App, Server};

const EVERY: Duration = Duration::from_secs(1);

/// The thread that does it, until this is dropped.
pub(crate) struct Keeper {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(crate) fn start(app: &App) -> io::Result<Self> {
        let app = Arc::clone(app);
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new().name("prefab-keeper".into()).spawn(move || {
            loop {
                let ends = stopped.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout);
                if let Err(problem) = app.keep(OffsetDateTime::now_utc()) {
                    tracing::error!(?problem, "cannot keep the quotas");
                }
                if ends {
                    break;
                }
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Keeper {
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

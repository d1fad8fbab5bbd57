//! The thread that advances the engines' epochs, which is what makes running guests look at the clock and at their
//! cancellation.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{io, mem};

use wasmtime::Engine;

/// How long a guest may run on after its deadline or its cancellation. Ten times longer would be felt by somebody who
/// presses ctrl-c; ten times shorter would cost more than it gives.
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// Advances the epochs of engines until it is dropped.
pub(crate) struct Ticker {
    stop: mpsc::Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    pub(crate) fn start(engines: Vec<Engine>) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new().name("prefab-epoch".into()).spawn(move || {
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                engines.iter().for_each(Engine::increment_epoch);
            }
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(mem::replace(&mut self.stop, mpsc::channel().0));
        if let Some(thread) = self.thread.take() {
            // The thread cannot panic: it only waits and counts.
            let _ = thread.join();
        }
    }
}

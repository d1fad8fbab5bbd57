//! Telling compilations from outside to wait or to end.
//!
//! A guest cannot be interrupted anywhere, only where it looks at the epoch: at the head of a loop and at the start of a
//! function. There it waits while it is paused, with all that it has in memory, and ends when it is cancelled.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

const RUNNING: u8 = 0;
const PAUSED: u8 = 1;
const CANCELLED: u8 = 2;

/// A hand on compilations that run. Clones hold the same ones.
#[derive(Clone, Default)]
pub struct Control {
    shared: Arc<Shared>,
    around: Option<Arc<Around>>,
}

/// Is called with the waiting when there is some.
type Around = dyn Fn(&mut dyn FnMut()) + Send + Sync;

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("shared", &self.shared).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Shared {
    state: AtomicU8,
    /// Guards the wait for a change, so that none is missed.
    waiting: Mutex<()>,
    changed: Condvar,
}

impl Control {
    /// Ends the compilations that were given this control, within 50 ms, also those that are paused, and those that will
    /// be given it before they start. For good.
    pub fn cancel(&self) {
        self.change(|_| CANCELLED);
    }

    /// Lets compilations wait, within 50 ms, until they are resumed or cancelled. Waiting does not count as their time.
    pub fn pause(&self) {
        self.change(|state| if state == RUNNING { PAUSED } else { state });
    }

    /// Lets compilations go on that wait.
    pub fn resume(&self) {
        self.change(|state| if state == PAUSED { RUNNING } else { state });
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.shared.state.load(Ordering::Relaxed) == CANCELLED
    }

    /// Whether compilations wait.
    pub fn is_paused(&self) -> bool {
        self.shared.state.load(Ordering::Relaxed) == PAUSED
    }

    /// Waits while paused, and returns for how long.
    pub fn wait(&self) -> Duration {
        if !self.is_paused() {
            return Duration::ZERO;
        }
        let began = Instant::now();
        match &self.around {
            Some(around) => around(&mut || self.wait_on()),
            None => self.wait_on(),
        }
        began.elapsed()
    }

    /// The same, for a compilation that has something to give up while it waits, and to take again before it goes on: `around` is
    /// given the waiting, and calls it. All the time that `around` takes is time that the compilation was paused.
    #[must_use]
    pub fn around_waits(&self, around: impl Fn(&mut dyn FnMut()) + Send + Sync + 'static) -> Self {
        Self { shared: Arc::clone(&self.shared), around: Some(Arc::new(around)) }
    }

    fn wait_on(&self) {
        let mut waiting = self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while self.is_paused() {
            waiting = self.shared.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        drop(waiting);
    }

    fn change(&self, next: impl Fn(u8) -> u8) {
        let waiting = self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.state.store(next(self.shared.state.load(Ordering::Relaxed)), Ordering::Relaxed);
        drop(waiting);
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_paused_waits_until_it_is_resumed() {
        let control = Control::default();
        control.pause();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| control.wait());
            assert!(!waits.is_finished());
            control.resume();
            waits.join().unwrap();
        });
        assert_eq!(control.wait(), Duration::ZERO);
    }

    #[test]
    fn cancelling_ends_a_pause_and_is_for_good() {
        let control = Control::default();
        control.pause();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| control.wait());
            control.cancel();
            waits.join().unwrap();
        });
        control.pause();
        control.resume();
        assert!(control.is_cancelled());
    }
}

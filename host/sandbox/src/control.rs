//! Telling compilations from outside to wait or to end.
//!
//! A guest cannot be interrupted anywhere, only where it looks at the epoch: at the head of a loop and at the start of a
//! function. There it waits while it is paused, with all that it has in memory, and ends when it is cancelled.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

const RUNNING: u8 = 0;
const PAUSED: u8 = 1;
const CANCELLED: u8 = 2;

/// A hand on compilations that run. Clones hold the same ones.
#[derive(Debug, Clone, Default)]
pub struct Control(Arc<Shared>);

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
        self.0.state.load(Ordering::Relaxed) == CANCELLED
    }

    /// Whether compilations wait.
    pub fn is_paused(&self) -> bool {
        self.0.state.load(Ordering::Relaxed) == PAUSED
    }

    /// Waits while paused, and returns for how long.
    pub fn wait(&self) -> Duration {
        if !self.is_paused() {
            return Duration::ZERO;
        }
        let began = Instant::now();
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while self.is_paused() {
            waiting = self.0.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        drop(waiting);
        began.elapsed()
    }

    fn change(&self, next: impl Fn(u8) -> u8) {
        let waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.state.store(next(self.0.state.load(Ordering::Relaxed)), Ordering::Relaxed);
        drop(waiting);
        self.0.changed.notify_all();
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

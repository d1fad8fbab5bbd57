//! Asking a preparation to stop, from a signal handler or another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use prefab_sandbox::Cancel;

/// A request to stop. Clones ask the same preparation.
#[derive(Clone, Default)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    cancel: Cancel,
}

impl Stop {
    /// Nobody asks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Let what is running end, and start nothing new.
    pub fn finish_running(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// End what is running too: within some 50 ms.
    pub fn now(&self) {
        self.finish_running();
        self.cancel.raise();
    }

    /// Whether anybody asked.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    pub(crate) fn cancel(&self) -> &Cancel {
        &self.cancel
    }
}

//! Asking a preparation to wait or to stop, from a signal handler, another thread, or (by `control.rs`) another process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use prefab_model::ModuleName;
use prefab_sandbox::Control;

use super::urgent::Urgent;
use crate::slots::Share;

const NO: u8 = 0;
const STOP: u8 = 1;
const CALL_OFF: u8 = 2;

/// A hand on a preparation. Clones hold the same one.
#[derive(Clone, Default)]
pub struct Stop {
    asked: Arc<AtomicU8>,
    control: Control,
    share: Option<Share>,
    urgent: Urgent,
}

impl Stop {
    /// Nobody asks for anything yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same for what takes turns with others: each compilation waits for a slot of this share.
    #[must_use]
    pub fn with_share(mut self, share: Share) -> Self {
        self.share = Some(share);
        self
    }

    pub(crate) fn share(&self) -> Option<&Share> {
        self.share.as_ref()
    }

    /// Take these modules next, with all that they need, as far as they take part and are not begun. Others are not known.
    pub fn prioritise(&self, modules: Vec<ModuleName>) {
        self.urgent.ask(modules);
    }

    pub(super) fn urgent(&self) -> &Urgent {
        &self.urgent
    }

    /// Let what is running end, and start nothing new. A preparation that is paused goes on with what is running.
    pub fn finish_running(&self) {
        self.asked.fetch_max(STOP, Ordering::Relaxed);
        self.control.resume();
    }

    /// End what is running too: within some 50 ms.
    pub fn now(&self) {
        self.asked.fetch_max(STOP, Ordering::Relaxed);
        self.control.cancel();
    }

    /// Call the preparation off: it ends at once, and says that it was not to go on.
    pub fn call_off(&self) {
        self.asked.fetch_max(CALL_OFF, Ordering::Relaxed);
        self.control.cancel();
    }

    /// Wait, within some 50 ms, in the middle of what is running.
    pub fn pause(&self) {
        self.control.pause();
    }

    /// Go on after a pause.
    pub fn resume(&self) {
        self.control.resume();
    }

    /// Whether anybody asked it to end.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed) != NO
    }

    /// Whether it was called off.
    pub fn is_called_off(&self) -> bool {
        self.asked.load(Ordering::Relaxed) == CALL_OFF
    }

    /// Whether it waits.
    pub fn is_paused(&self) -> bool {
        self.control.is_paused()
    }

    pub(crate) fn control(&self) -> &Control {
        &self.control
    }
}

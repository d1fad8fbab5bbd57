//! How much a guest may have written at a time, counted as it writes.

use std::sync::atomic::{AtomicU64, Ordering};

use prefab_model::{Limit, Limits};

use crate::end::Stop;

/// The quota of one compilation: bytes of all files, and the number of files and folders.
#[derive(Debug)]
pub(crate) struct Quota {
    bytes: Count,
    nodes: Count,
}

#[derive(Debug)]
struct Count {
    used: AtomicU64,
    most: u64,
}

impl Count {
    const fn new(most: u64) -> Self {
        Self { used: AtomicU64::new(0), most }
    }

    fn take(&self, amount: u64) -> bool {
        let more = |used: u64| used.checked_add(amount).filter(|sum| *sum <= self.most);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn give(&self, amount: u64) {
        self.used.fetch_sub(amount, Ordering::Relaxed);
    }
}

impl Quota {
    pub(crate) const fn new(limits: &Limits) -> Self {
        Self { bytes: Count::new(limits.output.0), nodes: Count::new(limits.artifacts) }
    }

    /// What may still be written, in bytes.
    pub(crate) fn left(&self) -> u64 {
        self.bytes.most.saturating_sub(self.bytes.used.load(Ordering::Relaxed))
    }

    /// # Errors
    /// The cap that was hit: the end of the compilation.
    pub(crate) fn take(&self, bytes: u64) -> Result<(), Stop> {
        if self.bytes.take(bytes) { Ok(()) } else { Err(Stop::OutputCap(Limit::Output)) }
    }

    pub(crate) fn give(&self, bytes: u64) {
        self.bytes.give(bytes);
    }

    /// Counts one more file or folder.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn take_node(&self) -> Result<(), Stop> {
        if self.nodes.take(1) { Ok(()) } else { Err(Stop::OutputCap(Limit::Artifacts)) }
    }

    pub(crate) fn give_node(&self) {
        self.nodes.give(1);
    }
}

//! A preparation's states and figures, and how each module ends.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ModuleName;

/// The number of a preparation in its environment, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PreparationId(pub i64);

impl fmt::Display for PreparationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What a preparation is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PreparationKind {
    /// The environment itself: with its own release, for publishing.
    #[default]
    Preparation,
    /// A look ahead, with a release that need not be installed: nothing of the environment changes.
    Rehearsal,
}

/// Where a preparation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PreparationState {
    /// Modules are being compiled.
    Running,
    /// Every module is accounted for.
    Done,
    /// It was stopped before every module was accounted for; the next one continues.
    Stopped,
    /// It waits, in the middle of things, until it is resumed.
    Paused,
    /// It was called off before every module was accounted for.
    Cancelled,
}

/// Why a module was skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SkipReason {
    /// The module at the root of the trouble: its signature could not be made.
    pub root: ModuleName,
}

/// How a module ended, or that it has not yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum ModuleState {
    /// Not yet accounted for in this preparation.
    Pending,
    /// All its compilations succeeded.
    Prepared,
    /// One of its compilations, or reading it, failed.
    Failed,
    /// It could not be compiled for want of a dependency's signature.
    Skipped(SkipReason),
}

/// The figures of a preparation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All modules that take part.
    pub modules: u64,
    /// Modules whose signatures are done: the first of the two passes.
    pub signed: u64,
    /// Modules that ended prepared.
    pub prepared: u64,
    /// Modules that ended failed.
    pub failed: u64,
    /// Modules that were skipped.
    pub skipped: u64,
    /// Modules all of whose outcomes were known before; each is also in one of the three above.
    pub reused: u64,
    /// Modules with trouble of the host's own; each is also among the failed.
    pub host_errors: u64,
}

impl Counts {
    /// Modules that are accounted for.
    pub const fn ended(&self) -> u64 {
        self.prepared + self.failed + self.skipped
    }

    /// How far through both passes, in whole per cent: 100 only when every module is accounted for.
    pub const fn percent(&self) -> u64 {
        match ((self.signed + self.ended()) * 50).checked_div(self.modules) {
            Some(percent) => percent,
            None => 100,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_per_cent_means_everything() {
        let mut counts =
            Counts { modules: 1000, signed: 1000, prepared: 990, failed: 9, ..Counts::default() };
        assert_eq!(counts.percent(), 99);
        counts.skipped = 1;
        assert_eq!(counts.percent(), 100);
        assert_eq!(Counts::default().percent(), 100);
    }
}

//! What a preparation tells those who watch. The terminal, JSON and tests are all fed by this one stream.

use std::time::Duration;

use prefab_model::{
    Bytes, CompilerName, Counts, Fuel, ModuleName, ModuleState, PreparationId, PreparationKind,
    PreparationState, Task,
};
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::slots::HeldBack;

use crate::trust::Vouched;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// The environment is on another platform version now.
    Upgraded {
        /// The version before, if there was one.
        from: Option<Version>,
        /// The version now.
        to: Version,
        /// A link to its release notes.
        notes: Option<String>,
    },
    /// A release is taken in.
    Admitted {
        /// Its version.
        platform: Version,
        /// Who vouches for it.
        #[serde(flatten)]
        vouched: Vouched,
    },
    /// Native code is being made of a compiler, since this machine has none of it yet: that takes some seconds.
    Loading {
        /// The compiler.
        compiler: CompilerName,
        /// Its release.
        platform: Version,
    },
    /// A release is sent to a server, which makes native code of the compilers that are new to it: that takes some seconds.
    Sending {
        /// Its version.
        platform: Version,
        /// How many bytes it has.
        size: Bytes,
    },
    /// A preparation began.
    Started {
        /// Which one.
        preparation: PreparationId,
        /// With which version's compilers.
        platform: Version,
        /// How many modules take part.
        modules: u64,
        /// How many compilations run at a time.
        jobs: usize,
    },
    /// A compilation began.
    Compiling {
        /// The module.
        module: ModuleName,
        /// The compiler.
        compiler: CompilerName,
        /// Which pass.
        task: Task,
    },
    /// A compilation ended, however.
    Compiled {
        /// The module.
        module: ModuleName,
        /// The compiler.
        compiler: CompilerName,
        /// Which pass.
        task: Task,
    },
    /// How far it is; at most some ten times a second.
    Progress {
        /// The figures.
        counts: Counts,
        /// About how long it will still take, once there is anything to tell it by.
        eta: Option<Duration>,
    },
    /// A module is accounted for.
    ModuleEnded {
        /// The module.
        module: ModuleName,
        /// How it ended.
        #[serde(flatten)]
        state: ModuleState,
        /// Whether all its outcomes were known before.
        reused: bool,
    },
    /// Somebody let it wait; it holds what it holds.
    Paused,
    /// It goes on.
    Resumed,
    /// It is given no more slots for now: it waits, and goes on by itself.
    HeldBack(HeldBack),
    /// It is given slots again.
    LetGo,
    /// The machine was in the way of some modules: they are tried again, one at a time, with nothing beside them.
    TryingAgain {
        /// How many.
        modules: u64,
    },
    /// The preparation ended.
    Finished(Summary),
}

/// What came of a preparation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Which one.
    pub preparation: PreparationId,
    /// What it was for.
    pub kind: PreparationKind,
    /// With which version's compilers.
    pub platform: Version,
    /// Done, or ended before every module was accounted for.
    pub state: PreparationState,
    /// The figures.
    #[serde(flatten)]
    pub counts: Counts,
    /// How long it took.
    #[serde(rename = "seconds", with = "seconds")]
    pub time: Duration,
    /// How many compilations were run; all others were known.
    pub compiled: u64,
    /// The fuel that they used, where it is known.
    pub fuel: Fuel,
}

/// Durations as numbers of seconds.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(time.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

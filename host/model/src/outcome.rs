//! How a compilation ended, and what of that may be remembered.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{BundleDigest, Bytes, Diagnostic, Fuel, Limit, Limits, ModulePath, SignatureDigest};

/// A file that a compilation produced, with its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Its path within the bundle.
    pub path: ModulePath,
    /// Its media type, such as `text/javascript`; printable ASCII, at most 128 bytes.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What is known of an artifact without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactInfo {
    /// Its path within the bundle.
    pub path: ModulePath,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
}

/// What a compilation cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Fuel used; none where it is not known, as after a trap (wasmtime issue 13802).
    pub fuel: Option<Fuel>,
    /// The most linear memory that the instance had at any time, summed over its memories.
    pub peak_memory: Bytes,
    /// Time on the wall.
    pub time: Duration,
}

/// What a successful compilation left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stored {
    /// A bundle of artifacts in the blob store.
    Bundle {
        /// Its digest.
        digest: BundleDigest,
        /// Its size as stored, in bytes.
        size: u64,
    },
    /// A signature.
    Signature(SignatureDigest),
}

/// How a compilation ended. `S` is what a success leaves: artifacts in memory, or [`Stored`] once it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome", content = "detail")]
pub enum OutcomeKind<S = Stored> {
    /// It succeeded.
    Compiled(S),
    /// There are diagnostics with an error, or the compiler gave up with a reason (then in a diagnostic).
    Rejected,
    /// It used up its fuel.
    OutOfFuel,
    /// It asked for more memory or table elements than it may have.
    OutOfMemory(Limit),
    /// It took too long. Not deterministic.
    Deadline,
    /// It produced more than it may: artifacts, diagnostics, or bytes of either.
    OutputCap(Limit),
    /// It trapped; the text is the reason and the guest's backtrace with demangled names. Running out of stack is a trap.
    Trapped(String),
    /// The component is not a compiler of a world that this host knows; the text says what is missing or foreign.
    Refused(String),
    /// The host failed: I/O, a changed source, a lost worker. Not deterministic; the text says what happened.
    HostError(String),
    /// It was cancelled. Not deterministic.
    Cancelled,
}

/// How a compilation ended, with its cost and all it had to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome<S = Stored> {
    /// How it ended.
    pub kind: OutcomeKind<S>,
    /// What it cost.
    pub usage: Usage,
    /// What it found, in the order of reporting.
    pub diagnostics: Vec<Diagnostic>,
    /// What the guest printed, as text (invalid UTF-8 replaced), cut off at its cap.
    pub log: String,
}

impl<S> OutcomeKind<S> {
    /// Whether it is a success.
    pub const fn is_compiled(&self) -> bool {
        matches!(self, Self::Compiled(_))
    }

    /// The word for it, as it is written in JSON; without the reason.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Compiled(_) => "compiled",
            Self::Rejected => "rejected",
            Self::OutOfFuel => "out-of-fuel",
            Self::OutOfMemory(_) => "out-of-memory",
            Self::Deadline => "deadline",
            Self::OutputCap(_) => "output-cap",
            Self::Trapped(_) => "trapped",
            Self::Refused(_) => "refused",
            Self::HostError(_) => "host-error",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the same compilation would end like this again: then it is remembered under its key.
    pub const fn is_deterministic(&self) -> bool {
        match self {
            Self::Compiled(_)
            | Self::Rejected
            | Self::OutOfFuel
            | Self::OutOfMemory(_)
            | Self::OutputCap(_)
            | Self::Trapped(_)
            | Self::Refused(_) => true,
            Self::Deadline | Self::HostError(_) | Self::Cancelled => false,
        }
    }

    /// The cap that was hit, if one was.
    pub const fn limit(&self) -> Option<Limit> {
        match self {
            Self::OutOfFuel => Some(Limit::Fuel),
            Self::Deadline => Some(Limit::Deadline),
            Self::OutOfMemory(limit) | Self::OutputCap(limit) => Some(*limit),
            _ => None,
        }
    }

    /// Whether a remembered outcome that was reached under the limits `then` also holds under `now`: a cap that was hit holds
    /// unless it was raised.
    pub fn holds_under(&self, then: &Limits, now: &Limits) -> bool {
        match self {
            Self::OutOfFuel => now.fuel <= then.fuel,
            Self::OutOfMemory(Limit::TableElements) => now.table_elements <= then.table_elements,
            Self::OutOfMemory(_) => now.memory <= then.memory,
            Self::OutputCap(Limit::Artifacts) => now.artifacts <= then.artifacts,
            Self::OutputCap(Limit::Diagnostics) => now.diagnostics <= then.diagnostics,
            Self::OutputCap(Limit::DiagnosticBytes) => now.diagnostic_bytes <= then.diagnostic_bytes,
            Self::OutputCap(_) => now.output <= then.output,
            _ => true,
        }
    }

    /// The same with what a success leaves replaced.
    pub fn map<T>(self, stored: impl FnOnce(S) -> T) -> OutcomeKind<T> {
        match self {
            Self::Compiled(success) => OutcomeKind::Compiled(stored(success)),
            Self::Rejected => OutcomeKind::Rejected,
            Self::OutOfFuel => OutcomeKind::OutOfFuel,
            Self::OutOfMemory(limit) => OutcomeKind::OutOfMemory(limit),
            Self::Deadline => OutcomeKind::Deadline,
            Self::OutputCap(limit) => OutcomeKind::OutputCap(limit),
            Self::Trapped(text) => OutcomeKind::Trapped(text),
            Self::Refused(text) => OutcomeKind::Refused(text),
            Self::HostError(text) => OutcomeKind::HostError(text),
            Self::Cancelled => OutcomeKind::Cancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raising_the_cap_that_was_hit_asks_for_another_try() {
        let then = Limits::default();
        let raised = Limits { fuel: Fuel(then.fuel.0 * 2), ..then.clone() };
        let kind: OutcomeKind = OutcomeKind::OutOfFuel;
        assert!(kind.holds_under(&then, &then));
        assert!(!kind.holds_under(&then, &raised));
        assert!(OutcomeKind::<Stored>::OutOfMemory(Limit::Memory).holds_under(&then, &raised));
    }

    #[test]
    fn what_depends_on_the_machine_is_never_remembered() {
        for kind in
            [OutcomeKind::<Stored>::Deadline, OutcomeKind::HostError(String::new()), OutcomeKind::Cancelled]
        {
            assert!(!kind.is_deterministic());
        }
    }
}

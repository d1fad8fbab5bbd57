//! Why a compilation did not go well, in one word: what errors are grouped by, wherever they are shown.

use prefab_model::{Diagnostic, Limit, OutcomeKind, Severity};
use serde::{Deserialize, Serialize};

use crate::errors::Problem;

/// Why a module failed, or what a compiler had to say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "cause", content = "detail")]
pub enum Cause {
    /// A rule of a compiler, or none that it named.
    Code(Option<String>),
    /// A cap on the compilation.
    Cap(Limit),
    /// The compiler trapped.
    Trap,
    /// The component is not a compiler.
    Refused,
    /// Trouble of this machine.
    Host,
    /// It was cancelled.
    Cancelled,
    /// It was rejected, and no diagnostic says why.
    Silent,
}

impl Problem {
    /// What there is to say about it, one by one. Without a diagnostic, the outcome itself is meant.
    pub fn findings(&self) -> Vec<(Severity, Cause, Option<&Diagnostic>)> {
        let diagnostics = self
            .diagnostics
            .iter()
            .map(|diagnostic| (diagnostic.severity, Cause::Code(diagnostic.code.clone()), Some(diagnostic)));
        let told = self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
        let cause = match &self.outcome {
            OutcomeKind::Compiled(_) => None,
            OutcomeKind::Rejected => (!told).then_some(Cause::Silent),
            OutcomeKind::OutOfFuel => Some(Cause::Cap(Limit::Fuel)),
            OutcomeKind::Deadline => Some(Cause::Cap(Limit::Deadline)),
            OutcomeKind::OutOfMemory(limit) | OutcomeKind::OutputCap(limit) => Some(Cause::Cap(*limit)),
            OutcomeKind::Trapped(_) => Some(Cause::Trap),
            OutcomeKind::Refused(_) => Some(Cause::Refused),
            OutcomeKind::HostError(_) => Some(Cause::Host),
            OutcomeKind::Cancelled => Some(Cause::Cancelled),
        };
        cause.map(|cause| (Severity::Error, cause, None)).into_iter().chain(diagnostics).collect()
    }
}

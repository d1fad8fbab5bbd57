//! What compilers found in a module, in one preparation and in another: which findings appeared, which stayed, which are gone.
//! Pure.

use std::collections::HashMap;

use prefab_model::{CompilerName, Diagnostic, Limits, OutcomeKind, Severity, Span};
use serde::{Deserialize, Serialize};

use crate::cause::Cause;
use crate::errors::Problem;

/// Whether a finding is in one preparation or in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Only in the new one.
    Appeared,
    /// In both.
    Stayed,
    /// Only in the base.
    Disappeared,
}

/// Something that was found in a module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// In which preparation.
    pub change: Change,
    /// How bad it is.
    pub severity: Severity,
    /// What it is grouped by.
    #[serde(flatten)]
    pub cause: Cause,
    /// The compiler; none for what the host itself found.
    pub compiler: Option<CompilerName>,
    /// What it says; none where the outcome itself is the finding.
    pub diagnostic: Option<Diagnostic>,
    /// The reason of a trap or a refusal.
    pub reason: Option<String>,
    /// The limits under which it ran, where a cap was hit.
    pub limits: Option<Limits>,
}

impl Finding {
    /// What two findings have in common that are the same. The line is not part of it: it moves when the source above changes.
    fn identity(&self) -> (Severity, &Cause, Option<(&str, Option<&str>)>) {
        let told = self.diagnostic.as_ref();
        let told = told.map(|diagnostic| (diagnostic.message.as_str(), diagnostic.file.as_deref()));
        (self.severity, &self.cause, told)
    }

    fn span(&self) -> Option<Span> {
        self.diagnostic.as_ref().and_then(|diagnostic| diagnostic.span)
    }
}

/// All that was found in one preparation. What both passes found counts once.
pub(super) fn found(problems: Vec<Problem>) -> Vec<Finding> {
    let mut findings = Vec::<Finding>::new();
    let mut seen = HashMap::<_, Vec<Option<Span>>>::new();
    for problem in problems {
        let reason = match &problem.outcome {
            OutcomeKind::Trapped(text) | OutcomeKind::Refused(text) | OutcomeKind::HostError(text) => {
                Some(text.clone())
            }
            _ => None,
        };
        for (severity, cause, diagnostic) in problem.findings() {
            let itself = diagnostic.is_none();
            let finding = Finding {
                change: Change::Appeared,
                severity,
                compiler: problem.compiler.clone(),
                diagnostic: diagnostic.cloned(),
                reason: reason.clone().filter(|_| itself),
                limits: problem.limits.clone().filter(|_| matches!(cause, Cause::Cap(_))),
                cause,
            };
            let told = diagnostic.map(|diagnostic| (diagnostic.message.clone(), diagnostic.file.clone()));
            let spans = seen.entry((severity, finding.cause.clone(), told)).or_default();
            let span = finding.span();
            if !spans.contains(&span) {
                spans.push(span);
                findings.push(finding);
            }
        }
    }
    findings
}

/// Lays what was found in two preparations side by side: what appeared, what stayed, what disappeared; in each, errors come first.
pub(super) fn laid_side_by_side(base: Vec<Finding>, new: Vec<Finding>) -> Vec<Finding> {
    let mut left = HashMap::new();
    for finding in &base {
        *left.entry(finding.identity()).or_insert(0_u32) += 1;
    }
    let mut take = |finding| match left.get_mut(&Finding::identity(finding)) {
        Some(times) if *times > 0 => {
            *times -= 1;
            true
        }
        _ => false,
    };
    let stayed: Vec<bool> = new.iter().map(&mut take).collect();
    // Backwards: of equal ones, the first have stayed.
    let disappeared: Vec<bool> = base.iter().rev().map(&mut take).collect();
    let mut findings: Vec<Finding> = new
        .into_iter()
        .zip(stayed)
        .map(|(finding, stayed)| Finding {
            change: if stayed { Change::Stayed } else { Change::Appeared },
            ..finding
        })
        .collect();
    let gone = base.into_iter().zip(disappeared.into_iter().rev()).filter(|(_, disappeared)| *disappeared);
    findings.extend(gone.map(|(finding, _)| Finding { change: Change::Disappeared, ..finding }));
    findings.sort_by_key(|finding| (finding.change, finding.severity));
    findings
}

#[cfg(test)]
mod tests {
    use prefab_model::Position;
    use proptest::prelude::*;

    use super::*;

    fn finding(message: &str, line: u32) -> Finding {
        let at = Position { line, column: 1 };
        Finding {
            change: Change::Appeared,
            severity: Severity::Error,
            cause: Cause::Code(None),
            compiler: None,
            diagnostic: Some(Diagnostic {
                severity: Severity::Error,
                code: None,
                message: message.to_owned(),
                file: Some("a.ts".to_owned()),
                span: Some(Span { start: at, end: at }),
                labels: vec![],
                help: None,
                excerpt: None,
            }),
            reason: None,
            limits: None,
        }
    }

    fn changes(base: &[(&str, u32)], new: &[(&str, u32)]) -> Vec<(Change, String, u32)> {
        let findings = |of: &[(&str, u32)]| of.iter().map(|(text, line)| finding(text, *line)).collect();
        laid_side_by_side(findings(base), findings(new))
            .into_iter()
            .map(|finding| {
                let diagnostic = finding.diagnostic.unwrap();
                (finding.change, diagnostic.message, diagnostic.span.unwrap().start.line)
            })
            .collect()
    }

    #[test]
    fn a_finding_that_only_moved_has_stayed() {
        assert_eq!(changes(&[("a", 1)], &[("a", 9)]), [(Change::Stayed, "a".to_owned(), 9)]);
    }

    #[test]
    fn of_equal_findings_as_many_have_stayed_as_there_were() {
        assert_eq!(
            changes(&[("a", 1), ("b", 2)], &[("a", 1), ("a", 5)]),
            [
                (Change::Appeared, "a".to_owned(), 5),
                (Change::Stayed, "a".to_owned(), 1),
                (Change::Disappeared, "b".to_owned(), 2),
            ]
        );
    }

    proptest! {
        #[test]
        fn every_finding_of_both_sides_is_told_once(base in prop::collection::vec("[ab]", 0..6), new in prop::collection::vec("[ab]", 0..6)) {
            let at = |of: &'_ [String]| of.iter().map(|text| finding(text, 1)).collect::<Vec<_>>();
            let told = laid_side_by_side(at(&base), at(&new));
            let count = |change| told.iter().filter(|finding| finding.change == change).count();
            prop_assert_eq!(count(Change::Appeared) + count(Change::Stayed), new.len());
            prop_assert_eq!(count(Change::Disappeared) + count(Change::Stayed), base.len());
        }
    }
}

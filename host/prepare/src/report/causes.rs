//! What keeps modules from being prepared, by error code and by the module at the root, the worst first. Pure.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use prefab_model::{ModuleName, Severity};
use serde::{Deserialize, Serialize};

use super::findings::{Change, Finding};
use super::verdict::Verdict;
use crate::cause::Cause;

/// So many root modules of a cause are listed.
const ROOTS: usize = 100;
/// So many of the modules that wait for a root module are named.
const NAMED: usize = 20;

/// How many errors of one cause a module has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorCount {
    /// The cause.
    #[serde(flatten)]
    pub cause: Cause,
    /// How many.
    pub errors: u64,
}

/// One cause, with the modules that are not prepared because of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CauseReport {
    /// What it is.
    #[serde(flatten)]
    pub cause: Cause,
    /// How many modules are not prepared because of it: those it is found in, and those that wait for them.
    pub blocks: u64,
    /// How many of these were prepared in the base.
    pub regressed: u64,
    /// How many modules it is found in.
    pub root_modules: u64,
    /// The modules it is found in, worst first; at most 100.
    pub roots: Vec<RootReport>,
}

/// A module that a cause is found in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RootReport {
    /// The module.
    pub module: ModuleName,
    /// What became of it.
    pub verdict: Verdict,
    /// How many errors of this cause it has.
    pub errors: u64,
    /// How many modules are not prepared because of it, itself included.
    pub blocks: u64,
    /// How many of these were prepared in the base.
    pub regressed: u64,
    /// Those that wait for it, by name; at most 20.
    pub waiting: Vec<ModuleName>,
}

/// Modules that were skipped because of one root.
#[derive(Debug, Default)]
struct Waiting {
    all: u64,
    worse: u64,
    named: Vec<ModuleName>,
}

/// Collects what fails, module by module.
#[derive(Debug, Default)]
pub(super) struct Causes {
    failed: Vec<(ModuleName, Verdict, Vec<ErrorCount>)>,
    waiting: HashMap<ModuleName, Waiting>,
}

impl Causes {
    /// Takes in a module that failed in the new preparation.
    pub(super) fn failed(&mut self, module: &ModuleName, verdict: Verdict, errors: &[ErrorCount]) {
        let silent = [ErrorCount { cause: Cause::Silent, errors: 1 }];
        let errors = if errors.is_empty() { &silent[..] } else { errors };
        self.failed.push((module.clone(), verdict, errors.to_vec()));
    }

    /// Takes in a module that was skipped in the new preparation.
    pub(super) fn skipped(&mut self, module: &ModuleName, verdict: Verdict, root: &ModuleName) {
        let waiting = self.waiting.entry(root.clone()).or_default();
        waiting.all += 1;
        waiting.worse += u64::from(verdict.is_worse());
        if waiting.named.len() < NAMED {
            waiting.named.push(module.clone());
        }
    }

    /// The causes, worst first: those that made most modules worse, then those that block most.
    pub(super) fn sorted(self) -> Vec<CauseReport> {
        let mut causes = BTreeMap::<Cause, Vec<RootReport>>::new();
        for (module, verdict, errors) in self.failed {
            let none = Waiting::default();
            let waiting = self.waiting.get(&module).unwrap_or(&none);
            for ErrorCount { cause, errors } in errors {
                causes.entry(cause).or_default().push(RootReport {
                    module: module.clone(),
                    verdict,
                    errors,
                    blocks: waiting.all + 1,
                    regressed: waiting.worse + u64::from(verdict.is_worse()),
                    waiting: waiting.named.clone(),
                });
            }
        }
        let mut causes: Vec<CauseReport> =
            causes.into_iter().map(|(cause, roots)| report(cause, roots)).collect();
        // A stable sort: equal ones stay by cause.
        causes.sort_by_key(|cause| Reverse((cause.regressed, cause.blocks)));
        causes
    }
}

fn report(cause: Cause, mut roots: Vec<RootReport>) -> CauseReport {
    let blocks = roots.iter().map(|root| root.blocks).sum();
    let regressed = roots.iter().map(|root| root.regressed).sum();
    let root_modules = roots.len() as u64;
    roots.sort_by(|a, b| {
        (b.regressed, b.blocks).cmp(&(a.regressed, a.blocks)).then_with(|| a.module.cmp(&b.module))
    });
    roots.truncate(ROOTS);
    for root in &mut roots {
        root.waiting.sort();
    }
    CauseReport { cause, blocks, regressed, root_modules, roots }
}

/// How many errors of each cause there are now.
pub(super) fn counted(findings: &[Finding]) -> Vec<ErrorCount> {
    let mut counts = BTreeMap::new();
    for finding in findings {
        if finding.change != Change::Disappeared && finding.severity == Severity::Error {
            *counts.entry(&finding.cause).or_insert(0) += 1;
        }
    }
    counts.into_iter().map(|(cause, errors)| ErrorCount { cause: cause.clone(), errors }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ModuleName {
        text.parse().unwrap()
    }

    fn code(text: &str) -> Cause {
        Cause::Code(Some(text.to_owned()))
    }

    fn errors(cause: Cause, errors: u64) -> Vec<ErrorCount> {
        vec![ErrorCount { cause, errors }]
    }

    #[test]
    fn the_worst_cause_comes_first_with_the_root_that_blocks_most() {
        let mut causes = Causes::default();
        causes.failed(&name("a"), Verdict::StillFailing, &errors(code("OLD"), 2));
        causes.failed(&name("b"), Verdict::Regressed, &errors(code("NEW"), 1));
        causes.failed(&name("c"), Verdict::Regressed, &errors(code("NEW"), 1));
        for waiting in ["x", "y", "z"] {
            causes.skipped(&name(waiting), Verdict::StillFailing, &name("a"));
        }
        causes.skipped(&name("w"), Verdict::NewlySkipped, &name("c"));
        let sorted = causes.sorted();
        let told: Vec<_> = sorted.iter().map(|cause| (&cause.cause, cause.regressed, cause.blocks)).collect();
        assert_eq!(told, [(&code("NEW"), 3, 3), (&code("OLD"), 0, 4)]);
        let roots: Vec<_> = sorted[0].roots.iter().map(|root| (root.module.as_str(), root.blocks)).collect();
        assert_eq!(roots, [("c", 2), ("b", 1)]);
        assert_eq!(sorted[1].roots[0].errors, 2);
        assert_eq!(sorted[1].roots[0].waiting, ["x", "y", "z"].map(name));
    }

    #[test]
    fn a_failure_without_an_error_has_a_cause_too() {
        let mut causes = Causes::default();
        causes.failed(&name("a"), Verdict::Regressed, &[]);
        assert_eq!(causes.sorted()[0].cause, Cause::Silent);
    }
}

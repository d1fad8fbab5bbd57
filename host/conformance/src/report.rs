//! What came of a check, as data.

use std::collections::BTreeMap;

use prefab_model::{Bytes, CompilerDigest, CompilerName, Fuel};
use serde::Serialize;

/// What was found out about a compiler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// Its name.
    pub name: CompilerName,
    /// What names it in a release: the digest of its component, or of its recipe if it is a command-line program.
    pub digest: CompilerDigest,
    /// The worst of all verdicts.
    pub verdict: Verdict,
    /// Every check, in the order in which they were made.
    pub checks: Vec<Check>,
    /// Limits to begin with, if anything was compiled.
    pub suggestion: Option<Suggestion>,
}

impl Report {
    /// How many checks ended so.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.checks.iter().filter(|check| check.verdict == verdict).count()
    }
}

/// How a check ended; the later, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// There was nothing to check.
    NotApplicable,
    /// It is as it should be.
    Pass,
    /// It works, and will cost somebody time.
    Warning,
    /// It is not to be shipped like this.
    Fail,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// Its name for programs: it stays.
    pub name: &'static str,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found, in a sentence.
    pub found: String,
    /// What to do about it.
    pub advice: Option<String>,
    /// What was measured, in fuel units, bytes, milliseconds or a count.
    pub figures: Figures,
}

/// Figures by name; the names end with their unit where it is not fuel, bytes or a count.
pub type Figures = BTreeMap<&'static str, u64>;

impl Check {
    pub(crate) fn pass(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Pass, found: found.into(), advice: None, figures: Figures::new() }
    }

    pub(crate) fn warning(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warning, advice: Some(advice.into()), ..Self::pass(name, found) }
    }

    pub(crate) fn fail(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, advice: Some(advice.into()), ..Self::pass(name, found) }
    }

    pub(crate) fn not_applicable(name: &'static str, why: impl Into<String>) -> Self {
        Self { verdict: Verdict::NotApplicable, ..Self::pass(name, why) }
    }

    pub(crate) fn with(mut self, figures: impl IntoIterator<Item = (&'static str, u64)>) -> Self {
        self.figures.extend(figures);
        self
    }
}

/// Limits that leave room over what was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Suggestion {
    /// Five times the most fuel that was used.
    pub fuel: Fuel,
    /// Twice the most memory that was used.
    pub memory: Bytes,
}

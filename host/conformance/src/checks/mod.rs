//! The checks, in the order in which they are made. What a compiler is checked with is a base: the vector that takes most fuel of those
//! that compile, or one small file where there are no vectors; the sources of several checks are made of it.

mod caps;
mod cost;
mod determinism;
mod ending;
mod form;
mod shipped;
mod sources;

use std::time::Duration;

use prefab_model::{Bytes, Fuel, OutcomeKind};
use prefab_sandbox::{Compiler, LoadError, Run, Sandbox};

use crate::case::{Bench, Case, ended, file};
use crate::inspect::{Inspection, inspect};
use crate::report::{Check, Report, Suggestion, Verdict};
use crate::subject::Subject;
use crate::vectors::{ExpectedOutcome, Vector};

/// How a compiler is checked.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// How often the same is compiled to see that it gives the same.
    pub runs: u32,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self { runs: 5 }
    }
}

/// What a check is about to do, and has done.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// Native code is made, which may take a while.
    Loading,
    /// A check begins: its name, its place from 0, and how many there are.
    Begins(&'static str, usize, usize),
    /// A check has ended.
    Ended(&'a Check),
}

/// A check.
type Checked = fn(&mut Checking<'_>) -> Check;

/// All that are made of a compiler that can be loaded.
const CHECKS: [(&str, Checked); 17] = [
    ("imports", form::imports),
    ("size", form::size),
    ("descriptor", form::descriptor),
    ("vectors", shipped::vectors),
    ("startup", cost::startup),
    ("memory", cost::memory),
    ("determinism", determinism::same),
    ("seed", determinism::seed),
    ("fuel-cap", caps::fuel),
    ("memory-cap", caps::memory),
    ("output-cap", caps::output),
    ("invalid-utf8", sources::invalid_utf8),
    ("empty-module", sources::empty),
    ("large-file", sources::large),
    ("many-files", sources::many),
    ("deep-paths", sources::deep),
    ("cancellation", ending::cancellation),
];

/// What a compiler is checked with.
struct Checking<'a> {
    bench: Bench<'a>,
    inspection: Inspection,
    options: &'a CheckOptions,
    vectors: &'a [Vector],
    /// The vectors that could be compiled, with how that ended, by place.
    shipped: Vec<(usize, Case, Run)>,
    base: Case,
    /// How the base ends: none before it is known.
    base_run: Option<Run>,
    /// What took longest of the sources that were made, with how long.
    slowest: Option<(Case, Duration)>,
    /// The most that any compilation took so far.
    most_fuel: Fuel,
    most_memory: Bytes,
}

/// Checks a compiler, with these vectors.
pub fn check(
    sandbox: &Sandbox,
    subject: &Subject,
    vectors: &[Vector],
    options: &CheckOptions,
    observer: &mut dyn FnMut(Step<'_>),
) -> Report {
    let total = CHECKS.len() + 1;
    let mut checks = Vec::with_capacity(total);
    let keep = |checks: &mut Vec<Check>, check: Check, observer: &mut dyn FnMut(Step<'_>)| {
        observer(Step::Ended(&check));
        checks.push(check);
    };
    observer(Step::Begins(form::CONTRACT, 0, total));
    let digest = subject.digest();
    let inspected = inspect(&subject.component);
    if inspected.is_ok() && !sandbox.is_quick(prefab_model::CompilerDigest::of(&subject.component)) {
        observer(Step::Loading);
    }
    let began = std::time::Instant::now();
    let loaded = subject.load(sandbox);
    let loading = began.elapsed();
    let mut suggestion = None;
    match (loaded, inspected) {
        (Ok(compiler), Ok(inspection)) => {
            keep(&mut checks, form::contract(&compiler, loading), observer);
            let mut checking = Checking::new(sandbox, subject, compiler, inspection, (vectors, options));
            for (place, (name, make)) in (1..).zip(CHECKS) {
                observer(Step::Begins(name, place, total));
                keep(&mut checks, make(&mut checking), observer);
            }
            suggestion = checking.suggestion();
        }
        (loaded, inspected) => {
            let reason = match (loaded, inspected) {
                (Err(error), _) => error,
                (Ok(_), Err(error)) => LoadError::Invalid(error.to_string()),
                (Ok(_), Ok(_)) => LoadError::NotAComponent("something else"),
            };
            keep(&mut checks, form::refused(&reason), observer);
            checks.extend(CHECKS.map(|(name, _)| Check::not_applicable(name, "it cannot be loaded")));
        }
    }
    let verdict = checks.iter().map(|check| check.verdict).max().unwrap_or(Verdict::NotApplicable);
    Report { name: subject.name.clone(), digest, verdict, checks, suggestion }
}

impl<'a> Checking<'a> {
    fn new(
        sandbox: &'a Sandbox,
        subject: &'a Subject,
        compiler: Compiler,
        inspection: Inspection,
        (vectors, options): (&'a [Vector], &'a CheckOptions),
    ) -> Self {
        let bench = Bench { sandbox, subject, compiler, limits: subject.limits() };
        let files = subject.some_path().map(|path| file(path, &b"sample\n"[..]));
        let base = Case::of((&subject.name).into(), subject.options(), files.into_iter().collect());
        Self {
            bench,
            inspection,
            options,
            vectors,
            shipped: Vec::new(),
            base,
            base_run: None,
            slowest: None,
            most_fuel: Fuel(0),
            most_memory: Bytes(0),
        }
    }

    /// Runs something as it usually runs, and keeps in mind what that takes.
    fn run(&mut self, case: &Case) -> Run {
        let run = self.bench.run(case);
        self.most_fuel = self.most_fuel.max(run.usage.fuel.unwrap_or_default());
        self.most_memory = self.most_memory.max(run.usage.peak_memory);
        run
    }

    /// Takes as the base what is best for it of the vectors that were compiled.
    fn choose_base(&mut self) {
        let compiled = |(_, _, run): &&(usize, Case, Run)| run.kind.is_compiled();
        let fuel = |(_, _, run): &&(usize, Case, Run)| run.usage.fuel;
        let best = self.shipped.iter().filter(compiled).max_by_key(fuel);
        let rejected = |(_, _, run): &&(usize, Case, Run)| matches!(run.kind, OutcomeKind::Rejected);
        let best = best.or_else(|| self.shipped.iter().find(rejected));
        if let Some((_, case, run)) = best {
            self.base = case.clone();
            self.base_run = Some(run.clone());
        } else {
            let base = self.base.clone();
            self.base_run = Some(self.run(&base));
        }
    }

    /// The base with how it ends, if it comes to an end of its own.
    ///
    /// # Errors
    /// What to say of a check that needs that.
    fn base(&self) -> Result<(&Case, &Run), String> {
        match &self.base_run {
            Some(run) if matches!(run.kind, OutcomeKind::Compiled(_) | OutcomeKind::Rejected) => {
                Ok((&self.base, run))
            }
            Some(run) => {
                Err(format!("nothing comes to an end by itself to check this with ({})", ended(run)))
            }
            None => Err("nothing was compiled to check this with".to_owned()),
        }
    }

    /// The vector that is to be rejected and is, with how.
    fn rejected(&self) -> Option<&(usize, Case, Run)> {
        self.shipped.iter().find(|(place, _, run)| {
            self.vectors[*place].outcome == ExpectedOutcome::Rejected
                && matches!(run.kind, OutcomeKind::Rejected)
        })
    }

    fn suggestion(&self) -> Option<Suggestion> {
        const LEAST_FUEL: u64 = 1_000_000_000;
        const LEAST_MEMORY: u64 = 64 << 20;
        (self.most_fuel.0 > 0 || self.most_memory.0 > 0).then(|| Suggestion {
            fuel: Fuel(rounded(self.most_fuel.0.saturating_mul(5), LEAST_FUEL)),
            memory: Bytes(rounded(self.most_memory.0.saturating_mul(2), LEAST_MEMORY)),
        })
    }
}

/// The least multiple of a unit that is not less.
fn rounded(amount: u64, unit: u64) -> u64 {
    amount.max(1).div_ceil(unit).saturating_mul(unit)
}

/// A compilation that ended in none of the ways that are a compiler's own, as a check; none if it did.
fn unclean(name: &'static str, what: &str, run: &Run) -> Option<Check> {
    let found = format!("{what}: {}", ended(run));
    Some(match &run.kind {
        OutcomeKind::Compiled(_) | OutcomeKind::Rejected => return None,
        OutcomeKind::Trapped(text) => Check::fail(
            name,
            found,
            format!(
                "a trap tells the author of the module nothing: report a diagnostic, or return a failure.\n{}",
                text.lines().skip(1).take(6).collect::<Vec<_>>().join("\n")
            )
            .trim_end()
            .to_owned(),
        ),
        OutcomeKind::OutOfFuel | OutcomeKind::OutOfMemory(_) | OutcomeKind::OutputCap(_) => Check::warning(
            name,
            found,
            "it ends cleanly; if modules of this kind are to be compiled, raise that limit in the release",
        ),
        OutcomeKind::Deadline => Check::warning(
            name,
            found,
            "a deadline depends on the machine: lower the limit `fuel` so that it is reached first",
        ),
        OutcomeKind::Cancelled | OutcomeKind::Refused(_) | OutcomeKind::HostError(_) => Check::fail(
            name,
            found,
            "this is trouble of the sandbox, not of the compiler: try again, and report it if it stays",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_are_round_and_never_nothing() {
        assert_eq!((rounded(0, 10), rounded(10, 10), rounded(11, 10)), (10, 10, 20));
    }
}

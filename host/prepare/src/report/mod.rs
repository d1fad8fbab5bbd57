//! Comparing two preparations: a verdict on each module, what is to blame for those that got worse, and how sizes and fuel
//! changed.
//!
//! Modules are read in pages and side by side. What stays in memory is a line a module, some 200 bytes, and the findings in those
//! that are not prepared, up to [`KEPT`] of them: about 20 MiB for 100,000 modules, and below 100 MiB if all of them fail.
//! What compilers had to say about modules that are prepared is never read.

pub(crate) mod causes;
mod content;
pub(crate) mod diff;
pub(crate) mod findings;
pub(crate) mod fuel;
pub(crate) mod sides;
pub(crate) mod verdict;

use std::cmp::Reverse;
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::PathBuf;

use prefab_model::{ModuleName, ModuleState, PreparationId, SkipReason};
use prefab_store::{ModuleResult, StoreError};
use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::errors::module_errors;
use causes::{CauseReport, Causes, ErrorCount};
use content::{Content, Left};
use findings::{Finding, found, laid_side_by_side};
use sides::{ReportError, Side};
use verdict::{Ending, Verdict, Verdicts, verdict};

/// So many findings are kept of one module, and of all modules together. More are only counted.
const KEPT_OF_MODULE: usize = 50;
const KEPT: usize = 20_000;
/// So many of the modules that changed most are listed.
const BIGGEST: usize = 10;

/// A figure in the base and in the new preparation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// In the base.
    pub base: u64,
    /// In the new preparation.
    pub new: u64,
}

impl Difference {
    /// How much it grew; negative if it shrank.
    pub fn growth(&self) -> i64 {
        let distance = i64::try_from(self.new.abs_diff(self.base)).unwrap_or(i64::MAX);
        if self.new < self.base { -distance } else { distance }
    }

    fn add(&mut self, other: Self) {
        self.base = self.base.saturating_add(other.base);
        self.new = self.new.saturating_add(other.new);
    }
}

/// What became of a module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModuleReport {
    /// The module.
    pub module: ModuleName,
    /// The verdict on it.
    pub verdict: Verdict,
    /// How it ended in the new preparation; none if it did not take part.
    pub now: Option<ModuleState>,
    /// Why it could not be compared.
    pub why: Option<String>,
    /// Its folder, where something was found in it.
    pub path: Option<PathBuf>,
    /// Bytes of its artifacts, where they are different.
    pub size: Option<Difference>,
    /// Whether nothing but source maps is different.
    pub source_maps_only: bool,
    /// Fuel of its compilations, where it is prepared in both.
    pub fuel: Option<Difference>,
    /// How many errors of each cause it has, if it fails now.
    pub errors: Vec<ErrorCount>,
    /// What was found in it, if it fails now; at most 50.
    pub findings: Vec<Finding>,
    /// How many findings there are besides those.
    pub findings_left_out: u64,
}

/// Two preparations compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What is compared with.
    pub base: Side,
    /// What is compared.
    pub new: Side,
    /// How many modules have each verdict.
    pub verdicts: Verdicts,
    /// In how many of the changed modules nothing but source maps is different.
    pub source_maps_only: u64,
    /// What keeps modules from being prepared, worst first.
    pub causes: Vec<CauseReport>,
    /// Bytes of the artifacts of all modules whose artifacts are different.
    pub size: Difference,
    /// Fuel of the compilations of all modules that are prepared in both.
    pub fuel: Difference,
    /// The modules whose artifacts grew or shrank most, at most 10.
    pub biggest_size_changes: Vec<(ModuleName, Difference)>,
    /// The modules whose compilations need most fuel more or less, at most 10.
    pub biggest_fuel_changes: Vec<(ModuleName, Difference)>,
    /// Every module, by verdict, the worst first, then by name.
    pub modules: Vec<ModuleReport>,
}

/// Compares a preparation with an earlier one, the base. `progress` is told how many modules are compared.
pub fn compare(
    env: &Environment,
    base: PreparationId,
    new: PreparationId,
    progress: &mut dyn FnMut(u64),
) -> Result<Report, ReportError> {
    let (base_side, new_side) = (Side::of(env, base)?, Side::of(env, new)?);
    let mut comparison = Comparison { env, modules: Vec::new(), kept: 0 };
    let mut failed = Ok(());
    env.store().for_each_pair(base, new, |base, new| {
        failed = comparison.take(base, new);
        progress(comparison.modules.len() as u64);
        if failed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    failed?;
    Ok(summed_up(base_side, new_side, comparison.modules))
}

/// A comparison under way.
struct Comparison<'a> {
    env: &'a Environment,
    modules: Vec<ModuleReport>,
    /// How many findings are kept so far.
    kept: usize,
}

impl Comparison<'_> {
    fn take(&mut self, base: Option<ModuleResult>, new: Option<ModuleResult>) -> Result<(), StoreError> {
        let Some(module) = base.iter().chain(&new).map(|result| result.module.clone()).next() else {
            return Ok(());
        };
        let mut report = judged(self.env, module, base.as_ref(), new.as_ref())?;
        if matches!(report.now, Some(ModuleState::Failed)) {
            self.blame(&mut report, base, new)?;
        } else if report.verdict.is_worse() {
            report.path = self.env.store().module(&report.module)?.map(|row| row.root);
        }
        self.modules.push(report);
        Ok(())
    }

    /// Fills in what was found in a module that fails now.
    fn blame(
        &mut self,
        report: &mut ModuleReport,
        base: Option<ModuleResult>,
        new: Option<ModuleResult>,
    ) -> Result<(), StoreError> {
        let (path, mut findings) = side_by_side(self.env, base, new)?;
        report.path = path;
        report.errors = causes::counted(&findings);
        let room = KEPT_OF_MODULE.min(KEPT.saturating_sub(self.kept));
        report.findings_left_out = findings.len().saturating_sub(room) as u64;
        findings.truncate(room);
        self.kept += findings.len();
        report.findings = findings;
        Ok(())
    }
}

/// The verdict on a module, with its figures.
fn judged(
    env: &Environment,
    module: ModuleName,
    base: Option<&ModuleResult>,
    new: Option<&ModuleResult>,
) -> Result<ModuleReport, StoreError> {
    let (was, is) = (Ending::of(base), Ending::of(new));
    let mut report = ModuleReport {
        module,
        verdict: Verdict::NotCompared,
        now: new.map(|result| result.state.clone()),
        why: why_not(was, is).map(str::to_owned),
        path: None,
        size: None,
        source_maps_only: false,
        fuel: None,
        errors: Vec::new(),
        findings: Vec::new(),
        findings_left_out: 0,
    };
    if let Some(verdict) = verdict(was, is) {
        report.verdict = verdict;
    } else if let (Some(base), Some(new)) = (base, new) {
        let (base, new) = (Left::of(env.store(), base)?, Left::of(env.store(), new)?);
        report.fuel = base.fuel.zip(new.fuel).map(|(base, new)| Difference { base, new });
        match content::compare(env, &base, &new)? {
            Content::Same => report.verdict = Verdict::Unchanged,
            Content::Different { size, source_maps_only } => {
                report.verdict = Verdict::Changed;
                report.size = Some(size);
                report.source_maps_only = source_maps_only;
            }
            Content::Unreadable(why) => report.why = Some(why),
        }
    }
    Ok(report)
}

fn why_not(was: Ending, is: Ending) -> Option<&'static str> {
    match (was, is) {
        (_, Ending::Absent) => Some("it took no part in the new preparation, or has not ended yet"),
        (_, Ending::HostTrouble) => {
            Some("this machine had trouble with it in the new preparation: `prefab errors` says which")
        }
        (Ending::HostTrouble, _) => Some("this machine had trouble with it in the base"),
        _ => None,
    }
}

/// What was found in a module on both sides, and where its folder is.
fn side_by_side(
    env: &Environment,
    base: Option<ModuleResult>,
    new: Option<ModuleResult>,
) -> Result<(Option<PathBuf>, Vec<Finding>), StoreError> {
    let mut path = None;
    let mut found_in = |result: Option<ModuleResult>| {
        let Some(result) = result else { return Ok(Vec::new()) };
        let errors = module_errors(env, result, true)?;
        path = Some(errors.path);
        Ok::<_, StoreError>(found(errors.problems))
    };
    let (base, new) = (found_in(base)?, found_in(new)?);
    Ok((path, laid_side_by_side(base, new)))
}

/// Makes a report of the verdicts. Pure.
fn summed_up(base: Side, new: Side, mut modules: Vec<ModuleReport>) -> Report {
    excuse_those_that_wait_for_the_machine(&mut modules);
    modules.sort_by(|a, b| (a.verdict, &a.module).cmp(&(b.verdict, &b.module)));
    let mut causes = Causes::default();
    let (mut size, mut fuel) = (Difference::default(), Difference::default());
    for module in &modules {
        if module.verdict != Verdict::NotCompared {
            match &module.now {
                Some(ModuleState::Failed) => {
                    causes.failed(&module.module, module.verdict, &module.errors);
                }
                Some(ModuleState::Skipped(SkipReason { root })) => {
                    causes.skipped(&module.module, module.verdict, root);
                }
                _ => {}
            }
        }
        size.add(module.size.unwrap_or_default());
        fuel.add(module.fuel.unwrap_or_default());
    }
    Report {
        base,
        new,
        verdicts: Verdicts::count(modules.iter().map(|module| module.verdict)),
        source_maps_only: modules.iter().filter(|module| module.source_maps_only).count() as u64,
        causes: causes.sorted(),
        size,
        fuel,
        biggest_size_changes: biggest(&modules, |module| module.size),
        biggest_fuel_changes: biggest(&modules, |module| module.fuel),
        modules,
    }
}

/// A module that is skipped since this machine had trouble with the one at the root says nothing about the release either.
fn excuse_those_that_wait_for_the_machine(modules: &mut [ModuleReport]) {
    let troubled: HashSet<ModuleName> = modules
        .iter()
        .filter(|module| module.verdict == Verdict::NotCompared && module.now == Some(ModuleState::Failed))
        .map(|module| module.module.clone())
        .collect();
    for module in modules {
        if let Some(ModuleState::Skipped(SkipReason { root })) = &module.now
            && troubled.contains(root)
        {
            module.verdict = Verdict::NotCompared;
            module.why = Some(format!("it waits for {root}, with which this machine had trouble"));
        }
    }
}

fn biggest(
    modules: &[ModuleReport],
    figure: impl Fn(&ModuleReport) -> Option<Difference>,
) -> Vec<(ModuleName, Difference)> {
    let mut changes: Vec<(&ModuleName, Difference)> = modules
        .iter()
        .filter_map(|module| Some((&module.module, figure(module)?)))
        .filter(|(_, difference)| difference.growth() != 0)
        .collect();
    changes.sort_by_key(|(module, difference)| (Reverse(difference.growth().unsigned_abs()), *module));
    changes.truncate(BIGGEST);
    changes.into_iter().map(|(module, difference)| (module.clone(), difference)).collect()
}

#[cfg(test)]
mod tests {
    use prefab_model::{Counts, PreparationKind, PreparationState, ReleaseDigest};
    use proptest::prelude::*;
    use semver::Version;
    use time::OffsetDateTime;

    use super::*;

    fn side(id: i64) -> Side {
        Side {
            preparation: PreparationId(id),
            kind: PreparationKind::Preparation,
            platform: Version::new(11, 8, 0),
            release: ReleaseDigest::of(b"r"),
            notes: None,
            state: PreparationState::Done,
            counts: Counts::default(),
            started_at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    fn module(name: &str, verdict: Verdict, now: Option<ModuleState>) -> ModuleReport {
        ModuleReport {
            module: name.parse().unwrap(),
            verdict,
            now,
            why: None,
            path: None,
            size: None,
            source_maps_only: false,
            fuel: None,
            errors: vec![],
            findings: vec![],
            findings_left_out: 0,
        }
    }

    fn skipped(root: &str) -> ModuleState {
        ModuleState::Skipped(SkipReason { root: root.parse().unwrap() })
    }

    #[test]
    fn who_waits_for_a_module_with_which_the_machine_had_trouble_has_not_regressed() {
        let report = summed_up(
            side(1),
            side(2),
            vec![
                module("page", Verdict::NewlySkipped, Some(skipped("tokens"))),
                module("tokens", Verdict::NotCompared, Some(ModuleState::Failed)),
                module("other", Verdict::NewlySkipped, Some(skipped("broken"))),
                module("broken", Verdict::Regressed, Some(ModuleState::Failed)),
            ],
        );
        assert_eq!((report.verdicts.newly_skipped, report.verdicts.not_compared), (1, 2));
        assert_eq!(report.causes.len(), 1);
        assert_eq!((report.causes[0].blocks, report.causes[0].regressed), (2, 2));
    }

    #[test]
    fn the_biggest_changes_are_listed_whichever_way_they_go() {
        let sized = |name: &str, base, new| ModuleReport {
            size: Some(Difference { base, new }),
            ..module(name, Verdict::Changed, Some(ModuleState::Prepared))
        };
        let report =
            summed_up(side(1), side(2), vec![sized("a", 10, 11), sized("b", 100, 20), sized("c", 5, 5)]);
        let listed: Vec<_> = report
            .biggest_size_changes
            .iter()
            .map(|(name, change)| (name.as_str(), change.growth()))
            .collect();
        assert_eq!(listed, [("b", -80), ("a", 1)]);
        assert_eq!(report.size, Difference { base: 115, new: 36 });
    }

    proptest! {
        #[test]
        fn every_module_has_one_verdict_and_none_is_lost(places in prop::collection::vec((0..Verdict::ALL.len(), 0..4_u8), 0..60)) {
            let modules: Vec<_> = places.iter().enumerate().map(|(number, (verdict, now))| {
                let now = match now {
                    0 => None,
                    1 => Some(ModuleState::Prepared),
                    2 => Some(ModuleState::Failed),
                    _ => Some(skipped(&format!("m{}", number / 2))),
                };
                module(&format!("m{number}"), Verdict::ALL[*verdict], now)
            }).collect();
            let names: HashSet<_> = modules.iter().map(|module| module.module.clone()).collect();
            let report = summed_up(side(1), side(2), modules);
            let told: HashSet<_> = report.modules.iter().map(|module| module.module.clone()).collect();
            prop_assert_eq!(&told, &names);
            prop_assert_eq!(report.modules.len(), names.len());
            prop_assert_eq!(Verdict::ALL.into_iter().map(|verdict| report.verdicts.of(verdict)).sum::<u64>(), names.len() as u64);
        }
    }
}

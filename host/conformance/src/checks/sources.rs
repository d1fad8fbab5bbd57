//! Sources as nobody means them and somebody has them: not UTF-8, none, very large ones, very many, and far down.

use std::time::Duration;

use prefab_model::{Fuel, ModulePath};
use prefab_sandbox::{Run, SourceFile};

use super::{Checking, unclean};
use crate::case::{Case, ended, file, fuel_of, millis};
use crate::report::{Check, Verdict};

/// Sizes of a large file in bytes, and numbers of many files: each is tried if the one before was not slow.
const LARGE: [usize; 4] = [64 << 10, 256 << 10, 1 << 20, 4 << 20];
const MANY: [usize; 3] = [125, 500, 2_000];
/// A compilation that takes more is slow on every machine, some ten seconds, and after one of these no larger one is tried.
const SLOW: Fuel = Fuel(20_000_000_000);
/// No source that is made here is compiled for longer.
const LONGEST: Duration = Duration::from_mins(1);
/// Four times as much may take so many times the fuel before it looks like more than in proportion.
const MOST_GROWTH: u64 = 8;
/// The most bytes of many files together.
const MANY_BYTES: usize = 16 << 20;
/// The bytes of a deep path, with room for an ending that artifacts may get.
const DEEP: usize = 900;

pub(super) fn invalid_utf8(it: &mut Checking<'_>) -> Check {
    const NAME: &str = "invalid-utf8";
    const NOT_UTF8: &[u8] = b"\xff\xfe\xc0\x80\xed\xa0\x80";
    let broken = it.base.files.iter().map(|source| {
        let (before, after) = source.bytes.split_at(source.bytes.len() / 2);
        file(source.path.clone(), [before, NOT_UTF8, after].concat())
    });
    let case = it.base.with_files(broken.collect());
    judged(it, NAME, "sources that are not UTF-8", &case)
}

pub(super) fn empty(it: &mut Checking<'_>) -> Check {
    const NAME: &str = "empty-module";
    let none = it.base.with_files(Vec::new());
    let none = judged(it, NAME, "a module without files", &none);
    if none.verdict != Verdict::Pass {
        return none;
    }
    let hollow = it.base.files.iter().map(|source| file(source.path.clone(), &b""[..])).collect();
    let hollow = it.base.with_files(hollow);
    let hollow = judged(it, NAME, "files without a byte", &hollow);
    Check { found: format!("{}; {}", none.found, hollow.found), ..hollow }
}

pub(super) fn large(it: &mut Checking<'_>) -> Check {
    const NAME: &str = "large-file";
    let runs = ladder(it, &LARGE, |size| largest(it, size));
    let Some((case, run)) = runs.last() else {
        return Check::not_applicable(NAME, "there is no source to make a large one of");
    };
    let check = climbed(NAME, &format!("a file of {}", case.size()), case, run);
    let growth = growth(&runs);
    let check = match growth {
        Some(growth) if check.verdict == Verdict::Pass && growth > MOST_GROWTH => {
            let found = format!("{}; that is {growth} times what a quarter of it takes", check.found);
            let advice = "fuel grows faster than the source: look where it goes with `--fuel-profile`";
            Check::warning(NAME, found, advice).with(check.figures)
        }
        Some(growth) => check.with([("growth", growth)]),
        None => check,
    };
    it.slowest = runs.into_iter().map(|(case, run)| (case, run.usage.time)).max_by_key(|(_, time)| *time);
    check
}

pub(super) fn many(it: &mut Checking<'_>) -> Check {
    const NAME: &str = "many-files";
    let base = &it.base.files;
    if base.is_empty() {
        return Check::not_applicable(NAME, "there is no source to make many of");
    }
    // The whole base again and again, each in a folder of its own, so that its files find each other.
    let size = usize::try_from(it.base.size().0).unwrap_or(usize::MAX).max(1);
    let copied = |number: usize| {
        let copies = number.div_ceil(base.len()).min(MANY_BYTES / size).max(1);
        let copy = |n| base.iter().filter_map(move |source| moved(source, &format!("many/{n}/")));
        Some(it.base.with_files((0..copies).flat_map(copy).collect()))
    };
    let runs = ladder(it, &MANY, copied);
    let Some((case, run)) = runs.last() else {
        return Check::not_applicable(NAME, "there is no source to make many of");
    };
    climbed(NAME, &format!("{} files of {} together", case.files.len(), case.size()), case, run)
}

/// Compiles larger and larger sources, up to the first that is slow or comes to no end of its own.
fn ladder(it: &Checking<'_>, sizes: &[usize], made: impl Fn(usize) -> Option<Case>) -> Vec<(Case, Run)> {
    let mut runs = Vec::new();
    for case in sizes.iter().filter_map(|size| made(*size)) {
        let run = it.bench.run_within(&case, |limits| limits.deadline = limits.deadline.min(LONGEST));
        let over = run.usage.fuel > Some(SLOW) || unclean("", "", &run).is_some();
        runs.push((case, run));
        if over {
            break;
        }
    }
    runs
}

/// How many times the fuel of the last but one the last took, if both ended alike.
fn growth(runs: &[(Case, Run)]) -> Option<u64> {
    let [.., (_, less), (_, more)] = runs else { return None };
    let same_end = std::mem::discriminant(&less.kind) == std::mem::discriminant(&more.kind);
    let (less, more) = less.usage.fuel.zip(more.usage.fuel).filter(|_| same_end)?;
    Some(more.0 / less.0.max(1))
}

/// What is said of the largest source that was compiled.
fn climbed(name: &'static str, what: &str, case: &Case, run: &Run) -> Check {
    let check = told(name, what, case, run);
    if check.verdict == Verdict::Pass && run.usage.fuel > Some(SLOW) {
        let found = format!("{}, in {} s", check.found, run.usage.time.as_secs());
        let advice = "that is slow, and nothing larger was tried: look where its fuel goes with `--fuel-profile`, and set limits that fit";
        return Check::warning(name, found, advice).with(check.figures);
    }
    check
}

pub(super) fn deep(it: &mut Checking<'_>) -> Check {
    const NAME: &str = "deep-paths";
    let longest = it.base.files.iter().map(|source| source.path.as_str().len()).max().unwrap_or_default();
    let folders = "deep/".repeat(DEEP.saturating_sub(longest) / 5);
    let files: Vec<_> = it.base.files.iter().filter_map(|source| moved(source, &folders)).collect();
    if files.is_empty() || folders.is_empty() {
        return Check::not_applicable(NAME, "there is no source whose path can be made longer");
    }
    let what = format!("paths of {} bytes", folders.len() + longest);
    let case = it.base.with_files(files);
    judged(it, NAME, &what, &case)
}

/// A file in another folder, if its path allows that.
fn moved(source: &SourceFile, folder: &str) -> Option<SourceFile> {
    let path: ModulePath = format!("{folder}{}", source.path).parse().ok()?;
    Some(SourceFile { path, ..source.clone() })
}

/// The base with one file, its largest, repeated to this size.
pub(super) fn largest(it: &Checking<'_>, size: usize) -> Option<Case> {
    let source = it.base.files.iter().max_by_key(|source| source.bytes.len())?;
    let whole = if source.bytes.is_empty() { &b"\n"[..] } else { &source.bytes };
    let bytes = whole.repeat(size.div_ceil(whole.len()));
    Some(it.base.with_files(vec![file(source.path.clone(), bytes)]))
}

fn judged(it: &Checking<'_>, name: &'static str, what: &str, case: &Case) -> Check {
    told(name, what, case, &it.bench.run(case))
}

/// Any end that is the compiler's own is fine.
fn told(name: &'static str, what: &str, case: &Case, run: &Run) -> Check {
    let figures = [
        ("files", case.files.len() as u64),
        ("bytes", case.size().0),
        ("fuel", run.usage.fuel.unwrap_or_default().0),
        ("memory", run.usage.peak_memory.0),
        ("time-ms", millis(run.usage.time)),
    ];
    let check = unclean(name, what, run).unwrap_or_else(|| {
        Check::pass(name, format!("{what}: {} ({}, {})", ended(run), fuel_of(run), run.usage.peak_memory))
    });
    check.with(figures)
}

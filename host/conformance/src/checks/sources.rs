//! Sources as nobody means them and somebody has them: not UTF-8, none, very large ones, very many, and far down.

use prefab_model::{Bytes, ModulePath};
use prefab_sandbox::{Run, SourceFile};

use super::{Checking, unclean};
use crate::case::{Case, ended, file, fuel_of, millis};
use crate::report::Check;

/// The large file, and the smaller one that it is compared with, in bytes.
const LARGE: usize = 4 << 20;
const SMALLER: usize = 1 << 20;
/// Four times as much may take so many times the fuel before it looks like more than in proportion.
const MOST_GROWTH: u64 = 8;
/// So many files are many, and so many bytes of all together.
const MANY: usize = 2_000;
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
    if none.verdict != crate::Verdict::Pass {
        return none;
    }
    let hollow = it.base.files.iter().map(|source| file(source.path.clone(), &b""[..])).collect();
    let hollow = it.base.with_files(hollow);
    let hollow = judged(it, NAME, "files without a byte", &hollow);
    Check { found: format!("{}; {}", none.found, hollow.found), ..hollow }
}

pub(super) fn large(it: &mut Checking<'_>) -> Check {
    const NAME: &str = "large-file";
    let Some(case) = largest(it, LARGE) else {
        return Check::not_applicable(NAME, "there is no source to make a large one of");
    };
    let run = it.bench.run(&case);
    let check = told(NAME, &format!("a file of {}", case.size()), &case, &run);
    let Some(smaller) = largest(it, SMALLER) else { return check };
    let smaller = it.bench.run(&smaller);
    let same_end = std::mem::discriminant(&smaller.kind) == std::mem::discriminant(&run.kind);
    let (Some(less), Some(more), true) = (smaller.usage.fuel, run.usage.fuel, same_end) else { return check };
    let growth = more.0 / less.0.max(1);
    if check.verdict == crate::Verdict::Pass && growth > MOST_GROWTH {
        let found = format!("{}; that is {growth} times what {} take", check.found, Bytes(SMALLER as u64));
        let advice = "fuel grows faster than the source: look where it goes with `--fuel-profile`";
        return Check::warning(NAME, found, advice).with(check.figures);
    }
    check.with([("growth", growth)])
}

pub(super) fn many(it: &mut Checking<'_>) -> Check {
    const NAME: &str = "many-files";
    let base = &it.base.files;
    if base.is_empty() {
        return Check::not_applicable(NAME, "there is no source to make many of");
    }
    // The whole base again and again, each in a folder of its own, so that its files find each other.
    let size = usize::try_from(it.base.size().0).unwrap_or(usize::MAX).max(1);
    let copies = MANY.div_ceil(base.len()).min(MANY_BYTES / size).max(1);
    let files = (0..copies)
        .flat_map(|n| base.iter().filter_map(move |source| moved(source, &format!("many/{n}/"))))
        .collect();
    let case = it.base.with_files(files);
    judged(it, NAME, &format!("{} files of {} together", case.files.len(), case.size()), &case)
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

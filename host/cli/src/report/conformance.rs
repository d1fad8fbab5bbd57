//! What was found out about a compiler, for people.

use std::fmt::Write as _;
use std::path::Path;

use prefab_conformance::{Check, FuelProfile, Inspection, Kind, Program, Report, Verdict};
use prefab_model::Bytes;

use crate::report::paint::Paint;
use crate::report::{escape, table};

/// Where what was found begins, in columns.
const INDENT: usize = 26;
/// So many functions are named.
const TOP: usize = 10;

/// One check, with what to do about it.
pub(crate) fn check(check: &Check, paint: Paint) -> String {
    let word = format!("{:<7}", word(check.verdict));
    let word = match check.verdict {
        Verdict::Pass => paint.good(&word),
        Verdict::Warning => paint.hint(&word),
        Verdict::Fail => paint.bad(&word),
        Verdict::NotApplicable => paint.faint(&word),
    };
    let mut text = format!("  {word}  {:<13}  {}\n", check.name, indented(&check.found));
    if let Some(advice) = &check.advice {
        let _ = writeln!(text, "{:INDENT$}{} {}", "", paint.hint("help:"), indented(advice));
    }
    text
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Warning => "warning",
        Verdict::Fail => "FAIL",
        Verdict::NotApplicable => "n/a",
    }
}

/// A text that may have parts of the compiler's own, with all lines under the first.
fn indented(text: &str) -> String {
    escape::lines(text).replace('\n', &format!("\n{:INDENT$}", ""))
}

/// How the checks ended, and limits to begin with.
pub(crate) fn summary(report: &Report, paint: Paint) -> String {
    let count = |verdict| report.count(verdict);
    let mut text = format!(
        "{} passed, {}, {} failed, {} not applicable\n",
        count(Verdict::Pass),
        warnings(count(Verdict::Warning)),
        count(Verdict::Fail),
        count(Verdict::NotApplicable)
    );
    if report.verdict == Verdict::Fail {
        text = paint.bad(text.trim_end()) + "\n";
    }
    if let Some(limits) = report.suggestion {
        let _ = writeln!(
            text,
            "Limits to begin with, from what it took here: fuel = \"{}G\", memory = \"{}MiB\"",
            limits.fuel.0 / 1_000_000_000,
            limits.memory.0 >> 20
        );
    }
    text
}

fn warnings(count: usize) -> String {
    if count == 1 { "1 warning".to_owned() } else { format!("{count} warnings") }
}

/// The functions that used most, and where the whole profile is.
pub(crate) fn profile(file: &Path, profile: &FuelProfile) -> String {
    let rows: Vec<_> = profile
        .top(TOP)
        .into_iter()
        .map(|(function, fuel)| {
            let share = 100.0 * fuel.0 as f64 / profile.fuel.0.max(1) as f64;
            [fuel.to_string(), format!("{share:.1}%"), escape::line(&function)]
        })
        .collect();
    format!(
        "\n{} fuel, with {} looks at the stack: {}\n{}",
        profile.fuel,
        profile.samples,
        escape::line(&file.to_string_lossy()),
        table::table(["FUEL", "SHARE", "FUNCTION"], &rows)
    )
}

/// What is in a compiler's bytes.
pub(crate) fn inspection(file: &str, it: &Inspection, manifest_entry: Option<&str>) -> String {
    let kind = match it.kind {
        Kind::Component => "component",
        Kind::CoreModule => "core module",
    };
    let program = match &it.program {
        Program::Compiler(version) => format!("compiler of prefab:compiler@{version}"),
        Program::ModularCompiler(version) => format!("modular-compiler of prefab:compiler@{version}"),
        Program::Command(version) => format!("command-line program for WASI {version}"),
        Program::Other => "no compiler that prefab knows".to_owned(),
    };
    let mut text = format!(
        "{}: {kind}, {}\n  {}\n  {}\n",
        escape::line(file),
        escape::line(&program),
        it.size,
        it.digest
    );
    for (name, value) in &it.metadata {
        let _ = writeln!(text, "  {name}: {}", escape::line(value));
    }
    for producer in &it.producers {
        let made = format!("{}: {} {}", producer.field, producer.name, producer.version);
        let _ = writeln!(text, "  {}", escape::line(made.trim_end()));
    }
    for (what, names) in [("imports", &it.imports), ("exports", &it.exports)] {
        let _ = writeln!(text, "\n{what}{}", if names.is_empty() { ": nothing" } else { "" });
        for name in names {
            let _ = writeln!(text, "  {}", escape::line(name));
        }
    }
    let modules: Vec<_> = it
        .modules
        .iter()
        .map(|module| {
            [
                escape::line(module.name.as_deref().unwrap_or("-")),
                module.size.to_string(),
                module.code.to_string(),
                module.data.to_string(),
                module.functions.to_string(),
                module.memory.map_or_else(|| "-".to_owned(), |memory: Bytes| memory.to_string()),
            ]
        })
        .collect();
    text += "\n";
    text += &table::table(["CORE MODULE", "SIZE", "CODE", "DATA", "FUNCTIONS", "MEMORY"], &modules);
    let sections: Vec<_> = it
        .custom_sections
        .iter()
        .map(|section| [escape::line(&section.name), section.count.to_string(), section.size.to_string()])
        .collect();
    text += "\n";
    text += &table::table(["CUSTOM SECTION", "COUNT", "SIZE"], &sections);
    if let Some(entry) = manifest_entry {
        let _ = write!(text, "\nIn a release's manifest:\n\n{entry}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_told_with_what_to_do() {
        let failed = Check {
            name: "vectors",
            verdict: Verdict::Fail,
            found: "good: is to compile\u{1b}\nbad: too".into(),
            advice: Some("mend it".into()),
            figures: [].into(),
        };
        insta::assert_snapshot!(check(&failed, Paint::PLAIN));
    }
}

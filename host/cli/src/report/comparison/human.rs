//! The comparison on a terminal: the verdicts, what breaks with code frames, how sizes and fuel changed, what to do next.

use std::collections::HashMap;
use std::fmt::Write as _;

use prefab_model::{Bytes, Fuel, ModuleName, Severity};
use prefab_prepare::{CauseReport, Change, Difference, Finding, ModuleReport, Report, RootReport, Verdict};

use super::{
    grown_bytes, grown_fuel, meaning, named, next_steps, percent, said, sentence, source_maps_only,
    unfinished, word,
};
use crate::report::errors::{Drawing, advice, module_dir, modules_of};
use crate::report::{causes, escape, frame, table};

/// So many causes are told, and so many findings of each are drawn.
const CAUSES: usize = 12;
const DRAWN: usize = 3;
/// So many root modules of a cause are named, and so many of those that wait for one.
const ROOTS: usize = 8;
const WAITING: usize = 4;
/// So many modules of a verdict are named.
const NAMED: usize = 10;

/// Draws a report.
pub(crate) fn draw(report: &Report, drawing: Drawing<'_>) -> String {
    let paint = drawing.paint;
    let mut text = format!(
        "Platform version {} compared with {}\n",
        paint.strong(&named(&report.new)),
        paint.strong(&named(&report.base))
    );
    let sentence = sentence(report);
    let sentence = if report.verdicts.worse() > 0 { paint.bad(&sentence) } else { paint.good(&sentence) };
    let _ = writeln!(text, "{sentence}");
    if let Some(unfinished) = unfinished(report) {
        let _ = writeln!(text, "{} {unfinished}", paint.strong("note:"));
    }
    text.push('\n');
    text += &verdicts(report, drawing);
    text += &causes_of(report, drawing);
    text += &figures(report);
    let steps = next_steps(report);
    if !steps.is_empty() {
        let _ = writeln!(text, "\n{}", paint.strong("What to do next"));
        for step in steps {
            let _ = writeln!(text, "  {step}");
        }
    }
    text
}

/// The verdicts that occur, each with its modules where these are of interest.
fn verdicts(report: &Report, drawing: Drawing<'_>) -> String {
    let paint = drawing.paint;
    let mut text = String::new();
    for verdict in Verdict::ALL {
        let count = report.verdicts.of(verdict);
        if count == 0 {
            continue;
        }
        let label = format!("{:<14}", word(verdict));
        let label = match verdict {
            Verdict::Regressed | Verdict::NewlySkipped => paint.bad(&label),
            Verdict::Fixed => paint.good(&label),
            _ => paint.strong(&label),
        };
        let only = if verdict == Verdict::Changed { source_maps_only(report) } else { None };
        let meaning =
            format!("{}{}", meaning(verdict), only.map(|only| format!("; {only}")).unwrap_or_default());
        let _ = writeln!(text, "  {label}{count:>8}  {}", paint.faint(&meaning));
        if !matches!(verdict, Verdict::Unchanged) {
            let _ = writeln!(text, "  {:22}  {}", "", names(report, verdict, count));
        }
    }
    text
}

fn names(report: &Report, verdict: Verdict, count: u64) -> String {
    let with = report.modules.iter().filter(|module| module.verdict == verdict);
    let named: Vec<_> = with.take(NAMED).map(|module| module.module.to_string()).collect();
    more(&named, count)
}

fn more(named: &[String], all: u64) -> String {
    match all.saturating_sub(named.len() as u64) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

fn causes_of(report: &Report, drawing: Drawing<'_>) -> String {
    let modules: HashMap<&ModuleName, &ModuleReport> =
        report.modules.iter().map(|module| (&module.module, module)).collect();
    let mut text = String::new();
    for cause in report.causes.iter().take(CAUSES) {
        let headline = format!("{}: blocks {}", causes::title(&cause.cause), modules_of(count(cause.blocks)));
        let (headline, since) = match cause.regressed {
            0 => (drawing.paint.strong(&headline), ", all of them before too".to_owned()),
            regressed if regressed == cause.blocks => (drawing.paint.bad(&headline), String::new()),
            regressed => (drawing.paint.bad(&headline), format!(", {regressed} of them newly")),
        };
        let _ = writeln!(text, "\n{headline}{since}");
        let roots: Vec<_> = cause.roots.iter().take(ROOTS).map(root).collect();
        let _ = writeln!(text, "  in {}\n", more(&roots, cause.root_modules));
        findings(&mut text, cause, &modules, drawing);
    }
    if let Some(left) = report.causes.len().checked_sub(CAUSES).filter(|left| *left > 0) {
        let _ =
            writeln!(text, "\n  … and {left} more causes: see them all with `prefab report --format html`");
    }
    text
}

fn root(root: &RootReport) -> String {
    let waiting = root.blocks - 1;
    if waiting == 0 {
        return root.module.to_string();
    }
    let named: Vec<_> = root.waiting.iter().take(WAITING).map(ToString::to_string).collect();
    let verb = if waiting == 1 { "waits" } else { "wait" };
    format!("{} (for which {} {verb})", root.module, more(&named, waiting))
}

/// Draws the first findings of a cause.
fn findings(
    text: &mut String,
    cause: &CauseReport,
    modules: &HashMap<&ModuleName, &ModuleReport>,
    drawing: Drawing<'_>,
) {
    let found: Vec<(&ModuleReport, &Finding)> = cause
        .roots
        .iter()
        .filter_map(|root| modules.get(&root.module))
        .flat_map(|module| of_cause(module, cause).map(|finding| (*module, finding)))
        .collect();
    for (module, finding) in found.iter().take(DRAWN) {
        let dir = module.path.as_ref().map(|path| module_dir(path, drawing.root)).unwrap_or_default();
        if let Some(diagnostic) = &finding.diagnostic {
            let _ = writeln!(text, "{}\n", frame::frame(diagnostic, &dir, drawing.paint, drawing.width));
        } else {
            let said = said(finding);
            let first = escape::line(said.lines().next().unwrap_or_default());
            let _ = writeln!(text, "  {}: {first}", module.module);
        }
    }
    if let Some(left) = found.len().checked_sub(DRAWN).filter(|left| *left > 0) {
        let _ = writeln!(text, "  … and {left} more like this");
    }
    if let Some(help) = advice(&cause.cause, found.iter().filter_map(|(_, finding)| finding.limits.as_ref()))
    {
        let _ = writeln!(text, "  {} {help}", drawing.paint.hint("help:"));
    }
}

/// The errors of a module that are there now and have this cause.
pub(super) fn of_cause<'a>(
    module: &'a ModuleReport,
    cause: &'a CauseReport,
) -> impl Iterator<Item = &'a Finding> {
    module.findings.iter().filter(|finding| {
        finding.cause == cause.cause
            && finding.severity == Severity::Error
            && finding.change != Change::Disappeared
    })
}

fn figures(report: &Report) -> String {
    let mut text = String::new();
    if report.verdicts.changed > 0 {
        let _ = writeln!(
            text,
            "\nArtifacts of {}: {} → {} ({})",
            changed_modules(report.verdicts.changed),
            Bytes(report.size.base),
            Bytes(report.size.new),
            percent(report.size)
        );
        text += &biggest(&report.biggest_size_changes, |bytes| Bytes(bytes).to_string(), grown_bytes);
    }
    if report.fuel.base + report.fuel.new > 0 {
        let _ = writeln!(
            text,
            "\nFuel of the modules that are prepared in both: {} → {} ({})",
            Fuel(report.fuel.base),
            Fuel(report.fuel.new),
            percent(report.fuel)
        );
        text += &biggest(&report.biggest_fuel_changes, |fuel| Fuel(fuel).to_string(), grown_fuel);
    }
    text
}

pub(super) fn changed_modules(count: u64) -> String {
    if count == 1 { "the changed module".to_owned() } else { format!("the {count} changed modules") }
}

fn biggest(
    changes: &[(ModuleName, Difference)],
    show: impl Fn(u64) -> String,
    grown: impl Fn(Difference) -> String,
) -> String {
    if changes.is_empty() {
        return String::new();
    }
    let rows: Vec<_> = changes
        .iter()
        .map(|(module, change)| {
            [format!("  {module}"), show(change.base), show(change.new), grown(*change), percent(*change)]
        })
        .collect();
    table::table(["  BIGGEST CHANGES", "BASE", "NEW", "CHANGE", ""], &rows)
}

fn count(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::report::paint::Paint;

    fn drawing() -> Drawing<'static> {
        Drawing { root: std::path::Path::new("/srv/shop"), paint: Paint::PLAIN, width: 100, whole: false }
    }

    #[test]
    fn a_report_shows_the_worst_first_and_what_to_do() {
        insta::assert_snapshot!(draw(&samples::report(), drawing()));
    }

    #[test]
    fn a_release_compared_with_itself_has_nothing_to_show() {
        insta::assert_snapshot!(draw(&samples::same(), drawing()));
    }
}

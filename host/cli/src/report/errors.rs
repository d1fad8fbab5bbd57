//! What is wrong with the modules, for people: grouped by cause, drawn in code frames, with what to do about it.

use std::fmt::Write as _;
use std::path::Path;

use prefab_model::{Diagnostic, Limits, ModuleName, OutcomeKind, Severity};
use prefab_prepare::{Cause, ErrorReport, ModuleErrors, Note};

use crate::report::causes::{Causes, Finding, Group};
use crate::report::paint::Paint;
use crate::report::{causes, escape, frame, raise, summary};

/// So many findings of one cause are drawn, unless it is all about one module.
const DRAWN: usize = 20;
/// So many modules are named where it is about many.
const NAMED: usize = 8;
/// So many lines of a backtrace are shown, unless it is all about one module.
const BACKTRACE: usize = 12;

/// How a report is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drawing<'a> {
    /// The environment's folder: paths are shown from there.
    pub(crate) root: &'a Path,
    pub(crate) paint: Paint,
    /// Columns of the terminal.
    pub(crate) width: usize,
    /// Whether the report is about one module: then nothing is left out.
    pub(crate) whole: bool,
}

/// Draws a report.
pub(crate) fn draw(report: &ErrorReport, drawing: Drawing<'_>) -> String {
    let causes = Causes::of(report);
    let mut text = String::new();
    for group in &causes.groups {
        drawing.group(&mut text, group);
    }
    for (root, modules) in &causes.skipped {
        let headline = format!("skipped because {root} failed: {}", modules_of(modules.len()));
        let _ = writeln!(text, "{}\n  {}\n", drawing.paint.bad(&headline), names(modules));
    }
    for (note, modules) in &causes.notes {
        let _ = writeln!(text, "{} {}", drawing.paint.strong("note:"), told(note, modules));
    }
    if drawing.whole {
        report.modules.iter().for_each(|module| drawing.logs(&mut text, module));
    }
    match (&report.platform, text.is_empty()) {
        (None, true) => "Nothing has been prepared yet\n".to_owned(),
        (Some(version), true) => {
            format!("{}\n", drawing.paint.good(&format!("No errors on platform version {version}")))
        }
        _ => {
            let failed = causes.groups.iter().any(|group| group.severity == Severity::Error);
            text + &drawing.next(failed)
        }
    }
}

impl Drawing<'_> {
    fn group(self, text: &mut String, group: &Group<'_>) {
        let headline = match group.severity {
            Severity::Error => self.paint.bad(&headline(group)),
            Severity::Warning | Severity::Note => self.paint.strong(&headline(group)),
        };
        let _ = writeln!(text, "{headline}\n");
        let shown = if self.whole { group.findings.len() } else { DRAWN };
        for finding in group.findings.iter().take(shown) {
            match finding.diagnostic {
                Some(diagnostic) => {
                    let _ = writeln!(text, "{}\n", self.frame(diagnostic, finding));
                }
                None => self.outcome(text, finding),
            }
        }
        if let Some(more) = group.findings.len().checked_sub(shown).filter(|more| *more > 0) {
            let _ = writeln!(text, "  … and {more} more: see them with `prefab errors MODULE`");
        }
        if group.findings.iter().any(|finding| finding.diagnostic.is_none()) {
            let limits = group.findings.iter().filter_map(|finding| finding.problem.limits.as_ref());
            if let Some(help) = advice(&group.cause, limits) {
                let _ = writeln!(text, "  {} {help}", self.paint.hint("help:"));
            }
            text.push('\n');
        }
    }

    fn frame(self, diagnostic: &Diagnostic, finding: &Finding<'_>) -> String {
        let dir = module_dir(&finding.module.path, self.root);
        let mut drawn = frame::frame(diagnostic, &dir, self.paint, self.width);
        if diagnostic.file.is_none() {
            let _ = write!(drawn, "\n  in {} ({})", finding.module.module, escape::line(&dir));
        }
        drawn
    }

    /// An outcome that speaks for itself.
    fn outcome(self, text: &mut String, finding: &Finding<'_>) {
        let problem = finding.problem;
        let who = match &problem.compiler {
            Some(compiler) => format!("{} ({compiler})", finding.module.module),
            None => finding.module.module.to_string(),
        };
        let what = match &problem.outcome {
            OutcomeKind::Trapped(reason) => return self.trap(text, &who, reason),
            OutcomeKind::Refused(reason) | OutcomeKind::HostError(reason) => escape::line(reason),
            outcome => match (outcome.limit(), &problem.limits) {
                (Some(limit), Some(limits)) => {
                    format!("hit the cap `limits.{limit}` of {}", limits.show(limit))
                }
                (Some(limit), None) => format!("hit the cap `limits.{limit}`"),
                (None, _) => "the compiler gave no reason".to_owned(),
            },
        };
        let time =
            problem.usage.map(|usage| format!(" after {}", summary::time(usage.time))).unwrap_or_default();
        let _ = writeln!(text, "  {who}: {what}{time}");
    }

    fn trap(self, text: &mut String, who: &str, reason: &str) {
        let reason = escape::lines(reason);
        let lines = reason.lines().count();
        let shown = if self.whole { lines } else { BACKTRACE };
        let _ = writeln!(text, "  {who}: {}", reason.lines().next().unwrap_or("no reason is known"));
        for line in reason.lines().take(shown).skip(1) {
            let _ = writeln!(text, "    {line}");
        }
        if lines > shown {
            let _ = writeln!(text, "    … {} more lines with `prefab errors MODULE`", lines - shown);
        }
    }

    fn logs(self, text: &mut String, module: &ModuleErrors) {
        for problem in module.problems.iter().filter(|problem| !problem.log.is_empty()) {
            let compiler = problem.compiler.as_ref().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "{}", self.paint.strong(&format!("what {compiler} printed:")));
            for line in escape::lines(&problem.log).lines() {
                let _ = writeln!(text, "  {line}");
            }
        }
    }

    fn next(self, failed: bool) -> String {
        let all = if self.whole { "" } else { "everything about one module: `prefab errors MODULE`" };
        let again = if failed { "once it is mended: `prefab prepare --failed`" } else { "" };
        let hints: Vec<_> = [all, again].into_iter().filter(|hint| !hint.is_empty()).collect();
        if hints.is_empty() { String::new() } else { format!("\n{}\n", hints.join("; ")) }
    }
}

fn headline(group: &Group<'_>) -> String {
    let modules = group.modules();
    let within = match modules.first() {
        Some(only) if modules.len() == 1 => only.to_string(),
        _ => modules_of(modules.len()),
    };
    let times = group.findings.len();
    let (one, many) = match group.severity {
        Severity::Error => ("error", "errors"),
        Severity::Warning => ("warning", "warnings"),
        Severity::Note => ("note", "notes"),
    };
    let title = causes::title(&group.cause);
    match &group.cause {
        Cause::Code(_) => format!("{title}: {times} {} in {within}", if times == 1 { one } else { many }),
        _ => format!("{title}: {within}"),
    }
}

/// What to do about a cause that no diagnostic explains. `limits` are those under which it was met.
pub(crate) fn advice<'a>(cause: &Cause, limits: impl Iterator<Item = &'a Limits>) -> Option<String> {
    match cause {
        Cause::Cap(limit) => {
            let highest = limits
                .filter_map(|limits| raise::doubled(limits, *limit))
                .max_by_key(|value| limit.parse_value(value).unwrap_or_default());
            Some(match highest {
                Some(value) => {
                    format!("raise the cap with `prefab config set limits.{limit} {value}`, then `prefab prepare --failed`")
                }
                None => format!("the cap `limits.{limit}` is as high as it can be: make the module smaller"),
            })
        }
        Cause::Trap => {
            Some("this is a fault in the compiler, or a source that is nested too deep for its stack: tell its vendor".to_owned())
        }
        Cause::Refused => Some("look at the release with `prefab release inspect VERSION`".to_owned()),
        Cause::Host | Cause::Cancelled => Some("try again with `prefab prepare --failed`".to_owned()),
        Cause::Code(_) | Cause::Silent => None,
    }
}

fn told(note: &Note, modules: &[&ModuleName]) -> String {
    let them = names(modules);
    match note {
        Note::DependencyMissing(dependency) => {
            format!(
                "the dependency {} is not in this environment; needed by {them}",
                escape::line(dependency)
            )
        }
        Note::EarlierSignature(dependency) => {
            format!("the signature of {dependency} is from an earlier success; used for {them}")
        }
        Note::DependencyFailed(dependency) => format!("the dependency {dependency} failed; needed by {them}"),
        Note::Spurious(reason) => {
            format!("this machine was in the way of {them} at first: {}", escape::line(reason))
        }
        Note::NothingToCompile => format!("no compiler takes any file of {them}"),
    }
}

pub(crate) fn modules_of(count: usize) -> String {
    if count == 1 { "1 module".to_owned() } else { format!("{count} modules") }
}

fn names(modules: &[&ModuleName]) -> String {
    let named: Vec<_> = modules.iter().take(NAMED).map(ToString::to_string).collect();
    match modules.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// A module's folder as seen from the environment's, or from the root of the file system if it is elsewhere.
pub(crate) fn module_dir(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::causes::samples;

    fn drawing(whole: bool) -> Drawing<'static> {
        Drawing { root: Path::new("/srv/shop"), paint: Paint::PLAIN, width: 100, whole }
    }

    #[test]
    fn errors_are_grouped_by_cause_with_what_to_do() {
        insta::assert_snapshot!(draw(&samples::report(), drawing(false)));
    }

    #[test]
    fn one_module_is_shown_with_all_it_has() {
        let mut report = samples::report();
        report.modules.retain(|module| module.module.as_str() == "parser");
        insta::assert_snapshot!(draw(&report, drawing(true)));
    }

    #[test]
    fn many_errors_of_one_kind_are_counted_and_not_all_drawn() {
        let mut report = samples::report();
        let problem = &mut report.modules[0].problems[0];
        let one = problem.diagnostics[0].clone();
        problem.diagnostics =
            (0..50).map(|number| Diagnostic { message: format!("error {number}"), ..one.clone() }).collect();
        let drawn = draw(&report, drawing(false));
        assert!(drawn.contains("TS9007: 51 errors in 2 modules"), "{drawn}");
        assert!(drawn.contains("… and 31 more"), "{drawn}");
    }

    #[test]
    fn nothing_wrong_is_said_so() {
        let fine = ErrorReport {
            preparation: None,
            platform: Some(semver::Version::new(11, 9, 0)),
            modules: vec![],
        };
        assert_eq!(draw(&fine, drawing(false)), "No errors on platform version 11.9.0\n");
        let none = ErrorReport { preparation: None, platform: None, modules: vec![] };
        assert_eq!(draw(&none, drawing(false)), "Nothing has been prepared yet\n");
    }
}

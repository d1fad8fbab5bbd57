//! One module in two preparations on a terminal: what its compilers found, and how its artifacts differ.

use std::fmt::Write as _;

use prefab_model::{Bytes, Fuel};
use prefab_prepare::{ArtifactChange, ArtifactDiff, Change, ContentDiff, Finding, ModuleDiff};

use super::{grown_bytes, meaning, named, percent, said, word};
use crate::report::errors::{Drawing, module_dir};
use crate::report::{causes, escape, frame};

/// Draws what became of a module.
pub(crate) fn draw(diff: &ModuleDiff, drawing: Drawing<'_>) -> String {
    let paint = drawing.paint;
    let verdict = word(diff.verdict);
    let verdict = if diff.verdict.is_worse() { paint.bad(verdict) } else { paint.strong(verdict) };
    let mut text = format!(
        "{} on platform version {} compared with {}\n  {verdict}: {}\n",
        paint.strong(diff.module.as_str()),
        named(&diff.new),
        named(&diff.base),
        diff.why.as_deref().map_or_else(|| meaning(diff.verdict).to_owned(), escape::line)
    );
    if let Some(fuel) = diff.fuel {
        let _ = writeln!(text, "  fuel: {} → {} ({})", Fuel(fuel.base), Fuel(fuel.new), percent(fuel));
    }
    findings(&mut text, diff, drawing);
    if !diff.artifacts.is_empty() {
        let _ = writeln!(text, "\n{}", paint.strong("Artifacts"));
    }
    for artifact in &diff.artifacts {
        draw_artifact(&mut text, artifact, drawing);
    }
    match diff.unchanged {
        0 => {}
        1 => text += "  1 artifact is the same byte for byte\n",
        many => {
            let _ = writeln!(text, "  {many} artifacts are the same byte for byte");
        }
    }
    text
}

/// What one or more findings became, as a headline.
pub(super) const fn headline(change: Change) -> &'static str {
    match change {
        Change::Appeared => "Found now, and not before",
        Change::Stayed => "Found before, and still",
        Change::Disappeared => "Found before, and no more",
    }
}

fn findings(text: &mut String, diff: &ModuleDiff, drawing: Drawing<'_>) {
    let dir = diff.path.as_ref().map(|path| module_dir(path, drawing.root)).unwrap_or_default();
    for change in [Change::Appeared, Change::Stayed, Change::Disappeared] {
        let findings: Vec<&Finding> =
            diff.findings.iter().filter(|finding| finding.change == change).collect();
        if findings.is_empty() {
            continue;
        }
        let headline = format!("{}: {}", headline(change), findings.len());
        let headline = match change {
            Change::Appeared => drawing.paint.bad(&headline),
            Change::Stayed => drawing.paint.strong(&headline),
            Change::Disappeared => drawing.paint.good(&headline),
        };
        let _ = writeln!(text, "\n{headline}\n");
        for finding in findings {
            let drawn = match &finding.diagnostic {
                Some(diagnostic) => frame::frame(diagnostic, &dir, drawing.paint, drawing.width),
                None => format!("  {}: {}", causes::title(&finding.cause), escape::lines(&said(finding))),
            };
            let _ = writeln!(text, "{drawn}\n");
        }
    }
}

fn draw_artifact(text: &mut String, artifact: &ArtifactDiff, drawing: Drawing<'_>) {
    let paint = drawing.paint;
    let path = artifact.path.as_str();
    let (sign, said) = told(artifact);
    let line = format!("  {sign} {path}  {said}");
    let line = match sign {
        '+' => paint.added(&line),
        '-' => paint.removed(&line),
        _ => line,
    };
    let _ = writeln!(text, "{line}");
    if let ArtifactChange::Changed { content: ContentDiff::Text { unified, lines_left_out }, .. } =
        &artifact.change
    {
        for line in unified.lines() {
            let shown = escape::source(line);
            let shown = match line.as_bytes().first() {
                Some(b'+') => paint.added(&shown),
                Some(b'-') => paint.removed(&shown),
                Some(b'@') => paint.faint(&shown),
                _ => shown,
            };
            let _ = writeln!(text, "      {shown}");
        }
        if *lines_left_out > 0 {
            let _ = writeln!(text, "      … {lines_left_out} more lines of differences");
        }
    }
}

/// A sign and a few words for what became of an artifact.
pub(super) fn told(artifact: &ArtifactDiff) -> (char, String) {
    match &artifact.change {
        ArtifactChange::Added { size } => ('+', format!("added, {}", Bytes(*size))),
        ArtifactChange::Removed { size } => ('-', format!("removed, {}", Bytes(*size))),
        ArtifactChange::Changed { size, content } => {
            let how = match content {
                ContentDiff::Text { .. } => "",
                ContentDiff::SourceMap => "; a source map, shown with --source-maps",
                ContentDiff::TooLong => "; too long to be compared by lines",
                ContentDiff::Binary => "; not text",
            };
            let sizes = format!("{} → {} ({})", Bytes(size.base), Bytes(size.new), grown_bytes(*size));
            ('~', format!("changed, {sizes}{how}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::report::paint::Paint;

    #[test]
    fn a_module_is_shown_with_its_findings_and_artifacts() {
        let drawing =
            Drawing { root: std::path::Path::new("/srv/shop"), paint: Paint::PLAIN, width: 100, whole: true };
        let drawn = draw(&samples::diff(), drawing);
        assert!(!drawn.contains('\u{202e}'));
        insta::assert_snapshot!(drawn);
    }
}

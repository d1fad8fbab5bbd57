//! How the artifacts of some changed modules differ.

use maud::{Markup, html};
use prefab_prepare::{ArtifactChange, ArtifactDiff, ContentDiff, ModuleDiff, Report};

use super::grouped;
use crate::report::comparison::diff::told;
use crate::report::escape;

/// About how many bytes a module's differences take.
pub(crate) fn length(diff: &ModuleDiff) -> usize {
    let artifact = |artifact: &ArtifactDiff| match &artifact.change {
        ArtifactChange::Changed { content: ContentDiff::Text { unified, .. }, .. } => unified.len(),
        _ => 0,
    };
    diff.artifacts.iter().map(|it| 200 + artifact(it)).sum()
}

pub(super) fn section(report: &Report, differences: &[ModuleDiff]) -> Markup {
    let all = report.verdicts.changed.saturating_sub(report.source_maps_only);
    let left_out = all.saturating_sub(differences.len() as u64);
    html! {
        @if !differences.is_empty() {
            section aria-labelledby="differences" {
                h2 #differences { "What changed in the artifacts" }
                p.lead { "Those first whose size changed most. Long differences are cut; modules in which nothing but source maps differs are left out." }
                @for (number, diff) in differences.iter().enumerate() { (module(number, diff)) }
                @if left_out > 0 {
                    p.more {
                        "Of " (grouped(left_out)) " more changed modules: "
                        code { "prefab diff MODULE --base " (report.base.preparation) " --new " (report.new.preparation) }
                    }
                }
            }
        }
    }
}

fn module(number: usize, diff: &ModuleDiff) -> Markup {
    html! {
        details.diff {
            summary {
                h3 { (diff.module) }
                span.meaning {
                    (diff.artifacts.len()) @if diff.artifacts.len() == 1 { " artifact differs" } @else { " artifacts differ" }
                    @if diff.unchanged > 0 { ", " (grouped(diff.unchanged)) " unchanged" }
                }
            }
            div.body id={ "diff-" (number) } {
                @for artifact in &diff.artifacts { (one(artifact)) }
            }
        }
    }
}

fn one(artifact: &ArtifactDiff) -> Markup {
    let (sign, said) = told(artifact);
    html! {
        h4 {
            code.path { (artifact.path.as_str()) }
            " "
            span.plus[sign == '+'].minus[sign == '-'].meaning { (said) }
        }
        @if let ArtifactChange::Changed { content: ContentDiff::Text { unified, lines_left_out }, .. } = &artifact.change {
            pre.code.unified tabindex="0" aria-label={ "Differences in " (artifact.path.as_str()) } {
                @for line in unified.lines() {
                    @let shown = escape::source(line);
                    @match line.as_bytes().first() {
                        Some(b'+') => ins.line { (shown) },
                        Some(b'-') => del.line { (shown) },
                        Some(b'@') => span.line.hunk { (shown) },
                        _ => span.line { (shown) },
                    }
                    "\n"
                }
            }
            @if *lines_left_out > 0 { p.more { "… " (grouped(*lines_left_out)) " more lines of differences." } }
        }
    }
}

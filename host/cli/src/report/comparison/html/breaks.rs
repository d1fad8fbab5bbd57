//! What keeps modules from being prepared, the worst cause first, with the sources.

use std::collections::HashMap;
use std::path::Path;

use maud::{Markup, html};
use prefab_model::ModuleName;
use prefab_prepare::{CauseReport, Finding, ModuleReport, Report, RootReport};

use super::{class, frame, grouped, with_code};
use crate::report::causes;
use crate::report::comparison::human::of_cause;
use crate::report::comparison::word;
use crate::report::errors::{advice, modules_of};

/// So many causes are shown, the first of them unfolded; of each so many findings, the first of them unfolded.
const CAUSES: usize = 200;
const UNFOLDED_CAUSES: usize = 5;
const FINDINGS: usize = 20;
const UNFOLDED: usize = 3;

pub(super) fn section(report: &Report, root: &Path) -> Markup {
    let modules: HashMap<&ModuleName, &ModuleReport> =
        report.modules.iter().map(|module| (&module.module, module)).collect();
    html! {
        @if !report.causes.is_empty() {
            section aria-labelledby="breaks" {
                h2 #breaks { "What breaks" }
                p.lead { "Worst first: by how many modules were prepared before and are not any more." }
                @for (number, cause) in report.causes.iter().take(CAUSES).enumerate() {
                    (one(cause, &modules, root, number < UNFOLDED_CAUSES))
                }
                @if report.causes.len() > CAUSES {
                    p.more { "… and " (grouped((report.causes.len() - CAUSES) as u64)) " more causes: " code { "--format json" } " has them all." }
                }
            }
        }
    }
}

fn one(
    cause: &CauseReport,
    modules: &HashMap<&ModuleName, &ModuleReport>,
    root: &Path,
    unfolded: bool,
) -> Markup {
    let found: Vec<(&ModuleReport, &Finding)> = cause
        .roots
        .iter()
        .filter_map(|root| modules.get(&root.module))
        .flat_map(|module| of_cause(module, cause).map(|finding| (*module, finding)))
        .take(FINDINGS)
        .collect();
    let help = advice(&cause.cause, found.iter().filter_map(|(_, finding)| finding.limits.as_ref()));
    let draw = |(module, finding): &(&ModuleReport, &Finding)| {
        html! { (frame::finding(finding, &frame::dir(module, root))) }
    };
    html! {
        details.cause open[unfolded] {
            summary {
                h3 { (causes::title(&cause.cause)) }
                span.blocks { "blocks " b { (modules_of(usize::try_from(cause.blocks).unwrap_or(usize::MAX))) } }
                @if cause.regressed == 0 { span.tag.old { "as before" } }
                @else if cause.regressed < cause.blocks { span.tag.worse { (grouped(cause.regressed)) " newly" } }
                @else { span.tag.worse { "new" } }
            }
            div.body {
                @if let Some(help) = help { p.help { b { "Help" } " " (with_code(&help)) } }
                @for finding in found.iter().take(UNFOLDED) { (draw(finding)) }
                @if found.len() > UNFOLDED {
                    details.nested {
                        summary { (found.len() - UNFOLDED) " more" @if found.len() == FINDINGS { " of many" } }
                        @for finding in found.iter().skip(UNFOLDED) { (draw(finding)) }
                    }
                }
                (roots(cause))
            }
        }
    }
}

fn roots(cause: &CauseReport) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Modules with this cause" {
            table {
                caption { "Where it is found" }
                thead { tr { th scope="col" { "Module" } th scope="col" { "Verdict" } th.n scope="col" { "Errors" } th.n scope="col" { "Blocks" } th scope="col" { "Waiting for it" } } }
                tbody { @for root in &cause.roots { (row(root)) } }
            }
        }
        @if cause.root_modules > cause.roots.len() as u64 {
            p.more { "… and " (grouped(cause.root_modules - cause.roots.len() as u64)) " more modules." }
        }
    }
}

fn row(root: &RootReport) -> Markup {
    let waiting: Vec<_> = root.waiting.iter().map(ToString::to_string).collect();
    let unnamed = root.blocks.saturating_sub(1 + root.waiting.len() as u64);
    html! {
        tr {
            th scope="row" { (root.module) }
            td { span.chip.(class(root.verdict)) { (word(root.verdict)) } }
            td.n { (grouped(root.errors)) }
            td.n { (grouped(root.blocks)) }
            td { (waiting.join(", ")) @if unnamed > 0 { " and " (grouped(unnamed)) " more" } }
        }
    }
}

//! The modules by verdict, one table each, folded where nothing is to be done.

use maud::{Markup, html};
use prefab_model::{Bytes, Fuel, ModuleState, SkipReason};
use prefab_prepare::{Difference, ModuleDiff, ModuleReport, Report, Verdict};

use super::{class, grouped};
use crate::report::comparison::{grown_bytes, meaning, percent, source_maps_only, word};
use crate::report::{causes, escape};

/// So many modules of a verdict are listed.
const LISTED: usize = 3000;

pub(super) fn section(report: &Report, differences: &[ModuleDiff]) -> Markup {
    html! {
        section aria-labelledby="modules" {
            h2 #modules { "Modules" }
            p.lead { (grouped(report.verdicts.modules)) " modules, by verdict." }
            @for verdict in Verdict::ALL {
                @let count = report.verdicts.of(verdict);
                @if count > 0 { (group(report, verdict, count, differences)) }
            }
        }
    }
}

fn group(report: &Report, verdict: Verdict, count: u64, differences: &[ModuleDiff]) -> Markup {
    let modules = report.modules.iter().filter(|module| module.verdict == verdict);
    html! {
        details.group.(class(verdict)) open[verdict.is_worse()] {
            summary {
                span.swatch aria-hidden="true" {}
                h3 { (word(verdict)) }
                span.count { (grouped(count)) }
                @let only = source_maps_only(report).filter(|_| verdict == Verdict::Changed);
                span.meaning { (meaning(verdict)) @if let Some(only) = only { "; " (only) } }
            }
            // The anchor is within: a browser unfolds what holds it.
            div.body id={ "modules-" (class(verdict)) } {
                div.scroll tabindex="0" role="region" aria-label={ "Modules: " (word(verdict)) } {
                    table {
                        caption.visually-hidden { "Modules: " (word(verdict)) }
                        thead { tr { th scope="col" { "Module" } (heading(verdict)) } }
                        tbody {
                            @for module in modules.take(LISTED) {
                                tr { th scope="row" { (name(module, differences)) } (cells(module)) }
                            }
                        }
                    }
                }
                @if count > LISTED as u64 {
                    p.more { "… and " (grouped(count - LISTED as u64)) " more: " code { "--format json" } " has them all." }
                }
            }
        }
    }
}

fn name(module: &ModuleReport, differences: &[ModuleDiff]) -> Markup {
    let shown = differences.iter().position(|diff| diff.module == module.module);
    html! {
        @match shown {
            Some(number) => a href={ "#diff-" (number) } { (module.module) },
            None => (module.module),
        }
    }
}

fn heading(verdict: Verdict) -> Markup {
    let headings: &[(&str, bool)] = match verdict {
        Verdict::Changed => &[
            ("Size before", true),
            ("After", true),
            ("Change", true),
            ("", true),
            ("Fuel", true),
            ("", true),
            ("Differs", false),
        ],
        Verdict::Unchanged => &[("Fuel", true), ("", true)],
        _ => &[("Reason", false)],
    };
    html! {
        @for (heading, number) in headings {
            @if heading.is_empty() { td {} } @else { th.n[*number] scope="col" { (heading) } }
        }
    }
}

fn cells(module: &ModuleReport) -> Markup {
    let fuel = html! {
        @match module.fuel {
            Some(fuel) => { td.n { (Fuel(fuel.new)) } td.n { (change(fuel)) } },
            None => { td.n { "–" } td {} },
        }
    };
    html! {
        @match (module.verdict, module.size) {
            (Verdict::Changed, Some(size)) => {
                td.n { (Bytes(size.base)) } td.n { (Bytes(size.new)) } td.n { (grown_bytes(size)) } td.n { (change(size)) }
                (fuel)
                td.soft { @if module.source_maps_only { "source maps only" } @else { "artifacts" } }
            }
            (Verdict::Unchanged, _) => (fuel),
            _ => td { (reason(module)) },
        }
    }
}

/// A change in per cent, marked by which way it goes.
pub(super) fn change(difference: Difference) -> Markup {
    let growth = difference.growth();
    html! { span.more[growth > 0].less[growth < 0].same[growth == 0] { (percent(difference)) } }
}

fn reason(module: &ModuleReport) -> Markup {
    if let Some(why) = &module.why {
        return html! { (escape::line(why)) };
    }
    match &module.now {
        Some(ModuleState::Prepared) => html! { "prepared" },
        Some(ModuleState::Skipped(SkipReason { root })) => html! { "waits for " b { (root) } },
        _ => errors(module),
    }
}

fn errors(module: &ModuleReport) -> Markup {
    html! {
        @for (number, count) in module.errors.iter().enumerate() {
            @if number > 0 { ", " }
            code { (causes::title(&count.cause)) }
            @if count.errors > 1 { " × " (grouped(count.errors)) }
        }
        @if module.errors.is_empty() { "failed" }
    }
}

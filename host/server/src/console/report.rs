//! What a release breaks, mends and changes: two preparations, or a preparation and a rehearsal, side by side.

use std::collections::HashMap;

use axum::extract::{Extension, Query, State};
use axum::response::Response;
use maud::{Markup, html};
use prefab_model::{Bytes, Fuel, ModuleName};
use prefab_prepare::{
    CauseReport, Change, Difference, Finding, ModuleReport, Report, Side, Verdict, compare,
};

use super::compared::{Compared, Wanted, nothing};
use super::finding;
use super::heavy::Heavy;
use super::links::Links;
use super::page::{Page, Part};
use super::session::Visitor;
use super::words::{self, grouped, growth, modules, web_address, when};
use crate::access::{Place, Read};
use crate::problem::Problem;
use crate::server::App;

/// So many causes are shown, so many findings and modules of each, and so many modules of each verdict.
const CAUSES: usize = 30;
const FINDINGS: usize = 5;
const ROOTS: usize = 20;
const LISTED: usize = 100;
/// The least width of a verdict in the bar, in thousandths: one of 100,000 modules is to be seen too.
const LEAST: f64 = 6.0;

pub(super) async fn show(
    State(app): State<App>,
    Extension(heavy): Extension<Heavy>,
    at: Place<Read>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let room = heavy.room(&at.tenant).await?;
    app.blocking(move |server| {
        let _room = room;
        let env = at.open(server)?;
        let links = Links::of(&at);
        let compared = Compared::of(&env, &wanted)?;
        let report = compared.sides.map(|(base, new)| compare(&env, base, new, &mut |_| {})).transpose()?;
        let body = html! {
            div.title { h1 { "Comparison" } p.lead { "What a release breaks, mends and changes, module by module." } }
            (compared.choice(&links, "/report"))
            @match &report {
                None => (nothing()),
                Some(report) => (shown(report, &links)),
            }
        };
        Ok(Page {
            title: format!("Comparison · {}", at.environment),
            visitor: &visitor,
            tenant: Some(at.tenant.as_str()),
            within: Some((&links, Some(Part::Report))),
            module: None,
            watched: None,
        }
        .show(&body))
    })
    .await
}

fn shown(report: &Report, links: &Links) -> Markup {
    let worse = report.verdicts.worse();
    html! {
        div.banner.bad[worse > 0].good[worse == 0] {
            h2.headline {
                span.soft { (report.base.platform) } " → " (report.new.platform) ": "
                @if worse == 0 { "nothing breaks" } @else { (modules(worse)) " got worse" }
            }
            div.columns { (side("Before", &report.base)) (side("After", &report.new)) }
        }
        section aria-labelledby="verdicts" {
            h2 #verdicts { "Verdicts" }
            (bar(report))
            ul.verdicts { @for verdict in Verdict::ALL { (legend(report, verdict)) } }
        }
        (breaks(report, links))
        (figures(report, links))
        (tables(report, links))
    }
}

fn side(label: &str, side: &Side) -> Markup {
    html! {
        div {
            h3 { (label) ": " (side.platform) }
            p.soft { (words::preparation(side.kind)) " " (side.preparation) ", begun " (when(side.started_at)) }
            p.soft {
                (grouped(side.counts.prepared)) " prepared, " (grouped(side.counts.failed)) " failed, " (grouped(side.counts.skipped)) " skipped"
                @if let Some(notes) = web_address(side.notes.as_deref()) { " · " a href=(notes) rel="noreferrer noopener" { "Release notes" } }
            }
        }
    }
}

fn legend(report: &Report, verdict: Verdict) -> Markup {
    let count = report.verdicts.of(verdict);
    let (word, class, meaning) = words::verdict(verdict);
    let linked = count > 0 && verdict != Verdict::Unchanged;
    let inner = html! {
        span.swatch aria-hidden="true" {}
        b { (grouped(count)) } " " span.word { (word) }
        span.meaning { (meaning) }
    };
    html! {
        li.(class) .none[count == 0] {
            @if linked { a href={ "#of-" (class) } { (inner) } } @else { span { (inner) } }
        }
    }
}

/// The verdicts as parts of one bar.
fn bar(report: &Report) -> Markup {
    let parts: Vec<_> = Verdict::ALL
        .into_iter()
        .map(|verdict| (words::verdict(verdict), report.verdicts.of(verdict)))
        .filter(|(_, count)| *count > 0)
        .collect();
    let all = report.verdicts.modules.max(1) as f64;
    let widths: Vec<f64> = parts.iter().map(|(_, count)| (*count as f64 * 1000.0 / all).max(LEAST)).collect();
    let scale = 1000.0 / widths.iter().sum::<f64>().max(1.0);
    let starts = widths.iter().scan(0.0, |from, width| Some(std::mem::replace(from, *from + width)));
    let told: Vec<String> =
        parts.iter().map(|((word, ..), count)| format!("{} {word}", grouped(*count))).collect();
    html! {
        svg.bar viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label=(told.join(", ")) {
            @for (((_, class, _), _), (start, width)) in parts.iter().zip(starts.zip(&widths)) {
                rect.(class) x=(format!("{:.2}", start * scale)) y="0" width=(format!("{:.2}", width * scale)) height="10" {}
            }
        }
    }
}

fn breaks(report: &Report, links: &Links) -> Markup {
    let by_name: HashMap<&ModuleName, &ModuleReport> =
        report.modules.iter().map(|module| (&module.module, module)).collect();
    html! {
        @if !report.causes.is_empty() {
            section aria-labelledby="breaks" {
                h2 #breaks { "What keeps modules from being prepared" }
                p.lead { "Worst first: by how many modules were prepared before and are not any more." }
                @for (number, cause) in report.causes.iter().take(CAUSES).enumerate() {
                    details.cause open[number < 3] {
                        summary {
                            h3 { (words::cause(&cause.cause)) }
                            span.soft { "blocks " (modules(cause.blocks)) }
                            @if cause.regressed > 0 { span.tag.bad { (grouped(cause.regressed)) " newly" } } @else { span.tag { "as before" } }
                        }
                        (one(cause, &by_name, links))
                    }
                }
                @if report.causes.len() > CAUSES { p.more { "… and " (report.causes.len() - CAUSES) " more causes." } }
            }
        }
    }
}

fn one(cause: &CauseReport, by_name: &HashMap<&ModuleName, &ModuleReport>, links: &Links) -> Markup {
    let found: Vec<_> = cause
        .roots
        .iter()
        .filter_map(|root| by_name.get(&root.module))
        .flat_map(|module| module.findings.iter().map(move |finding| (module, finding)))
        .filter(|(_, finding)| finding.cause == cause.cause && finding.change != Change::Disappeared)
        .take(FINDINGS)
        .collect();
    html! {
        div.body {
            @for (number, (module, finding)) in found.iter().enumerate() {
                @if number == 0 || found[number - 1].0.module != module.module {
                    p.place { "In " a href=(links.module(&module.module)) { (module.module) } }
                }
                (drawn(finding))
            }
            ul.roots {
                @for root in cause.roots.iter().take(ROOTS) {
                    li {
                        a href=(links.module(&root.module)) { (root.module) }
                        span.soft {
                            " " (words::verdict(root.verdict).0)
                            @if root.blocks > 1 { ", " (grouped(root.blocks - 1)) " waiting for it" }
                        }
                    }
                }
            }
            @let more = cause.root_modules.saturating_sub(ROOTS as u64);
            @if more > 0 { p.more { "… and " (grouped(more)) " more." } }
        }
    }
}

fn drawn(found: &Finding) -> Markup {
    html! {
        @match (&found.diagnostic, &found.reason) {
            (Some(diagnostic), _) => (finding::draw(diagnostic)),
            (None, Some(reason)) => (finding::log(reason, "the host")),
            (None, None) => p { (words::cause(&found.cause)) },
        }
    }
}

fn figures(report: &Report, links: &Links) -> Markup {
    let (base, new) = (report.base.preparation, report.new.preparation);
    let figure = |title: &str, total: Difference, show: &dyn Fn(u64) -> String| {
        html! {
            div {
                dt { (title) }
                dd { (show(total.base)) " → " (show(total.new)) " " span.soft { (growth(total.base, total.new)) } }
            }
        }
    };
    html! {
        section aria-labelledby="figures" {
            h2 #figures { "Size and fuel" }
            dl.cost {
                @if report.verdicts.changed > 0 { (figure("Artifacts that changed", report.size, &|bytes| Bytes(bytes).to_string())) }
                (figure("Fuel of what is prepared in both", report.fuel, &|fuel| Fuel(fuel).to_string()))
            }
            p.more { a href={ (links.to("/fuel?base=")) (base) "&new=" (new) } { "Fuel by module" } }
        }
    }
}

/// The modules of each verdict but those that are as they were.
fn tables(report: &Report, links: &Links) -> Markup {
    html! {
        @if report.verdicts.modules > report.verdicts.unchanged { h2.part { "Modules by verdict" } }
        @for verdict in Verdict::ALL {
            @let count = report.verdicts.of(verdict);
            @if count > 0 && verdict != Verdict::Unchanged {
                @let (word, class, meaning) = words::verdict(verdict);
                details.verdict id={ "of-" (class) } open[verdict.is_worse()] {
                    summary { h3 { (grouped(count)) " " (word) } span.soft { (meaning) } }
                    ul.columns.plain {
                        @for module in report.modules.iter().filter(|module| module.verdict == verdict).take(LISTED) {
                            li {
                                a href=(links.module(&module.module)) { (module.module) }
                                @if let Some(size) = module.size { span.soft { " " (growth(size.base, size.new)) } }
                                @if let Some(why) = &module.why { span.soft { " " (prefab_model::escape::line(why)) } }
                            }
                        }
                    }
                    @if count > LISTED as u64 { p.more { "… and " (grouped(count - LISTED as u64)) " more." } }
                }
            }
        }
    }
}

//! What modules cost under one release and under another: a chart, and the same as a table.

use axum::extract::{Extension, Query, State};
use axum::response::Response;
use maud::{Markup, html};
use prefab_model::{Fuel, ModuleName};
use prefab_prepare::{Difference, FuelReport, compare_fuel};

use super::chart;
use super::compared::{Compared, Wanted, nothing};
use super::heavy::Heavy;
use super::links::Links;
use super::page::{Page, Part};
use super::session::Visitor;
use super::words::{growth, modules};
use crate::access::{Place, Read};
use crate::problem::Problem;
use crate::server::App;

/// So many modules are drawn.
const DRAWN: usize = 15;

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
        let report = compared.sides.map(|(base, new)| compare_fuel(&env, base, new, DRAWN)).transpose()?;
        let body = html! {
            div.title { h1 { "Fuel" } p.lead { "What compiling costs, in units that are the same on every machine." } }
            (compared.choice(&links, "/fuel"))
            @match &report {
                None => (nothing()),
                Some(report) if report.modules == 0 => p.empty { "No module is prepared in both with its fuel known." },
                Some(report) => (shown(report, &links)),
            }
        };
        Ok(Page {
            title: format!("Fuel · {}", at.environment),
            visitor: &visitor,
            tenant: Some(at.tenant.as_str()),
            within: Some((&links, Some(Part::Fuel))),
            module: None,
            watched: None,
        }
        .show(&body))
    })
    .await
}

fn shown(report: &FuelReport, links: &Links) -> Markup {
    let (base, new) = (report.base.platform.to_string(), report.new.platform.to_string());
    let total = report.total;
    html! {
        section aria-labelledby="total" {
            h2 #total .visually-hidden { "Altogether" }
            p.total {
                b { (Fuel(total.base)) } " → " b { (Fuel(total.new)) } " " span.soft { (growth(total.base, total.new)) ", for " (modules(report.modules)) " prepared in both" }
            }
        }
        (part("changed", "Where it changed most", &report.changed, (&base, &new), links))
        (part("costliest", "What costs most", &report.costliest, (&base, &new), links))
    }
}

fn part(
    id: &str,
    title: &str,
    of: &[(ModuleName, Difference)],
    sides: (&str, &str),
    links: &Links,
) -> Markup {
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (title) }
            @if of.is_empty() { p.empty { "It is the same for every module." } } @else {
                (chart::draw(of, sides, links))
                details {
                    summary { "The same as a table" }
                    div.scroll tabindex="0" role="group" aria-label={ (title) ", as a table" } {
                        table {
                            caption.visually-hidden { (title) }
                            thead { tr { th scope="col" { "Module" } th.n scope="col" { (sides.0) } th.n scope="col" { (sides.1) } th.n scope="col" { "Growth" } } }
                            tbody {
                                @for (module, fuel) in of {
                                    tr {
                                        th scope="row" { a href=(links.module(module)) { (module) } }
                                        td.n { (Fuel(fuel.base)) } td.n { (Fuel(fuel.new)) } td.n { (growth(fuel.base, fuel.new)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

//! What was done in an environment: its preparations and rehearsals, and everything else.

use axum::extract::{Query, State};
use axum::response::Response;
use maud::{Markup, html};
use prefab_model::{PreparationId, PreparationState, escape};
use prefab_prepare::{
    HistoryEntry, PreparationSummary, history as history_of, preparations as preparations_of,
};
use serde::Deserialize;
use serde_json::Value;

use super::links::{Links, encode};
use super::page::{Page, Part};
use super::session::Visitor;
use super::words::{grouped, modules, preparation, progress, time, when};
use crate::access::{Place, Read};
use crate::problem::Problem;
use crate::server::App;

/// So many preparations are on a page, and so many entries.
const PREPARATIONS: u32 = 30;
const ENTRIES: u32 = 500;

#[derive(Deserialize)]
pub(super) struct Before {
    before: Option<i64>,
}

pub(super) async fn show(
    State(app): State<App>,
    at: Place<Read>,
    visitor: Visitor,
    Query(Before { before }): Query<Before>,
) -> Result<Response, Problem> {
    app.blocking(move |server| {
        let env = at.open(server)?;
        let links = Links::of(&at);
        let mut runs = preparations_of(&env, before.map(PreparationId), PREPARATIONS + 1)?;
        let more = runs.len() > PREPARATIONS as usize;
        runs.truncate(PREPARATIONS as usize);
        let entries = if before.is_none() { history_of(&env, ENTRIES)? } else { Vec::new() };
        let body = html! {
            div.title { h1 { "History" } }
            div #runs data-live { (preparations(&runs, before.is_some(), more, &links)) }
            @if before.is_none() { div #entries data-live { (done(&entries, &links)) } }
        };
        Ok(Page {
            title: format!("History · {}", at.environment),
            visitor: &visitor,
            tenant: Some(at.tenant.as_str()),
            within: Some((&links, Some(Part::History))),
            module: None,
            watched: Some(false),
        }
        .show(&body))
    })
    .await
}

fn preparations(runs: &[PreparationSummary], later: bool, more: bool, links: &Links) -> Markup {
    html! {
        section aria-labelledby="preparations" {
            h2 #preparations { "Preparations and rehearsals" }
            @if runs.is_empty() { p.empty { "There was none yet." } } @else {
                div.scroll tabindex="0" role="group" aria-labelledby="preparations" {
                    table {
                        caption.visually-hidden { "Preparations and rehearsals, the latest first" }
                        thead {
                            tr {
                                th scope="col" { "Number" } th scope="col" { "For" } th scope="col" { "State" }
                                th.n scope="col" { "Prepared" } th.n scope="col" { "Failed" } th.n scope="col" { "Skipped" }
                                th scope="col" { "Began" } th.n scope="col" { "Took" } th.wide scope="col" { "By" }
                            }
                        }
                        tbody { @for run in runs { (row(run, links)) } }
                    }
                }
                @let last = runs.last().filter(|_| more);
                @if later || last.is_some() {
                    nav.pages aria-label="Pages of preparations" {
                        @if later { a href=(links.to("/history")) rel="first" { "← The latest" } }
                        @if let Some(last) = last { a.next href={ (links.to("/history?before=")) (last.preparation) } rel="next" { "Earlier →" } }
                    }
                }
            }
        }
    }
}

fn row(run: &PreparationSummary, links: &Links) -> Markup {
    let (word, class) = progress(run.state);
    let took = run.finished_at.and_then(|end| (end - run.started_at).try_into().ok()).map(time);
    html! {
        tr {
            th scope="row" { a href={ (links.to("/report?new=")) (run.preparation) } { (preparation(run.kind)) " " (run.preparation) } }
            td { (run.platform) }
            td { span.chip.(class) { (word) @if run.state != PreparationState::Done { " " (run.percent) "%" } } }
            td.n { (grouped(run.counts.prepared)) }
            td.n { (grouped(run.counts.failed)) }
            td.n { (grouped(run.counts.skipped)) }
            td { (when(run.started_at)) }
            td.n { @match took { Some(took) => (took), None => "–" } }
            td.wide { (escape::line(&run.who)) }
        }
    }
}

fn done(entries: &[HistoryEntry], links: &Links) -> Markup {
    html! {
        section aria-labelledby="done" {
            h2 #done { "What was done" }
            ol.history {
                @for alike in entries.chunk_by(is_alike) {
                    @if let [entry] = alike {
                        li { (when(entry.at)) span.what { (what(entry, links)) } span.soft { (escape::line(&entry.who)) } }
                    } @else {
                        li { (when(alike[0].at)) div.what { (together(alike, links)) } span.soft { (escape::line(&alike[0].who)) } }
                    }
                }
            }
            @if entries.len() == ENTRIES as usize { p.more { "These are the latest " (ENTRIES) ": the API has more." } }
        }
    }
}

/// Whether two entries are told together: a module each of one command.
fn is_alike(a: &HistoryEntry, b: &HistoryEntry) -> bool {
    let of = |entry: &HistoryEntry| entry.detail["platform"].clone();
    let about_modules = matches!(a.what.as_str(), "published" | "rolled-back" | "added" | "removed");
    about_modules && (&a.what, &a.who) == (&b.what, &b.who) && of(a) == of(b)
}

/// Entries that are alike.
fn together(alike: &[HistoryEntry], links: &Links) -> Markup {
    let all = modules(alike.len() as u64);
    let platform = escape::line(alike[0].detail["platform"].as_str().unwrap_or_default());
    html! {
        details id={ "entry-" (alike[0].at.unix_timestamp_nanos()) } {
            summary {
                @match alike[0].what.as_str() {
                    "published" => { "Published " (all) " for " (platform) },
                    "rolled-back" => { "Rolled " (all) " back" },
                    "removed" => { "Removed " (all) },
                    _ => { "Took in " (all) },
                }
            }
            ul.plain { @for entry in alike { li { (what(entry, links)) } } }
        }
    }
}

/// An entry in a sentence.
fn what(entry: &HistoryEntry, links: &Links) -> Markup {
    let text = |name: &str| escape::line(entry.detail[name].as_str().unwrap_or_default());
    let number = |value: &Value| grouped(value.as_u64().unwrap_or_default());
    let module = || {
        let name = text("module");
        html! { a href={ (links.to("/modules/")) (encode(&name)) } { (name) } }
    };
    let counted = |word: &str| {
        let counts = &entry.detail["counts"];
        html! {
            (word) " " (modules(counts["modules"].as_u64().unwrap_or_default())) " for " (text("platform")) ": "
            (number(&counts["prepared"])) " prepared, " (number(&counts["failed"])) " failed, " (number(&counts["skipped"])) " skipped"
        }
    };
    match entry.what.as_str() {
        "initialised" => html! { "Made the environment" },
        "added" => html! { "Took in " (module()) },
        "removed" => html! { "Removed " (text("module")) },
        "imported" => html! { "Imported " (modules(entry.detail["modules"].as_u64().unwrap_or_default())) },
        "installed" => html! { "Installed the release " (text("version")) },
        "upgraded" => html! {
            "Upgraded"
            @if entry.detail["from"].is_string() { " from " (text("from")) }
            " to " (text("to"))
        },
        "undone" => html! { "Went back from " (text("from")) " to " (text("to")) },
        "prepared" => counted("Prepared"),
        "rehearsed" => counted("Rehearsed"),
        "published" => html! { "Published " (module()) " for " (text("platform")) },
        "rolled-back" => html! { "Rolled " (module()) " back to " (text("to")) },
        "configured" => html! { "Set " code { (text("key")) } " to " code { (text("value")) } },
        other => html! { (escape::line(other)) },
    }
}

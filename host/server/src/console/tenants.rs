//! The tenants, and the environments of each.

use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};
use prefab_model::Counts;
use prefab_prepare::{EnvironmentState, status as status_of};
use serde::Deserialize;

use super::page::Page;
use super::session::Visitor;
use super::words;
use crate::access::{Read, Tenancy};
use crate::api;
use crate::names::{EnvironmentName, TenantName};
use crate::problem::Problem;
use crate::server::{App, Server};

/// So many are on a page.
const PAGE: u32 = 100;

#[derive(Deserialize)]
pub(super) struct After {
    #[serde(default)]
    after: String,
}

/// All tenants, for whoever may see them; others are led to theirs.
pub(super) async fn all(
    State(app): State<App>,
    visitor: Visitor,
    Query(After { after }): Query<After>,
) -> Result<Response, Problem> {
    if let Some(tenant) = &visitor.caller.token().tenant {
        return Ok(Redirect::to(&format!("/console/tenants/{tenant}")).into_response());
    }
    app.blocking(move |server| {
        let mut tenants = server.data().db().tenants(&after, PAGE + 1)?;
        let more = tenants.len() > PAGE as usize;
        tenants.truncate(PAGE as usize);
        let last = tenants.last().filter(|_| more).map(|tenant| tenant.name.to_string());
        let body = html! {
            div.title { h1 { "Tenants" } }
            @if tenants.is_empty() {
                p.empty { "There are no tenants" @if !after.is_empty() { " behind this" } @else { " yet: " code { "POST /api/v1/tenants" } " makes one" } "." }
            } @else {
                ul.cards {
                    @for tenant in &tenants {
                        li {
                            a href={ "/console/tenants/" (tenant.name) } {
                                strong { (tenant.name) }
                                @if !tenant.label.is_empty() { span.soft { (prefab_model::escape::line(&tenant.label)) } }
                            }
                        }
                    }
                }
                (pages(&after, last.as_deref()))
            }
        };
        Ok(page("Tenants", &visitor, None, &body))
    })
    .await
}

/// How an environment is, in a line.
struct Line {
    name: EnvironmentName,
    /// None if it cannot be opened.
    known: Option<(EnvironmentState, Counts, u64, String)>,
}

/// A tenant's environments.
pub(super) async fn one(
    State(app): State<App>,
    at: Tenancy<Read>,
    visitor: Visitor,
    Query(After { after }): Query<After>,
) -> Result<Response, Problem> {
    app.blocking(move |server| {
        let mut names = api::environment_names(server, &at.tenant);
        names.retain(|name| name.as_str() > after.as_str());
        let more = names.len() > PAGE as usize;
        names.truncate(PAGE as usize);
        let last = names.last().filter(|_| more).map(ToString::to_string);
        let lines: Vec<Line> = names.into_iter().map(|name| look(server, &at.tenant, name)).collect();
        let body = html! {
            div.title { p.eyebrow { "Environments of" } h1 { (at.tenant) } }
            @if lines.is_empty() {
                p.empty { "There are no environments here yet: " code { "POST /api/v1/tenants/" (at.tenant) "/environments" } " makes one." }
            } @else {
                ul.cards { @for line in &lines { li { (card(&at.tenant, line)) } } }
                (pages(&after, last.as_deref()))
            }
        };
        Ok(page(at.tenant.as_str(), &visitor, Some(at.tenant.as_str()), &body))
    })
    .await
}

fn look(server: &Server, tenant: &TenantName, name: EnvironmentName) -> Line {
    let status = server.environment(tenant, &name).and_then(|env| Ok(status_of(&env)?));
    let known = status.ok().map(|status| {
        let platform = status.platform.map(|version| version.to_string()).unwrap_or_default();
        (status.state, status.counts, status.environment_modules, platform)
    });
    Line { name, known }
}

fn card(tenant: &TenantName, line: &Line) -> Markup {
    html! {
        a href={ "/console/tenants/" (tenant) "/environments/" (line.name) } {
            strong { (line.name) }
            @match &line.known {
                None => span.chip.failed { "It cannot be opened: the server's log says why" },
                Some((state, counts, modules, platform)) => {
                    @let (word, class) = words::environment(*state);
                    @let errors = counts.failed + counts.skipped;
                    span.chip.(class) {
                        (word)
                        @if *state == EnvironmentState::Preparing { " " (counts.percent()) "%" }
                        @if *state == EnvironmentState::Errors { " in " (words::grouped(errors)) }
                    }
                    span.soft {
                        @if !platform.is_empty() { (platform) " · " }
                        (words::modules(*modules))
                    }
                }
            }
        }
    }
}

fn pages(after: &str, last: Option<&str>) -> Markup {
    html! {
        @if !after.is_empty() || last.is_some() {
            nav.pages aria-label="Pages" {
                @if !after.is_empty() { a href="?" rel="first" { "← The first" } }
                @if let Some(last) = last { a.next href={ "?after=" (last) } rel="next" { "More →" } }
            }
        }
    }
}

fn page(title: &str, visitor: &Visitor, tenant: Option<&str>, body: &Markup) -> Response {
    Page { title: title.to_owned(), visitor, tenant, within: None, module: None, watched: None }.show(body)
}

//! The page of an environment: how it is, what can be done, and its modules.

use axum::extract::{Query, State};
use axum::response::Response;
use maud::html;
use prefab_prepare::{EnvironmentState, browse_modules, status as status_of};

use super::links::Links;
use super::listing::{self, PAGE, Which};
use super::page::{Page, Part};
use super::session::Visitor;
use super::{banner, buttons, words};
use crate::access::{Place, Read};
use crate::api;
use crate::problem::Problem;
use crate::server::App;

pub(super) async fn show(
    State(app): State<App>,
    at: Place<Read>,
    visitor: Visitor,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    app.blocking(move |server| {
        let env = at.open(server)?;
        let links = Links::of(&at);
        let status = status_of(&env)?;
        let compiling = server.live().feed(&at.tenant, &at.environment).compiling();
        let releases = api::release_versions(server, &at.tenant);
        let page = browse_modules(&env, &which.query()?, PAGE)?;
        let (word, class) = words::environment(status.state);
        let body = html! {
            div.title {
                h1 { (at.environment) }
                p {
                    span.chip.(class) #state-chip data-live { (word) }
                    " "
                    span #platform data-live {
                        @match &status.platform {
                            Some(version) => {
                                "Platform version " (version)
                                @if let Some(notes) = words::web_address(status.notes.as_deref()) {
                                    " · " a href=(notes) rel="noreferrer noopener" { "Release notes" }
                                }
                            },
                            None => "No platform version yet",
                        }
                        " · " (words::modules(status.environment_modules)) ", " (words::grouped(status.published)) " published"
                    }
                }
            }
            div #live data-live { (banner::show(&status, &compiling, &links)) }
            div #can data-live { (buttons::panel(&status, &visitor.caller, &releases, &links)) }
            (listing::section(&page, &which, status.environment_modules, &status.counts, &links))
        };
        let happens = matches!(status.state, EnvironmentState::Preparing | EnvironmentState::Paused)
            || status.rehearsal.is_some();
        Ok(Page {
            title: format!("{} · {}", at.environment, at.tenant),
            visitor: &visitor,
            tenant: Some(at.tenant.as_str()),
            within: Some((&links, Some(Part::Overview))),
            module: None,
            watched: Some(happens),
        }
        .show(&body))
    })
    .await
}

//! An artifact as text, and as a download. What it says is up to whoever wrote the module: it is never shown as what it claims to be.

use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::response::Response;
use maud::html;
use prefab_model::{Bytes, ModuleName, ModulePath, escape};
use prefab_prepare::read_artifact;
use serde::Deserialize;

use super::api::Api;
use super::finding::cut;
use super::links::Links;
use super::page::Page;
use super::session::Visitor;
use crate::access::{Place, Read};
use crate::input::Named;
use crate::problem::Problem;
use crate::server::App;

/// So much of an artifact is shown, in bytes.
const SHOWN: usize = 256 << 10;

#[derive(Deserialize)]
pub(super) struct Which {
    module: ModuleName,
    path: ModulePath,
}

pub(super) async fn view(
    State(app): State<App>,
    at: Place<Read>,
    visitor: Visitor,
    Named(Which { module, path }): Named<Which>,
) -> Result<Response, Problem> {
    app.blocking(move |server| {
        let artifact = read_artifact(&at.open(server)?, &module, &path)?.ok_or_else(Problem::not_found)?;
        let links = Links::of(&at);
        let size = artifact.bytes.len() as u64;
        let text = String::from_utf8(artifact.bytes).ok();
        let name = escape::line(path.as_str());
        let body = html! {
            div.title {
                p.eyebrow { "Artifact of " a href=(links.module(&module)) { (module) } }
                h1.path { (name) }
                p.lead {
                    (Bytes(size)) ", " (escape::line(&artifact.media_type)) " · "
                    a href=(links.download(&module, path.as_str())) download { "Download" }
                }
            }
            @match &text {
                None => p.empty { "It is no text." },
                Some(text) => {
                    @let (shown, left) = cut(text, SHOWN);
                    pre.file tabindex="0" role="group" aria-label=(name) { (escape::source(shown)) }
                    @if left > 0 { p.more { "The rest of " (Bytes(left as u64)) " is in the download." } }
                }
            }
        };
        Ok(Page {
            title: format!("{name} · {module}"),
            visitor: &visitor,
            tenant: Some(at.tenant.as_str()),
            within: Some((&links, None)),
            module: Some(module.as_str()),
            watched: None,
        }
        .show(&body))
    })
    .await
}

/// The API's own answer, which no browser shows.
pub(super) async fn download(
    Extension(api): Extension<Api>,
    at: Place<Read>,
    visitor: Visitor,
    headers: HeaderMap,
    Named(Which { module, path }): Named<Which>,
) -> Result<Response, Problem> {
    api.get(&visitor.caller, &Links::of(&at).api_artifact(&module, path.as_str()), &headers).await
}

//! Which modules need which, drawn, and the same in words.

use axum::extract::{Extension, Query, State};
use axum::response::Response;
use maud::{Markup, html};
use prefab_model::{ModuleName, ModuleState};
use prefab_prepare::{Graph, graph as graph_of};
use serde::Deserialize;

use super::drawing;
use super::heavy::Heavy;
use super::links::Links;
use super::page::{Page, Part};
use super::session::Visitor;
use super::words::{chip, grouped, modules};
use crate::access::{Place, Read};
use crate::problem::Problem;
use crate::server::App;

/// So many modules are drawn at most: more cannot be read.
const DRAWN: usize = 80;

#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    around: String,
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(heavy): Extension<Heavy>,
    at: Place<Read>,
    visitor: Visitor,
    Query(Wanted { around }): Query<Wanted>,
) -> Result<Response, Problem> {
    let around: Option<ModuleName> =
        if around.trim().is_empty() { None } else { Some(around.trim().parse()?) };
    let room = heavy.room(&at.tenant).await?;
    app.blocking(move |server| {
        let _room = room;
        let env = at.open(server)?;
        let links = Links::of(&at);
        let graph = graph_of(&env, around.as_ref(), DRAWN)?;
        let body = html! {
            div.title {
                h1 { "Dependencies" }
                p.lead { "Each module stands to the right of those that it needs. Faint lines follow from the others." }
            }
            form.choice action=(links.to("/graph")) {
                label { "Round the module " input type="search" name="around" value=(around.as_ref().map_or("", ModuleName::as_str)) maxlength="214"; }
                button { "Show" }
            }
            @if graph.nodes.is_empty() { p.empty { "There are no modules in this environment yet." } } @else {
                p.more { (left_out(&graph, around.as_ref())) }
                (legend())
                div { (drawing::draw(&graph, around.as_ref(), &links)) }
                (in_words(&graph, &links))
            }
        };
        Ok(Page {
            title: format!("Dependencies · {}", at.environment),
            visitor: &visitor,
            tenant: Some(at.tenant.as_str()),
            within: Some((&links, Some(Part::Graph))),
            module: None,
            watched: None,
        }
        .show(&body))
    })
    .await
}

fn left_out(graph: &Graph, around: Option<&ModuleName>) -> String {
    let shown = graph.nodes.len() as u64;
    if shown == graph.modules {
        return format!("All {} are drawn.", modules(shown));
    }
    let failed = graph.nodes.iter().any(|node| node.state == ModuleState::Failed);
    let which = match around {
        Some(_) => "those nearest to it",
        None if failed => "those that fail, and those round them",
        None => "those that most others need",
    };
    format!("{} of {} modules are drawn: {which}.", grouped(shown), grouped(graph.modules))
}

fn legend() -> Markup {
    html! {
        ul.legend {
            @for (class, word) in [("prepared", "Prepared"), ("failed", "Failed"), ("skipped", "Skipped"), ("pending", "Waiting")] {
                li.(class) { span.swatch aria-hidden="true" {} (word) }
            }
        }
    }
}

/// The drawing as a table.
fn in_words(graph: &Graph, links: &Links) -> Markup {
    html! {
        details {
            summary { "The same as a table" }
            div.scroll tabindex="0" role="group" aria-label="Dependencies, as a table" {
                table {
                    caption.visually-hidden { "Modules with what they need" }
                    thead { tr { th scope="col" { "Module" } th scope="col" { "State" } th scope="col" { "Needs" } } }
                    tbody {
                        @for node in &graph.nodes {
                            tr {
                                th scope="row" { a href=(links.module(&node.module)) { (node.module) } }
                                td { (chip(&node.state)) }
                                td {
                                    @for (number, other) in node.needs.iter().enumerate() {
                                        @if number > 0 { ", " }
                                        (graph.nodes[*other].module)
                                    }
                                    @if node.needs_besides > 0 { @if !node.needs.is_empty() { " and " } (node.needs_besides) " not drawn" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

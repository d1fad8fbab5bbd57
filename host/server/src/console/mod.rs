//! The console: pages that an operator keeps open. Everything on them is made here and readable without JavaScript; the one script only
//! keeps what is shown up to date.
//!
//! Pages read by the same functions and the same arguments that the API's handlers have, so that whoever may not see something there
//! does not see it here. What a form asks for is asked of the API (`act.rs`), as the caller who is signed in: it does it, refuses it
//! and records it as always.

mod act;
mod api;
mod artifact;
mod assets;
mod banner;
mod buttons;
mod chart;
mod compared;
mod drawing;
mod environment;
mod finding;
mod fuel;
mod graph;
mod heavy;
mod history;
mod links;
mod listing;
mod module;
mod page;
mod report;
mod same_origin;
mod session;
mod sign_in;
mod tenants;
mod trouble;
mod watch;
mod words;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Redirect;
use axum::routing::{get, post};
use axum::{Extension, Router};

use crate::problem::Problem;
use crate::server::App;
use api::Api;
use heavy::Heavy;

/// Where the console begins.
const HOME: &str = "/console";
/// The most that a form may carry, in bytes.
const FORM: usize = 64 << 10;

/// All pages. `api` is the API as it answers whoever is known already.
pub(crate) fn router(app: &App, api: Router) -> Router<App> {
    let environment = Router::new()
        .route("/", get(environment::show))
        .route("/events", get(watch::follow))
        .route("/act", post(act::act))
        .route("/history", get(history::show))
        .route("/report", get(report::show))
        .route("/fuel", get(fuel::show))
        .route("/graph", get(graph::show))
        .route("/modules/{module}", get(module::show))
        .route("/modules/{module}/view/{*path}", get(artifact::view))
        .route("/modules/{module}/download/{*path}", get(artifact::download));
    let pages = Router::new()
        .route("/", get(tenants::all))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/tenants/{tenant}", get(tenants::one))
        .nest("/tenants/{tenant}/environments/{environment}", environment)
        .fallback(async || Problem::not_found())
        .layer(from_fn_with_state(Arc::clone(app), session::signed_in));
    let console = Router::new()
        .route("/sign-in", get(sign_in::form).post(sign_in::sign_in))
        .merge(pages)
        .layer(DefaultBodyLimit::max(FORM))
        .layer(Extension(Api::new(api)))
        .layer(Extension(Heavy::default()))
        .layer(from_fn(same_origin::only))
        .layer(from_fn(trouble::shown));
    Router::new()
        .route("/", get(async || Redirect::to(HOME)))
        .route("/console/style.css", get(assets::style))
        .route("/console/script.js", get(assets::script))
        .route("/console/icon.svg", get(assets::icon))
        .nest(HOME, console)
}

//! `/preparations`: starting them, following them, and telling them what to do.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use prefab_model::PreparationId;
use prefab_prepare::{Controlled, PreparationSummary, Request, control as tell, preparation, preparations};
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::access::{Operate, Place, Read};
use crate::input::{Body, Named, Parameters};
use crate::problem::Problem;
use crate::runs::{How, Order, Work};
use crate::server::App;

/// So many are listed at a time.
const PAGE: u32 = 100;

#[derive(Serialize)]
pub(super) struct Begun {
    preparation: PreparationId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    version: Version,
    #[serde(default)]
    how: How,
}

#[derive(Deserialize)]
pub(super) struct Which {
    preparation: PreparationId,
}

#[derive(Deserialize)]
pub(super) struct WhichRequest {
    preparation: PreparationId,
    request: Request,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Before {
    before: Option<i64>,
}

pub(super) async fn list(
    State(app): State<App>,
    at: Place<Read>,
    Parameters(Before { before }): Parameters<Before>,
) -> Result<Json<Vec<PreparationSummary>>, Problem> {
    app.blocking(move |server| Ok(Json(preparations(&at.open(server)?, before.map(PreparationId), PAGE)?)))
        .await
}

pub(super) async fn show(
    State(app): State<App>,
    at: Place<Read>,
    Named(which): Named<Which>,
) -> Result<Json<PreparationSummary>, Problem> {
    app.blocking(move |server| {
        preparation(&at.open(server)?, which.preparation)?.map(Json).ok_or_else(Problem::not_found)
    })
    .await
}

pub(super) async fn start(
    State(app): State<App>,
    at: Place<Operate>,
    Body(how): Body<How>,
) -> Result<(StatusCode, Json<Begun>), Problem> {
    begin(&app, at, Order { work: Work::Prepare, how }).await
}

pub(super) async fn upgrade(
    State(app): State<App>,
    at: Place<Operate>,
    Body(Target { version, how }): Body<Target>,
) -> Result<(StatusCode, Json<Begun>), Problem> {
    begin(&app, at, Order { work: Work::Upgrade { to: version }, how }).await
}

pub(super) async fn rehearse(
    State(app): State<App>,
    at: Place<Operate>,
    Body(Target { version, how }): Body<Target>,
) -> Result<(StatusCode, Json<Begun>), Problem> {
    begin(&app, at, Order { work: Work::Rehearse { with: version }, how }).await
}

async fn begin(app: &App, at: Place<Operate>, order: Order) -> Result<(StatusCode, Json<Begun>), Problem> {
    let who = at.caller.who();
    let preparation = app.runs().start(app, at.tenant, at.environment, who, order).await?;
    Ok((StatusCode::ACCEPTED, Json(Begun { preparation })))
}

/// `pause`, `resume` or `cancel`.
pub(super) async fn control(
    State(app): State<App>,
    at: Place<Operate>,
    Named(which): Named<WhichRequest>,
) -> Result<Json<Controlled>, Problem> {
    app.blocking(move |server| {
        let done = tell(&at.open(server)?, which.request, Some(which.preparation))?;
        if which.request != Request::Cancel {
            let paused = which.request == Request::Pause;
            server.data().db().set_run_paused(&at.tenant, &at.environment, done.rehearsal, paused)?;
        }
        Ok(Json(done))
    })
    .await
}

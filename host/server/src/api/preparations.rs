//! `/preparations`: starting them, following them, and telling them what to do.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use prefab_model::{ModuleName, PreparationId};
use prefab_prepare::{
    Controlled, PreparationSummary, Request, control as tell, limits_in, preparation, preparations,
    prioritise as take_first,
};
use semver::Version;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{Before, TAG_PREPARATIONS};
use crate::access::{Operate, Place, Read};
use crate::db::{RunKey, ScheduledRow};
use crate::document::words;
use crate::follow::Window;
use crate::input::{Body, Named, Parameters};
use crate::problem::Problem;
use crate::runs::{How, Order, Work, target};
use crate::server::App;

/// A preparation or rehearsal that has begun.
#[derive(Serialize, ToSchema)]
pub(super) struct Begun {
    #[schema(value_type = i64)]
    preparation: PreparationId,
}

/// Which platform version, and how.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    /// The platform version.
    #[schema(value_type = words::Version)]
    version: Version,
    #[serde(default)]
    how: How,
}

/// Which platform version, how, and when.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Upgrade)]
pub(super) struct Later {
    /// The platform version.
    #[schema(value_type = words::Version)]
    version: Version,
    #[serde(default)]
    how: How,
    /// Not before then.
    #[serde(default, with = "time::serde::rfc3339::option")]
    at: Option<OffsetDateTime>,
    /// Not before this opens, in UTC: `sat,sun 01:00-05:00`.
    #[serde(default)]
    #[schema(value_type = Option<words::Window>)]
    window: Option<Window>,
}

/// What became of it.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Upgrading {
    /// Its preparation has begun.
    Begun(Begun),
    /// It is to come.
    Later {
        /// When it begins, if nobody holds the environment then.
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
    },
}

#[derive(Deserialize)]
pub(super) struct Which {
    preparation: PreparationId,
}

/// Which modules go first.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct First {
    /// The modules, at most 1000 of them.
    #[schema(value_type = Vec<words::ModuleName>, min_items = 1, max_items = 1000)]
    modules: Vec<ModuleName>,
}

#[derive(Deserialize)]
pub(super) struct WhichRequest {
    preparation: PreparationId,
    request: Request,
}

/// List preparations and rehearsals, the latest first
#[utoipa::path(get, path = "/tenants/{tenant}/environments/{environment}/preparations", tag = TAG_PREPARATIONS, params(Before),
    security(("token" = ["read"])), responses((status = 200, description = "Preparations and rehearsals", body = Vec<Object>)))]
pub(super) async fn list(
    State(app): State<App>,
    at: Place<Read>,
    Parameters(Before { before, limit }): Parameters<Before>,
) -> Result<Json<Vec<PreparationSummary>>, Problem> {
    app.blocking(move |server| Ok(Json(preparations(&at.open(server)?, before.map(PreparationId), limit.0)?)))
        .await
}

/// Tell how far a preparation or rehearsal is
#[utoipa::path(get, path = "/tenants/{tenant}/environments/{environment}/preparations/{preparation}", tag = TAG_PREPARATIONS,
    security(("token" = ["read"])), responses((status = 200, description = "Its figures", body = Object)))]
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

/// Prepare modules with the environment's platform version
#[utoipa::path(post, path = "/tenants/{tenant}/environments/{environment}/preparations", tag = TAG_PREPARATIONS, request_body = How,
    security(("token" = ["operate"])), responses((status = 202, description = "It has begun", body = Begun)))]
pub(super) async fn start(
    State(app): State<App>,
    at: Place<Operate>,
    Body(how): Body<How>,
) -> Result<(StatusCode, Json<Begun>), Problem> {
    begin(&app, at, Order { work: Work::Prepare, how }).await
}

/// Go to a platform version, and prepare all modules with it, now or later
#[utoipa::path(post, path = "/tenants/{tenant}/environments/{environment}/upgrade", tag = TAG_PREPARATIONS, request_body = Later,
    security(("token" = ["operate"])), responses((status = 202, description = "Its preparation has begun, or is to come", body = Upgrading)))]
pub(super) async fn upgrade(
    State(app): State<App>,
    place: Place<Operate>,
    Body(Later { version, how, at, window }): Body<Later>,
) -> Result<(StatusCode, Json<Upgrading>), Problem> {
    if at.is_none() && window.is_none() {
        let order = Order { work: Work::Upgrade { to: version }, how };
        let (status, Json(begun)) = begin(&app, place, order).await?;
        return Ok((status, Json(Upgrading::Begun(begun))));
    }
    app.blocking(move |server| {
        let now = OffsetDateTime::now_utc();
        let not_before = at.unwrap_or(now).max(now);
        let at = window.map_or(not_before, |window| window.next_opening(not_before));
        let env = place.open(server)?;
        // What cannot be is told now rather than then.
        let target = target(server, &place.tenant, &version);
        limits_in(&env, Some(&target))?;
        server.check_limits(&place.tenant, &env, Some(&target))?;
        let (request, who) = (serde_json::to_string(&how)?, place.caller.who());
        let row = ScheduledRow { version, request, who, at };
        server.data().db().schedule(&place.tenant, &place.environment, &row)?;
        Ok((StatusCode::ACCEPTED, Json(Upgrading::Later { at })))
    })
    .await
}

/// Go back to the platform version before, while nothing is deployed as the new one compiled it
#[utoipa::path(post, path = "/tenants/{tenant}/environments/{environment}/upgrade/undo", tag = TAG_PREPARATIONS, request_body = How,
    security(("token" = ["operate"])), responses((status = 202, description = "Its preparation has begun", body = Begun)))]
pub(super) async fn undo(
    State(app): State<App>,
    at: Place<Operate>,
    Body(how): Body<How>,
) -> Result<(StatusCode, Json<Begun>), Problem> {
    begin(&app, at, Order { work: Work::Undo, how }).await
}

/// Prepare with another platform version, to see what would break
#[utoipa::path(post, path = "/tenants/{tenant}/environments/{environment}/rehearse", tag = TAG_PREPARATIONS, request_body = Target,
    security(("token" = ["operate"])), responses((status = 202, description = "It has begun", body = Begun)))]
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

/// Take these modules next, with all that they need, as far as they take part and are not begun
#[utoipa::path(post, path = "/tenants/{tenant}/environments/{environment}/preparations/{preparation}/prioritise", tag = TAG_PREPARATIONS, request_body = First,
    security(("token" = ["operate"])), responses((status = 200, description = "It was heard", body = Begun)))]
pub(super) async fn prioritise(
    State(app): State<App>,
    at: Place<Operate>,
    Named(which): Named<Which>,
    Body(First { modules }): Body<First>,
) -> Result<Json<Begun>, Problem> {
    if !(1..=1000).contains(&modules.len()) {
        return Err(Problem::invalid("name 1 to 1000 modules"));
    }
    app.blocking(move |server| {
        let preparation = take_first(&at.open(server)?, modules, Some(which.preparation))?;
        Ok(Json(Begun { preparation }))
    })
    .await
}

/// Let it wait, go on, or end: `pause`, `resume` or `cancel`
#[utoipa::path(post, path = "/tenants/{tenant}/environments/{environment}/preparations/{preparation}/{request}", tag = TAG_PREPARATIONS,
    security(("token" = ["operate"])), responses((status = 200, description = "It was heard", body = Object)))]
pub(super) async fn control(
    State(app): State<App>,
    at: Place<Operate>,
    Named(which): Named<WhichRequest>,
) -> Result<Json<Controlled>, Problem> {
    app.blocking(move |server| {
        let env = at.open(server)?;
        // Whoever pauses and whoever resumes at the same time: what is remembered is what the later one did.
        let turn = server.controls().of(&at.tenant, &at.environment);
        let _turn = (which.request != Request::Cancel).then(|| turn.lock());
        let done = tell(&env, which.request, Some(which.preparation))?;
        let (rehearsal, preparation) = (done.rehearsal, done.preparation);
        let run = RunKey { tenant: &at.tenant, environment: &at.environment, rehearsal, preparation };
        // Before anybody is told: it is so after a kill as well.
        match which.request {
            Request::Pause => server.data().db().set_run_paused(&run, true)?,
            Request::Resume => server.data().db().set_run_paused(&run, false)?,
            Request::Cancel => server.data().db().remove_run(&run)?,
        }
        Ok(Json(done))
    })
    .await
}

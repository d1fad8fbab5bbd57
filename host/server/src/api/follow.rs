//! `/follow` and an upgrade that is to come: what an environment does by itself.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::TAG_PREPARATIONS;
use crate::access::{Operate, Place};
use crate::document::words;
use crate::follow::{Follow, Window};
use crate::input::Body;
use crate::problem::Problem;
use crate::server::App;

/// What an environment follows.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Following {
    follow: Follow,
    /// When it may be upgraded, in UTC: `sat,sun 01:00-05:00`; at any time without it.
    #[serde(default)]
    #[schema(value_type = Option<words::Window>)]
    window: Option<Window>,
}

/// Let an environment follow releases: it is upgraded and prepared by itself
#[utoipa::path(put, path = "/tenants/{tenant}/environments/{environment}/follow", tag = TAG_PREPARATIONS, request_body = Following,
    security(("token" = ["operate"])), responses((status = 200, description = "What it follows", body = Following)))]
pub(super) async fn set(
    State(app): State<App>,
    at: Place<Operate>,
    Body(following): Body<Following>,
) -> Result<Json<Following>, Problem> {
    app.blocking(move |server| {
        at.open(server)?;
        let Following { follow, window } = &following;
        server.data().db().set_follows(&at.tenant, &at.environment, *follow, window.as_ref())?;
        server.followers().changed();
        Ok(Json(following))
    })
    .await
}

/// Call an upgrade off that is to come
#[utoipa::path(delete, path = "/tenants/{tenant}/environments/{environment}/upgrade", tag = TAG_PREPARATIONS,
    security(("token" = ["operate"])), responses((status = 204, description = "It is called off")))]
pub(super) async fn call_off(State(app): State<App>, at: Place<Operate>) -> Result<StatusCode, Problem> {
    app.blocking(move |server| {
        at.open(server)?;
        if server.data().db().unschedule(&at.tenant, &at.environment)? {
            return Ok(StatusCode::NO_CONTENT);
        }
        let detail = "no upgrade of this environment is to come that somebody has asked for";
        Err(Problem::new(StatusCode::CONFLICT, "nothing-scheduled", detail))
    })
    .await
}

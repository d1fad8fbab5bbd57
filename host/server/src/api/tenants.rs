//! `/tenants`: who owns environments.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use time::OffsetDateTime;

use crate::access::{Administer, Read, ServerWide, Tenancy};
use crate::db::Tenant;
use crate::input::Body;
use crate::names::TenantName;
use crate::problem::Problem;
use crate::server::App;

/// So many are listed at most.
const MOST: u32 = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    name: TenantName,
    #[serde(default)]
    label: String,
}

pub(super) async fn list(State(app): State<App>, _: ServerWide<Read>) -> Result<Json<Vec<Tenant>>, Problem> {
    app.blocking(|server| Ok(Json(server.data().db().tenants("", MOST)?))).await
}

pub(super) async fn add(
    State(app): State<App>,
    _: ServerWide<Administer>,
    Body(new): Body<New>,
) -> Result<(StatusCode, Json<Tenant>), Problem> {
    app.blocking(move |server| {
        let New { name, label } = new;
        let created_at = OffsetDateTime::now_utc();
        let tenant = Tenant { name, label, created_at, compilations: None, weight: 1 };
        if !server.data().db().add_tenant(&tenant)? {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "exists",
                "there is a tenant of this name already",
            ));
        }
        Ok((StatusCode::CREATED, Json(tenant)))
    })
    .await
}

pub(super) async fn show(State(app): State<App>, at: Tenancy<Read>) -> Result<Json<Tenant>, Problem> {
    app.blocking(move |server| {
        server.data().db().tenant(&at.tenant)?.map(Json).ok_or_else(Problem::not_found)
    })
    .await
}

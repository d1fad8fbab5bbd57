//! `/tenants`: who owns environments, and what was done in their name.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{Before, Page, TAG_TENANTS};
use crate::access::{Administer, Read, ServerWide, Tenancy};
use crate::db::{AuditEntry, Tenant};
use crate::input::{Body, Parameters};
use crate::names::TenantName;
use crate::problem::Problem;
use crate::server::App;

/// A tenant that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTenant)]
pub(super) struct New {
    name: TenantName,
    /// Its name for people.
    #[serde(default)]
    label: String,
}

/// List the tenants, by name
#[utoipa::path(get, path = "/tenants", tag = TAG_TENANTS, params(Page),
    security(("token" = ["read"])), responses((status = 200, description = "The tenants", body = Vec<Tenant>)))]
pub(super) async fn list(
    State(app): State<App>,
    _: ServerWide<Read>,
    Parameters(page): Parameters<Page>,
) -> Result<Json<Vec<Tenant>>, Problem> {
    app.blocking(move |server| {
        let after = page.after.as_deref().unwrap_or_default();
        Ok(Json(server.data().db().tenants(after, page.limit.0)?))
    })
    .await
}

/// Make a tenant
#[utoipa::path(post, path = "/tenants", tag = TAG_TENANTS, request_body = New,
    security(("token" = ["administer"])), responses((status = 201, description = "The tenant", body = Tenant)))]
pub(super) async fn add(
    State(app): State<App>,
    _: ServerWide<Administer>,
    Body(new): Body<New>,
) -> Result<(StatusCode, Json<Tenant>), Problem> {
    app.blocking(move |server| {
        let New { name, label } = new;
        let tenant = Tenant { name, label, created_at: OffsetDateTime::now_utc() };
        if !server.data().db().add_tenant(&tenant)? {
            let detail = "there is a tenant of this name already";
            return Err(Problem::new(StatusCode::CONFLICT, "exists", detail));
        }
        Ok((StatusCode::CREATED, Json(tenant)))
    })
    .await
}

/// Show a tenant
#[utoipa::path(get, path = "/tenants/{tenant}", tag = TAG_TENANTS,
    security(("token" = ["read"])), responses((status = 200, description = "The tenant", body = Tenant)))]
pub(super) async fn show(State(app): State<App>, at: Tenancy<Read>) -> Result<Json<Tenant>, Problem> {
    app.blocking(move |server| {
        server.data().db().tenant(&at.tenant)?.map(Json).ok_or_else(Problem::not_found)
    })
    .await
}

/// List what was changed, or was to be changed, the latest first
#[utoipa::path(get, path = "/tenants/{tenant}/audit", tag = TAG_TENANTS, params(Before),
    security(("token" = ["administer"])), responses((status = 200, description = "The entries", body = Vec<AuditEntry>)))]
pub(super) async fn audit(
    State(app): State<App>,
    at: Tenancy<Administer>,
    Parameters(Before { before, limit }): Parameters<Before>,
) -> Result<Json<Vec<AuditEntry>>, Problem> {
    app.blocking(move |server| {
        let before = before.unwrap_or(i64::MAX);
        Ok(Json(server.data().db().audit_log(Some(&at.tenant), before, limit.0)?))
    })
    .await
}

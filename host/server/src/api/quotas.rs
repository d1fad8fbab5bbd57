//! `/tenants/{tenant}/quotas` and `/usage`: what a tenant may have, and what it has.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};

use super::TAG_TENANTS;
use crate::access::{Administer, Read, ServerWide, Tenancy};
use crate::etag::{ETag, IfMatch};
use crate::input::Body;
use crate::names::TenantName;
use crate::problem::Problem;
use crate::quotas::{Quotas, Usage};
use crate::server::{App, Server};

type Shown = ([(HeaderName, HeaderValue); 1], Json<Quotas>);

fn shown(server: &Server, tenant: &TenantName) -> Result<Shown, Problem> {
    let quotas = Quotas::clone(&*server.quotas(tenant)?);
    Ok((ETag::of(&quotas)?.header(), Json(quotas)))
}

/// Tell what a tenant may have
#[utoipa::path(get, path = "/tenants/{tenant}/quotas", tag = TAG_TENANTS,
    security(("token" = ["read"])), responses((status = 200, description = "Its quotas", body = Quotas)))]
pub(super) async fn show(State(app): State<App>, at: Tenancy<Read>) -> Result<Shown, Problem> {
    app.blocking(move |server| shown(server, &at.tenant)).await
}

/// Set what a tenant may have, from now on; it takes a token of the whole server
#[utoipa::path(put, path = "/tenants/{tenant}/quotas", tag = TAG_TENANTS, request_body = Quotas,
    params(("if-match" = Option<String>, Header, description = "The quotas that were seen, by their `ETag`")),
    security(("token" = ["administer", "server"])), responses((status = 200, description = "Its quotas", body = Quotas)))]
pub(super) async fn set(
    State(app): State<App>,
    at: Tenancy<Administer>,
    _: ServerWide<Administer>,
    seen: IfMatch,
    Body(quotas): Body<Quotas>,
) -> Result<Shown, Problem> {
    app.blocking(move |server| {
        let _others = server.change();
        if seen.is_said() {
            seen.check(Some(&ETag::of(&*server.quotas(&at.tenant)?)?))?;
        }
        server.shares().set_quotas(server.data().db(), &at.tenant, quotas)?;
        server.heed_storage(&at.tenant)?;
        shown(server, &at.tenant)
    })
    .await
}

/// Tell what a tenant has now
#[utoipa::path(get, path = "/tenants/{tenant}/usage", tag = TAG_TENANTS,
    security(("token" = ["read"])), responses((status = 200, description = "What runs for it, what it has used today, what is kept for it", body = Usage)))]
pub(super) async fn usage(State(app): State<App>, at: Tenancy<Read>) -> Result<Json<Usage>, Problem> {
    app.blocking(move |server| server.usage(&at.tenant).map(Json)).await
}

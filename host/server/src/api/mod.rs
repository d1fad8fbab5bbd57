//! The HTTP API, one file a resource. Handlers are thin: what they take is in their arguments, what they do is in `prefab-prepare`.

mod environments;
mod idempotent;
mod modules;
mod preparations;
mod publish;
mod releases;
mod tenants;
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{delete, get, post, put};
use time::OffsetDateTime;

use crate::access::{Caller, authenticated};
use crate::db::NewAuditEntry;
use crate::names::TenantName;
use crate::problem::Problem;
use crate::server::App;

/// The most that a request may carry, in bytes, but for trees and releases.
const BODY: usize = 1 << 20;
/// And those.
const TREE: usize = 256 << 20;

/// Everything that is answered.
pub(crate) fn router(app: &App) -> Router {
    const E: &str = "/tenants/{tenant}/environments/{environment}";
    let path = |rest: &str| format!("{E}{rest}");
    let trees = Router::new()
        .route(&path("/modules/{module}"), put(modules::put))
        .route("/tenants/{tenant}/releases", get(releases::list).post(releases::add))
        .route("/releases", get(releases::list_shared).post(releases::add_shared))
        .layer(DefaultBodyLimit::max(TREE));
    let api = Router::new()
        .route("/tenants", get(tenants::list).post(tenants::add))
        .route("/tenants/{tenant}", get(tenants::show))
        .route("/tenants/{tenant}/tokens", get(tokens::list).post(tokens::add))
        .route("/tenants/{tenant}/tokens/{token}", delete(tokens::revoke))
        .route("/tenants/{tenant}/environments", get(environments::list).post(environments::add))
        .route(E, get(environments::status))
        .route(&path("/history"), get(environments::history))
        .route(&path("/errors"), get(environments::errors))
        .route(&path("/config"), get(environments::settings).patch(environments::set))
        .route(&path("/modules"), get(modules::list))
        .route(&path("/modules/{module}"), get(modules::show).delete(modules::remove))
        .route(&path("/modules/{module}/errors"), get(modules::errors))
        .route(&path("/modules/{module}/artifacts"), get(modules::artifacts))
        .route(&path("/modules/{module}/artifacts/{*path}"), get(modules::artifact))
        .route(&path("/preparations"), get(preparations::list).post(preparations::start))
        .route(&path("/preparations/{preparation}"), get(preparations::show))
        .route(&path("/preparations/{preparation}/{request}"), post(preparations::control))
        .route(&path("/upgrade"), post(preparations::upgrade))
        .route(&path("/rehearse"), post(preparations::rehearse))
        .route(&path("/publish"), post(publish::publish))
        .route(&path("/rollback"), post(publish::rollback))
        .layer(DefaultBodyLimit::max(BODY))
        .merge(trees)
        .fallback(nothing)
        .layer(from_fn_with_state(Arc::clone(app), idempotent::once))
        .layer(from_fn_with_state(Arc::clone(app), audited))
        .layer(from_fn_with_state(Arc::clone(app), authenticated));
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .nest("/api/v1", api)
        .fallback(nothing)
        .layer(from_fn(secured))
        .with_state(Arc::clone(app))
}

async fn nothing() -> Problem {
    Problem::not_found()
}

/// Records every request that may change something, with how it was answered.
async fn audited(State(app): State<App>, request: Request, next: Next) -> Result<Response, Problem> {
    let asks = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let caller = request.extensions().get::<Caller>().cloned();
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    let response = next.run(request).await;
    if let (false, Some(caller)) = (asks, caller) {
        let status = response.status().as_u16();
        app.blocking(move |server| {
            let tenant: Option<TenantName> = path
                .strip_prefix("/tenants/")
                .and_then(|rest| rest.split('/').next())
                .and_then(|tenant| tenant.parse().ok())
                .filter(|tenant| caller.may_see(tenant));
            let entry = NewAuditEntry {
                token: Some(caller.token().id),
                who: &caller.token().name,
                tenant: tenant.as_ref(),
                method: &method,
                path: &path,
                status,
            };
            Ok(server.data().db().audit(&entry, OffsetDateTime::now_utc())?)
        })
        .await?;
    }
    Ok(response)
}

/// Headers that keep a browser from doing with an answer what it is not meant for.
async fn secured(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

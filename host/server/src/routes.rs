//! Every route, and what is done around each: who asks, what is recorded and counted, which headers go out.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use time::OffsetDateTime;
use tracing::Instrument as _;

use crate::access::{Caller, Read, ServerWide, authenticated};
use crate::api::{self, once};
use crate::console;
use crate::db::NewAuditEntry;
use crate::document;
use crate::names::TenantName;
use crate::problem::Problem;
use crate::server::App;
use crate::traces;

/// Everything that is answered.
pub(crate) fn router(app: &App) -> Router {
    let (api, described) = api::all().split_for_parts();
    let described = Arc::new(document::finish(described));
    let shown = Arc::clone(&described);
    let with_token = || from_fn_with_state(Arc::clone(app), authenticated);
    let api = api
        .fallback(nothing)
        .method_not_allowed_fallback(other_method)
        .layer(from_fn_with_state(Arc::clone(app), once))
        .layer(from_fn_with_state(Arc::clone(app), audited));
    let console = console::router(app, api.clone().with_state(Arc::clone(app)));
    let api = api.layer(with_token());
    Router::new()
        .merge(console)
        .route("/metrics", get(figures).layer(with_token()))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/openapi.json", get(async move || Json(described)))
        .route("/api", get(async move || document::page(&shown).map_err(Problem::from)))
        .route("/api.css", get(async || document::style()))
        .nest("/api/v1", api)
        .fallback(nothing)
        .method_not_allowed_fallback(other_method)
        .layer(from_fn(secured))
        .layer(from_fn_with_state(Arc::clone(app), observed))
        .with_state(Arc::clone(app))
}

async fn nothing() -> Problem {
    Problem::not_found()
}

async fn other_method() -> Problem {
    let detail = "this cannot be done here: the API's description at /openapi.json says what can";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
}

/// Whether requests can be answered: the database can be read, the disk be written, and the process is not about to end.
async fn ready(State(app): State<App>) -> Result<&'static str, Problem> {
    let not = |detail| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", detail);
    if *app.ending().borrow() {
        return Err(not("the server is ending"));
    }
    let fine = app.blocking(|server| {
        server.data().db().is_without_tokens()?;
        server.data().incoming()?;
        Ok(())
    });
    fine.await.map_err(|_| not("the data directory cannot be used: the server's log says why"))?;
    Ok("ready\n")
}

async fn figures(State(app): State<App>, _: ServerWide<Read>) -> Result<Response, Problem> {
    let text = app.metrics().text(app.runs().count(), &app.shares().standings())?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// Records every request that may change something, with how it was answered.
async fn audited(State(app): State<App>, request: Request, next: Next) -> Result<Response, Problem> {
    let asks = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let caller = request.extensions().get::<Caller>().cloned();
    let (false, Some(caller)) = (asks, caller) else { return Ok(next.run(request).await) };
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    // On a task of its own: a caller that hangs up is recorded as well, and what it asked for is done or not done.
    let done = tokio::spawn(async move {
        let response = next.run(request).await;
        let status = response.status().as_u16();
        app.blocking(move |server| {
            let tenant: Option<TenantName> = path
                .strip_prefix("/tenants/")
                .and_then(|rest| rest.split('/').next())
                .and_then(|tenant| tenant.parse().ok())
                .filter(|tenant| caller.may_see(tenant));
            let entry = NewAuditEntry {
                token: caller.kept(),
                who: &caller.token().name,
                tenant: tenant.as_ref(),
                method: &method,
                path: &path,
                status,
            };
            Ok(server.data().db().audit(&entry, OffsetDateTime::now_utc())?)
        })
        .await?;
        Ok(response)
    });
    done.await?
}

/// Counts every request, and logs it: by its route, not by what the caller wrote.
async fn observed(State(app): State<App>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let span = traces::request(&request, route.as_ref().map(MatchedPath::as_str));
    let response = next.run(request).instrument(span.clone()).await;
    span.record("http.response.status_code", response.status().as_u16());
    let (route, time) = (route.as_ref().map(MatchedPath::as_str), began.elapsed());
    app.metrics().asked(&method, route, response.status(), time);
    let (status, milliseconds) = (response.status().as_u16(), time.as_secs_f64() * 1000.0);
    tracing::debug!(%method, route = route.unwrap_or("none"), status, milliseconds, "answered");
    response
}

/// Headers that keep a browser from doing with an answer what it is not meant for.
async fn secured(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; sandbox"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

//! A span for each request, as a part of the trace that the caller names in `traceparent`.

use axum::extract::Request;
use axum::http::HeaderMap;
use opentelemetry::global;
use opentelemetry::propagation::Extractor;
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The span of a request: it names the pattern of the route, not what the caller wrote.
pub(crate) fn request(request: &Request, route: Option<&str>) -> Span {
    let (method, route) = (request.method().as_str(), route.unwrap_or("none"));
    // Callers may make up methods.
    let method = if method.len() <= 7 && route != "none" { method } else { "other" };
    let span = tracing::info_span!(
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
    );
    if !span.is_disabled() {
        let caller =
            global::get_text_map_propagator(|propagator| propagator.extract(&Headers(request.headers())));
        // Without traces there is nothing to be a part of.
        let _ = span.set_parent(caller);
    }
    span
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(axum::http::HeaderName::as_str).collect()
    }
}

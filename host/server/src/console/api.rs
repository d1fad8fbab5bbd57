//! Asking the API as the caller who is signed in: the same request that a program would send, without the detour over the network.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;

use crate::access::Caller;
use crate::problem::Problem;

/// The API, for whoever is known already.
#[derive(Clone)]
pub(super) struct Api(TowerToHyperService<Router>);

impl Api {
    pub(super) fn new(router: Router) -> Self {
        Self(TowerToHyperService::new(router))
    }

    /// Gets something. Of the browser's headers, it is told where an event stream broke off.
    pub(super) async fn get(
        &self,
        caller: &Caller,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<Response, Problem> {
        let mut request = Request::builder().method(Method::GET).uri(path);
        if let Some(seen) = headers.get("last-event-id") {
            request = request.header("last-event-id", seen);
        }
        self.ask(caller, request.body(Body::empty())?).await
    }

    /// Asks for something to be done.
    pub(super) async fn post(&self, caller: &Caller, path: &str, body: &Value) -> Result<Response, Problem> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))?;
        self.ask(caller, request).await
    }

    async fn ask(&self, caller: &Caller, mut request: Request) -> Result<Response, Problem> {
        request.extensions_mut().insert(caller.clone());
        let Ok(response) = self.0.call(request).await;
        Ok(response)
    }
}

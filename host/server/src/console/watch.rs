//! The event stream of the API, for those who are signed in: it ends when their session does.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::response::Response;
use futures_util::StreamExt as _;
use tokio::time::sleep;

use super::api::Api;
use super::links::Links;
use super::session::{self, Visitor};
use crate::access::{Place, Read};
use crate::problem::Problem;
use crate::server::App;

/// How often a stream looks whether the session is still good.
const LOOK: Duration = Duration::from_secs(1);

pub(super) async fn follow(
    State(app): State<App>,
    Extension(api): Extension<Api>,
    at: Place<Read>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let answer = api.get(&visitor.caller, &Links::of(&at).api("/events"), &headers).await?;
    if !answer.status().is_success() {
        return Ok(answer);
    }
    let (parts, body) = answer.into_parts();
    let over = Box::pin(over(app, visitor));
    let body = Body::from_stream(body.into_data_stream().take_until(over));
    Ok(Response::from_parts(parts, body))
}

/// Returns when the session is not good any more.
async fn over(app: App, visitor: Visitor) {
    let session = visitor.session;
    loop {
        sleep(LOOK).await;
        if app.blocking(move |server| session::visitor(server, session, false)).await.is_err() {
            return;
        }
    }
}

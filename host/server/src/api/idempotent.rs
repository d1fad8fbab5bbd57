//! `Idempotency-Key`: a POST that carries one is done once, and answered the same when it is asked again.
//!
//! Only what succeeded is kept; what was refused can be tried again under the same key. Answers with secrets are not for keeping: a
//! request that makes a token cannot carry a key.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use time::OffsetDateTime;
use tokio::time::timeout;

use super::BODY;
use crate::access::Caller;
use crate::db::{Earlier, Reply};
use crate::input::{PATIENCE, too_slow};
use crate::problem::Problem;
use crate::server::App;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The longest key, in characters.
const LONGEST: usize = 255;

/// Answers a request that was asked before as it was answered then.
pub(crate) async fn once(State(app): State<App>, request: Request, next: Next) -> Result<Response, Problem> {
    let key = request.headers().get(KEY).filter(|_| request.method() == Method::POST).cloned();
    let caller = request.extensions().get::<Caller>().cloned();
    let (Some(key), Some(caller)) = (key, caller) else { return Ok(next.run(request).await) };
    let key = key.to_str().ok().filter(|key| !key.is_empty() && key.len() <= LONGEST);
    let key = key
        .map(str::to_owned)
        .ok_or_else(|| Problem::invalid("an Idempotency-Key has 1 to 255 characters"))?;
    if request.uri().path().ends_with("/tokens") {
        return Err(Problem::invalid("making a token cannot carry an Idempotency-Key"));
    }
    let (parts, body) = request.into_parts();
    let body = timeout(PATIENCE, to_bytes(body, BODY)).await.map_err(|_| too_slow())?.map_err(|_| {
        let detail = "a request with an Idempotency-Key has at most 1 MiB";
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-not-read", detail)
    })?;
    let mut asked = blake3::Hasher::new();
    asked.update(parts.uri.to_string().as_bytes()).update(&[0]).update(&body);
    let asked = asked.finalize();
    let token = caller.token().id;
    let claimed = key.clone();
    let earlier = app
        .blocking(move |server| {
            let now = OffsetDateTime::now_utc();
            Ok(server.data().db().claim_key(token, &claimed, asked.as_bytes(), now)?)
        })
        .await?;
    match earlier {
        Earlier::None => {}
        Earlier::Answered(reply) => return again(reply),
        Earlier::Other => {
            let detail = "this Idempotency-Key was used for another request: use a new one for each";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "key-reused", detail));
        }
        Earlier::Running => {
            let detail = "the request with this Idempotency-Key is still being worked on";
            return Err(Problem::new(StatusCode::CONFLICT, "key-in-use", detail).after(1));
        }
    }
    // A caller that hangs up ends neither this nor the work: it is on a task of its own (`routes.rs`).
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    keep(&app, caller, key, response).await
}

async fn keep(app: &App, caller: Caller, key: String, response: Response) -> Result<Response, Problem> {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await;
    let kept = match &body {
        Ok(body) if parts.status.is_success() => Some(Reply {
            status: parts.status.as_u16(),
            content_type: content_type(&parts.headers),
            body: body.to_vec(),
        }),
        _ => None,
    };
    let token = caller.token().id;
    app.blocking(move |server| {
        let db = server.data().db();
        match kept {
            Some(reply) => db.keep_reply(token, &key, &reply)?,
            None => db.free_key(token, &key)?,
        }
        Ok(())
    })
    .await?;
    let body = body
        .map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the answer broke off"))?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn content_type(headers: &axum::http::HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.unwrap_or("application/json").to_owned()
}

fn again(reply: Reply) -> Result<Response, Problem> {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status)?;
    let value = HeaderValue::from_str(&reply.content_type)?;
    response.headers_mut().insert(header::CONTENT_TYPE, value);
    Ok(response)
}

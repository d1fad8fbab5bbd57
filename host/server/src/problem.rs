//! What a request is answered with that could not be done: problem documents (RFC 9457) with a code that stays the same.
//!
//! Which status and code an error of the other crates becomes is in `problem/`'s one table, `classify.rs`.

mod classify;

use std::error::Error;
use std::path::Path;

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use prefab_prepare::{Held, HeldBack};
use serde::Serialize;

/// Why a request was not done.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// A name for this kind of problem, as an address: `urn:prefab:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// What kind of problem it is, for people.
    title: String,
    /// The status.
    #[serde(serialize_with = "number")]
    #[schema(value_type = u16)]
    status: StatusCode,
    /// What kind of problem it is, for programs: it stays the same.
    code: &'static str,
    /// What is wrong with this request, and what to do.
    detail: String,
    /// Who holds the environment, if that is it, and how far they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    holder: Option<Box<Held>>,
    /// After how many seconds it is worth trying again.
    #[serde(skip)]
    retry_after: Option<u64>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over like this")]
fn number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    /// A problem of this kind.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:prefab:problem:{code}"),
            title: status.canonical_reason().unwrap_or("Problem").to_owned(),
            status,
            code,
            detail: detail.into(),
            holder: None,
            retry_after: None,
        }
    }

    /// Nobody is known by what was shown, or nothing was.
    pub(crate) fn unauthenticated() -> Self {
        let detail = "show a token that is good: Authorization: Bearer prefab_…";
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
    }

    /// The token is good, for less than this.
    pub(crate) fn forbidden(needs: &str) -> Self {
        let detail = format!("this token does not let you do that: it takes the scope `{needs}`");
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// There is no such thing, or it is somebody else's: the two look the same.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "there is nothing here by this name")
    }

    /// The request itself cannot be understood.
    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
    }

    /// The tenant has as much as it may have: `detail` says how much of what.
    pub(crate) fn over_quota(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "over-quota", detail)
    }

    /// Nothing is compiled for the tenant for now.
    pub(crate) fn held_back(reason: &HeldBack) -> Self {
        match reason {
            HeldBack::Fuel { used, quota } => Self::over_quota(format!(
                "{used} fuel was used today, and the quota is {quota} a day: try again tomorrow (UTC), or have the quota raised"
            )),
            HeldBack::Storage { used, quota } => Self::over_quota(format!(
                "{used} are stored, and the quota is {quota}: remove something, or have the quota raised"
            )),
        }
    }

    /// The same, without this folder of the server's own in what is told.
    pub(crate) fn without(mut self, folder: &Path) -> Self {
        self.detail = self.detail.replace(&*folder.to_string_lossy(), "(the server's folder)");
        self
    }

    /// It may be tried again after so many seconds.
    pub(crate) fn after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What is wrong.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl<E: Error + 'static> From<E> for Problem {
    fn from(error: E) -> Self {
        let (status, code) = classify::classify(&error);
        if status.is_server_error() {
            // What went wrong inside is for whoever runs the server: it may name other folders than the caller's own.
            tracing::error!(error = &error as &dyn Error, told = told(&error), code, "a request failed");
            let detail = match code {
                "no-room" => "there is no room left on the server's disk",
                "artifacts-away" => {
                    "the object store that keeps artifacts cannot be reached, or refuses: try again later; what was done before is kept"
                }
                _ => "something went wrong in the server: its log says what",
            };
            return Self::new(status, code, detail);
        }
        let mut problem = Self::new(status, code, told(&error));
        problem.holder = held(&error).map(|held| Box::new(held.clone()));
        problem
    }
}

/// The chain from the outside in, nothing twice.
fn told(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in chain(error).skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

fn held<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Held> {
    chain(error).find_map(|cause| cause.downcast_ref::<Box<Held>>()).map(|held| &**held)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let retry = self.retry_after;
        let mut response = (self.status, Json(&self)).into_response();
        // For the console, which shows it as a page.
        response.extensions_mut().insert(self.clone());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"prefab\""));
        }
        if let Some(seconds) = retry {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

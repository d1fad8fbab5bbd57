//! Who is signed in. The browser keeps a random text in a cookie, the server keeps its hash and which token it stands for: the token is
//! looked up at each request, so that a session ends with it at once.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::access::Caller;
use crate::problem::Problem;
use crate::server::{App, Server};
use crate::token::{Secret, TokenHash};

/// A session ends after so long by itself.
pub(super) const LONGEST: Duration = Duration::hours(12);
const COOKIE: &str = "prefab-session";

/// Something that the next page is to say, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Said {
    /// Whether it was done as asked.
    pub(super) good: bool,
    pub(super) text: String,
    /// More about it, line by line.
    #[serde(default)]
    pub(super) details: Vec<String>,
}

/// Who looks at a page.
#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) caller: Caller,
    pub(super) session: TokenHash,
    /// What the page is to say.
    pub(super) said: Option<Arc<Said>>,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(Problem::unauthenticated)
    }
}

/// Whether the answer is to be a page of its own, and not a part of one that a script asks for.
pub(super) fn is_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// Lets a request through that has the cookie of a session whose token is good.
pub(super) async fn signed_in(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let session = shown(request.headers()).ok_or_else(Problem::unauthenticated)?.hash();
    // What is to be said is taken only by a page that can say it.
    let takes = *request.method() == Method::GET && is_page(request.headers());
    let visitor = app.blocking(move |server| visitor(server, session, takes)).await?;
    app.rates().check(visitor.caller.token().id)?;
    request.extensions_mut().insert(visitor.caller.clone());
    request.extensions_mut().insert(visitor);
    Ok(next.run(request).await)
}

/// Whose session this is, if it and its token are good now. Blocks.
pub(super) fn visitor(server: &Server, session: TokenHash, takes: bool) -> Result<Visitor, Problem> {
    let db = server.data().db();
    let now = OffsetDateTime::now_utc();
    let row = db.session(session, now)?.ok_or_else(Problem::unauthenticated)?;
    let token = db.token(row.token)?.filter(|token| token.is_good(now));
    let caller = token.map(Caller::holding).ok_or_else(Problem::unauthenticated)?;
    let said = row.said.filter(|_| takes);
    if said.is_some() {
        db.say(session, None)?;
    }
    let said = said.and_then(|said| serde_json::from_str(&said).ok()).map(Arc::new);
    Ok(Visitor { caller, session, said })
}

/// The text in the session's cookie.
pub(super) fn shown(headers: &HeaderMap) -> Option<Secret> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| *name == COOKIE).find_map(|(_, value)| Secret::shown(value))
}

/// The header that gives the browser its cookie, or without a text takes it away.
pub(super) fn cookie(secret: Option<&Secret>, by_tls: bool) -> Result<HeaderValue, Problem> {
    let (value, age) = secret.map_or(("", 0), |secret| (secret.reveal(), LONGEST.whole_seconds()));
    let secure = if by_tls { "; Secure" } else { "" };
    Ok(HeaderValue::from_str(&format!(
        "{COOKIE}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}"
    ))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others_and_only_a_whole_one() {
        let secret = Secret::new().unwrap();
        let found = |cookies: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookies.parse().unwrap());
            shown(&headers).map(|secret| secret.reveal().to_owned())
        };
        let whole = secret.reveal();
        assert_eq!(found(&format!("a=b; {COOKIE}={whole}; c=d")).as_deref(), Some(whole));
        for cookies in ["", "a=b", &format!("x{COOKIE}={whole}"), &format!("{COOKIE}={}", &whole[1..])] {
            assert_eq!(found(cookies), None, "{cookies}");
        }
    }

    #[test]
    fn no_script_and_no_other_site_gets_at_the_cookie() {
        let secret = Secret::new().unwrap();
        let plain = cookie(Some(&secret), false).unwrap();
        let plain = plain.to_str().unwrap();
        for part in ["; Path=/;", "; HttpOnly", "; SameSite=Strict", "; Max-Age=43200;"] {
            assert!(plain.contains(part), "{plain}");
        }
        assert!(!plain.contains("Secure"));
        assert!(cookie(Some(&secret), true).unwrap().to_str().unwrap().ends_with("; Secure"));
        assert!(
            cookie(None, false).unwrap().to_str().unwrap().starts_with("prefab-session=; Path=/; Max-Age=0;")
        );
    }
}

//! Signing in with a token, and out.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use time::OffsetDateTime;

use super::session::{LONGEST, Visitor, cookie};
use super::{HOME, page, same_origin};
use crate::access::Caller;
use crate::db::NewAuditEntry;
use crate::problem::Problem;
use crate::server::{App, Server};
use crate::token::Secret;

#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    to: String,
}

#[derive(Deserialize)]
pub(super) struct Shown {
    token: String,
    #[serde(default)]
    to: String,
}

pub(super) async fn form(Query(Wanted { to }): Query<Wanted>) -> Response {
    shown(StatusCode::OK, &to, None)
}

/// Takes a token, and gives a session for it.
pub(super) async fn sign_in(
    State(app): State<App>,
    headers: HeaderMap,
    form: Result<Form<Shown>, FormRejection>,
) -> Result<Response, Problem> {
    let Ok(Form(Shown { token, to })) = form else {
        return Err(Problem::invalid("the form for signing in has a token"));
    };
    let Some(secret) = Secret::shown(token.trim()) else {
        let wrong = "That is not a token: it begins with prefab_ and has 50 characters.";
        return Ok(shown(StatusCode::UNAUTHORIZED, &to, Some(wrong)));
    };
    let signed = app
        .blocking(move |server| match server.authenticate(&secret) {
            Ok(caller) => begin(server, &caller).map(Some),
            Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => Ok(None),
            Err(problem) => Err(problem),
        })
        .await?;
    let Some(session) = signed else {
        let wrong = "This token is not known, or not good any more.";
        return Ok(shown(StatusCode::UNAUTHORIZED, &to, Some(wrong)));
    };
    let cookie = cookie(Some(&session), same_origin::is_by_tls(&headers))?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(own(&to).unwrap_or(HOME))).into_response())
}

fn begin(server: &Server, caller: &Caller) -> Result<Secret, Problem> {
    let session = Secret::new()?;
    let now = OffsetDateTime::now_utc();
    server.data().db().add_session(session.hash(), caller.token().id, now, now + LONGEST)?;
    record(server, caller, "/console/sign-in")?;
    Ok(session)
}

/// Ends the session.
pub(super) async fn sign_out(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    app.blocking(move |server| {
        server.data().db().end_session(visitor.session)?;
        record(server, &visitor.caller, "/console/sign-out")
    })
    .await?;
    let cookie = cookie(None, same_origin::is_by_tls(&headers))?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/console/sign-in")).into_response())
}

fn record(server: &Server, caller: &Caller, path: &str) -> Result<(), Problem> {
    let entry = NewAuditEntry {
        token: Some(caller.token().id),
        who: &caller.token().name,
        tenant: caller.token().tenant.as_ref(),
        method: "POST",
        path,
        status: StatusCode::SEE_OTHER.as_u16(),
    };
    Ok(server.data().db().audit(&entry, OffsetDateTime::now_utc())?)
}

/// Sends whoever is not signed in to where that is done, and from there on to where they wanted to go.
pub(super) fn ask(wanted: &str) -> Response {
    let to = own(wanted).filter(|to| *to != HOME).map(super::links::encode);
    let address = to.map_or_else(|| "/console/sign-in".to_owned(), |to| format!("/console/sign-in?to={to}"));
    Redirect::to(&address).into_response()
}

/// An address within the console, and nothing else that a browser might take for one.
fn own(to: &str) -> Option<&str> {
    let plain = to.bytes().all(|byte| (b'!'..=b'~').contains(&byte) && byte != b'\\');
    let within = to == HOME
        || to.strip_prefix(HOME).is_some_and(|rest| rest.starts_with('/') || rest.starts_with('?'));
    (plain && within).then_some(to)
}

fn shown(status: StatusCode, to: &str, wrong: Option<&str>) -> Response {
    let mut response = page::plain("Sign in", &sign_in_form(to, wrong));
    *response.status_mut() = status;
    response
}

fn sign_in_form(to: &str, wrong: Option<&str>) -> Markup {
    let to = own(to);
    html! {
        div.sign-in {
            h1 { "Sign in" }
            p.lead { "Paste a token. What you may see and do here is what the token lets you." }
            @if let Some(wrong) = wrong { p.said.bad #wrong role="alert" { (wrong) } }
            form method="post" action="/console/sign-in" {
                @if let Some(to) = to { input type="hidden" name="to" value=(to); }
                label for="token" { "Token" }
                input #token type="password" name="token" required autofocus spellcheck="false" autocapitalize="none"
                    autocomplete="current-password" placeholder="prefab_…" maxlength="200"
                    aria-describedby=[wrong.map(|_| "wrong")] aria-invalid=[wrong.map(|_| "true")];
                button.main { "Sign in" }
            }
            p.more {
                "Who runs the server makes tokens with " code { "prefab token create" }
                ". You stay signed in for " (LONGEST.whole_hours()) " hours, or until the token ends."
            }
            @if let Some(to) = to {
                p.more { "Came here by a link and are signed in already? " a href=(to) { "Go on" } "." }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_on_only_within_the_console() {
        for to in
            ["/console", "/console/tenants/a", "/console?x=1", "/console/tenants/a/environments/b?q=%22"]
        {
            assert_eq!(own(to), Some(to));
        }
        for to in [
            "",
            "/",
            "//evil.example",
            "/console@evil.example",
            "/consolex",
            "https://evil.example/console",
            "/console/\\evil",
            "/console/\r\nset-cookie: a=b",
            "/console/ü",
            "javascript:alert(1)",
        ] {
            assert_eq!(own(to), None, "{to}");
        }
    }
}

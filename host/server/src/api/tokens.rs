//! `/tenants/{tenant}/tokens`: who may do what with a tenant's things.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::access::{Administer, Tenancy};
use crate::db::NewToken;
use crate::input::{Body, Named};
use crate::problem::Problem;
use crate::server::{App, create_token};
use crate::token::{Scope, Token, TokenId};

/// So many are listed at most.
const MOST: u32 = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    name: String,
    scope: Scope,
    #[serde(default, with = "time::serde::rfc3339::option")]
    expires_at: Option<OffsetDateTime>,
}

/// The only time that the secret is shown.
#[derive(Serialize)]
pub(super) struct Made {
    id: TokenId,
    token: String,
}

#[derive(Deserialize)]
pub(super) struct Which {
    token: i64,
}

pub(super) async fn list(
    State(app): State<App>,
    at: Tenancy<Administer>,
) -> Result<Json<Vec<Token>>, Problem> {
    app.blocking(move |server| Ok(Json(server.data().db().tokens(Some(&at.tenant), TokenId(0), MOST)?))).await
}

pub(super) async fn add(
    State(app): State<App>,
    at: Tenancy<Administer>,
    Body(new): Body<New>,
) -> Result<(StatusCode, Json<Made>), Problem> {
    app.blocking(move |server| {
        let New { name, scope, expires_at } = new;
        let new = NewToken { name, tenant: Some(at.tenant), scope, expires_at };
        let (id, secret) = create_token(server.data(), &new)?;
        Ok((StatusCode::CREATED, Json(Made { id, token: secret.reveal().to_owned() })))
    })
    .await
}

pub(super) async fn revoke(
    State(app): State<App>,
    at: Tenancy<Administer>,
    Named(Which { token }): Named<Which>,
) -> Result<StatusCode, Problem> {
    app.blocking(move |server| {
        let now = OffsetDateTime::now_utc();
        let there = server.data().db().revoke_token(Some(&at.tenant), TokenId(token), now)?;
        if there { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
    })
    .await
}

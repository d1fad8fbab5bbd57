//! `/tenants/{tenant}/tokens`: who may do what with a tenant's things.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{After, TAG_TENANTS};
use crate::access::{Administer, Tenancy};
use crate::db::NewToken;
use crate::input::{Body, Named, Parameters};
use crate::problem::Problem;
use crate::server::{App, create_token};
use crate::token::{Scope, Token, TokenId};

/// A token that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewToken)]
pub(super) struct New {
    /// What it is for, for people.
    name: String,
    scope: Scope,
    /// When it ends by itself.
    #[serde(default, with = "time::serde::rfc3339::option")]
    expires_at: Option<OffsetDateTime>,
}

/// The only time that the secret is shown.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeToken)]
pub(super) struct Made {
    id: TokenId,
    token: String,
}

#[derive(Deserialize)]
pub(super) struct Which {
    token: i64,
}

/// List a tenant's tokens, with those that have ended
#[utoipa::path(get, path = "/tenants/{tenant}/tokens", tag = TAG_TENANTS, params(After),
    security(("token" = ["administer"])), responses((status = 200, description = "The tokens", body = Vec<Token>)))]
pub(super) async fn list(
    State(app): State<App>,
    at: Tenancy<Administer>,
    Parameters(After { after, limit }): Parameters<After>,
) -> Result<Json<Vec<Token>>, Problem> {
    app.blocking(move |server| {
        let after = TokenId(after.unwrap_or_default());
        Ok(Json(server.data().db().tokens(Some(&at.tenant), after, limit.0)?))
    })
    .await
}

/// Make a token of a tenant
#[utoipa::path(post, path = "/tenants/{tenant}/tokens", tag = TAG_TENANTS, request_body = New,
    security(("token" = ["administer"])), responses((status = 201, description = "The token, whose secret is shown this once", body = Made)))]
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

/// Revoke a token, from now on
#[utoipa::path(delete, path = "/tenants/{tenant}/tokens/{token}", tag = TAG_TENANTS,
    security(("token" = ["administer"])), responses((status = 204, description = "It is revoked")))]
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

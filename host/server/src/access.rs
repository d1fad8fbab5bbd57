//! Who may do what: every request under `/api` shows a token, and every handler says in its arguments what it takes.
//!
//! A tenant is only to be had from [`Tenancy`], which a handler gets if the token is for that tenant or for the whole server.
//! What belongs to somebody else is answered as what is not there.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use prefab_prepare::Environment;
use time::OffsetDateTime;

use crate::names::{EnvironmentName, TenantName};
use crate::oidc::Oidc;
use crate::problem::Problem;
use crate::server::{App, Server};
use crate::token::{Scope, Secret, Token, TokenId};

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    token: Arc<Token>,
    /// Whether the token is an issuer's, and not in the database.
    vouched: bool,
}

impl Caller {
    /// Who holds this token, which is good.
    pub(crate) fn holding(token: Token) -> Self {
        Self { token: Arc::new(token), vouched: false }
    }

    /// The token that was shown.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// The number that the token has in the database, if it is there.
    pub(crate) fn kept(&self) -> Option<TokenId> {
        (!self.vouched).then_some(self.token.id)
    }

    /// Whether the token is for the whole server.
    pub fn is_for_server(&self) -> bool {
        self.token.tenant.is_none()
    }

    /// Whether it may see this tenant's things. Whether there is such a tenant is another question.
    pub fn may_see(&self, tenant: &TenantName) -> bool {
        self.token.tenant.as_ref().is_none_or(|own| own == tenant)
    }

    /// The name for records: what the token is for, and its number.
    pub fn who(&self) -> String {
        match self.kept() {
            Some(id) => format!("{} (token {id})", self.token.name),
            None => self.token.name.clone(),
        }
    }
}

impl Server {
    /// Who shows this secret, if it is good now. Looks it up anew each time, so that revoking takes effect at once. Blocks.
    ///
    /// # Errors
    /// A problem with the status 401 if it is not good, and trouble with the database.
    pub fn authenticate(&self, secret: &Secret) -> Result<Caller, Problem> {
        let token = self.data().db().token_by_hash(&secret.hash())?;
        let token = token.filter(|token| token.is_good(OffsetDateTime::now_utc()));
        token.map(Caller::holding).ok_or_else(Problem::unauthenticated)
    }

    /// Who shows this, if it is good now: a secret, or a token of the issuer that is believed. Blocks.
    ///
    /// # Errors
    /// A problem with the status 401 if it is not good, and trouble with the database.
    fn authenticate_shown(&self, shown: &str) -> Result<Caller, Problem> {
        if let Some(secret) = Secret::shown(shown) {
            return self.authenticate(&secret);
        }
        match self.oidc() {
            Some(oidc) if Oidc::is_meant(shown) => {
                Ok(Caller { token: Arc::new(oidc.check(shown)?), vouched: true })
            }
            _ => Err(Problem::unauthenticated()),
        }
    }
}

/// Lets a request through that shows a good token, not too often, with who it is from among its extensions.
pub(crate) async fn authenticated(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let shown = bearer(&request).ok_or_else(Problem::unauthenticated)?.to_owned();
    let caller = app.blocking(move |server| server.authenticate_shown(&shown)).await?;
    app.rates().check(caller.token().id)?;
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

fn bearer(request: &Request) -> Option<&str> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, shown) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| shown.trim())
}

/// A scope as a type, for arguments of handlers.
pub(crate) trait Needs: Send + Sync + 'static {
    const SCOPE: Scope;
}

/// May see.
pub(crate) enum Read {}
/// May prepare, publish and change.
pub(crate) enum Operate {}
/// May make and remove.
pub(crate) enum Administer {}

impl Needs for Read {
    const SCOPE: Scope = Scope::Read;
}
impl Needs for Operate {
    const SCOPE: Scope = Scope::Operate;
}
impl Needs for Administer {
    const SCOPE: Scope = Scope::Administer;
}

fn check_scope<S: Needs>(caller: &Caller) -> Result<(), Problem> {
    if caller.token().scope >= S::SCOPE { Ok(()) } else { Err(Problem::forbidden(S::SCOPE.as_str())) }
}

fn caller(parts: &Parts) -> Result<Caller, Problem> {
    parts.extensions.get().cloned().ok_or_else(Problem::unauthenticated)
}

/// A caller whose token is for the whole server.
pub(crate) struct ServerWide<S>(PhantomData<S>);

impl<S: Needs> FromRequestParts<App> for ServerWide<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let caller = caller(parts)?;
        if !caller.is_for_server() {
            return Err(Problem::forbidden(&format!("{} of the whole server", S::SCOPE.as_str())));
        }
        check_scope::<S>(&caller)?;
        Ok(Self(PhantomData))
    }
}

/// A tenant that is there and that the caller may do this much with.
pub(crate) struct Tenancy<S> {
    pub(crate) tenant: TenantName,
    pub(crate) caller: Caller,
    scope: PhantomData<S>,
}

impl<S: Needs> FromRequestParts<App> for Tenancy<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = caller(parts)?;
        let tenant: TenantName = parameter(parts, app, "tenant").await?;
        if !caller.may_see(&tenant) {
            return Err(Problem::not_found());
        }
        let named = tenant.clone();
        let known = app.blocking(move |server| Ok(server.data().db().tenant(&named)?)).await?;
        if known.is_none() {
            return Err(Problem::not_found());
        }
        check_scope::<S>(&caller)?;
        Ok(Self { tenant, caller, scope: PhantomData })
    }
}

/// An environment of such a tenant, by name: whether it is there is found out when it is opened.
pub(crate) struct Place<S> {
    pub(crate) tenant: TenantName,
    pub(crate) environment: EnvironmentName,
    pub(crate) caller: Caller,
    scope: PhantomData<S>,
}

impl<S: Needs> FromRequestParts<App> for Place<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Tenancy { tenant, caller, .. } = Tenancy::<S>::from_request_parts(parts, app).await?;
        let environment = parameter(parts, app, "environment").await?;
        Ok(Self { tenant, environment, caller, scope: PhantomData })
    }
}

impl<S> Place<S> {
    /// Opens the environment, for what this caller does with it to be recorded under their name. Blocks.
    pub(crate) fn open(&self, server: &Server) -> Result<Environment, Problem> {
        Ok(server.environment(&self.tenant, &self.environment)?.acting_as(self.caller.who()))
    }
}

/// A part of the path. One that is not even a name is that of nothing.
async fn parameter<T: std::str::FromStr>(
    parts: &mut Parts,
    app: &App,
    name: &'static str,
) -> Result<T, Problem> {
    let parameters = RawPathParams::from_request_parts(parts, app).await.map_err(|_| Problem::not_found())?;
    let found = parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| value.parse());
    found.and_then(Result::ok).ok_or_else(Problem::not_found)
}

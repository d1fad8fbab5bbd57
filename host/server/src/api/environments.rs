//! `/environments`: how they are, what is wrong in them, their settings and history.

use std::fs;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use prefab_model::{ConfigKey, ModuleName};
use prefab_prepare::{
    Environment, EnvironmentError, EnvironmentState, ErrorReport, HeldBack, HistoryEntry, Setting, Status,
    errors as errors_in, history as history_of, list_settings, set_setting, status as status_of,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use super::{Limit, TAG_ENVIRONMENTS, within};
use crate::access::{Administer, Operate, Place, Read, Tenancy};
use crate::document::words;
use crate::etag::{ETag, IfMatch};
use crate::follow::{Follow, NextUpgrade, Window};
use crate::input::{Body, Parameters};
use crate::live::Compiling;
use crate::names::{EnvironmentName, TenantName};
use crate::problem::Problem;
use crate::server::{App, Server};

/// An environment that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewEnvironment)]
pub(super) struct New {
    name: EnvironmentName,
}

/// A setting that is to be changed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChangedSetting)]
pub(super) struct Change {
    /// Such as `limits.fuel`.
    #[schema(value_type = words::SettingKey)]
    key: String,
    value: String,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Latest {
    /// How many at most.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
}

/// List a tenant's environments, by name
#[utoipa::path(get, path = "/tenants/{tenant}/environments", tag = TAG_ENVIRONMENTS,
    security(("token" = ["read"])), responses((status = 200, description = "Their names", body = Vec<EnvironmentName>)))]
pub(super) async fn list(
    State(app): State<App>,
    at: Tenancy<Read>,
) -> Result<Json<Vec<EnvironmentName>>, Problem> {
    app.blocking(move |server| Ok(Json(names(server, &at.tenant)))).await
}

/// The names of a tenant's environments, in order.
pub(crate) fn names(server: &Server, tenant: &TenantName) -> Vec<EnvironmentName> {
    // A tenant without environments has no folder yet.
    let Ok(folders) = fs::read_dir(server.data().environments(tenant)) else { return Vec::new() };
    let names = folders.filter_map(|folder| folder.ok()?.file_name().to_str()?.parse().ok());
    let mut names: Vec<EnvironmentName> = names.collect();
    names.sort();
    names
}

/// Make an environment
#[utoipa::path(post, path = "/tenants/{tenant}/environments", tag = TAG_ENVIRONMENTS, request_body = New,
    security(("token" = ["administer"])), responses((status = 201, description = "How it is", body = Object)))]
pub(super) async fn add(
    State(app): State<App>,
    at: Tenancy<Administer>,
    Body(new): Body<New>,
) -> Result<(StatusCode, Json<Status>), Problem> {
    app.blocking(move |server| {
        let folder = server.data().environment(&at.tenant, &new.name);
        let _others = server.change();
        let there = names(server, &at.tenant);
        if !there.contains(&new.name) {
            server.quotas(&at.tenant)?.environment_more(there.len() as u64)?;
        }
        let blobs = server.blobs(&at.tenant, &new.name)?;
        let env = match Environment::init_with(&folder, new.name.as_str(), blobs.as_ref()) {
            Err(EnvironmentError::Exists(_)) => {
                let detail = "there is an environment of this name already";
                return Err(Problem::new(StatusCode::CONFLICT, "exists", detail));
            }
            made => made?,
        };
        Ok((StatusCode::CREATED, Json(status_of(&env)?)))
    })
    .await
}

/// Tell how an environment is, and how far
#[utoipa::path(get, path = "/tenants/{tenant}/environments/{environment}", tag = TAG_ENVIRONMENTS,
    security(("token" = ["read"])), responses((status = 200, description = "How it is", body = Object)))]
pub(super) async fn status(State(app): State<App>, at: Place<Read>) -> Result<Json<Now>, Problem> {
    app.blocking(move |server| Now::look(server, &at).map(Json)).await
}

/// How an environment is now.
#[derive(Serialize)]
pub(super) struct Now {
    #[serde(flatten)]
    status: Status,
    /// What is being compiled.
    compiling: Vec<Compiling>,
    /// Why nothing new is compiled for now, if it is for want of a quota.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_back: Option<HeldBack>,
    /// Which releases it is upgraded to by itself.
    follows: Follow,
    /// And when.
    window: Option<Window>,
    /// The upgrade that is to come.
    next_upgrade: Option<NextUpgrade>,
}

impl Now {
    pub(super) fn look(server: &Server, at: &Place<Read>) -> Result<Self, Problem> {
        // In this order: a feed is kept for each environment that is there.
        let status = status_of(&at.open(server)?)?;
        let compiling = server.live().feed(&at.tenant, &at.environment).compiling();
        let runs = status.rehearsal.is_some() || status.state == EnvironmentState::Preparing;
        let share = server.shares().of(server.data().db(), &at.tenant)?;
        let held_back = share.held_back().filter(|_| runs);
        let row = server.data().db().follows(&at.tenant, &at.environment)?;
        let place = (at.tenant.clone(), at.environment.clone());
        let now = OffsetDateTime::now_utc();
        let next_upgrade = server.next_upgrade(&place, &row, status.platform.as_ref(), now)?;
        Ok(Self { status, compiling, held_back, follows: row.follow, window: row.window, next_upgrade })
    }
}

/// List what was done in an environment, the latest first
#[utoipa::path(get, path = "/tenants/{tenant}/environments/{environment}/history", tag = TAG_ENVIRONMENTS, params(Latest),
    security(("token" = ["read"])), responses((status = 200, description = "The entries", body = Vec<Object>)))]
pub(super) async fn history(
    State(app): State<App>,
    at: Place<Read>,
    Parameters(Latest { limit }): Parameters<Latest>,
) -> Result<Json<Vec<HistoryEntry>>, Problem> {
    app.blocking(move |server| Ok(Json(history_of(&at.open(server)?, limit.0)?))).await
}

/// Tell what went wrong in the latest preparation
#[utoipa::path(get, path = "/tenants/{tenant}/environments/{environment}/errors", tag = TAG_ENVIRONMENTS,
    security(("token" = ["read"])), responses((status = 200, description = "The modules that failed or were skipped, with what was wrong", body = Object)))]
pub(super) async fn errors(State(app): State<App>, at: Place<Read>) -> Result<Json<ErrorReport>, Problem> {
    app.blocking(move |server| told(&at.open(server)?, None).map(Json)).await
}

/// What is wrong, with paths within the environment.
pub(super) fn told(env: &Environment, module: Option<&ModuleName>) -> Result<ErrorReport, Problem> {
    let mut report = errors_in(env, module)?;
    for module in &mut report.modules {
        module.path = within(env, &module.path);
    }
    Ok(report)
}

/// List an environment's settings
#[utoipa::path(get, path = "/tenants/{tenant}/environments/{environment}/config", tag = TAG_ENVIRONMENTS,
    security(("token" = ["read"])), responses((status = 200, description = "All settings, with where they come from", body = Vec<Object>)))]
pub(super) async fn settings(State(app): State<App>, at: Place<Read>) -> Result<Settings, Problem> {
    app.blocking(move |server| shown(&at.open(server)?)).await
}

type Settings = ([(HeaderName, HeaderValue); 1], Json<Vec<Setting>>);

fn shown(env: &Environment) -> Result<Settings, Problem> {
    let settings = list_settings(env)?;
    Ok((ETag::of(&settings)?.header(), Json(settings)))
}

/// Change a setting
#[utoipa::path(patch, path = "/tenants/{tenant}/environments/{environment}/config", tag = TAG_ENVIRONMENTS, request_body = Change,
    params(("if-match" = Option<String>, Header, description = "The settings that were seen, by their `ETag`")),
    security(("token" = ["operate"])), responses((status = 200, description = "All settings as they are now", body = Vec<Object>)))]
pub(super) async fn set(
    State(app): State<App>,
    at: Place<Operate>,
    seen: IfMatch,
    Body(Change { key, value }): Body<Change>,
) -> Result<Settings, Problem> {
    app.blocking(move |server| {
        let key: ConfigKey = key.parse()?;
        server.check_setting(&at.tenant, &key, &value)?;
        let _others = server.change();
        let mut env = at.open(server)?;
        if seen.is_said() {
            seen.check(Some(&ETag::of(&list_settings(&env)?)?))?;
        }
        set_setting(&mut env, &key, &value)?;
        server.environments().forget(&at.tenant, &at.environment);
        shown(&env)
    })
    .await
}

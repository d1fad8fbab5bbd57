//! `/environments`: how they are, what is wrong in them, their settings and history.

use std::fs;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use prefab_model::ConfigKey;
use prefab_prepare::{
    Environment, ErrorReport, HistoryEntry, Setting, Status, errors as errors_in, history as history_of,
    list_settings, set_setting, status as status_of,
};
use serde::Deserialize;

use crate::access::{Administer, Operate, Place, Read, Tenancy};
use crate::input::Body;
use crate::names::EnvironmentName;
use crate::problem::Problem;
use crate::server::App;

/// So many entries of the history are listed.
const ENTRIES: u32 = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    name: EnvironmentName,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    key: String,
    value: String,
}

pub(super) async fn list(
    State(app): State<App>,
    at: Tenancy<Read>,
) -> Result<Json<Vec<EnvironmentName>>, Problem> {
    app.blocking(move |server| {
        // A tenant without environments has no folder yet.
        let Ok(folders) = fs::read_dir(server.data().environments(&at.tenant)) else {
            return Ok(Json(Vec::new()));
        };
        let names = folders.filter_map(|folder| folder.ok()?.file_name().to_str()?.parse().ok());
        let mut names: Vec<EnvironmentName> = names.collect();
        names.sort();
        Ok(Json(names))
    })
    .await
}

pub(super) async fn add(
    State(app): State<App>,
    at: Tenancy<Administer>,
    Body(new): Body<New>,
) -> Result<(StatusCode, Json<Status>), Problem> {
    app.blocking(move |server| {
        let folder = server.data().environment(&at.tenant, &new.name);
        if folder.exists() {
            let detail = "there is an environment of this name already";
            return Err(Problem::new(StatusCode::CONFLICT, "exists", detail));
        }
        let env = Environment::init(&folder, new.name.as_str())?;
        Ok((StatusCode::CREATED, Json(status_of(&env)?)))
    })
    .await
}

pub(super) async fn status(State(app): State<App>, at: Place<Read>) -> Result<Json<Status>, Problem> {
    app.blocking(move |server| Ok(Json(status_of(&at.open(server)?)?))).await
}

pub(super) async fn history(
    State(app): State<App>,
    at: Place<Read>,
) -> Result<Json<Vec<HistoryEntry>>, Problem> {
    app.blocking(move |server| Ok(Json(history_of(&at.open(server)?, ENTRIES)?))).await
}

pub(super) async fn errors(State(app): State<App>, at: Place<Read>) -> Result<Json<ErrorReport>, Problem> {
    app.blocking(move |server| Ok(Json(errors_in(&at.open(server)?, None)?))).await
}

pub(super) async fn settings(State(app): State<App>, at: Place<Read>) -> Result<Json<Vec<Setting>>, Problem> {
    app.blocking(move |server| Ok(Json(list_settings(&at.open(server)?)?))).await
}

pub(super) async fn set(
    State(app): State<App>,
    at: Place<Operate>,
    Body(Change { key, value }): Body<Change>,
) -> Result<Json<Vec<Setting>>, Problem> {
    app.blocking(move |server| {
        let key: ConfigKey = key.parse()?;
        let mut env = at.open(server)?;
        set_setting(&mut env, &key, &value)?;
        server.environments().forget(&at.tenant, &at.environment);
        Ok(Json(list_settings(&env)?))
    })
    .await
}

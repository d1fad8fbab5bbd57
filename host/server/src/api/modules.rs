//! `/modules`: sending a module's tree, and what became of it.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use prefab_model::{ModuleName, ModulePath};
use prefab_prepare::{
    ErrorReport, ModuleArtifacts, ModuleSummary, artifacts as artifacts_of, errors as errors_in,
    list_modules, module, place_module, read_artifact, remove_module,
};
use serde::Deserialize;

use crate::access::{Operate, Place, Read};
use crate::input::Named;
use crate::problem::Problem;
use crate::server::App;
use crate::unpack::{Caps, unpack};

/// What a module's tree may have at most.
const CAPS: Caps = Caps { bytes: 256 << 20, files: 50_000, depth: 64 };

#[derive(Deserialize)]
pub(super) struct Which {
    module: ModuleName,
}

#[derive(Deserialize)]
pub(super) struct WhichArtifact {
    module: ModuleName,
    path: ModulePath,
}

pub(super) async fn list(
    State(app): State<App>,
    at: Place<Read>,
) -> Result<Json<Vec<ModuleSummary>>, Problem> {
    app.blocking(move |server| Ok(Json(list_modules(&at.open(server)?)?))).await
}

pub(super) async fn show(
    State(app): State<App>,
    at: Place<Read>,
    Named(which): Named<Which>,
) -> Result<Json<ModuleSummary>, Problem> {
    app.blocking(move |server| Ok(Json(module(&at.open(server)?, &which.module)?))).await
}

/// Takes a tree as a tar, plain or in zstd, in the place of the one before.
pub(super) async fn put(
    State(app): State<App>,
    at: Place<Operate>,
    Named(which): Named<Which>,
    body: Bytes,
) -> Result<Json<ModuleSummary>, Problem> {
    app.blocking(move |server| {
        let env = at.open(server)?;
        let incoming = server.data().incoming()?;
        let tree = incoming.path().join("tree");
        std::fs::create_dir(&tree)?;
        unpack(&body[..], &tree, CAPS)?;
        let folder = server.data().module(&at.tenant, &at.environment, &which.module);
        let placed = place_module(&env, &tree, &folder, &which.module)?;
        Ok(Json(placed))
    })
    .await
}

pub(super) async fn remove(
    State(app): State<App>,
    at: Place<Operate>,
    Named(which): Named<Which>,
) -> Result<StatusCode, Problem> {
    app.blocking(move |server| {
        remove_module(&at.open(server)?, &which.module)?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

pub(super) async fn errors(
    State(app): State<App>,
    at: Place<Read>,
    Named(which): Named<Which>,
) -> Result<Json<ErrorReport>, Problem> {
    app.blocking(move |server| Ok(Json(errors_in(&at.open(server)?, Some(&which.module))?))).await
}

pub(super) async fn artifacts(
    State(app): State<App>,
    at: Place<Read>,
    Named(which): Named<Which>,
) -> Result<Json<ModuleArtifacts>, Problem> {
    app.blocking(move |server| Ok(Json(artifacts_of(&at.open(server)?, &which.module)?))).await
}

/// One artifact, to be saved and never to be shown: what it says is up to whoever wrote the module.
pub(super) async fn artifact(
    State(app): State<App>,
    at: Place<Read>,
    Named(which): Named<WhichArtifact>,
) -> Result<Response, Problem> {
    let artifact = app
        .blocking(move |server| {
            let found = read_artifact(&at.open(server)?, &which.module, &which.path)?;
            found.ok_or_else(Problem::not_found)
        })
        .await?;
    let media_type = HeaderValue::from_str(&artifact.media_type)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
    ];
    Ok((headers, artifact.bytes).into_response())
}

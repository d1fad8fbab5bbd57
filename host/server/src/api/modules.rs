//! `/modules`: sending a module's tree, and what became of it.

use std::os::unix::fs::MetadataExt as _;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use prefab_model::{ModuleName, ModulePath};
use prefab_prepare::{
    Environment, ErrorReport, ModuleArtifacts, ModuleSummary, ModulesError, artifacts as artifacts_of,
    list_modules_page, module, place_module, read_artifact, remove_module,
};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::environments::told;
use super::{Limit, TAG_MODULES, within};
use crate::access::{Operate, Place, Read};
use crate::document::words;
use crate::etag::{ETag, IfMatch};
use crate::input::{Named, Parameters};
use crate::problem::Problem;
use crate::server::App;
use crate::unpack::{Caps, unpack};
use crate::upload::Upload;
use crate::usage::bytes_in;

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

/// Which part of the list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AfterName {
    /// The last one that was seen: those after it are listed.
    #[param(value_type = Option<words::ModuleName>)]
    after: Option<ModuleName>,
    /// How many at most.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
}

/// List an environment's modules, by name
#[utoipa::path(get, path = "/tenants/{tenant}/environments/{environment}/modules", tag = TAG_MODULES, params(AfterName),
    security(("token" = ["read"])), responses((status = 200, description = "The modules", body = Vec<Object>)))]
pub(super) async fn list(
    State(app): State<App>,
    at: Place<Read>,
    Parameters(AfterName { after, limit }): Parameters<AfterName>,
) -> Result<Json<Vec<ModuleSummary>>, Problem> {
    app.blocking(move |server| {
        let env = at.open(server)?;
        let mut modules = list_modules_page(&env, after.as_ref(), limit.0)?;
        for module in &mut modules {
            module.path = within(&env, &module.path);
        }
        Ok(Json(modules))
    })
    .await
}

type Module = ([(HeaderName, HeaderValue); 1], Json<ModuleSummary>);

/// A module as it is shown, and a name for that state of it.
fn shown(env: &Environment, name: &ModuleName) -> Result<Module, Problem> {
    let mut summary = module(env, name)?;
    let etag = etag(&summary)?;
    summary.path = within(env, &summary.path);
    Ok((etag.header(), Json(summary)))
}

/// Changes with the description, and with the folder: sending a tree makes that another one.
fn etag(summary: &ModuleSummary) -> Result<ETag, Problem> {
    #[derive(Serialize)]
    struct Seen<'a> {
        version: Option<&'a str>,
        dependencies: &'a [ModuleName],
        folder: Option<(u64, i64, i64)>,
    }
    let folder = summary.path.metadata().ok();
    let folder = folder.map(|folder| (folder.ino(), folder.ctime(), folder.ctime_nsec()));
    let (version, dependencies) = (summary.version.as_deref(), summary.dependencies.as_slice());
    Ok(ETag::of(&Seen { version, dependencies, folder })?)
}

/// Whether the environment has no module of this name.
pub(super) fn is_new(env: &Environment, name: &ModuleName) -> bool {
    matches!(module(env, name), Err(ModulesError::Unknown { .. }))
}

/// Refuses to go on if the module is not what the caller had seen.
fn check(seen: &IfMatch, env: &Environment, name: &ModuleName) -> Result<(), Problem> {
    if !seen.is_said() {
        return Ok(());
    }
    let now = match module(env, name) {
        Ok(summary) => Some(etag(&summary)?),
        Err(ModulesError::Unknown { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    seen.check(now.as_ref())
}

/// Show a module
#[utoipa::path(get, path = "/tenants/{tenant}/environments/{environment}/modules/{module}", tag = TAG_MODULES,
    security(("token" = ["read"])), responses((status = 200, description = "The module", body = Object)))]
pub(super) async fn show(
    State(app): State<App>,
    at: Place<Read>,
    Named(which): Named<Which>,
) -> Result<Module, Problem> {
    app.blocking(move |server| shown(&at.open(server)?, &which.module)).await
}

/// Send a module's tree as a tar, plain or in zstd, in the place of the one before
#[utoipa::path(put, path = "/tenants/{tenant}/environments/{environment}/modules/{module}", tag = TAG_MODULES, request_body(content = Vec<u8>, content_type = "application/x-tar"),
    params(("if-match" = Option<String>, Header, description = "The module that was seen, by its `ETag`")),
    security(("token" = ["operate"])), responses((status = 200, description = "The module", body = Object)))]
pub(super) async fn put(
    State(app): State<App>,
    at: Place<Operate>,
    Named(which): Named<Which>,
    seen: IfMatch,
    body: Upload,
) -> Result<Module, Problem> {
    app.blocking(move |server| {
        let env = at.open(server)?;
        let incoming = server.data().incoming()?;
        let tree = incoming.path().join("tree");
        std::fs::create_dir(&tree)?;
        unpack(body.into_reader(), &tree, CAPS)?;
        let folder = server.data().module(&at.tenant, &at.environment, &which.module);
        // Counting takes long where there is much, and others are not to wait for it.
        server.bytes_more(&at.tenant, bytes_in(&tree)?)?;
        if server.quotas(&at.tenant)?.modules.is_some() {
            server.modules_of(&at.tenant, None)?;
        }
        let _others = server.change();
        check(&seen, &env, &which.module)?;
        if is_new(&env, &which.module) {
            server.module_more(&at.tenant, &at.environment)?;
        }
        place_module(&env, &tree, &folder, &which.module)
            .map_err(|error| Problem::from(error).without(&tree).without(env.root()))?;
        server.modules_changed(&at.tenant, &at.environment);
        shown(&env, &which.module)
    })
    .await
}

/// Remove a module; what is deployed of it stays
#[utoipa::path(delete, path = "/tenants/{tenant}/environments/{environment}/modules/{module}", tag = TAG_MODULES,
    params(("if-match" = Option<String>, Header, description = "The module that was seen, by its `ETag`")),
    security(("token" = ["operate"])), responses((status = 204, description = "It is not a module of the environment any more")))]
pub(super) async fn remove(
    State(app): State<App>,
    at: Place<Operate>,
    Named(which): Named<Which>,
    seen: IfMatch,
) -> Result<StatusCode, Problem> {
    app.blocking(move |server| {
        let env = at.open(server)?;
        let _others = server.change();
        check(&seen, &env, &which.module)?;
        remove_module(&env, &which.module)?;
        server.modules_changed(&at.tenant, &at.environment);
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Tell what the compilers found in a module
#[utoipa::path(get, path = "/tenants/{tenant}/environments/{environment}/modules/{module}/errors", tag = TAG_MODULES,
    security(("token" = ["read"])), responses((status = 200, description = "What was wrong with it, warnings too", body = Object)))]
pub(super) async fn errors(
    State(app): State<App>,
    at: Place<Read>,
    Named(which): Named<Which>,
) -> Result<Json<ErrorReport>, Problem> {
    app.blocking(move |server| told(&at.open(server)?, Some(&which.module)).map(Json)).await
}

/// List what was prepared of a module
#[utoipa::path(get, path = "/tenants/{tenant}/environments/{environment}/modules/{module}/artifacts", tag = TAG_MODULES,
    security(("token" = ["read"])), responses((status = 200, description = "Its artifacts", body = Object)))]
pub(super) async fn artifacts(
    State(app): State<App>,
    at: Place<Read>,
    Named(which): Named<Which>,
) -> Result<Json<ModuleArtifacts>, Problem> {
    app.blocking(move |server| Ok(Json(artifacts_of(&at.open(server)?, &which.module)?))).await
}

/// Download an artifact
#[utoipa::path(get, path = "/tenants/{tenant}/environments/{environment}/modules/{module}/artifacts/{*path}", tag = TAG_MODULES,
    security(("token" = ["read"])), responses((status = 200, description = "Its bytes", body = Vec<u8>, content_type = "application/octet-stream")))]
// To be saved and never to be shown: what it says is up to whoever wrote the module.
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
    // Not as the media type that a compiler made up; the list of artifacts has that.
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
    ];
    Ok((headers, artifact.bytes).into_response())
}

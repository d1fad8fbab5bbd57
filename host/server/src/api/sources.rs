//! Modules whose folders stay where they lie: below the one that the operator lets the tenant's environments read.
//!
//! `serve --sources DIR` lets the environments of a tenant read what is below `DIR/TENANT`, and nothing else. What is found there is
//! read at each preparation, as in an environment on the command line.

use std::path::{Path, PathBuf};

use axum::Json;
use axum::extract::State;
use prefab_model::ModulePath;
use prefab_prepare::{
    Environment, ImportSummary, ModuleSummary, ModulesError, add_module, find_npm, import_found,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::modules::is_new;
use super::{TAG_MODULES, within};
use crate::access::{Operate, Place};
use crate::document::words;
use crate::input::Body;
use crate::names::TenantName;
use crate::problem::Problem;
use crate::server::{App, Server};

/// A folder below the one that the tenant's environments may read.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Folder {
    /// Its path there, such as `shop/modules/cart`.
    #[schema(value_type = words::FolderPath)]
    path: ModulePath,
}

/// A folder, and the one that it has to be below.
struct Found {
    allowed: PathBuf,
    folder: PathBuf,
}

impl Found {
    /// Without the server's own part of paths.
    fn shown(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.allowed).map(Path::to_owned).unwrap_or_default()
    }

    fn problem(&self, env: &Environment, error: ModulesError) -> Problem {
        Problem::from(error).without(&self.allowed).without(env.root())
    }
}

/// Finds a folder. Links may lead about below the tenant's own folder, and not out of it; what is outside is not told from what is not there.
fn find(server: &Server, tenant: &TenantName, Folder { path }: &Folder) -> Result<Found, Problem> {
    let nothing = |detail: String| Problem::new(axum::http::StatusCode::NOT_FOUND, "no-such-folder", detail);
    let sources = server.sources().ok_or_else(|| {
        nothing(
            "this server reads no folders: send the module's tree, or have it started with --sources"
                .to_owned(),
        )
    })?;
    let not_there = || nothing(format!("there is no folder {path} that environments of {tenant} may read"));
    let allowed = sources.join(tenant.as_str()).canonicalize().map_err(|_| not_there())?;
    let folder = allowed.join(path.as_str()).canonicalize().map_err(|_| not_there())?;
    if folder.starts_with(&allowed) && folder.is_dir() {
        Ok(Found { allowed, folder })
    } else {
        Err(not_there())
    }
}

/// Add the module in a folder that the server may read, or take in its description again
#[utoipa::path(post, path = "/tenants/{tenant}/environments/{environment}/modules", tag = TAG_MODULES, request_body = Folder,
    security(("token" = ["operate"])), responses((status = 200, description = "The module", body = Object)))]
pub(super) async fn add(
    State(app): State<App>,
    at: Place<Operate>,
    Body(wanted): Body<Folder>,
) -> Result<Json<ModuleSummary>, Problem> {
    app.blocking(move |server| {
        let env = at.open(server)?;
        let found = find(server, &at.tenant, &wanted)?;
        let _others = server.change();
        server.module_more(&at.tenant, &at.environment)?;
        let mut summary = add_module(&env, &found.folder).map_err(|error| found.problem(&env, error))?;
        server.modules_changed(&at.tenant, &at.environment);
        summary.path = within(&env, &summary.path);
        Ok(Json(summary))
    })
    .await
}

/// Make every package of a `node_modules` tree or a workspace a module, in a folder that the server may read
#[utoipa::path(post, path = "/tenants/{tenant}/environments/{environment}/import/npm", tag = TAG_MODULES, request_body = Folder,
    security(("token" = ["operate"])), responses((status = 200, description = "What was imported", body = Object)))]
pub(super) async fn import(
    State(app): State<App>,
    at: Place<Operate>,
    Body(wanted): Body<Folder>,
) -> Result<Json<ImportSummary>, Problem> {
    app.blocking(move |server| {
        let env = at.open(server)?;
        let found = find(server, &at.tenant, &wanted)?;
        let quotas = server.quotas(&at.tenant)?;
        let _others = server.change();
        let tree = find_npm(&found.folder, &mut |_| {}).map_err(|error| found.problem(&env, error))?;
        if quotas.modules.is_some() {
            let new = tree.modules.iter().filter(|(_, manifest)| is_new(&env, &manifest.name)).count() as u64;
            if let Some(last) = new.checked_sub(1) {
                let there = server.modules_of(&at.tenant, Some(&at.environment))?;
                quotas.module_more(there.saturating_add(last))?;
            }
        }
        let mut import = import_found(&env, tree).map_err(|error| found.problem(&env, error))?;
        server.modules_changed(&at.tenant, &at.environment);
        for package in &mut import.skipped {
            package.path = found.shown(&package.path);
        }
        Ok(Json(import))
    })
    .await
}

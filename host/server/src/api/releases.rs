//! `/releases`: platform versions that environments can be upgraded to, of one tenant or for all.

use std::fs;
use std::path::Path;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use prefab_model::{Release, Trust};
use prefab_prepare::{
    ReleaseInspection, ReleaseSummary, ReleaseTarget, ReleasesError, inspect_release, list_releases,
    read_trust, summarise_release, vouch,
};
use semver::Version;
use serde::Deserialize;

use super::TAG_RELEASES;
use crate::access::{Administer, Place, Read, ServerWide, Tenancy};
use crate::input::Named;
use crate::names::TenantName;
use crate::problem::Problem;
use crate::server::{App, Server};
use crate::unpack::{Caps, unpack};
use crate::upload::Upload;
use crate::usage::bytes_in;

/// What a release's folder may have at most: the headers of a compiler are thousands of files.
const CAPS: Caps = Caps { bytes: 1 << 30, files: 20_000, depth: 32 };

#[derive(Deserialize)]
pub(super) struct Which {
    version: Version,
}

/// List the platform versions that a tenant can upgrade to
#[utoipa::path(get, path = "/tenants/{tenant}/releases", tag = TAG_RELEASES,
    security(("token" = ["read"])), responses((status = 200, description = "The versions, oldest first", body = Vec<String>)))]
pub(super) async fn list(State(app): State<App>, at: Tenancy<Read>) -> Result<Json<Vec<Version>>, Problem> {
    app.blocking(move |server| Ok(Json(versions(server, &at.tenant)))).await
}

/// The platform versions that a tenant can upgrade to, oldest first.
pub(crate) fn versions(server: &Server, tenant: &TenantName) -> Vec<Version> {
    let mut versions = installed(&server.data().releases(Some(tenant)));
    versions.extend(installed(&server.data().releases(None)));
    versions.sort();
    versions.dedup();
    versions
}

/// List the platform versions for all tenants
#[utoipa::path(get, path = "/releases", tag = TAG_RELEASES,
    security(("token" = ["read"])), responses((status = 200, description = "The versions, oldest first", body = Vec<String>)))]
pub(super) async fn list_shared(
    State(app): State<App>,
    _: ServerWide<Read>,
) -> Result<Json<Vec<Version>>, Problem> {
    app.blocking(|server| Ok(Json(installed(&server.data().releases(None))))).await
}

/// Send a release for one tenant: the tar of its folder, plain or in zstd
#[utoipa::path(post, path = "/tenants/{tenant}/releases", tag = TAG_RELEASES, request_body(content = Vec<u8>, content_type = "application/x-tar"),
    security(("token" = ["administer"])), responses((status = 201, description = "What the release is", body = Object), (status = 200, description = "It was here", body = Object)))]
pub(super) async fn add(
    State(app): State<App>,
    at: Tenancy<Administer>,
    body: Upload,
) -> Result<(StatusCode, Json<ReleaseInspection>), Problem> {
    app.blocking(move |server| take(server, Some(&at.tenant), body)).await
}

/// Send a release for all tenants: the tar of its folder, plain or in zstd
#[utoipa::path(post, path = "/releases", tag = TAG_RELEASES, request_body(content = Vec<u8>, content_type = "application/x-tar"),
    security(("token" = ["administer"])), responses((status = 201, description = "What the release is", body = Object), (status = 200, description = "It was here", body = Object)))]
pub(super) async fn add_shared(
    State(app): State<App>,
    _: ServerWide<Administer>,
    body: Upload,
) -> Result<(StatusCode, Json<ReleaseInspection>), Problem> {
    app.blocking(move |server| take(server, None, body)).await
}

/// List the releases that an environment can be upgraded to, or is on
#[utoipa::path(get, path = "/tenants/{tenant}/environments/{environment}/releases", tag = TAG_RELEASES,
    security(("token" = ["read"])), responses((status = 200, description = "The releases, oldest first", body = Vec<Object>)))]
pub(super) async fn for_environment(
    State(app): State<App>,
    at: Place<Read>,
) -> Result<Json<Vec<ReleaseSummary>>, Problem> {
    app.blocking(move |server| {
        let env = at.open(server)?;
        let mut releases = list_releases(&env)?;
        for folder in [server.data().releases(Some(&at.tenant)), server.data().releases(None)] {
            for version in installed(&folder) {
                if releases.iter().all(|release| release.version != version) {
                    releases.push(summarise_release(&env, &folder.join(version.to_string()))?);
                }
            }
        }
        releases.sort_by(|a, b| a.version.cmp(&b.version));
        Ok(Json(releases))
    })
    .await
}

/// Look into a release: its compilers, their options and limits
#[utoipa::path(get, path = "/tenants/{tenant}/environments/{environment}/releases/{version}", tag = TAG_RELEASES,
    security(("token" = ["read"])), responses((status = 200, description = "What the release is", body = Object)))]
pub(super) async fn inspect(
    State(app): State<App>,
    at: Place<Read>,
    Named(Which { version }): Named<Which>,
) -> Result<Json<ReleaseInspection>, Problem> {
    app.blocking(move |server| {
        let env = at.open(server)?;
        let folder = server.data().release(&at.tenant, &version);
        let target = folder.map_or(ReleaseTarget::Version(version), ReleaseTarget::Manifest);
        let sandbox = server.sandboxes().of(Some(&at.tenant))?;
        Ok(Json(inspect_release(Some(&env), &target, &sandbox, &mut |_| {})?))
    })
    .await
}

/// The versions that are in a folder, oldest first; none if there is no such folder yet.
fn installed(folder: &Path) -> Vec<Version> {
    let Ok(folders) = fs::read_dir(folder) else { return Vec::new() };
    let versions = folders.filter_map(|folder| folder.ok()?.file_name().to_str()?.parse().ok());
    let mut versions: Vec<Version> = versions.collect();
    versions.sort();
    versions
}

/// Takes in the tar of a release's folder: every compiler is checked and made native code of.
fn take(
    server: &Server,
    tenant: Option<&TenantName>,
    body: Upload,
) -> Result<(StatusCode, Json<ReleaseInspection>), Problem> {
    let incoming = server.data().incoming()?;
    let folder = incoming.path().join("release");
    fs::create_dir(&folder)?;
    unpack(body.into_reader(), &folder, CAPS)?;
    let (status, inspection) = take_release(server, tenant, &folder)?;
    Ok((status, Json(inspection)))
}

/// Takes in a release whose folder lies where things are received; where it is another's from then on.
pub(crate) fn take_release(
    server: &Server,
    tenant: Option<&TenantName>,
    folder: &Path,
) -> Result<(StatusCode, ReleaseInspection), Problem> {
    let target = ReleaseTarget::Manifest(folder.to_owned());
    let mut trust = Trust::default();
    for file in server.data().trust_files(tenant) {
        trust.add(read_trust(&file).map_err(ReleasesError::from)?);
    }
    // Before anything of it is compiled. An upgrade decides again, with what the environment trusts as well.
    vouch(folder, &trust).map_err(|error| Problem::from(error).without(folder))?;
    let inspection = inspect_release(None, &target, &*server.sandboxes().of(tenant)?, &mut |_| {})
        .map_err(|error| Problem::from(error).without(folder))?;
    let releases = server.data().releases(tenant);
    fs::create_dir_all(&releases)?;
    let _others = server.change();
    let place = releases.join(inspection.summary.version.to_string());
    if place.exists() {
        let manifest = fs::read_to_string(place.join("release.toml"))?;
        if Release::parse(&manifest).is_ok_and(|there| there.digest == inspection.summary.digest) {
            return Ok((StatusCode::OK, inspection));
        }
        let detail = "another release of this version is here: a version is never changed once it is out";
        return Err(Problem::new(StatusCode::CONFLICT, "different-release", detail));
    }
    if let Some(tenant) = tenant {
        if let Ok(release) = Release::parse(&fs::read_to_string(folder.join("release.toml"))?) {
            server.check_release(tenant, &release)?;
        }
        server.bytes_more(tenant, bytes_in(folder)?)?;
    }
    fs::rename(folder, &place)?;
    server.followers().changed();
    Ok((StatusCode::CREATED, inspection))
}

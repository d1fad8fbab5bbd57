//! `/releases`: platform versions that environments can be upgraded to, of one tenant or for all.

use std::fs;
use std::path::Path;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use prefab_model::{Release, Trust};
use prefab_prepare::{ReleaseInspection, ReleaseTarget, ReleasesError, inspect_release, read_trust, vouch};
use semver::Version;

use super::TAG_RELEASES;
use crate::access::{Administer, Read, ServerWide, Tenancy};
use crate::names::TenantName;
use crate::problem::Problem;
use crate::server::{App, Server};
use crate::unpack::{Caps, unpack};
use crate::upload::Upload;

/// What a release's folder may have at most.
const CAPS: Caps = Caps { bytes: 1 << 30, files: 1000, depth: 8 };

/// List the platform versions that a tenant can upgrade to
#[utoipa::path(get, path = "/tenants/{tenant}/releases", tag = TAG_RELEASES,
    security(("token" = ["read"])), responses((status = 200, description = "The versions, oldest first", body = Vec<String>)))]
pub(super) async fn list(State(app): State<App>, at: Tenancy<Read>) -> Result<Json<Vec<Version>>, Problem> {
    app.blocking(move |server| {
        let mut versions = installed(&server.data().releases(Some(&at.tenant)));
        versions.extend(installed(&server.data().releases(None)));
        versions.sort();
        versions.dedup();
        Ok(Json(versions))
    })
    .await
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
    let target = ReleaseTarget::Manifest(folder.clone());
    let mut trust = Trust::default();
    for file in server.data().trust_files(tenant) {
        trust.add(read_trust(&file).map_err(ReleasesError::from)?);
    }
    // Before anything of it is compiled. An upgrade decides again, with what the environment trusts as well.
    vouch(&folder, &trust).map_err(|error| Problem::from(error).without(&folder))?;
    let inspection = inspect_release(None, &target, &*server.sandboxes().of(tenant)?, &mut |_| {})
        .map_err(|error| Problem::from(error).without(&folder))?;
    let releases = server.data().releases(tenant);
    fs::create_dir_all(&releases)?;
    let _others = server.change();
    let place = releases.join(inspection.summary.version.to_string());
    if place.exists() {
        let manifest = fs::read_to_string(place.join("release.toml"))?;
        if Release::parse(&manifest).is_ok_and(|there| there.digest == inspection.summary.digest) {
            return Ok((StatusCode::OK, Json(inspection)));
        }
        let detail = "another release of this version is here: a version is never changed once it is out";
        return Err(Problem::new(StatusCode::CONFLICT, "different-release", detail));
    }
    fs::rename(&folder, &place)?;
    Ok((StatusCode::CREATED, Json(inspection)))
}

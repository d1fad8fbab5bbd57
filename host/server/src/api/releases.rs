//! `/releases`: platform versions that environments can be upgraded to, of one tenant or for all.

use std::fs;
use std::path::Path;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use prefab_model::Release;
use prefab_prepare::{ReleaseInspection, ReleaseTarget, inspect_release};
use semver::Version;

use crate::access::{Administer, Read, ServerWide, Tenancy};
use crate::names::TenantName;
use crate::problem::Problem;
use crate::server::{App, Server};
use crate::unpack::{Caps, unpack};

/// What a release's folder may have at most.
const CAPS: Caps = Caps { bytes: 1 << 30, files: 1000, depth: 8 };

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

pub(super) async fn list_shared(
    State(app): State<App>,
    _: ServerWide<Read>,
) -> Result<Json<Vec<Version>>, Problem> {
    app.blocking(|server| Ok(Json(installed(&server.data().releases(None))))).await
}

pub(super) async fn add(
    State(app): State<App>,
    at: Tenancy<Administer>,
    body: Bytes,
) -> Result<(StatusCode, Json<ReleaseInspection>), Problem> {
    app.blocking(move |server| take(server, Some(&at.tenant), &body)).await
}

pub(super) async fn add_shared(
    State(app): State<App>,
    _: ServerWide<Administer>,
    body: Bytes,
) -> Result<(StatusCode, Json<ReleaseInspection>), Problem> {
    app.blocking(move |server| take(server, None, &body)).await
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
    tar: &[u8],
) -> Result<(StatusCode, Json<ReleaseInspection>), Problem> {
    let incoming = server.data().incoming()?;
    let folder = incoming.path().join("release");
    fs::create_dir(&folder)?;
    unpack(tar, &folder, CAPS)?;
    let target = ReleaseTarget::Manifest(folder.clone());
    let inspection = inspect_release(None, &target, server.sandbox(), &mut |_| {})?;
    let releases = server.data().releases(tenant);
    fs::create_dir_all(&releases)?;
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

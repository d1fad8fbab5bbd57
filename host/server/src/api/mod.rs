//! The HTTP API, one file a resource. Handlers are thin: what they take is in their arguments, what they do is in `prefab-prepare`.
//!
//! A route is registered by its description, so that the document at `/openapi.json` has them all.

mod comparing;
mod environments;
mod events;
mod follow;
mod idempotent;
mod keeping;
mod modules;
mod preparations;
mod publish;
mod quotas;
mod releases;
mod sources;
mod tenants;
mod tokens;

use std::path::{Path, PathBuf};

use axum::extract::DefaultBodyLimit;
use prefab_prepare::Environment;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use environments::names as environment_names;
pub(crate) use idempotent::once;
pub(crate) use releases::{take_release, versions as release_versions};

use crate::server::App;

/// The most that a request may carry, in bytes, but for trees and releases (`upload.rs`).
const BODY: usize = 1 << 20;
/// So much is listed at a time, if nobody asks for less.
const PAGE: u32 = 1000;

const TAG_TENANTS: &str = "Tenants and tokens";
const TAG_RELEASES: &str = "Releases";
const TAG_ENVIRONMENTS: &str = "Environments";
const TAG_MODULES: &str = "Modules";
const TAG_PREPARATIONS: &str = "Preparations";
const TAG_PUBLISHING: &str = "Publishing";
const TAG_COMPARING: &str = "Comparing";
const TAG_KEEPING: &str = "Verifying and keeping";
const TAG_WATCH: &str = "Watching";

/// All routes, with what describes them. They lie under `/api/v1`.
pub(crate) fn all() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(tenants::list, tenants::add))
        .routes(routes!(tenants::show))
        .routes(routes!(tenants::audit))
        .routes(routes!(quotas::show, quotas::set))
        .routes(routes!(quotas::usage))
        .routes(routes!(tokens::list, tokens::add))
        .routes(routes!(tokens::revoke))
        .routes(routes!(releases::list_shared, releases::add_shared))
        .routes(routes!(releases::list, releases::add))
        .routes(routes!(releases::for_environment))
        .routes(routes!(releases::inspect))
        .routes(routes!(environments::list, environments::add))
        .routes(routes!(environments::status))
        .routes(routes!(environments::history))
        .routes(routes!(environments::errors))
        .routes(routes!(environments::settings, environments::set))
        .routes(routes!(events::follow))
        .routes(routes!(modules::list, sources::add))
        .routes(routes!(sources::import))
        .routes(routes!(modules::show, modules::put, modules::remove))
        .routes(routes!(modules::errors))
        .routes(routes!(modules::artifacts))
        .routes(routes!(modules::artifact))
        .routes(routes!(preparations::list, preparations::start))
        .routes(routes!(preparations::show))
        .routes(routes!(preparations::prioritise))
        .routes(routes!(preparations::control))
        .routes(routes!(preparations::upgrade, follow::call_off))
        .routes(routes!(follow::set))
        .routes(routes!(preparations::undo))
        .routes(routes!(preparations::rehearse))
        .routes(routes!(comparing::report))
        .routes(routes!(comparing::diff))
        .routes(routes!(publish::publish))
        .routes(routes!(publish::rollback))
        .routes(routes!(keeping::verify))
        .routes(routes!(keeping::attest))
        .routes(routes!(keeping::gc))
        .layer(DefaultBodyLimit::max(BODY))
}

/// Which part of a long list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Page {
    /// The last one that was seen: those after it are listed.
    after: Option<String>,
    /// How many at most.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
}

/// Which part of a long list of what has numbers, from the first on.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct After {
    /// The last one that was seen: those after it are listed.
    after: Option<i64>,
    /// How many at most.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
}

/// Which part of a long list of what has numbers, the latest first.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Before {
    /// The last one that was seen: those before it are listed.
    before: Option<i64>,
    /// How many at most.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
}

/// How many are listed at a time: 1 to [`PAGE`].
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "u32")]
struct Limit(u32);

impl Default for Limit {
    fn default() -> Self {
        Self(PAGE)
    }
}

impl TryFrom<u32> for Limit {
    type Error = String;

    fn try_from(limit: u32) -> Result<Self, String> {
        let fits = (1..=PAGE).contains(&limit);
        if fits { Ok(Self(limit)) } else { Err(format!("a limit is 1 to {PAGE}, not {limit}")) }
    }
}

/// A path as callers are told it: within the environment, since where that lies is the server's own business.
fn within(env: &Environment, path: &Path) -> PathBuf {
    let inside = path.strip_prefix(env.root()).ok();
    inside.map_or_else(|| path.file_name().map(PathBuf::from).unwrap_or_default(), Path::to_owned)
}

//! `/verify`, `/attestation` and `/gc`: that what is kept is what it should be, how it was made, and what need not be kept.

use axum::Json;
use axum::extract::State;
use prefab_model::ModuleName;
use prefab_prepare::{
    CollectOptions, Collection, Priority, Statement, Verified, VerifyOptions, VerifySummary, Verifying,
    attest as attest_in, collect, verify as verify_in,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::TAG_KEEPING;
use super::publish::{Done, Which};
use crate::access::{Operate, Place, Read};
use crate::document::words;
use crate::input::{Body, Named, Parameters};
use crate::problem::Problem;
use crate::server::App;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct What {
    /// `deployed`, or `prepared`.
    #[serde(default)]
    #[param(schema_with = words::verifying, required = false)]
    what: Verifying,
}

#[derive(Deserialize)]
pub(super) struct Of {
    module: ModuleName,
}

/// What is kept.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[schema(as = Garbage)]
pub(super) struct Order {
    /// Deployments of each module besides the present one.
    #[schema(value_type = i64, minimum = 0, maximum = 4_294_967_295_u32)]
    keep: u32,
    /// What is younger than so many days.
    #[schema(value_type = i64, minimum = 0, maximum = 4_294_967_295_u32)]
    keep_days: u32,
    /// Only tell what would go.
    dry_run: bool,
}

impl Default for Order {
    fn default() -> Self {
        let CollectOptions { deployments, days, dry_run } = CollectOptions::default();
        Self { keep: deployments, keep_days: days, dry_run }
    }
}

/// Compile again what is deployed, or prepared, and compare
#[utoipa::path(post, path = "/tenants/{tenant}/environments/{environment}/verify", tag = TAG_KEEPING, request_body = Which, params(What),
    security(("token" = ["operate"])), responses((status = 200, description = "What came out the same, and what did not", body = Object)))]
pub(super) async fn verify(
    State(app): State<App>,
    at: Place<Operate>,
    Parameters(What { what }): Parameters<What>,
    Body(which): Body<Which>,
) -> Result<Json<Done<VerifySummary, Verified>>, Problem> {
    app.blocking(move |server| {
        let env = at.open(server)?;
        let sandbox = server.sandboxes().of(Some(&at.tenant))?;
        let options =
            VerifyOptions { selection: which.selection()?, what, jobs: None, priority: Priority::Idle };
        let mut modules: Vec<Verified> = Vec::new();
        let mut reporter = |_, verified: Option<&Verified>| modules.extend(verified.cloned());
        let stop = server.stop_at_once(&at.tenant)?;
        let summary = verify_in(&env, &sandbox, &options, &stop, &mut reporter)?;
        server.was_held_back(&at.tenant, &stop)?;
        modules.sort_by(|a, b| a.module.cmp(&b.module));
        Ok(Json(Done { summary, modules }))
    })
    .await
}

/// Say in in-toto statements how a module's artifacts were made
#[utoipa::path(get, path = "/tenants/{tenant}/environments/{environment}/modules/{module}/attestation", tag = TAG_KEEPING, params(What),
    security(("token" = ["read"])), responses((status = 200, description = "One statement a compilation, not signed", body = Vec<Object>)))]
pub(super) async fn attest(
    State(app): State<App>,
    at: Place<Read>,
    Named(Of { module }): Named<Of>,
    Parameters(What { what }): Parameters<What>,
) -> Result<Json<Vec<Statement>>, Problem> {
    app.blocking(move |server| {
        let sandbox = server.sandboxes().of(Some(&at.tenant))?;
        Ok(Json(attest_in(&at.open(server)?, &sandbox, &module, what)?))
    })
    .await
}

/// Free the room that nothing needs any more
#[utoipa::path(post, path = "/tenants/{tenant}/environments/{environment}/gc", tag = TAG_KEEPING, request_body = Order,
    security(("token" = ["operate"])), responses((status = 200, description = "What went, or would go", body = Object)))]
pub(super) async fn gc(
    State(app): State<App>,
    at: Place<Operate>,
    Body(order): Body<Order>,
) -> Result<Json<Collection>, Problem> {
    app.blocking(move |server| {
        let sandbox = server.sandboxes().of(Some(&at.tenant))?;
        let Order { keep, keep_days, dry_run } = order;
        let options = CollectOptions { deployments: keep, days: keep_days, dry_run };
        Ok(Json(collect(&at.open(server)?, &sandbox, options, &mut |_| {})?))
    })
    .await
}

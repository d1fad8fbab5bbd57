//! `/report` and `/diff`: two preparations side by side.

use axum::Json;
use axum::extract::State;
use prefab_model::{ModuleName, PreparationId};
use prefab_prepare::{
    DiffOptions, Environment, ModuleDiff, Report, compare, diff as diff_of, sides as sides_of,
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{TAG_COMPARING, within};
use crate::access::{Place, Read};
use crate::input::{Named, Parameters};
use crate::problem::Problem;
use crate::server::App;

/// Which two are compared.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Sides {
    /// The preparation to compare with; the latest one with the current release, if none is named.
    base: Option<i64>,
    /// The preparation or rehearsal to compare; the latest rehearsal, if none is named.
    new: Option<i64>,
}

/// What is compared of a module.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[into_params(parameter_in = Query)]
pub(super) struct DiffSides {
    /// The preparation to compare with; the latest one with the current release, if none is named.
    base: Option<i64>,
    /// The preparation or rehearsal to compare; the latest rehearsal, if none is named.
    new: Option<i64>,
    /// Whether it is shown how source maps differ.
    #[serde(default)]
    source_maps: bool,
}

#[derive(Deserialize)]
pub(super) struct Which {
    module: ModuleName,
}

fn chosen(
    env: &Environment,
    base: Option<i64>,
    new: Option<i64>,
) -> Result<(PreparationId, PreparationId), Problem> {
    Ok(sides_of(env, base.map(PreparationId), new.map(PreparationId))?)
}

/// Compare two preparations: what a release breaks, mends and changes
#[utoipa::path(get, path = "/tenants/{tenant}/environments/{environment}/report", tag = TAG_COMPARING, params(Sides),
    security(("token" = ["read"])), responses((status = 200, description = "The report, with every module", body = Object)))]
pub(super) async fn report(
    State(app): State<App>,
    at: Place<Read>,
    Parameters(Sides { base, new }): Parameters<Sides>,
) -> Result<Json<Report>, Problem> {
    app.blocking(move |server| {
        let env = at.open(server)?;
        let (base, new) = chosen(&env, base, new)?;
        let mut report = compare(&env, base, new, &mut |_| {})?;
        for module in &mut report.modules {
            module.path = module.path.take().map(|path| within(&env, &path));
        }
        Ok(Json(report))
    })
    .await
}

/// Compare a module's artifacts and findings in two preparations
#[utoipa::path(get, path = "/tenants/{tenant}/environments/{environment}/modules/{module}/diff", tag = TAG_COMPARING, params(DiffSides),
    security(("token" = ["read"])), responses((status = 200, description = "What is not the same", body = Object)))]
pub(super) async fn diff(
    State(app): State<App>,
    at: Place<Read>,
    Named(which): Named<Which>,
    Parameters(DiffSides { base, new, source_maps }): Parameters<DiffSides>,
) -> Result<Json<ModuleDiff>, Problem> {
    app.blocking(move |server| {
        let env = at.open(server)?;
        let options = DiffOptions { source_maps, ..DiffOptions::default() };
        let mut diff = diff_of(&env, &which.module, chosen(&env, base, new)?, options)?;
        diff.path = diff.path.map(|path| within(&env, &path));
        Ok(Json(diff))
    })
    .await
}

//! `/publish` and `/rollback`: what is deployed.

use axum::Json;
use axum::extract::State;
use prefab_model::ModuleName;
use prefab_prepare::{
    ModuleSelection, PublishSummary, Published, RollbackSummary, RolledBack, Stop, publish as publish_in,
    rollback as roll_back,
};
use serde::{Deserialize, Serialize};

use crate::access::{Operate, Place};
use crate::input::Body;
use crate::problem::Problem;
use crate::server::App;

/// Which modules, said in exactly one way.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Which {
    Modules(Vec<ModuleName>),
    Application(String),
    All(bool),
}

impl Which {
    fn selection(self) -> Result<ModuleSelection, Problem> {
        match self {
            Self::Modules(modules) => Ok(ModuleSelection::Modules(modules)),
            Self::Application(application) => Ok(ModuleSelection::Application(application)),
            Self::All(true) => Ok(ModuleSelection::All),
            Self::All(false) => Err(Problem::invalid("`all` can only be true: name modules otherwise")),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Done<S, M> {
    #[serde(flatten)]
    summary: S,
    modules: Vec<M>,
}

pub(super) async fn publish(
    State(app): State<App>,
    at: Place<Operate>,
    Body(which): Body<Which>,
) -> Result<Json<Done<PublishSummary, Published>>, Problem> {
    app.blocking(move |server| {
        let mut modules = Vec::new();
        let mut reporter = |module: &Published| modules.push(module.clone());
        let (env, selection) = (at.open(server)?, which.selection()?);
        let stop = Stop::new();
        let summary = publish_in(&env, server.sandbox(), &selection, &stop, &mut |_| {}, &mut reporter)?;
        Ok(Json(Done { summary, modules }))
    })
    .await
}

pub(super) async fn rollback(
    State(app): State<App>,
    at: Place<Operate>,
    Body(which): Body<Which>,
) -> Result<Json<Done<RollbackSummary, RolledBack>>, Problem> {
    app.blocking(move |server| {
        let mut modules = Vec::new();
        let mut reporter = |module: &RolledBack| modules.push(module.clone());
        let (env, selection) = (at.open(server)?, which.selection()?);
        let summary = roll_back(&env, &selection, false, &Stop::new(), &mut reporter)?;
        Ok(Json(Done { summary, modules }))
    })
    .await
}

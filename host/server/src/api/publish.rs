//! `/publish` and `/rollback`: what is deployed.

use std::borrow::Cow;

use axum::Json;
use axum::extract::State;
use prefab_model::ModuleName;
use prefab_prepare::{
    ModuleSelection, PublishSummary, Published, RollbackSummary, RolledBack, Stop, publish as publish_in,
    rollback as roll_back,
};
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::TAG_PUBLISHING;
use crate::access::{Operate, Place};
use crate::document::words;
use crate::input::{Body, Parameters};
use crate::problem::Problem;
use crate::server::App;

/// Which modules, said in exactly one way.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Which {
    /// These.
    Modules(Vec<ModuleName>),
    /// Those of an application.
    Application(String),
    /// All: `true`.
    All(bool),
}

// By hand, since what is derived would allow other properties beside.
impl PartialSchema for Which {
    fn schema() -> RefOr<Schema> {
        let one = |name: &str, schema: RefOr<Schema>| {
            let object = ObjectBuilder::new().property(name, schema).required(name);
            object.additional_properties(Some(AdditionalProperties::FreeForm(false)))
        };
        OneOfBuilder::new()
            .description(Some("Which modules, said in exactly one way."))
            .item(one("modules", ArrayBuilder::new().items(words::ModuleName::schema()).into()))
            .item(one("application", String::schema()))
            .item(one("all", words::yes()))
            .into()
    }
}

impl ToSchema for Which {
    fn name() -> Cow<'static, str> {
        "Which".into()
    }
}

impl Which {
    pub(super) fn selection(self) -> Result<ModuleSelection, Problem> {
        match self {
            Self::Modules(modules) => Ok(ModuleSelection::Modules(modules)),
            Self::Application(application) => Ok(ModuleSelection::Application(application)),
            Self::All(true) => Ok(ModuleSelection::All),
            Self::All(false) => Err(Problem::invalid("`all` can only be true: name modules otherwise")),
        }
    }
}

/// How many of each, and each module.
#[derive(Serialize)]
pub(super) struct Done<S, M> {
    #[serde(flatten)]
    pub(super) summary: S,
    pub(super) modules: Vec<M>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[into_params(parameter_in = Query)]
pub(super) struct Trial {
    /// Only tell what would be done.
    #[serde(default)]
    dry_run: bool,
}

/// Deploy what is prepared
#[utoipa::path(post, path = "/tenants/{tenant}/environments/{environment}/publish", tag = TAG_PUBLISHING, request_body = Which,
    security(("token" = ["operate"])), responses((status = 200, description = "What became of each module", body = Object)))]
pub(super) async fn publish(
    State(app): State<App>,
    at: Place<Operate>,
    Body(which): Body<Which>,
) -> Result<Json<Done<PublishSummary, Published>>, Problem> {
    app.blocking(move |server| {
        let mut modules = Vec::new();
        let mut reporter = |module: &Published| modules.push(module.clone());
        let (env, selection) = (at.open(server)?, which.selection()?);
        let (sandbox, stop) = (server.sandboxes().of(Some(&at.tenant))?, server.stop_at_once(&at.tenant)?);
        // What has changed is compiled.
        server.check_limits(&at.tenant, &env, None)?;
        let summary = publish_in(&env, &sandbox, &selection, &stop, &mut |_| {}, &mut reporter)?;
        server.was_held_back(&at.tenant, &stop)?;
        Ok(Json(Done { summary, modules }))
    })
    .await
}

/// Go back to what was deployed before
#[utoipa::path(post, path = "/tenants/{tenant}/environments/{environment}/rollback", tag = TAG_PUBLISHING, request_body = Which, params(Trial),
    security(("token" = ["operate"])), responses((status = 200, description = "What became of each module", body = Object)))]
pub(super) async fn rollback(
    State(app): State<App>,
    at: Place<Operate>,
    Parameters(Trial { dry_run }): Parameters<Trial>,
    Body(which): Body<Which>,
) -> Result<Json<Done<RollbackSummary, RolledBack>>, Problem> {
    app.blocking(move |server| {
        let mut modules = Vec::new();
        let mut reporter = |module: &RolledBack| modules.push(module.clone());
        let (env, selection) = (at.open(server)?, which.selection()?);
        let summary = roll_back(&env, &selection, dry_run, &Stop::new(), &mut reporter)?;
        Ok(Json(Done { summary, modules }))
    })
    .await
}

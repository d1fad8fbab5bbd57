//! What is deployed of an environment on a server: publishing, going back, and verifying.

use prefab_model::ModuleName;
use prefab_prepare::{
    ModuleSelection, PublishSummary, Published, RollbackSummary, RolledBack, Verified, VerifySummary,
    Verifying,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::connection::ClientError;
use crate::environment::EnvironmentClient;

/// What publishing did.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Publication {
    /// How many of each.
    #[serde(flatten)]
    pub summary: PublishSummary,
    /// Each module.
    pub modules: Vec<Published>,
}

/// What going back did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Rollback {
    /// How many of each.
    #[serde(flatten)]
    pub summary: RollbackSummary,
    /// Each module.
    pub modules: Vec<RolledBack>,
}

/// What verifying found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Verification {
    /// How many of each.
    #[serde(flatten)]
    pub summary: VerifySummary,
    /// Each module, by name.
    pub modules: Vec<Verified>,
}

/// Which modules, as the API takes it.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Which<'a> {
    Modules(&'a [ModuleName]),
    Application(&'a str),
    All(bool),
}

impl<'a> From<&'a ModuleSelection> for Which<'a> {
    fn from(selection: &'a ModuleSelection) -> Self {
        match selection {
            ModuleSelection::Modules(modules) => Self::Modules(modules),
            ModuleSelection::Application(application) => Self::Application(application),
            ModuleSelection::All => Self::All(true),
        }
    }
}

impl EnvironmentClient {
    /// Deploys what is prepared.
    pub fn publish(&self, selection: &ModuleSelection) -> Result<Publication, ClientError> {
        self.connection.tell("POST", &self.at(["publish"]), &Which::from(selection))
    }

    /// Deploys again what was deployed before, or only tells what that would be.
    pub fn rollback(&self, selection: &ModuleSelection, dry_run: bool) -> Result<Rollback, ClientError> {
        let mut url = self.at(["rollback"]);
        url.query_pairs_mut().append_pair("dry-run", if dry_run { "true" } else { "false" });
        self.connection.tell("POST", &url, &Which::from(selection))
    }

    /// Compiles again on the server, and compares.
    pub fn verify(&self, selection: &ModuleSelection, what: Verifying) -> Result<Verification, ClientError> {
        self.connection.tell("POST", &with(self.at(["verify"]), what), &Which::from(selection))
    }

    /// In-toto statements on how a module's artifacts were made.
    pub fn attest(&self, module: &ModuleName, what: Verifying) -> Result<Vec<Value>, ClientError> {
        self.connection.get(&with(self.at(["modules", module.as_str(), "attestation"]), what))
    }
}

fn with(mut url: Url, what: Verifying) -> Url {
    let what = match what {
        Verifying::Deployed => "deployed",
        Verifying::Prepared => "prepared",
    };
    url.query_pairs_mut().append_pair("what", what);
    url
}

//! An environment on a server: how it is, what is wrong in it, its settings and history.

use prefab_model::{ConfigKey, ModuleName, PreparationId};
use prefab_prepare::{ErrorReport, HistoryEntry, PreparationSummary, Setting, Status};
use serde::Serialize;
use url::Url;

use crate::address::ServerEnvironment;
use crate::connection::{ClientError, Connection, ConnectionOptions};

/// An environment on a server.
#[derive(Debug, Clone)]
pub struct EnvironmentClient {
    pub(crate) connection: Connection,
    pub(crate) place: ServerEnvironment,
}

impl EnvironmentClient {
    /// Does not speak to the server yet.
    ///
    /// # Errors
    /// The root certificates cannot be read.
    pub fn new(options: &ConnectionOptions, place: ServerEnvironment) -> Result<Self, ClientError> {
        Ok(Self { connection: Connection::new(options)?, place })
    }

    /// Its tenant and name.
    pub fn place(&self) -> &ServerEnvironment {
        &self.place
    }

    /// Something of the environment.
    pub(crate) fn at<'a>(&'a self, parts: impl IntoIterator<Item = &'a str>) -> Url {
        let environment = ["tenants", &self.place.tenant, "environments", &self.place.environment];
        self.connection.url(environment.into_iter().chain(parts))
    }

    /// Makes the environment.
    pub fn create(&self) -> Result<Status, ClientError> {
        #[derive(Serialize)]
        struct New<'a> {
            name: &'a str,
        }
        let url = self.connection.url(["tenants", &self.place.tenant, "environments"]);
        self.connection.tell("POST", &url, &New { name: &self.place.environment })
    }

    /// How it is.
    pub fn status(&self) -> Result<Status, ClientError> {
        self.connection.get(&self.at([]))
    }

    /// A preparation or rehearsal.
    pub fn preparation(&self, id: PreparationId) -> Result<PreparationSummary, ClientError> {
        self.connection.get(&self.at(["preparations", &id.to_string()]))
    }

    /// What went wrong in the latest preparation, or what the compilers found in one module.
    pub fn errors(&self, module: Option<&ModuleName>) -> Result<ErrorReport, ClientError> {
        match module {
            Some(module) => self.connection.get(&self.at(["modules", module.as_str(), "errors"])),
            None => self.connection.get(&self.at(["errors"])),
        }
    }

    /// What was done, the latest first, at most `limit` entries.
    pub fn history(&self, limit: u32) -> Result<Vec<HistoryEntry>, ClientError> {
        let mut url = self.at(["history"]);
        url.query_pairs_mut().append_pair("limit", &limit.to_string());
        self.connection.get(&url)
    }

    /// The settings in force.
    pub fn settings(&self) -> Result<Vec<Setting>, ClientError> {
        self.connection.get(&self.at(["config"]))
    }

    /// Changes a setting.
    pub fn set(&self, key: &ConfigKey, value: &str) -> Result<(), ClientError> {
        #[derive(Serialize)]
        struct Change<'a> {
            key: String,
            value: &'a str,
        }
        let change = Change { key: key.to_string(), value };
        self.connection.tell::<Vec<Setting>>("PATCH", &self.at(["config"]), &change).map(drop)
    }
}

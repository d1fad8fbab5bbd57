//! Comparing preparations of an environment on a server, and freeing its room.

use prefab_model::{ModuleName, PreparationId};
use prefab_prepare::{CollectOptions, Collection, ModuleDiff, Report};
use serde::Serialize;
use url::Url;

use crate::connection::ClientError;
use crate::environment::EnvironmentClient;

impl EnvironmentClient {
    /// Two preparations compared; those that are compared without being named are chosen by the server.
    pub fn report(
        &self,
        base: Option<PreparationId>,
        new: Option<PreparationId>,
    ) -> Result<Report, ClientError> {
        self.connection.get(&sides(self.at(["report"]), base, new))
    }

    /// A module in two preparations.
    pub fn diff(
        &self,
        module: &ModuleName,
        base: Option<PreparationId>,
        new: Option<PreparationId>,
        source_maps: bool,
    ) -> Result<ModuleDiff, ClientError> {
        let mut url = sides(self.at(["modules", module.as_str(), "diff"]), base, new);
        url.query_pairs_mut().append_pair("source-maps", if source_maps { "true" } else { "false" });
        self.connection.get(&url)
    }

    /// Frees the room that nothing needs any more.
    pub fn collect(&self, options: CollectOptions) -> Result<Collection, ClientError> {
        #[derive(Serialize)]
        #[serde(rename_all = "kebab-case")]
        struct Order {
            keep: u32,
            keep_days: u32,
            dry_run: bool,
        }
        let CollectOptions { deployments: keep, days: keep_days, dry_run } = options;
        self.connection.tell("POST", &self.at(["gc"]), &Order { keep, keep_days, dry_run })
    }
}

fn sides(mut url: Url, base: Option<PreparationId>, new: Option<PreparationId>) -> Url {
    for (name, id) in [("base", base), ("new", new)] {
        if let Some(id) = id {
            url.query_pairs_mut().append_pair(name, &id.to_string());
        }
    }
    url
}

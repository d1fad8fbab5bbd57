//! Releases that an environment on a server can be upgraded to.

use std::path::Path;

use prefab_prepare::{ReleaseInspection, ReleaseSummary, ReleaseTarget, read_release_tree};
use semver::Version;

use crate::connection::ClientError;
use crate::environment::EnvironmentClient;
use crate::tree::pack;

impl EnvironmentClient {
    /// The releases that it can be upgraded to, or is on, oldest first.
    pub fn releases(&self) -> Result<Vec<ReleaseSummary>, ClientError> {
        self.connection.get(&self.at(["releases"]))
    }

    /// One of them, with its compilers.
    pub fn release(&self, version: &Version) -> Result<ReleaseInspection, ClientError> {
        self.connection.get(&self.at(["releases", &version.to_string()]))
    }

    /// Sends a release of this machine, for all environments of the tenant.
    ///
    /// # Errors
    /// The folder has no release, or the server does not take it.
    pub fn send_release(&self, source: &Path) -> Result<ReleaseSummary, ClientError> {
        let tree = read_release_tree(source)?;
        let files = tree.files.iter().map(|(path, bytes)| (path.as_str(), &bytes[..]));
        let packed = pack(files, source)?;
        let url = self.connection.url(["tenants", &self.place.tenant, "releases"]);
        let taken: ReleaseInspection = self.connection.send_tree("POST", &url, packed)?;
        Ok(taken.summary)
    }

    /// The version that is meant: one that a folder of this machine has is sent first, if the server does not have it.
    pub(crate) fn version(&self, target: &ReleaseTarget) -> Result<Version, ClientError> {
        match target {
            ReleaseTarget::Version(version) => Ok(version.clone()),
            ReleaseTarget::Manifest(source) => Ok(self.send_release(source)?.version),
        }
    }
}

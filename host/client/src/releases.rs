//! Releases that an environment on a server can be upgraded to.

use prefab_model::Bytes;
use prefab_prepare::{
    Event, ReleaseInspection, ReleaseSummary, ReleaseTarget, ReleaseTree, read_release_tree,
};
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

    /// Sends a release, for all environments of the tenant. Whether it is taken in is up to the server.
    /// `reporter` is told that it is on its way.
    pub fn send_release(
        &self,
        tree: &ReleaseTree,
        reporter: &mut dyn FnMut(&Event),
    ) -> Result<ReleaseSummary, ClientError> {
        let size = Bytes(tree.files.iter().map(|(_, bytes)| bytes.len() as u64).sum());
        reporter(&Event::Sending { platform: tree.version.clone(), size });
        let files = tree.files.iter().map(|(path, bytes)| (path.as_str(), &bytes[..]));
        let packed = pack(files, "release".as_ref())?;
        let url = self.connection.url(["tenants", &self.place.tenant, "releases"]);
        let taken: ReleaseInspection = self.connection.send_tree("POST", &url, packed)?;
        Ok(taken.summary)
    }

    /// The version that is meant: a release that this machine has is sent first.
    pub(crate) fn version(
        &self,
        target: &ReleaseTarget,
        reporter: &mut dyn FnMut(&Event),
    ) -> Result<Version, ClientError> {
        match (target, read_release_tree(target)?) {
            (ReleaseTarget::Version(version), _) => Ok(version.clone()),
            (_, Some(tree)) => Ok(self.send_release(&tree, reporter)?.version),
            (_, None) => Err(ClientError::NotThere("there is no such release on this machine")),
        }
    }
}

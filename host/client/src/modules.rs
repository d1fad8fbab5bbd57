//! Modules of an environment on a server, and what was prepared of them.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use prefab_model::{ModuleName, ModulePath};
use prefab_prepare::{
    ImportSummary, ModuleArtifacts, ModuleSummary, ModuleTree, ModulesError, NpmTree, SkippedPackage,
    find_npm, read_module_tree, read_package_tree,
};

use crate::connection::ClientError;
use crate::environment::EnvironmentClient;
use crate::tree::pack;

/// The largest artifact that is taken, in bytes: as much as a compilation may produce at all.
const ARTIFACT: u64 = 4 << 30;
/// So many modules are asked for at a time.
const PAGE: usize = 1000;

impl EnvironmentClient {
    /// All modules, by name.
    pub fn modules(&self) -> Result<Vec<ModuleSummary>, ClientError> {
        let mut modules: Vec<ModuleSummary> = Vec::new();
        loop {
            let mut url = self.at(["modules"]);
            if let Some(last) = modules.last() {
                url.query_pairs_mut().append_pair("after", last.name.as_str());
            }
            let page: Vec<ModuleSummary> = self.connection.get(&url)?;
            let whole = page.len() >= PAGE;
            modules.extend(page);
            if !whole {
                return Ok(modules);
            }
        }
    }

    /// Sends the module in a folder of this machine, in the place of the one of its name.
    ///
    /// # Errors
    /// The folder is not a module, or the server does not take it.
    pub fn send_module(&self, dir: &Path) -> Result<ModuleSummary, ClientError> {
        self.send(&read_module_tree(dir)?, dir)
    }

    fn send(&self, tree: &ModuleTree, dir: &Path) -> Result<ModuleSummary, ClientError> {
        let files = tree.files.iter().map(|(path, bytes)| (path.as_str(), &bytes[..]));
        let packed = pack(files, dir)?;
        self.connection.send_tree("PUT", &self.at(["modules", tree.name.as_str()]), packed)
    }

    /// Sends every package of a `node_modules` tree or a workspace as a module. All are sent each time, so that what is there already
    /// counts as updated; what is not in the tree any more stays. `progress` is told how many are sent.
    ///
    /// # Errors
    /// There are no packages, or the server does not take one. A package with files that no module can have is left out.
    pub fn send_npm(&self, dir: &Path, progress: &mut dyn FnMut(u64)) -> Result<ImportSummary, ClientError> {
        let NpmTree { modules, nested, skipped, .. } = find_npm(dir, &mut |_| {})?;
        let there: HashSet<ModuleName> = self.modules()?.into_iter().map(|module| module.name).collect();
        let mut import = ImportSummary { nested, skipped, ..ImportSummary::default() };
        for (folder, manifest) in modules {
            let tree = match read_package_tree(&folder, &manifest) {
                Ok(tree) => tree,
                Err(ModulesError::Unreadable { reason, .. }) => {
                    import.skipped.push(SkippedPackage { path: folder, reason });
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            self.send(&tree, &folder)?;
            let count = if there.contains(&manifest.name) { &mut import.updated } else { &mut import.added };
            *count += 1;
            progress(import.added + import.updated);
        }
        Ok(import)
    }

    /// Removes a module.
    pub fn remove_module(&self, name: &ModuleName) -> Result<(), ClientError> {
        self.connection.delete(&self.at(["modules", name.as_str()]))
    }

    /// What was prepared of a module.
    pub fn artifacts(&self, module: &ModuleName) -> Result<ModuleArtifacts, ClientError> {
        self.connection.get(&self.at(["modules", module.as_str(), "artifacts"]))
    }

    /// Writes what was prepared of a module into a folder that is empty or does not exist. Returns how many files there are.
    ///
    /// # Errors
    /// There is something in the folder, it cannot be written, or the server has no artifacts of the module.
    pub fn extract_artifacts(&self, module: &ModuleName, folder: &Path) -> Result<u64, ClientError> {
        let wrong = |source| ClientError::Write { path: folder.to_owned(), source };
        let artifacts = self.artifacts(module)?;
        let parent =
            folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(wrong)?;
        if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(wrong(io::Error::new(
                io::ErrorKind::DirectoryNotEmpty,
                "there is something in it already",
            )));
        }
        // Beside it, and renamed when it is whole.
        let whole = tempfile::tempdir_in(parent).map_err(wrong)?;
        let mut count = 0;
        for artifact in artifacts.bundles.iter().flat_map(|bundle| &bundle.artifacts) {
            self.download(module, &artifact.path, artifact.size, &whole.path().join(artifact.path.as_str()))?;
            count += 1;
        }
        let _ = fs::remove_dir(folder);
        fs::rename(whole.keep(), folder).map_err(wrong)?;
        Ok(count)
    }

    fn download(
        &self,
        module: &ModuleName,
        path: &ModulePath,
        size: u64,
        to: &Path,
    ) -> Result<(), ClientError> {
        let wrong = |source| ClientError::Write { path: to.to_owned(), source };
        let parts = ["modules", module.as_str(), "artifacts"].into_iter().chain(path.as_str().split('/'));
        let from = self.connection.open(&self.at(parts), &[])?;
        fs::create_dir_all(to.parent().unwrap_or(Path::new("."))).map_err(wrong)?;
        let mut file = fs::File::create_new(to).map_err(wrong)?;
        let came = io::copy(&mut from.take(ARTIFACT), &mut file).map_err(wrong)?;
        if came == size {
            Ok(())
        } else {
            Err(self.connection.strange(&format!("{path} has {came} bytes, not {size}")))
        }
    }
}

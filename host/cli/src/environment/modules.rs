//! Modules and releases of an environment, wherever it is.

use std::path::Path;

use anyhow::Context as _;
use prefab_model::ModuleName;
use prefab_prepare::{
    self as prepare, Allow, Event, ImportSummary, ModuleArtifacts, ModuleSummary, ReleaseInspection,
    ReleaseSummary, ReleaseTarget,
};

use super::AnyEnvironment;

impl AnyEnvironment {
    pub(crate) fn modules(&self) -> anyhow::Result<Vec<ModuleSummary>> {
        Ok(match self {
            Self::Here(here) => prepare::list_modules(&here.env)?,
            Self::There(there) => there.modules()?,
        })
    }

    /// Adds the module in a folder of this machine; a server gets its files.
    pub(crate) fn add_module(&self, dir: &Path) -> anyhow::Result<ModuleSummary> {
        Ok(match self {
            Self::Here(here) => prepare::add_module(&here.env, dir)?,
            Self::There(there) => there.send_module(dir)?,
        })
    }

    pub(crate) fn remove_module(&self, module: &ModuleName) -> anyhow::Result<()> {
        match self {
            Self::Here(here) => prepare::remove_module(&here.env, module)?,
            Self::There(there) => there.remove_module(module)?,
        }
        Ok(())
    }

    pub(crate) fn import_npm(
        &self,
        dir: &Path,
        progress: &mut dyn FnMut(u64),
    ) -> anyhow::Result<ImportSummary> {
        match self {
            Self::Here(here) => Ok(prepare::import_npm(&here.env, dir, progress)?),
            Self::There(there) => Ok(there.send_npm(dir, progress)?),
        }
    }

    pub(crate) fn artifacts(&self, module: &ModuleName) -> anyhow::Result<ModuleArtifacts> {
        Ok(match self {
            Self::Here(here) => prepare::artifacts(&here.env, module)?,
            Self::There(there) => there.artifacts(module)?,
        })
    }

    pub(crate) fn extract_artifacts(&self, module: &ModuleName, folder: &Path) -> anyhow::Result<u64> {
        Ok(match self {
            Self::Here(here) => prepare::extract_artifacts(&here.env, module, folder)?,
            Self::There(there) => there.extract_artifacts(module, folder)?,
        })
    }

    pub(crate) fn releases(&self) -> anyhow::Result<Vec<ReleaseSummary>> {
        Ok(match self {
            Self::Here(here) => prepare::list_releases(&here.env)?,
            Self::There(there) => there.releases()?,
        })
    }

    pub(crate) fn install_release(
        &self,
        target: &ReleaseTarget,
        allow: Allow,
        reporter: &mut dyn FnMut(&Event),
    ) -> anyhow::Result<ReleaseSummary> {
        match self {
            Self::Here(here) => {
                Ok(prepare::install_release(&here.env, target, allow, &here.sandbox()?, reporter)?)
            }
            Self::There(there) => {
                allowed_by_server(allow)?;
                let tree = prepare::read_release_tree(target)?;
                let tree = tree.context("a release is sent from a folder, a packed file or a registry")?;
                Ok(there.send_release(&tree, reporter)?)
            }
        }
    }

    /// Looks into a release: of this machine, wherever the environment is, or one that the environment can be upgraded to.
    pub(crate) fn inspect_release(
        &self,
        target: &ReleaseTarget,
        reporter: &mut dyn FnMut(&Event),
    ) -> anyhow::Result<ReleaseInspection> {
        match (self, target) {
            (Self::Here(here), _) => {
                Ok(prepare::inspect_release(Some(&here.env), target, &here.sandbox()?, reporter)?)
            }
            (Self::There(there), ReleaseTarget::Version(version)) => Ok(there.release(version)?),
            (Self::There(_), ReleaseTarget::Manifest(_) | ReleaseTarget::Fetched(_)) => {
                anyhow::bail!(
                    "name a version that the server has; a release of this machine is inspected without --server"
                )
            }
        }
    }
}

/// What is taken in at a server is not for its callers to say.
pub(super) fn allowed_by_server(allow: Allow) -> anyhow::Result<()> {
    anyhow::ensure!(
        allow == Allow::default(),
        "which releases are taken in is up to the server: leave out --allow-unsigned and --allow-downgrade"
    );
    Ok(())
}

//! An environment as the commands meet it: in a folder of this machine, or on a server. Both do the same, and answer with the same
//! types; what only one of them can do is said where it is asked for.

mod deployed;
mod modules;
mod running;

use std::path::Path;

use prefab_client::EnvironmentClient;
use prefab_model::{ConfigKey, ModuleName, PreparationId};
use prefab_prepare::{
    self as prepare, CollectOptions, Collection, Controlled, DiffOptions, Environment, ErrorReport,
    HistoryEntry, Isolation, ModuleDiff, Report, Request, Sandbox, Setting, Status, open_sandbox,
};

/// An environment, wherever it is.
pub(crate) enum AnyEnvironment {
    /// In a folder.
    Here(Here),
    /// On a server.
    There(EnvironmentClient),
}

/// An environment in a folder, with where its compilers are to run.
pub(crate) struct Here {
    pub(crate) env: Environment,
    pub(crate) isolation: Isolation,
}

impl Here {
    /// What compilers run in.
    pub(crate) fn sandbox(&self) -> anyhow::Result<Sandbox> {
        Ok(open_sandbox(self.isolation.clone())?)
    }
}

impl AnyEnvironment {
    /// The folder that paths are told from. Those of a server are told from its environment's anyway.
    pub(crate) fn root(&self) -> &Path {
        match self {
            Self::Here(here) => here.env.root(),
            Self::There(_) => Path::new(""),
        }
    }

    /// Its name, for people.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Here(here) => here.env.config().name.clone(),
            Self::There(there) => there.place().to_string(),
        }
    }

    pub(crate) fn status(&self) -> anyhow::Result<Status> {
        Ok(match self {
            Self::Here(here) => prepare::status(&here.env)?,
            Self::There(there) => there.status()?,
        })
    }

    pub(crate) fn errors(&self, module: Option<&ModuleName>) -> anyhow::Result<ErrorReport> {
        Ok(match self {
            Self::Here(here) => prepare::errors(&here.env, module)?,
            Self::There(there) => there.errors(module)?,
        })
    }

    pub(crate) fn history(&self, limit: u32) -> anyhow::Result<Vec<HistoryEntry>> {
        Ok(match self {
            Self::Here(here) => prepare::history(&here.env, limit)?,
            Self::There(there) => there.history(limit)?,
        })
    }

    pub(crate) fn settings(&self) -> anyhow::Result<Vec<Setting>> {
        Ok(match self {
            Self::Here(here) => prepare::list_settings(&here.env)?,
            Self::There(there) => there.settings()?,
        })
    }

    pub(crate) fn set(&mut self, key: &ConfigKey, value: &str) -> anyhow::Result<()> {
        match self {
            Self::Here(here) => prepare::set_setting(&mut here.env, key, value)?,
            Self::There(there) => there.set(key, value)?,
        }
        Ok(())
    }

    pub(crate) fn control(&self, request: Request) -> anyhow::Result<Controlled> {
        Ok(match self {
            Self::Here(here) => prepare::control(&here.env, request, None)?,
            Self::There(there) => there.control(request)?,
        })
    }

    /// Has these modules taken next by what runs, and returns its number.
    pub(crate) fn prioritise(&self, modules: &[ModuleName]) -> anyhow::Result<PreparationId> {
        Ok(match self {
            Self::Here(here) => prepare::prioritise(&here.env, modules.to_vec(), None)?,
            Self::There(there) => there.prioritise(modules)?,
        })
    }

    /// Compares two preparations. `progress` is told how many modules are compared, where that can be told.
    pub(crate) fn report(
        &self,
        (base, new): (Option<PreparationId>, Option<PreparationId>),
        progress: &mut dyn FnMut(u64),
    ) -> anyhow::Result<Report> {
        match self {
            Self::Here(here) => {
                let (base, new) = prepare::sides(&here.env, base, new)?;
                Ok(prepare::compare(&here.env, base, new, progress)?)
            }
            Self::There(there) => Ok(there.report(base, new)?),
        }
    }

    pub(crate) fn diff(
        &self,
        module: &ModuleName,
        (base, new): (Option<PreparationId>, Option<PreparationId>),
        options: DiffOptions,
    ) -> anyhow::Result<ModuleDiff> {
        match self {
            Self::Here(here) => {
                let sides = prepare::sides(&here.env, base, new)?;
                Ok(prepare::diff(&here.env, module, sides, options)?)
            }
            Self::There(there) => Ok(there.diff(module, base, new, options.source_maps)?),
        }
    }

    pub(crate) fn collect(
        &self,
        options: CollectOptions,
        progress: &mut dyn FnMut(u64),
    ) -> anyhow::Result<Collection> {
        Ok(match self {
            Self::Here(here) => prepare::collect(&here.env, &here.sandbox()?, options, progress)?,
            Self::There(there) => there.collect(options)?,
        })
    }
}

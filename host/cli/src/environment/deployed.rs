//! What is deployed of an environment, wherever it is.

use anyhow::Context as _;
use prefab_model::ModuleName;
use prefab_prepare::{
    self as prepare, Event, ModuleSelection, PublishSummary, Published, RollbackSummary, RolledBack, Stop,
    Verified, VerifyOptions, VerifySummary, Verifying,
};
use serde_json::Value;

use super::AnyEnvironment;

impl AnyEnvironment {
    pub(crate) fn publish(
        &self,
        selection: &ModuleSelection,
        stop: &Stop,
        watch: &mut dyn FnMut(&Event),
        reporter: &mut dyn FnMut(&Published),
    ) -> anyhow::Result<PublishSummary> {
        match self {
            Self::Here(here) => {
                Ok(prepare::publish(&here.env, &here.sandbox()?, selection, stop, watch, reporter)?)
            }
            Self::There(there) => {
                let done = there.publish(selection)?;
                done.modules.iter().for_each(reporter);
                Ok(done.summary)
            }
        }
    }

    pub(crate) fn rollback(
        &self,
        selection: &ModuleSelection,
        dry_run: bool,
        stop: &Stop,
        reporter: &mut dyn FnMut(&RolledBack),
    ) -> anyhow::Result<RollbackSummary> {
        match self {
            Self::Here(here) => Ok(prepare::rollback(&here.env, selection, dry_run, stop, reporter)?),
            Self::There(there) => {
                let done = there.rollback(selection, dry_run)?;
                done.modules.iter().for_each(reporter);
                Ok(done.summary)
            }
        }
    }

    /// Verifies modules. `reporter` is told of each, and before the first how many there are.
    pub(crate) fn verify(
        &self,
        options: &VerifyOptions,
        stop: &Stop,
        reporter: &mut dyn FnMut(u64, Option<&Verified>),
    ) -> anyhow::Result<VerifySummary> {
        match self {
            Self::Here(here) => Ok(prepare::verify(&here.env, &here.sandbox()?, options, stop, reporter)?),
            Self::There(there) => {
                let done = there.verify(&options.selection, options.what)?;
                let total = done.modules.len() as u64;
                reporter(total, None);
                for verified in &done.modules {
                    reporter(total, Some(verified));
                }
                Ok(done.summary)
            }
        }
    }

    /// The in-toto statements on a module, as JSON.
    pub(crate) fn attest(&self, module: &ModuleName, what: Verifying) -> anyhow::Result<Vec<Value>> {
        match self {
            Self::Here(here) => {
                let statements = prepare::attest(&here.env, &here.sandbox()?, module, what)?;
                let written = statements.iter().map(serde_json::to_value).collect::<Result<_, _>>();
                written.context("cannot write a statement as JSON")
            }
            Self::There(there) => Ok(there.attest(module, what)?),
        }
    }
}

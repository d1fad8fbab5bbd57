//! Preparations of an environment, wherever it is.

use prefab_client::How;
use prefab_prepare::{self as prepare, Event, PrepareOptions, Priority, ReleaseTarget, Stop, Summary};

use super::AnyEnvironment;
use crate::interrupt;
use crate::report::progress::Voice;

type Reporter<'a> = &'a mut dyn FnMut(&Event);

impl AnyEnvironment {
    /// Lets Ctrl-C stop what is about to run; what runs on a server is left to itself.
    pub(crate) fn interruptible(&self, voice: Voice) -> anyhow::Result<Stop> {
        let stop = Stop::new();
        match self {
            Self::Here(_) => interrupt::stops(&stop, voice)?,
            Self::There(_) => interrupt::leaves(voice)?,
        }
        Ok(stop)
    }

    pub(crate) fn prepare(
        &self,
        options: PrepareOptions,
        stop: &Stop,
        reporter: Reporter<'_>,
    ) -> anyhow::Result<Summary> {
        Ok(match self {
            Self::Here(here) => prepare::prepare(&here.env, &here.sandbox()?, &options, stop, reporter)?,
            Self::There(there) => there.prepare(&how(options)?, reporter)?,
        })
    }

    pub(crate) fn upgrade(
        &self,
        target: &ReleaseTarget,
        options: PrepareOptions,
        stop: &Stop,
        reporter: Reporter<'_>,
    ) -> anyhow::Result<Summary> {
        Ok(match self {
            Self::Here(here) => {
                prepare::upgrade(&here.env, &here.sandbox()?, target, &options, stop, reporter)?
            }
            Self::There(there) => there.upgrade(target, &how(options)?, reporter)?,
        })
    }

    pub(crate) fn undo_upgrade(
        &self,
        options: PrepareOptions,
        stop: &Stop,
        reporter: Reporter<'_>,
    ) -> anyhow::Result<Summary> {
        Ok(match self {
            Self::Here(here) => prepare::undo_upgrade(&here.env, &here.sandbox()?, &options, stop, reporter)?,
            Self::There(there) => there.undo_upgrade(&how(options)?, reporter)?,
        })
    }

    pub(crate) fn rehearse(
        &self,
        target: &ReleaseTarget,
        options: PrepareOptions,
        stop: &Stop,
        reporter: Reporter<'_>,
    ) -> anyhow::Result<Summary> {
        Ok(match self {
            Self::Here(here) => {
                prepare::rehearse(&here.env, &here.sandbox()?, target, &options, stop, reporter)?
            }
            Self::There(there) => there.rehearse(target, &how(options)?, reporter)?,
        })
    }
}

/// What of the options is not up to the server.
fn how(options: PrepareOptions) -> anyhow::Result<How> {
    let PrepareOptions { selection, jobs, priority, first, lock, allow } = options;
    super::modules::allowed_by_server(allow)?;
    anyhow::ensure!(
        jobs.is_none() && priority == Priority::Idle,
        "how many compilations run at a time, and how much they stand back, is up to the server: leave out --jobs and --priority"
    );
    Ok(How::new(selection, first, lock))
}

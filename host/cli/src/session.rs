//! What the global flags say, for the commands: which environment, and where and how to print.

use std::io;
use std::path::Path;

use anyhow::Context as _;
use prefab_prepare::{Environment, Isolation, Sandbox, open_sandbox};

use crate::args::{Global, IsolationChoice};
use crate::output::Output;
use crate::report::paint::Paint;
use crate::report::progress::{Counter, Progress};

/// One run of `prefab`.
pub(crate) struct Session {
    /// Standard output.
    pub(crate) out: Output,
    /// The colours of standard output.
    pub(crate) paint: Paint,
    global: Global,
}

impl Session {
    pub(crate) fn new(global: &Global) -> Self {
        Self {
            out: Output::new(global.json),
            paint: Paint::choose(global.color, &io::stdout()),
            global: global.clone(),
        }
    }

    /// The folder that was named as the environment, if one was.
    pub(crate) fn named(&self) -> Option<&Path> {
        self.global.env.as_deref()
    }

    /// Where the environment is, or would be.
    pub(crate) fn place(&self) -> &Path {
        self.named().unwrap_or(Path::new("."))
    }

    /// The environment: the one that was named, or the nearest from here upwards.
    pub(crate) fn environment(&self) -> anyhow::Result<Environment> {
        let root = if let Some(root) = &self.global.env {
            root.clone()
        } else {
            let here = std::env::current_dir().context("cannot tell which folder this is")?;
            Environment::discover(&here)?
        };
        Ok(Environment::open(&root)?)
    }

    /// What compilers run in.
    pub(crate) fn sandbox(&self) -> anyhow::Result<Sandbox> {
        Ok(open_sandbox(self.isolation_or(IsolationChoice::InProcess))?)
    }

    /// Where compilers are to run: here, unless it is said otherwise.
    pub(crate) fn isolation_or(&self, default: IsolationChoice) -> Isolation {
        match self.global.isolation.unwrap_or(default) {
            IsolationChoice::InProcess => Isolation::InProcess,
            IsolationChoice::Process => Isolation::process(),
        }
    }

    /// Shows the progress of a preparation on standard error.
    pub(crate) fn progress(&self) -> Progress {
        let logs = self.global.verbose > 0 || self.global.log.is_some();
        Progress::new(self.global.quiet, logs, Paint::choose(self.global.color, &io::stderr()))
    }

    /// Shows on standard error how many of a known number of something are done.
    pub(crate) fn counter_of(&self, what: &'static str) -> Counter {
        Counter::of(self.global.quiet, what)
    }

    /// Shows on standard error how many of something are done.
    pub(crate) fn counter(&self, what: &'static str) -> Counter {
        Counter::new(self.global.quiet, what)
    }
}

//! What the global flags say, for the commands: which environment, and where and how to print.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Context as _;
use prefab_client::{ConnectionOptions, EnvironmentClient, ServerEnvironment};
use prefab_prepare::{Environment, Event, Isolation, Sandbox, open_sandbox};

use crate::args::{Global, IsolationChoice};
use crate::commands::registry;
use crate::environment::{AnyEnvironment, Here};
use crate::output::Output;
use crate::report::escape;
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

    /// The environment: on the server, if there is one; else the folder that was named, or the nearest from here upwards.
    pub(crate) fn environment(&self) -> anyhow::Result<AnyEnvironment> {
        if let Some(there) = self.there()? {
            return Ok(AnyEnvironment::There(there));
        }
        let root = if let Some(root) = &self.global.env {
            root.clone()
        } else {
            let here = std::env::current_dir().context("cannot tell which folder this is")?;
            Environment::discover(&here)?
        };
        let isolation = self.isolation_or(IsolationChoice::InProcess);
        Ok(AnyEnvironment::Here(Here { env: Environment::open(&root)?, isolation }))
    }

    /// The environment in a folder, for what only its own machine can do.
    pub(crate) fn environment_here(&self) -> anyhow::Result<Environment> {
        match self.environment()? {
            AnyEnvironment::Here(here) => Ok(here.env),
            AnyEnvironment::There(_) => {
                anyhow::bail!("this is done on the machine that has the environment, without --server")
            }
        }
    }

    /// The environment on the server that was named, if one was.
    pub(crate) fn there(&self) -> anyhow::Result<Option<EnvironmentClient>> {
        let Some(server) = &self.global.server else { return Ok(None) };
        let named = self.named().context(
            "which environment on the server is meant? Name it with --env TENANT/ENVIRONMENT or PREFAB_ENV",
        )?;
        let place: ServerEnvironment = named.to_string_lossy().parse()?;
        let token = self.token()?;
        if server.is_exposed() {
            let warning = format!("the token goes to {server} in the clear: use https");
            let paint = Paint::choose(self.global.color, &io::stderr());
            let _ = writeln!(io::stderr(), "{} {warning}", paint.hint("warning:"));
        }
        let roots = self.global.server_ca.clone();
        Ok(Some(EnvironmentClient::new(&ConnectionOptions { server: server.clone(), token, roots }, place)?))
    }

    fn token(&self) -> anyhow::Result<String> {
        let token = match &self.global.token_file {
            Some(file) => fs::read_to_string(file)
                .with_context(|| format!("cannot read the token from {}", escape::line(&file.to_string_lossy())))?,
            None => std::env::var("PREFAB_TOKEN").ok().context(
                "the server wants a token: put it into PREFAB_TOKEN, or into a file and name that with --token-file",
            )?,
        };
        let token = token.trim();
        // Whatever else would end up in a header.
        anyhow::ensure!(token.chars().all(|c| c.is_ascii_graphic()), "that is not a token: it is one word");
        Ok(token.to_owned())
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

    /// Does something of which there are events, with its progress shown, and said loudly if nobody vouches for a release.
    pub(crate) fn with_progress<T>(
        &self,
        work: impl FnOnce(&mut dyn FnMut(&Event)) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let mut progress = self.progress();
        let done = work(&mut |event| {
            registry::warn(self, event);
            progress.event(event);
        });
        progress.clear();
        done
    }

    /// Says something on standard error that people may want to know; nothing if quiet.
    pub(crate) fn note(&self, text: &str) {
        if !self.global.quiet {
            let _ = writeln!(io::stderr().lock(), "{}", escape::line(text));
        }
    }

    /// Says something on standard error that people must know, also if quiet.
    pub(crate) fn warn(&self, text: &str) {
        let paint = Paint::choose(self.global.color, &io::stderr());
        let _ = writeln!(io::stderr().lock(), "{} {}", paint.bad("warning:"), escape::line(text));
    }

    /// Shows on standard error how many bytes of a known number are done.
    pub(crate) fn bytes(&self, what: &'static str) -> Counter {
        Counter::bytes(self.global.quiet, what)
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

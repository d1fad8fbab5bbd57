//! The commands, one file each: what to call, and how to show what comes back.

mod artifacts;
mod attest;
pub(crate) mod compiler;
mod completions;
mod config;
mod control;
pub(crate) mod diff;
mod errors;
mod gc;
pub(crate) mod healthcheck;
mod history;
mod import;
mod init;
mod module;
mod prepare;
mod publish;
pub(crate) mod registry;
mod rehearse;
mod release;
pub(crate) mod report;
mod rollback;
pub(crate) mod serve;
pub(crate) mod ship;
mod status;
pub(crate) mod token;
pub(crate) mod trust;
mod upgrade;
mod verify;

use prefab_prepare::{Request, Verifying};

use crate::args::Command;
use crate::exit::Exit;
use crate::session::Session;

/// Runs a command.
pub(crate) fn run(command: Command, session: &Session) -> anyhow::Result<Exit> {
    match command {
        Command::Init { dir, name, blobs } => init::run(session, dir, name, blobs.as_ref()),
        Command::Module(command) => module::run(session, command),
        Command::Import(command) => import::run(session, &command),
        Command::Release(command) => release::run(session, command),
        Command::Upgrade { target, undo: _, running, locking, allowing, registry } => {
            // Nothing is fetched for an environment that is not there.
            session.environment()?;
            let target = target.map(|target| registry::resolve(session, &target, &registry)).transpose()?;
            upgrade::run(session, target.as_ref(), running, locking, allowing)
        }
        Command::Prepare { failed, modules, running, locking } => {
            prepare::run(session, failed, modules, running, locking)
        }
        Command::Rehearse { target, modules, running, allowing, registry } => {
            session.environment()?;
            let target = registry::resolve(session, &target, &registry)?;
            rehearse::run(session, &target, modules, running, allowing)
        }
        Command::Pause => control::run(session, Request::Pause),
        Command::Resume => control::run(session, Request::Resume),
        Command::Prioritise { modules } => control::prioritise(session, &modules),
        Command::Cancel => control::run(session, Request::Cancel),
        Command::Status { watch } => status::run(session, watch),
        Command::Errors { module, format } => errors::run(session, module.as_ref(), format),
        Command::Report(arguments) => report::run(session, &arguments),
        Command::Diff(arguments) => diff::run(session, &arguments),
        Command::Artifacts { module, extract } => artifacts::run(session, &module, extract.as_deref()),
        Command::Publish(which) => publish::run(session, which),
        Command::Rollback { which, dry_run } => rollback::run(session, which, dry_run),
        Command::Verify { which, prepared, jobs, priority } => {
            verify::run(session, which, verifying(prepared), jobs, priority.into())
        }
        Command::Attest { module, prepared, output } => {
            attest::run(session, &module, verifying(prepared), output.as_deref())
        }
        Command::Gc(options) => gc::run(session, &options),
        Command::Compiler(command) => compiler::run(session, command),
        Command::Config(command) => config::run(session, command),
        Command::Serve(arguments) => serve::run(session, &arguments),
        Command::Healthcheck(arguments) => healthcheck::run(&arguments),
        Command::Token(arguments) => token::run(session, arguments),
        Command::Trust(arguments) => trust::run(session, arguments),
        Command::History { limit } => history::run(session, limit),
        Command::Completions { shell } => completions::run(session, shell),
    }
}

const fn verifying(prepared: bool) -> Verifying {
    if prepared { Verifying::Prepared } else { Verifying::Deployed }
}

//! `prefab release`

use std::fmt::Write as _;

use prefab_model::{CompilerName, Limit};
use prefab_prepare::{CompilerInspection, ReleaseInspection, ReleaseSummary, Vouched, inspect_release};

use crate::args::ReleaseCommand;
use crate::commands::compiler;
use crate::commands::registry::{Target, resolve};
use crate::commands::ship;
use crate::exit::Exit;
use crate::report::{escape, table};
use crate::session::Session;

pub(super) fn run(session: &Session, command: ReleaseCommand) -> anyhow::Result<Exit> {
    match command {
        ReleaseCommand::List => {
            let env = session.environment()?;
            session.out.result(&env.releases()?, |releases| list(releases))?;
        }
        ReleaseCommand::Install { target, allowing, registry } => {
            let env = session.environment()?;
            // There is nothing to do for one that is installed: a folder is meant that is called so.
            let target = match target {
                Target::Installed(version) => Target::Local(version.to_string().into()),
                other => other,
            };
            let target = resolve(session, &target, &registry)?;
            let summary =
                session.with_progress(|reporter| env.install_release(&target, allowing.into(), reporter))?;
            session.out.result(&summary, installed)?;
        }
        ReleaseCommand::Inspect { target, registry } => {
            // A release can be looked at anywhere; a version is one of an environment.
            let env = match &target {
                Target::Local(_) | Target::Registry(_) => session.environment().ok(),
                Target::Installed(_) => Some(session.environment()?),
            };
            let target = resolve(session, &target, &registry)?;
            let inspection = session.with_progress(|reporter| match &env {
                Some(env) => env.inspect_release(&target, reporter),
                None => Ok(inspect_release(None, &target, &session.sandbox()?, reporter)?),
            })?;
            session.out.result(&inspection, told)?;
        }
        ReleaseCommand::Digest { manifest } => return compiler::digest(session, &manifest),
        ReleaseCommand::Keygen(arguments) => return ship::keygen(session, &arguments),
        ReleaseCommand::Sign(arguments) => return ship::sign(session, &arguments),
        ReleaseCommand::Pack(arguments) => return ship::pack(session, arguments),
        ReleaseCommand::Push(arguments) => return ship::push(session, &arguments),
        ReleaseCommand::Pull(arguments) => return ship::pull(session, arguments),
    }
    Ok(Exit::Fine)
}

/// What is said of a release that was installed.
pub(super) fn installed(summary: &ReleaseSummary) -> String {
    let signed =
        summary.signed_by.map(|key| format!(", signed with the trusted key {key}")).unwrap_or_default();
    format!(
        "Installed release {} with {}{signed}; go to it with `prefab upgrade {}`\n",
        summary.version,
        join(&summary.compilers),
        summary.version
    )
}

fn join(compilers: &[CompilerName]) -> String {
    compilers.iter().map(CompilerName::as_str).collect::<Vec<_>>().join(", ")
}

fn list(releases: &[ReleaseSummary]) -> String {
    if releases.is_empty() {
        return "No release is installed: install one with `prefab release install MANIFEST`\n".to_owned();
    }
    let rows: Vec<_> = releases
        .iter()
        .map(|release| {
            [
                release.version.to_string(),
                if release.current { "current".to_owned() } else { String::new() },
                release.upgrades_from.clone(),
                join(&release.compilers),
                release.signed_by.map_or_else(|| "-".to_owned(), |key| key.to_string()),
                escape::line(release.notes.as_deref().unwrap_or("-")),
            ]
        })
        .collect();
    table::table(["VERSION", "", "UPGRADES FROM", "COMPILERS", "SIGNED BY", "RELEASE NOTES"], &rows)
}

fn told(inspection: &ReleaseInspection) -> String {
    let summary = &inspection.summary;
    let mut text = format!(
        "Release {} ({})\n  upgrades from {}\n",
        summary.version, summary.digest, summary.upgrades_from
    );
    if let Some(notes) = &summary.notes {
        let _ = writeln!(text, "  release notes: {}", escape::line(notes));
    }
    if let Some(origin) = &summary.origin {
        let digest = summary.origin_digest.as_ref().map(|digest| format!(" ({digest})")).unwrap_or_default();
        let _ = writeln!(text, "  from {}{}", escape::line(origin), escape::line(&digest));
    }
    let vouched = match (&inspection.vouched, &inspection.refused, summary.signed_by) {
        (_, Some(refused), _) => format!("would be refused: {refused}"),
        (Some(Vouched::Key { name, id, expires }), ..) => {
            let expires = expires.map(|expires| format!(", for use before {expires}")).unwrap_or_default();
            format!("signed with the trusted key {name} ({id}){expires}")
        }
        (Some(Vouched::Nobody { signed_by: Some(id) }), ..) => {
            format!("says it is signed with the key {id}; no key is trusted here, so nobody has checked that")
        }
        (None, None, Some(id)) => {
            format!("signed with the key {id}, which was trusted when it was installed")
        }
        (Some(_), ..) | (None, None, None) => "not signed".to_owned(),
    };
    let _ = writeln!(text, "  {}", escape::line(&vouched));
    for compiler in &inspection.details {
        text += &compiler_told(compiler);
    }
    text
}

fn compiler_told(compiler: &CompilerInspection) -> String {
    let kind = match (compiler.contract.as_str(), compiler.modular) {
        ("command", false) => "command-line program".to_owned(),
        ("command", true) => "command-line program; modules share files".to_owned(),
        (contract, false) => format!("compiler of {contract}"),
        (contract, true) => format!("modular-compiler of {contract}"),
    };
    let mut text = format!(
        "\n{}: {}, {kind}\n  {}\n  files: {}\n",
        compiler.name,
        compiler.size,
        compiler.digest,
        escape::line(&compiler.files.join(", ")),
    );
    if let Some(descriptor) = &compiler.descriptor {
        let _ = writeln!(
            text,
            "  says of itself: {} {}, for {}",
            escape::line(&descriptor.name),
            escape::line(&descriptor.version),
            escape::line(&descriptor.languages.join(", "))
        );
        for option in &descriptor.options {
            let value = compiler.options.get(&option.name).unwrap_or(&option.default);
            let _ = writeln!(
                text,
                "  options.{}.{} = {}  {}",
                compiler.name,
                escape::line(&option.name),
                escape::line(value),
                escape::line(&option.description)
            );
        }
    }
    let limits: Vec<_> =
        Limit::ALL.into_iter().map(|limit| format!("{limit} {}", compiler.limits.show(limit))).collect();
    text + &format!("  limits: {}\n", limits.join(", "))
}

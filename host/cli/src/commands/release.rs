//! `prefab release`

use std::fmt::Write as _;

use prefab_model::{CompilerName, Limit};
use prefab_prepare::{
    CompilerInspection, Event, ReleaseInspection, ReleaseSummary, ReleaseTarget, inspect_release,
};

use crate::args::ReleaseCommand;
use crate::exit::Exit;
use crate::report::{escape, table};
use crate::session::Session;

pub(super) fn run(session: &Session, command: ReleaseCommand) -> anyhow::Result<Exit> {
    match command {
        ReleaseCommand::List => {
            let env = session.environment()?;
            session.out.result(&env.releases()?, |releases| list(releases))?;
        }
        ReleaseCommand::Install { manifest } => {
            let env = session.environment()?;
            let mut progress = session.progress();
            let summary = env.install_release(&manifest, &mut |event| progress.event(event))?;
            progress.clear();
            session.out.result(&summary, |summary| {
                format!(
                    "Installed release {} with {}; go to it with `prefab upgrade {}`\n",
                    summary.version,
                    join(&summary.compilers),
                    summary.version
                )
            })?;
        }
        ReleaseCommand::Inspect { target } => {
            // A manifest can be looked at anywhere; a version is one of an environment.
            let env = match &target {
                ReleaseTarget::Manifest(_) => session.environment().ok(),
                ReleaseTarget::Version(_) => Some(session.environment()?),
            };
            let mut progress = session.progress();
            let mut reporter = |event: &Event| progress.event(event);
            let inspection = match &env {
                Some(env) => env.inspect_release(&target, &mut reporter)?,
                None => inspect_release(None, &target, &session.sandbox()?, &mut reporter)?,
            };
            progress.clear();
            session.out.result(&inspection, told)?;
        }
    }
    Ok(Exit::Fine)
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
                escape::line(release.notes.as_deref().unwrap_or("-")),
            ]
        })
        .collect();
    table::table(["VERSION", "", "UPGRADES FROM", "COMPILERS", "RELEASE NOTES"], &rows)
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

//! `prefab compiler check`

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use prefab_conformance::{
    CheckOptions, FuelProfile, ProfileError, Report, Step, Vector, Verdict, check, profile, read_vectors,
};
use prefab_model::Fuel;
use serde::Serialize;

use super::target::CompilerTarget;
use crate::exit::Exit;
use crate::report::{conformance, escape, flame};
use crate::session::Session;

/// What is checked, and with what.
#[derive(Debug, Clone, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    target: CompilerTarget,
    /// A folder of vectors: modules with what is to come of them [default: `vectors` beside FILE, if it is there]
    #[arg(long, value_name = "DIR")]
    vectors: Option<PathBuf>,
    /// How often the same is compiled, to see that it gives the same
    #[arg(long, value_name = "N", default_value_t = CheckOptions::default().runs, value_parser = clap::value_parser!(u32).range(2..=1000))]
    runs: u32,
    /// Write where the vectors' fuel goes, by function: a flame graph (.svg), or folded stacks (any other ending)
    #[arg(long, value_name = "FILE")]
    fuel_profile: Option<PathBuf>,
}

/// What `--json` prints.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Checked<'a> {
    #[serde(flatten)]
    report: &'a Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    fuel_profile: Option<Profiled<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Profiled<'a> {
    file: &'a Path,
    fuel: Fuel,
    samples: u64,
    top: Vec<Used>,
}

#[derive(Serialize)]
struct Used {
    function: String,
    fuel: Fuel,
}

pub(super) fn run(session: &Session, arguments: &CheckArgs) -> anyhow::Result<Exit> {
    let found = arguments.target.find()?;
    let vectors = vectors(arguments.vectors.as_deref(), &found.vectors)?;
    // Said before the checks have taken their time.
    if arguments.fuel_profile.is_some() && vectors.is_empty() {
        return Err(ProfileError::NoVectors.into());
    }
    let sandbox = session.sandbox()?;
    let subject = &found.subject;
    session.out.human(&format!("Checking {} of {}", subject.name, escape::line(&found.file)))?;
    let counter = session.counter_of("checks");
    let mut printed = Ok(());
    let report =
        check(&sandbox, subject, &vectors, &CheckOptions { runs: arguments.runs }, &mut |step| match step {
            Step::Loading => {
                session.note(&format!("making native code of {}, once on this machine …", subject.name));
            }
            Step::Begins(_, place, total) => {
                counter.total(total as u64);
                counter.set(place as u64);
            }
            Step::Ended(check) => {
                counter.hide_while(|| {
                    if printed.is_ok() {
                        printed = session.out.human(&conformance::check(check, session.paint));
                    }
                });
            }
        });
    counter.clear();
    printed?;
    // What cannot be loaded has no profile, and the report says why.
    let loaded = report.count(Verdict::Pass) > 0;
    let profiled = match &arguments.fuel_profile {
        Some(file) if loaded => Some((file, profile(&sandbox, subject, &vectors)?)),
        _ => None,
    };
    if let Some((file, profile)) = &profiled {
        write(file, profile, subject.name.as_str())?;
    }
    let fuel_profile = profiled.as_ref().map(|(file, profile)| Profiled {
        file,
        fuel: profile.fuel,
        samples: profile.samples,
        top: profile.top(10).into_iter().map(|(function, fuel)| Used { function, fuel }).collect(),
    });
    session.out.result(&Checked { report: &report, fuel_profile }, |checked| {
        let profile = profiled.as_ref().map(|(file, profile)| conformance::profile(file, profile));
        conformance::summary(checked.report, session.paint) + &profile.unwrap_or_default()
    })?;
    Ok(if report.verdict == Verdict::Fail { Exit::Trouble } else { Exit::Fine })
}

/// The vectors in the folder that was named, or in the usual one if it is there.
fn vectors(named: Option<&Path>, usual: &Path) -> anyhow::Result<Vec<Vector>> {
    match named {
        Some(folder) => Ok(read_vectors(folder)?),
        None if usual.is_dir() => Ok(read_vectors(usual)?),
        None => Ok(Vec::new()),
    }
}

fn write(file: &Path, profile: &FuelProfile, name: &str) -> anyhow::Result<()> {
    let folded = profile.folded();
    let is_svg = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("svg"));
    let bytes = if is_svg { flame::graph(&folded, name)? } else { folded.into_bytes() };
    fs::write(file, bytes).with_context(|| format!("cannot write {}", escape::line(&file.to_string_lossy())))
}

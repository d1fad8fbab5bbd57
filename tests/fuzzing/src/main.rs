//! Fuzzes one body, or takes one input again. How that is used is in docs/fuzzing.md.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs, io};

use anyhow::{Context, Result};
use clap::Parser;
use prefab_fuzzing::{BODIES, Body, Budget, drive};

/// Fuzzes one body, or takes one input again.
#[derive(Parser)]
#[command(
    after_help = "Examples:\n  prefab-fuzz bundle --seconds 600\n  prefab-fuzz bundle target/tmp/fuzz-bundle-1"
)]
struct Args {
    /// What is fuzzed.
    #[arg(value_parser = BODIES.iter().map(|body| body.name).collect::<Vec<_>>())]
    body: String,
    /// An input to take again, instead of new ones.
    input: Option<PathBuf>,
    /// Stop after so many inputs besides the seeds.
    #[arg(long, default_value_t = 1000, conflicts_with = "seconds")]
    inputs: u64,
    /// Stop after so many seconds.
    #[arg(long)]
    seconds: Option<u64>,
    /// Where inputs come from: the same seed, the same inputs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The folder in which an input that is not stood is left.
    #[arg(long, default_value_os_t = env::temp_dir())]
    folder: PathBuf,
}

fn main() -> Result<ExitCode> {
    let given: Vec<_> = env::args_os().collect();
    let here = env::current_dir()?;
    prefab_fuzzing::start();
    let args = Args::parse_from(given);
    let body = Body::named(&args.body).context("there is no such body")?;
    if let Some(input) = args.input {
        let file = here.join(input);
        body.check(&fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?);
        println!("{} stands {}", body.name, file.display());
        return Ok(ExitCode::SUCCESS);
    }
    let budget = args.seconds.map_or(Budget::Inputs(args.inputs), |s| Budget::Time(Duration::from_secs(s)));
    let report = drive(body, args.seed, budget, &here.join(args.folder)).map_err(|error: io::Error| {
        anyhow::Error::new(error).context("the folder for inputs cannot be written")
    })?;
    println!("{report}");
    Ok(ExitCode::from(u8::from(report.fallen.is_some())))
}

//! The benchmark: on one tree, in one run, what the sandbox costs beside the same compilers run natively, what store and ledger
//! cost beside that, and what processes would cost instead. `cargo xtask bench` builds and runs it.
//!
//! `rounds.rs` is the order of things, `synthetic.rs` another benchmark, on very many modules; `scene.rs` what is compiled; `native.rs`, `sandboxed.rs` and `process.rs` the ways of
//! compiling it; `report.rs` what is said in the end.

mod measure;
mod native;
mod process;
mod report;
mod rounds;
mod sandboxed;
mod scene;
mod served;
mod synthetic;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use measure::Letter;

#[derive(Parser)]
#[command(name = "prefab-bench", about = "Measures prefab on a tree of npm packages.")]
struct Arguments {
    #[command(subcommand)]
    step: Step,
}

#[derive(Subcommand)]
enum Step {
    /// Run the whole benchmark.
    Run(Run),
    /// Measure how preparing grows with the number of modules, on tiny ones.
    Synthetic(Synthetic),
    /// Measure the server: its cost against the command line's path, its answers, its watchers, and what it leaves to others.
    Served(Served),
    /// Be a busy web server.
    #[command(hide = true)]
    Web,
    /// Make one measurement in this process, in the folder of a benchmark that runs.
    #[command(hide = true)]
    Measure {
        letter: Letter,
        #[arg(long)]
        scratch: PathBuf,
        #[arg(long)]
        sample: usize,
    },
    /// Compile one module, as told on standard input.
    #[command(hide = true)]
    OneModule,
}

#[derive(Args)]
struct Synthetic {
    /// How many modules.
    modules: u64,
    /// The folder with the complete releases, such as `target/releases`.
    #[arg(long)]
    releases: PathBuf,
    /// Where environments are made; without it, the system's folder for temporary files.
    #[arg(long)]
    scratch: Option<PathBuf>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Served {
    /// The `prefab` to run.
    #[arg(long)]
    prefab: PathBuf,
    /// The folder with the complete releases, such as `target/releases`.
    #[arg(long)]
    releases: PathBuf,
    /// How many modules.
    #[arg(long, default_value_t = 600)]
    modules: usize,
    /// How often what is compared is measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How many watch one preparation.
    #[arg(long, default_value_t = 1000)]
    watchers: usize,
    /// Where environments are made; without it, the system's folder for temporary files.
    #[arg(long)]
    scratch: Option<PathBuf>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Run {
    /// A folder with a `node_modules` in it, or a workspace.
    #[arg(long)]
    tree: PathBuf,
    /// The folder with the complete releases, such as `target/releases`.
    #[arg(long)]
    releases: PathBuf,
    /// How often each thing is measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Let so many of the tree's modules take part, evenly taken.
    #[arg(long)]
    modules: Option<usize>,
    /// Compile so many modules in processes of their own.
    #[arg(long, default_value_t = 200)]
    sample: usize,
    /// Where environments are made; without it, the system's folder for temporary files.
    #[arg(long)]
    scratch: Option<PathBuf>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<()> {
    match Arguments::parse().step {
        Step::Run(run) => benchmark(&run),
        Step::Synthetic(run) => synthetic(&run),
        Step::Served(run) => measure_server(&run),
        Step::Web => served::web(),
        Step::OneModule => process::one_module(),
        Step::Measure { letter, scratch, sample } => {
            let measurement = rounds::measure(letter, &scratch, sample)?;
            println!("{}", serde_json::to_string(&measurement)?);
            Ok(())
        }
    }
}

fn scratch(parent: Option<&Path>) -> Result<tempfile::TempDir> {
    let parent = parent.map_or_else(std::env::temp_dir, Path::to_owned);
    tempfile::Builder::new()
        .prefix("prefab-bench-")
        .tempdir_in(&parent)
        .with_context(|| format!("cannot make a folder in {}", parent.display()))
}

fn synthetic(run: &Synthetic) -> Result<()> {
    let scratch = scratch(run.scratch.as_deref())?;
    let sizes = synthetic::run(run.modules, &run.releases, scratch.path(), &mut |step| eprintln!("{step}"))?;
    if run.json {
        println!("{}", serde_json::to_string_pretty(&sizes)?);
    } else {
        print!("{}", synthetic::table(&sizes));
    }
    Ok(())
}

fn measure_server(run: &Served) -> Result<()> {
    let scratch = scratch(run.scratch.as_deref())?;
    let plan = served::Plan {
        prefab: &run.prefab,
        releases: &run.releases,
        scratch: scratch.path(),
        modules: run.modules.max(1),
        rounds: run.rounds.max(1),
        watchers: run.watchers.max(1),
    };
    let measured = served::run(&plan, &mut |step| eprintln!("{step}"))?;
    if run.json {
        println!("{}", serde_json::to_string_pretty(&measured)?);
    } else {
        print!("{}", served::table(&measured));
    }
    Ok(())
}

fn benchmark(run: &Run) -> Result<()> {
    let scratch = scratch(run.scratch.as_deref())?;
    let plan = rounds::Plan {
        tree: &run.tree,
        releases: &run.releases,
        scratch: scratch.path(),
        rounds: run.rounds.max(1),
        modules: run.modules,
        sample: run.sample.max(1),
    };
    let results = rounds::run(&plan, &mut |step| eprintln!("{step}"))?;
    if run.json {
        println!("{}", serde_json::to_string_pretty(&report::json(&plan, &results))?);
    } else {
        print!("{}", report::table(&plan, &results));
    }
    Ok(())
}

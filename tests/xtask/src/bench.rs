//! `cargo xtask bench`: builds the benchmark, optimised, and runs it. What is measured, and how, is in `tests/bench`.

use std::process::Command;

use anyhow::{Context, Result, bail};

/// What the chore can be told.
#[derive(clap::Args)]
#[command(after_help = "\
The letters of the table: a native in process; b sandboxed; c1 and c2 the whole prepare on one thread and on all; d a native
process per module; e the same in bubblewrap; f prepare again with nothing changed; g a tiny module, sandboxed.

Example:
  cargo xtask bench --tree ~/app --rounds 5 --json > bench.json
  cargo xtask bench --synthetic 1000000")]
pub(crate) struct Arguments {
    /// A folder with a `node_modules` in it, or a workspace.
    #[arg(long, required_unless_present = "synthetic")]
    tree: Option<String>,
    /// Instead, prepare so many tiny modules, and ten thousand to compare with.
    #[arg(long, value_name = "MODULES", conflicts_with_all = ["tree", "rounds", "modules", "sample"])]
    synthetic: Option<String>,
    /// How often each thing is measured; the medians are shown.
    #[arg(long)]
    rounds: Option<String>,
    /// Let so many of the tree's modules take part, evenly taken.
    #[arg(long)]
    modules: Option<String>,
    /// Compile so many modules in processes of their own (d, e).
    #[arg(long)]
    sample: Option<String>,
    /// The folder with the complete releases; without it, they are built.
    #[arg(long)]
    releases: Option<String>,
    /// Where environments are made; without it, the system's folder for temporary files.
    #[arg(long)]
    scratch: Option<String>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// Builds the benchmark and runs it.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let program = prefab_artifacts::benchmark()?;
    let releases = match &arguments.releases {
        Some(folder) => folder.clone(),
        None => prefab_artifacts::releases()?.into_string(),
    };
    let mut command = Command::new(&program);
    match (&arguments.tree, &arguments.synthetic) {
        (_, Some(modules)) => command.args(["synthetic", modules]),
        (Some(tree), None) => command.args(["run", "--tree", tree]),
        (None, None) => bail!("say what to measure on: `--tree DIR` or `--synthetic MODULES`"),
    };
    command.args(["--releases", &releases]);
    let optional = [
        ("--rounds", &arguments.rounds),
        ("--modules", &arguments.modules),
        ("--sample", &arguments.sample),
        ("--scratch", &arguments.scratch),
    ];
    for (name, value) in optional {
        command.args(value.iter().flat_map(|value| [name, value]));
    }
    if arguments.json {
        command.arg("--json");
    }
    let status = command.status().with_context(|| format!("{program} could not be started"))?;
    if !status.success() {
        bail!("the benchmark ended with {status}");
    }
    Ok(())
}

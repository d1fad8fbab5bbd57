//! The chores of this repository, as `cargo xtask <chore>`.

mod bench;
mod contract;
mod releases;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The chores of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Measure the sandbox, the store and the ledger on a tree of npm packages.
    Bench(bench::Arguments),
    /// Write the reference of the contract from its WIT.
    Contract(contract::Arguments),
    /// Build the compilers and assemble the releases.
    Releases(releases::Arguments),
}

fn main() -> ExitCode {
    let Arguments { chore } = Arguments::parse();
    let done = match chore {
        Chore::Bench(arguments) => bench::run(&arguments),
        Chore::Contract(arguments) => contract::run(&arguments),
        Chore::Releases(arguments) => releases::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

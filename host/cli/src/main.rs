//! The `prefab` command: reads the command line, calls `prefab-prepare` and shows what comes back.
//!
//! The way through it: [`args`] says what can be asked for, `commands/` has one file for each command, `report/` turns
//! results into text, [`exit`] says how it ends. Nothing is decided here that another front end would have to decide again.

mod args;
mod commands;
mod environment;
mod exit;
mod interrupt;
mod logging;
mod output;
mod report;
mod session;
mod traces;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

use crate::report::paint::Paint;
use crate::report::trouble::Trouble;
use crate::session::Session;

fn main() -> ExitCode {
    prefab_prepare::run_as_child();
    prefab_server::install_cryptography();
    let cli = args::Cli::parse();
    let paint = Paint::choose(cli.global.color, &io::stderr());
    let session = Session::new(&cli.global);
    let ended = logging::start(&cli.global, &cli.command).and_then(|traces| {
        let ended = commands::run(cli.command, &session);
        // Sends what is left.
        drop(traces);
        ended
    });
    let exit = ended.unwrap_or_else(|error| {
        let trouble = Trouble::of(&error, session.place());
        // If nobody reads these any more, the exit code still tells.
        let _ = writeln!(io::stderr().lock(), "{}", trouble.text(paint));
        if session.out.is_json() {
            let _ = session.out.json(&trouble);
        }
        trouble.exit()
    });
    exit.into()
}

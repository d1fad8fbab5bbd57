//! `prefab completions`

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Cli;
use crate::exit::Exit;
use crate::session::Session;

pub(super) fn run(session: &Session, shell: Shell) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "prefab", &mut script);
    session.out.text(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Fine)
}

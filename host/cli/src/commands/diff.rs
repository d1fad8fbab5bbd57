//! `prefab diff`

use clap::Args;
use prefab_model::ModuleName;
use prefab_prepare::DiffOptions;

use super::report::Sides;
use crate::exit::Exit;
use crate::report::comparison::diff::draw;
use crate::report::errors::Drawing;
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The module
    module: ModuleName,
    #[command(flatten)]
    sides: Sides,
    /// Show how source maps differ too
    #[arg(long)]
    source_maps: bool,
}

pub(super) fn run(session: &Session, arguments: &DiffArgs) -> anyhow::Result<Exit> {
    let env = session.environment()?;
    let options = DiffOptions { source_maps: arguments.source_maps, ..DiffOptions::default() };
    let diff = env.diff(&arguments.module, arguments.sides.named(), options)?;
    session.out.result(&diff, |diff| {
        let drawing =
            Drawing { root: env.root(), paint: session.paint, width: super::errors::width(), whole: true };
        draw(diff, drawing)
    })?;
    Ok(Exit::Fine)
}

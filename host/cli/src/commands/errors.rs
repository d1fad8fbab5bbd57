//! `prefab errors`

use prefab_model::ModuleName;

use crate::args::ErrorFormat;
use crate::exit::Exit;
use crate::report::errors::{Drawing, draw};
use crate::report::sarif::sarif;
use crate::session::Session;

pub(super) fn run(
    session: &Session,
    module: Option<&ModuleName>,
    format: Option<ErrorFormat>,
) -> anyhow::Result<Exit> {
    let env = session.environment()?;
    let report = env.errors(module)?;
    let default = if session.out.is_json() { ErrorFormat::Json } else { ErrorFormat::Human };
    match format.unwrap_or(default) {
        ErrorFormat::Human => {
            let drawing =
                Drawing { root: env.root(), paint: session.paint, width: width(), whole: module.is_some() };
            session.out.text(&draw(&report, drawing))?;
        }
        ErrorFormat::Json => session.out.json(&report)?,
        ErrorFormat::Sarif => session.out.json(&sarif(&report, env.root()))?,
    }
    Ok(Exit::Fine)
}

/// The columns of the terminal, or as many as read well.
pub(super) fn width() -> usize {
    terminal_size::terminal_size().map_or(110, |(width, _)| usize::from(width.0).max(40))
}

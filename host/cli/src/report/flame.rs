//! Flame graphs: which functions used the fuel, and who called them.

use anyhow::Context as _;
use inferno::flamegraph::{self, Options};

/// Folded stacks as a picture, wide where much fuel went.
pub(crate) fn graph(folded: &str, name: &str) -> anyhow::Result<Vec<u8>> {
    let mut options = Options::default();
    options.title = format!("Where the fuel of {name} goes");
    "units".clone_into(&mut options.count_name);
    // The same profile gives the same bytes.
    options.hash = true;
    let mut svg = Vec::new();
    flamegraph::from_lines(&mut options, folded.lines(), &mut svg).context(
        "cannot draw the flame graph: nothing was seen of the stack, since too little fuel was used",
    )?;
    Ok(svg)
}

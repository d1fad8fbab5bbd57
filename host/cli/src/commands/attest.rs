//! `prefab attest`

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use prefab_model::ModuleName;
use prefab_prepare::Verifying;

use crate::exit::Exit;
use crate::session::Session;

/// The statements, one a line, with and without `--json`: that is how tools expect them.
pub(super) fn run(
    session: &Session,
    module: &ModuleName,
    what: Verifying,
    output: Option<&Path>,
) -> anyhow::Result<Exit> {
    let env = session.environment()?;
    let statements = env.attest(module, what)?;
    let Some(path) = output else {
        statements.iter().try_for_each(|statement| session.out.json_line(statement))?;
        return Ok(Exit::Fine);
    };
    let mut text = Vec::new();
    for statement in &statements {
        serde_json::to_writer(&mut text, statement).context("cannot write a statement as JSON")?;
        text.push(b'\n');
    }
    File::create(path)
        .and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Exit::Fine)
}

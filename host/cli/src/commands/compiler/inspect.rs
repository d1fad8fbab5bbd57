//! `prefab compiler inspect`

use prefab_conformance::{Inspection, inspect};
use serde::Serialize;

use super::target::CompilerTarget;
use crate::exit::Exit;
use crate::report::conformance;
use crate::session::Session;

/// What `--json` prints.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Inspected<'a> {
    file: &'a str,
    #[serde(flatten)]
    inspection: &'a Inspection,
    /// Its entry in a release's manifest, to begin with; none if it is no compiler.
    manifest_entry: Option<String>,
}

pub(super) fn run(session: &Session, target: &CompilerTarget) -> anyhow::Result<Exit> {
    let found = target.find()?;
    let inspection = inspect(&found.subject.component)?;
    let manifest_entry = inspection.manifest_entry(found.subject.name.as_str(), &found.file);
    let inspected = Inspected { file: &found.file, inspection: &inspection, manifest_entry };
    session.out.result(&inspected, |it| {
        conformance::inspection(it.file, it.inspection, it.manifest_entry.as_deref())
    })?;
    Ok(Exit::Fine)
}

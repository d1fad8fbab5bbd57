//! `prefab artifacts`

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use prefab_model::{Bytes, ModuleName};
use prefab_prepare::{BundleArtifacts, ModuleArtifacts};
use serde::Serialize;

use crate::exit::Exit;
use crate::report::{escape, table};
use crate::session::Session;

#[derive(Serialize)]
struct Extracted {
    module: ModuleName,
    dir: PathBuf,
    artifacts: u64,
}

pub(super) fn run(session: &Session, module: &ModuleName, extract: Option<&Path>) -> anyhow::Result<Exit> {
    let env = session.environment()?;
    match extract {
        None => session.out.result(&env.artifacts(module)?, list)?,
        Some(dir) => {
            let artifacts = env.extract_artifacts(module, dir)?;
            let extracted = Extracted { module: module.clone(), dir: dir.to_owned(), artifacts };
            session.out.result(&extracted, |extracted| {
                format!(
                    "Extracted {} of {} to {}\n",
                    count(extracted.artifacts),
                    extracted.module,
                    escape::line(&extracted.dir.to_string_lossy())
                )
            })?;
        }
    }
    Ok(Exit::Fine)
}

fn count(artifacts: u64) -> String {
    if artifacts == 1 { "1 artifact".to_owned() } else { format!("{artifacts} artifacts") }
}

fn list(module: &ModuleArtifacts) -> String {
    let mut text = format!("{} on platform version {}\n", module.module, module.platform);
    for BundleArtifacts { compiler, bundle, size, artifacts } in &module.bundles {
        let _ = writeln!(
            text,
            "\n{compiler}: {}, stored as {} in {bundle}",
            count(artifacts.len() as u64),
            Bytes(*size)
        );
        let rows: Vec<_> = artifacts
            .iter()
            .map(|artifact| {
                [
                    artifact.path.as_str().to_owned(),
                    escape::line(&artifact.media_type),
                    Bytes(artifact.size).to_string(),
                ]
            })
            .collect();
        text += &table::table(["ARTIFACT", "MEDIA TYPE", "SIZE"], &rows);
    }
    text
}

//! `prefab init`

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use prefab_model::BlobsUrl;
use prefab_prepare::Environment;
use serde::Serialize;

use crate::exit::Exit;
use crate::report::escape;
use crate::session::Session;

#[derive(Serialize)]
struct Made {
    name: String,
    root: PathBuf,
}

pub(super) fn run(
    session: &Session,
    dir: Option<PathBuf>,
    name: Option<String>,
    blobs: Option<&BlobsUrl>,
) -> anyhow::Result<Exit> {
    if let Some(there) = session.there()? {
        anyhow::ensure!(
            dir.is_none() && name.is_none() && blobs.is_none(),
            "an environment on a server is named with --env TENANT/ENVIRONMENT, and has neither a folder here nor another name, nor a say in where the server keeps artifacts"
        );
        let status = there.create()?;
        let place = there.place().to_string();
        return session
            .out
            .result(&status, |_| {
                format!("Environment {place} is on the server\n  Add modules with `prefab module add DIR`, then go to a platform version with `prefab upgrade`\n")
            })
            .map(|()| Exit::Fine);
    }
    let root = dir
        .or_else(|| session.named().map(Path::to_owned))
        .map_or_else(std::env::current_dir, std::path::absolute)
        .context("cannot tell which folder is meant")?;
    let name = name.unwrap_or_else(|| {
        root.file_name().map_or_else(|| "environment".to_owned(), |name| name.to_string_lossy().into_owned())
    });
    let env = Environment::init_with(&root, &name, blobs)?;
    let made = Made { name: env.config().name.clone(), root: env.root().to_owned() };
    session.out.result(&made, |made| {
        format!(
            "Environment {} is in {}\n  Add modules with `prefab module add DIR`, then go to a platform version with `prefab upgrade`\n",
            escape::line(&made.name),
            escape::line(&made.root.to_string_lossy())
        )
    })?;
    Ok(Exit::Fine)
}

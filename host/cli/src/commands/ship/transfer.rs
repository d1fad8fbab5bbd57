//! `prefab release push` and `prefab release pull`

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use prefab_model::ReleaseDigest;
use prefab_prepare::{ReleaseTarget, read_release};
use prefab_ship::{ManifestDigest, Place, Registry};
use semver::Version;
use serde::Serialize;

use super::whole;
use crate::commands::registry::{Allowing, RegistryArgs, fetch};
use crate::commands::release::installed;
use crate::exit::Exit;
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// A release.toml, its folder, or a packed file
    #[arg(value_name = "FOLDER|FILE")]
    source: PathBuf,
    /// Where to: oci://HOST/REPOSITORY, with a tag if it is not to be the version
    #[arg(value_name = "OCI://…")]
    place: Place,
    #[command(flatten)]
    registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    /// From where: oci://HOST/REPOSITORY:TAG, or @sha256:… for one that cannot be another tomorrow
    #[arg(value_name = "OCI://…")]
    place: Place,
    /// Write it as this folder, which is made
    #[arg(long, short, value_name = "FOLDER", required_unless_present = "install")]
    output: Option<PathBuf>,
    /// Install it in the environment
    #[arg(long, conflicts_with = "output")]
    install: bool,
    #[command(flatten)]
    allowing: Allowing,
    #[command(flatten)]
    registry: RegistryArgs,
}

#[derive(Serialize)]
struct Through {
    version: Version,
    release: ReleaseDigest,
    place: String,
    digest: ManifestDigest,
    pinned: String,
    folder: Option<PathBuf>,
}

pub(in crate::commands) fn push(session: &Session, arguments: &PushArgs) -> anyhow::Result<Exit> {
    let (package, release) = read_release(&arguments.source)?;
    let access = arguments.registry.access(&arguments.place)?;
    let counter = session.bytes("sent");
    let (place, digest) = Registry::to_push(&arguments.place, &access)?.push(&package, &mut |transfer| {
        counter.total(transfer.total);
        counter.set(transfer.done);
    })?;
    counter.clear();
    let through = Through {
        version: release.version,
        release: release.digest,
        place: place.to_string(),
        digest,
        pinned: place.pinned(digest).to_string(),
        folder: None,
    };
    session.out.result(&through, |through| {
        let signed = if package.signature().is_some() {
            ""
        } else {
            "Nobody has signed it: `prefab release sign` does\n"
        };
        format!("Pushed release {} to {}\n{signed}", through.version, through.pinned)
    })?;
    Ok(Exit::Fine)
}

pub(in crate::commands) fn pull(session: &Session, arguments: PullArgs) -> anyhow::Result<Exit> {
    // What cannot be done in the end is not begun.
    let env = if arguments.install { Some(session.environment()?) } else { None };
    let fetched = fetch(session, &arguments.place, &arguments.registry)?;
    if let Some(env) = env {
        let target = ReleaseTarget::Fetched(Arc::new(fetched));
        let allow = arguments.allowing.into();
        let summary = session.with_progress(|reporter| env.install_release(&target, allow, reporter))?;
        session.out.result(&summary, installed)?;
        return Ok(Exit::Fine);
    }
    let Some(folder) = arguments.output else { anyhow::bail!("name a folder with --output") };
    whole::folder(&folder, &fetched.package)?;
    let release = prefab_model::Release::parse(fetched.package.manifest())?;
    let through = Through {
        version: release.version,
        release: release.digest,
        place: fetched.place.to_string(),
        digest: fetched.digest,
        pinned: fetched.place.pinned(fetched.digest).to_string(),
        folder: Some(folder),
    };
    session.out.result(&through, |through| {
        let folder = through.folder.as_ref().map(|folder| folder.display().to_string()).unwrap_or_default();
        format!(
            "Release {} is in {folder}; whether it is trusted is looked at when it is installed: prefab release install {folder}\n",
            through.version
        )
    })?;
    Ok(Exit::Fine)
}

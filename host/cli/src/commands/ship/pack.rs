//! `prefab release pack`

use std::path::PathBuf;

use clap::Args;
use prefab_model::ReleaseDigest;
use prefab_prepare::read_release;
use prefab_ship::ManifestDigest;
use semver::Version;
use serde::Serialize;

use super::whole;
use crate::exit::Exit;
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct PackArgs {
    /// A release.toml, or its folder
    #[arg(value_name = "MANIFEST|FOLDER")]
    source: PathBuf,
    /// The file to write
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

#[derive(Serialize)]
struct Packed {
    version: Version,
    release: ReleaseDigest,
    digest: ManifestDigest,
    signed: bool,
    file: PathBuf,
}

pub(in crate::commands) fn pack(session: &Session, arguments: PackArgs) -> anyhow::Result<Exit> {
    let (package, release) = read_release(&arguments.source)?;
    let packed = whole::file(&arguments.output, 0o644, |file| Ok(prefab_ship::pack(&package, file)?))?;
    let packed = Packed {
        version: release.version,
        release: release.digest,
        digest: packed.digest,
        signed: package.signature().is_some(),
        file: arguments.output,
    };
    session.out.result(&packed, |packed| {
        let signed = if packed.signed {
            ""
        } else {
            "\nNobody has signed it: `prefab release sign` before packing does"
        };
        format!(
            "Packed release {} into {}\n  digest in a registry: {}{signed}\n",
            packed.version,
            packed.file.display(),
            packed.digest
        )
    })?;
    Ok(Exit::Fine)
}

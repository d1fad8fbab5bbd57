//! `cargo xtask releases`: the complete releases, for the demo, the tests and whoever wants to install one.

use anyhow::Result;

/// What the chore can be told; nothing so far.
#[derive(clap::Args)]
#[command(after_help = "Prints the manifest of each release, such as target/releases/11.9.0/release.toml.")]
pub(crate) struct Arguments {}

/// Builds what is out of date and prints the paths of the manifests.
pub(crate) fn run(_: &Arguments) -> Result<()> {
    let folder = prefab_artifacts::releases()?;
    let mut manifests = Vec::new();
    for entry in folder.read_dir_utf8()? {
        let manifest = entry?.path().join("release.toml");
        if manifest.exists() {
            manifests.push(manifest);
        }
    }
    manifests.sort();
    for manifest in manifests {
        println!("{manifest}");
    }
    Ok(())
}

//! Builds the host.

use anyhow::{Context, Result, bail};
use camino::Utf8PathBuf;

use crate::{Places, build};

/// The `prefab` command, built if it is out of date, in the profile that tests are built in.
///
/// # Errors
///
/// When it does not build.
pub fn prefab() -> Result<Utf8PathBuf> {
    program("prefab", &[], "debug")
}

/// The benchmark, built if it is out of date, in a profile of its own.
///
/// # Errors
///
/// When it does not build.
pub fn benchmark() -> Result<Utf8PathBuf> {
    program("prefab-bench", &["--profile", "measured"], "measured")
}

fn program(name: &str, profile: &[&str], folder: &str) -> Result<Utf8PathBuf> {
    let places = Places::find()?;
    let mut command = build::cargo(&places.root);
    // Without `--package`, so that features are resolved for the workspace as a whole, as `cargo test` does: nothing is built twice.
    command.args(["build", "--bin", name]).args(profile);
    let status = command.status().with_context(|| format!("{command:?} could not be started"))?;
    if !status.success() {
        bail!("{name} does not build: `cargo build` ended with {status}");
    }
    Ok(places.target.join(folder).join(name))
}

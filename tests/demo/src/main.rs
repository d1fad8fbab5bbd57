//! `cargo demo`: makes a sample environment of modules in TypeScript and Sass, published on 11.8.0, and upgrades it to 11.9.0.
//!
//! Everything is done by the real `prefab` with the real compilers, command by command, as an operator would type them. The
//! commands are in `tour.rs`; here is what has to be there first.

mod tour;

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result};
use camino::{Utf8Path, Utf8PathBuf};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let prefab = prefab_artifacts::prefab()?;
    let releases = prefab_artifacts::releases()?;
    let target = releases.parent().context("the releases are in no folder")?;
    let demo = target.join("demo");
    let environment = fresh_environment(&demo)?;
    tour::Tour { prefab, releases, environment, cache: demo.join("cache") }.give()
}

/// A new folder with a copy of the sample's modules: what an earlier demo left there goes.
fn fresh_environment(demo: &Utf8Path) -> Result<Utf8PathBuf> {
    let environment = demo.join("environment");
    if environment.exists() {
        fs::remove_dir_all(&environment)
            .with_context(|| format!("cannot remove the earlier demo in {environment}"))?;
    }
    let sample = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample/modules");
    copy(&sample, &environment.join("modules"))?;
    Ok(environment)
}

fn copy(from: &Utf8Path, to: &Utf8Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {to}"))?;
    for entry in from.read_dir_utf8().with_context(|| format!("cannot read {from}"))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("cannot copy to {target}"))?;
        }
    }
    Ok(())
}

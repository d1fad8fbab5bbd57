//! Builds the compilers for WebAssembly and assembles the releases from them.
//!
//! The demo, the tests and the benchmark call [`releases`]; the first call after a change builds, and every other one finds
//! that nothing is to be done. Which package becomes which component of which release is in `recipe.rs`.

mod assemble;
mod build;
mod command;
mod host;
mod lock;
mod recipe;

use anyhow::{Context, Result};
use camino::{Utf8Path, Utf8PathBuf};

pub use command::{Wasi, guest, tool};
pub use host::{benchmark, prefab};

/// The folder with the complete releases: `<target dir>/releases`, with a folder `<version>` for each, in which there are
/// `release.toml` and the `.wasm` files that it names.
///
/// Builds what is missing or out of date; what cargo says meanwhile goes to standard error. Processes that call it at the
/// same time wait for each other.
///
/// # Errors
///
/// When the compilers do not build, or the files cannot be written.
pub fn releases() -> Result<Utf8PathBuf> {
    let places = Places::find()?;
    let _lock = lock::exclusive(&places.target.join("releases.lock"))?;
    build::components(&places)?;
    let folder = places.target.join("releases");
    for release in &recipe::RELEASES {
        assemble::release(release, &places, &folder.join(release.version))
            .with_context(|| format!("the release {} could not be assembled", release.version))?;
    }
    Ok(folder)
}

/// The folders of the repository that matter here.
struct Places {
    /// The root of the workspace.
    root: Utf8PathBuf,
    /// Cargo's target folder.
    target: Utf8PathBuf,
}

impl Places {
    fn find() -> Result<Self> {
        // Of the package that cargo runs, if it does: where this one was compiled may be another checkout with the same target folder.
        let package = std::env::var("CARGO_MANIFEST_DIR");
        let root = Utf8Path::new(package.as_deref().unwrap_or(env!("CARGO_MANIFEST_DIR")))
            .ancestors()
            .nth(2)
            .context("the package is not two levels below the workspace")?
            .to_owned();
        let target = build::target_folder(&root)?;
        Ok(Self { root, target })
    }

    /// Where the components are built, apart from the host's own crates so that neither makes the other rebuild.
    fn compilers(&self) -> Utf8PathBuf {
        self.target.join("compilers")
    }
}

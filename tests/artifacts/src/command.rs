//! Builds command-line programs for WASI: the tests' own guest, and compilers of other people from crates.io, as they are.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use camino::Utf8PathBuf;

use crate::{Places, build, lock};

/// What a program is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wasi {
    /// WASI 0.1: a module.
    P1,
    /// WASI 0.2: a component.
    P2,
}

impl Wasi {
    const fn target(self) -> &'static str {
        match self {
            Self::P1 => "wasm32-wasip1",
            Self::P2 => "wasm32-wasip2",
        }
    }
}

/// The guest of `tests/guests/command`, built if it is out of date.
///
/// # Errors
///
/// When it does not build.
pub fn guest(wasi: Wasi) -> Result<Utf8PathBuf> {
    let places = Places::find()?;
    let _lock = lock::exclusive(&places.target.join("guests.lock"))?;
    build::ensure_target(&places.root, wasi.target())?;
    let target = places.target.join("guests");
    let mut command = build::cargo(&places.root);
    command.args(["build", "--release", "--target", wasi.target(), "--target-dir", target.as_str()]);
    command.args(["--manifest-path", places.root.join("tests/guests/command/Cargo.toml").as_str()]);
    run(command, "the guest")?;
    Ok(target.join(wasi.target()).join("release/command.wasm"))
}

/// A program of a package from crates.io in just this version, built the first time with the versions that its author locked.
///
/// # Errors
///
/// When it cannot be had, or does not build.
pub fn tool(package: &str, version: &str, program: &str, wasi: Wasi) -> Result<Utf8PathBuf> {
    let places = Places::find()?;
    let _lock = lock::exclusive(&places.target.join("tools.lock"))?;
    let root = places.target.join("tools").join(format!("{package}-{version}-{}", wasi.target()));
    let built = root.join("bin").join(format!("{program}.wasm"));
    if built.exists() {
        return Ok(built);
    }
    build::ensure_target(&places.root, wasi.target())?;
    eprintln!("Building {package} {version} for {}, which takes a minute the first time.", wasi.target());
    let mut command = build::cargo(&places.root);
    command.args([
        "install",
        package,
        "--version",
        &format!("={version}"),
        "--locked",
        "--no-track",
        "--force",
    ]);
    command.args(["--target", wasi.target(), "--root", root.as_str()]);
    command.args(["--target-dir", places.target.join("tools/build").as_str()]);
    // Small and quickly built: what it is like does not matter here.
    command.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1").env("CARGO_PROFILE_RELEASE_LTO", "off");
    command.env("CARGO_PROFILE_RELEASE_PANIC", "abort").env("CARGO_PROFILE_RELEASE_STRIP", "true");
    run(command, package)?;
    Ok(built)
}

fn run(mut command: std::process::Command, what: &str) -> Result<()> {
    let status =
        command.stdin(Stdio::null()).status().with_context(|| format!("{command:?} could not be started"))?;
    if !status.success() {
        bail!("{what} does not build: cargo ended with {status}");
    }
    Ok(())
}

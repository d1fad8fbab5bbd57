//! Runs cargo.

use std::env;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};

use crate::Places;
use crate::recipe::{self, BuiltFor};

const TARGET: &str = "wasm32-wasip2";

/// What the compiler of a guest is told, by what the guest is built for. The host runs fixed-width SIMD on every machine. A call
/// costs more in a guest than natively, since fuel is put down before it and the deadline looked at behind it, so what is
/// to be fast is inlined up to a higher cost than LLVM's own 225: that takes a tenth of the fuel for a quarter more code.
const fn rustflags(built_for: BuiltFor) -> &'static str {
    match built_for {
        BuiltFor::Speed => "-C target-feature=+simd128 -C llvm-args=-inline-threshold=600",
        BuiltFor::Size => "-C target-feature=+simd128",
    }
}

/// Builds all components.
pub(crate) fn components(places: &Places) -> Result<()> {
    ensure_target(&places.root, TARGET)?;
    // Nothing is worth a line when everything is fresh, but a first build takes minutes.
    if !places.compilers().exists() {
        eprintln!("Building the compilers for WebAssembly, which takes some minutes the first time.");
    }
    for built_for in [BuiltFor::Speed, BuiltFor::Size] {
        let mut command = cargo(&places.root);
        command.env("CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS", rustflags(built_for));
        command.args(["build", "--profile", "compiler", "--target", TARGET, "--target-dir"]);
        command.arg(places.compilers());
        let components = recipe::RELEASES.iter().flat_map(|release| &release.components);
        for component in components.filter(|component| component.built_for == built_for) {
            command.args(["--package", component.package]);
        }
        let status = command
            .stdin(Stdio::null())
            .status()
            .with_context(|| format!("{command:?} could not be started"))?;
        if !status.success() {
            bail!("the compilers do not build: `cargo build` ended with {status}");
        }
    }
    Ok(())
}

/// Cargo's target folder of the workspace.
pub(crate) fn target_folder(root: &Utf8Path) -> Result<Utf8PathBuf> {
    let mut command = cargo(root);
    command.args(["metadata", "--no-deps", "--format-version", "1"]);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("{command:?} could not be started"))?;
    if !output.status.success() {
        bail!("`cargo metadata` ended with {}", output.status);
    }
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("`cargo metadata` wrote what is not JSON")?;
    let folder = metadata["target_directory"].as_str().context("`cargo metadata` names no target folder")?;
    Ok(folder.into())
}

/// Makes sure that the standard library for a target is there.
pub(crate) fn ensure_target(root: &Utf8Path, target: &str) -> Result<()> {
    let library = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .current_dir(root)
        .env_remove("RUSTUP_TOOLCHAIN")
        .output()
        .context("rustc could not be started")?;
    let folder = String::from_utf8_lossy(&library.stdout);
    if library.status.success() && Utf8Path::new(folder.trim()).exists() {
        return Ok(());
    }
    eprintln!("Adding the target {target}.");
    let added = Command::new("rustup")
        .args(["target", "add", target])
        .current_dir(root)
        .env_remove("RUSTUP_TOOLCHAIN")
        .status();
    if added.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    bail!("this is built for {target}, which is not installed. Type: rustup target add {target}")
}

/// Cargo as a person would start it in the workspace, with the toolchain that is named there: what an outer cargo has set
/// for the crate that it runs does not apply. Two toolchains in turn would build everything anew each time.
pub(crate) fn cargo(root: &Utf8Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root);
    for (name, _) in env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        let of_the_outer = text.starts_with("CARGO_PKG_")
            || text.starts_with("CARGO_BIN_")
            || text.starts_with("CARGO_PROFILE_")
            || text.starts_with("CARGO_CFG_")
            || text.starts_with("CARGO_FEATURE_")
            || text.starts_with("NEXTEST")
            || matches!(
                text,
                "CARGO"
                    | "RUSTC"
                    | "RUSTDOC"
                    | "RUSTUP_TOOLCHAIN"
                    | "CARGO_MANIFEST_DIR"
                    | "CARGO_MANIFEST_PATH"
                    | "CARGO_CRATE_NAME"
                    | "CARGO_PRIMARY_PACKAGE"
                    | "CARGO_ENCODED_RUSTFLAGS"
                    | "CARGO_BUILD_TARGET"
                    | "CARGO_BUILD_RUSTFLAGS"
                    | "CARGO_MAKEFLAGS"
                    | "RUSTFLAGS"
                    | "RUSTC_WRAPPER"
                    | "RUSTC_WORKSPACE_WRAPPER"
                    | "LD_LIBRARY_PATH"
                    | "DYLD_FALLBACK_LIBRARY_PATH"
                    | "OUT_DIR"
                    | "TARGET"
                    | "HOST"
            );
        if of_the_outer {
            command.env_remove(name);
        }
    }
    command
}

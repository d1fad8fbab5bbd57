//! The vendor's side in a scene: keys, releases that are quick to make, and releases that really compile.

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use serde_json::Value;

use crate::scene::{Scene, releases};

/// The key `NAME.key`, made without a password, and its public half.
pub(super) fn key(scene: &Scene, name: &str) -> Value {
    let path = scene.path(name);
    scene.json(["release", "keygen", "--no-password", "--output", path.to_str().unwrap()])
}

/// Trusts a key that was made by [`key`].
pub(super) fn trust(scene: &Scene, name: &str, key: &Value) {
    scene.prefab(["trust", "add", name, key["key"].as_str().unwrap()]).assert().success();
}

/// A release of one file that is no compiler: it can be shipped, and is refused or not before anybody looks.
pub(super) fn hollow(scene: &Scene, folder: &str, version: &str) -> PathBuf {
    let bytes = format!("compiler of {version} in {folder}");
    scene.write(&format!("{folder}/sass.wasm"), &bytes);
    let manifest = format!(
        "version = \"{version}\"\nupgrades-from = \"*\"\n[[compiler]]\nname = \"sass\"\ncomponent = \"sass.wasm\"\n\
         digest = \"blake3:{}\"\nfiles = [\"**/*.scss\"]\n",
        blake3::hash(bytes.as_bytes()).to_hex()
    );
    scene.write(&format!("{folder}/release.toml"), manifest);
    scene.path(folder)
}

/// A copy of a real release.
pub(super) fn real(scene: &Scene, version: &str) -> PathBuf {
    let folder = scene.path("vendor").join(version);
    crate::scene::copy(&releases().join(version), &folder);
    folder
}

/// Signs a release with a key of [`key`].
pub(super) fn sign(scene: &Scene, folder: &std::path::Path, key: &str, more: &[&str]) {
    let secret = scene.path(&format!("{key}.key"));
    scene
        .prefab(["release", "sign", folder.to_str().unwrap(), "--key", secret.to_str().unwrap()])
        .args(more)
        .assert()
        .success();
}

/// `prefab release install`, which somebody then looks at.
pub(super) fn install(scene: &Scene, source: &str, more: &[&str]) -> Command {
    let mut command = scene.prefab(["release", "install", source]);
    command.args(more);
    command
}

/// The digest of a folder's release as the ledger would have it.
pub(super) fn digest(folder: &std::path::Path) -> String {
    format!("blake3:{}", blake3::hash(&fs::read(folder.join("release.toml")).unwrap()).to_hex())
}

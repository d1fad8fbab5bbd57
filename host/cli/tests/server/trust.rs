//! Whose releases a server takes in, and that what is revoked on it is compiled with no more.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::scene::{Scene, shop, tar_of};

/// A copy of a release, and a key that signs it.
struct Vendor {
    folder: TempDir,
}

impl Vendor {
    fn new() -> Self {
        let vendor = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(vendor.release()).unwrap();
        let from = prefab_artifacts::releases().unwrap().join("11.8.0");
        for file in fs::read_dir(from).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), vendor.release().join(file.file_name())).unwrap();
        }
        vendor
    }

    fn release(&self) -> PathBuf {
        self.folder.path().join("11.8.0")
    }

    fn prefab(&self, arguments: &[&str]) -> Value {
        let output = Command::new(env!("CARGO_BIN_EXE_prefab"))
            .args(arguments)
            .arg("--json")
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn key(&self) -> Value {
        self.prefab(&["release", "keygen", "--no-password", "--output", "acme"])
    }

    fn sign(&self) {
        self.prefab(&["release", "sign", "11.8.0", "--key", "acme.key"]);
    }
}

#[test]
fn a_server_that_trusts_a_key_refuses_what_is_unsigned_and_stops_at_what_is_revoked() {
    let scene = Scene::new();
    let all = scene.administrator();
    all.post("/tenants", &json!({"name": "acme"})).expect(201);
    all.post("/tenants/acme/environments", &json!({"name": "shop"})).expect(201);
    let vendor = Vendor::new();
    let key = vendor.key();
    scene.trust_command(&["add", "acme", key["key"].as_str().unwrap()]);
    let send = || all.send("POST", "/releases", &tar_of(Path::new(&vendor.release())));

    let problem = send().refused(422, "refused-release").to_string();
    assert!(problem.contains("nobody has signed it"), "{problem}");
    assert!(!scene.data("releases/11.8.0").exists());
    vendor.sign();
    send().expect(201);
    scene.module("money", "index.ts", "export const euro: number = 1;\n");
    scene.upgrade("11.8.0");

    scene.trust_command(&["revoke", key["id"].as_str().unwrap(), "--why", "stolen"]);
    for (path, body) in [("/preparations", json!({})), ("/upgrade", json!({"version": "11.8.0"}))] {
        let problem = all.post(&shop(path), &body).refused(422, "refused-release").to_string();
        assert!(problem.contains("is revoked (stolen)"), "{problem}");
    }
    send().refused(422, "refused-release");
}

#[test]
fn what_runs_on_a_server_ends_when_its_compiler_is_revoked() {
    let (scene, preparation) = Scene::preparing();
    let manifest = fs::read_to_string(scene.data("releases/11.8.0/release.toml")).unwrap();
    let release = prefab_model::Release::parse(&manifest).unwrap();
    // For this tenant alone.
    scene.trust_command(&["revoke", &release.digest.to_string(), "--tenant", "acme"]);
    scene.through(&preparation);
    scene.administrator().post(&shop("/preparations"), &json!({})).refused(422, "refused-release");
}

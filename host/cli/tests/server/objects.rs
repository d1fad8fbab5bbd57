//! Artifacts in an object store, with a real one.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::scene::{Scene, Setting, shop, until};
use crate::weed::Weed;

fn setting(weed: &Weed, url: &str) -> Setting {
    let flags = ["--blobs", url].map(str::to_owned).to_vec();
    Setting { flags, variables: weed.variables(), root: None }
}

fn status(scene: &Scene) -> Value {
    scene.administrator().get(&shop("")).expect(200).json()
}

/// The place that an environment says its artifacts are at, without the scheme.
fn place(scene: &Scene, tenant: &str) -> String {
    let settings =
        fs::read_to_string(scene.data(&format!("tenants/{tenant}/environments/shop/prefab.toml"))).unwrap();
    let line = settings.lines().find(|line| line.starts_with("blobs = ")).unwrap();
    line.trim_start_matches("blobs = \"s3://").trim_end_matches('"').to_owned()
}

#[test]
fn a_server_keeps_artifacts_in_an_object_store() {
    let Some(weed) = Weed::start() else { return };
    let mut scene = Scene::with_shop_and(setting(&weed, "s3://bucket/kept"));
    scene.module("money", "index.ts", "export const euro: number = 1;\n");
    scene.upgrade("11.8.0");
    let all = scene.administrator();
    all.post("/tenants", &json!({"name": "other"})).expect(201);
    all.post("/tenants/other/environments", &json!({"name": "shop"})).expect(201);
    let (acme, other) = (place(&scene, "acme"), place(&scene, "other"));
    for (place, tenant) in [(&acme, "acme"), (&other, "other")] {
        let own = place.strip_prefix(&format!("bucket/kept/tenants/{tenant}/environments/shop/")).unwrap();
        assert_eq!(own.len(), 32, "{own}");
    }
    assert!(!scene.data("tenants/acme/environments/shop/.prefab/blobs").exists());
    // The compilers and a bundle.
    assert!(weed.objects(&acme).len() >= 2, "{:?}", weed.objects("bucket"));
    assert_eq!(weed.objects(&other), []);
    // They count towards what the tenant may store.
    let kept: u64 = weed.objects(&acme).iter().map(|(_, size)| size).sum();
    let storage = all.get("/tenants/acme/usage").expect(200).json()["storage"].as_u64().unwrap();
    assert!(kept > 1_000_000 && storage > kept, "{storage} {kept}");

    // Where artifacts are is the environment's own affair: a server that is started otherwise finds them.
    assert_eq!(scene.terminate(), Some(0));
    scene.setting.flags.clear();
    scene.start();
    let all = scene.administrator();
    all.post(&shop("/publish"), &json!({"all": true})).expect(200);
    let deployed = scene.data("tenants/acme/environments/shop/deployed/money/index.js");
    assert_eq!(
        fs::read_to_string(deployed).unwrap(),
        "export const euro = 1;\n//# sourceMappingURL=index.js.map\n"
    );
}

#[test]
fn a_preparation_ends_clearly_when_the_store_goes_away_and_goes_on_afterwards() {
    let Some(mut weed) = Weed::start() else { return };
    let mut scene = Scene::with_shop_and(setting(&weed, "s3://bucket/away"));
    scene.module("money", "index.ts", "export const euro: number = 1;\n");
    scene.upgrade("11.8.0");
    weed.kill();
    for number in 0..20 {
        scene.module(&format!("late-{number}"), "index.ts", &format!("export const late = {number};\n"));
    }
    let all = scene.administrator();
    all.post(&shop("/preparations"), &json!({})).expect(202);
    until(|| status(&scene)["holder"].is_null());
    assert!(scene.log().contains("AWS_* variables"), "{}", scene.log());
    let now = status(&scene);
    assert_eq!(now["state"], "interrupted", "{now}");
    assert!(now["prepared"].as_u64() <= Some(1), "what cannot be kept is not said to be prepared: {now}");
    all.get("/tenants").expect(200);
    weed.run();
    // With the next request, or by itself at the next start.
    scene.kill();
    scene.start();
    until(|| status(&scene)["state"] == "ready" && status(&scene)["holder"].is_null());
    let all = scene.administrator();
    assert_eq!(status(&scene)["prepared"], 21, "{}", status(&scene));
    all.post(&shop("/publish"), &json!({"all": true})).expect(200);
    assert_eq!(fs::read_dir(scene.data("tenants/acme/environments/shop/deployed")).unwrap().count(), 21);
}

#[test]
fn a_store_that_refuses_is_said_at_the_start() {
    let Some(weed) = Weed::start() else { return };
    let mut setting = setting(&weed, "s3://bucket/refused");
    for (name, value) in &mut setting.variables {
        if name == "AWS_SECRET_ACCESS_KEY" {
            *value = "wrong".to_owned();
        }
    }
    let scene = Scene::with(setting);
    until(|| scene.log().contains("artifacts cannot be kept"));
    let said = Scene::refused(&["--blobs", "s3://bucket/../other"]);
    assert!(said.contains("s3://BUCKET/PREFIX"), "{said}");
}

/// An environment of one's own.
struct Local<'a> {
    folder: TempDir,
    weed: &'a Weed,
}

impl Local<'_> {
    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_prefab"))
            .args(arguments)
            .envs(self.weed.variables())
            .env("PREFAB_ENV", self.folder.path().join("env"))
            .env("PREFAB_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("native"))
            .env_remove("PREFAB_LOG")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn fine(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    fn write(&self, module: &str, text: &str) -> String {
        let folder = self.folder.path().join(module);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("module.toml"), format!("name = \"{module}\"\n")).unwrap();
        fs::write(folder.join("index.ts"), text).unwrap();
        folder.to_str().unwrap().to_owned()
    }
}

#[test]
fn an_environment_of_ones_own_is_collected_repaired_and_verified_there() {
    let Some(weed) = Weed::start() else { return };
    let local = Local { folder: tempfile::tempdir().unwrap(), weed: &weed };
    local.fine(&["init", "--blobs", "s3://bucket/own"]);
    let (kept, other) = (
        local.write("kept", "export const a: number = 1;\n"),
        local.write("other", "export const b: number = 2;\n"),
    );
    local.fine(&["module", "add", &kept, &other]);
    let release = prefab_artifacts::releases().unwrap().join("11.8.0");
    local.fine(&["upgrade", release.as_str()]);
    let before = weed.objects("bucket/own");

    // A bit that rots is found, and mended by compiling again.
    let smallest =
        |objects: &[(String, u64)]| objects.iter().min_by_key(|(_, size)| *size).unwrap().0.clone();
    for (object, size) in &before {
        if *size < 10_000 {
            weed.damage(object);
        }
    }
    let damaged =
        local.run(&["artifacts", "kept", "--extract", local.folder.path().join("out").to_str().unwrap()]);
    let said = String::from_utf8_lossy(&damaged.stderr);
    assert!(
        !damaged.status.success() && said.contains("is damaged") && said.contains("s3://bucket/own/"),
        "{said}"
    );
    local.fine(&["publish", "kept"]);
    let deployed = local.folder.path().join("env/deployed/kept/index.js");
    assert!(fs::read_to_string(deployed).unwrap().starts_with("export const a = 1;\n"));
    local.fine(&["verify", "--all"]);

    // What nothing refers to goes, and only that; what others keep there stays.
    let foreign = smallest(&before).rsplit_once('/').unwrap().0.to_owned() + "/somebody-elses";
    weed.damage(&foreign);
    local.write("kept", "export const a: number = 3;\n");
    local.fine(&["prepare"]);
    local.fine(&["publish", "kept"]);
    let full = weed.objects("bucket/own");
    let only_shown = local.fine(&["gc", "--keep", "0", "--keep-days", "0", "--dry-run"]);
    assert_eq!(weed.objects("bucket/own"), full);
    let collected = local.fine(&["gc", "--keep", "0", "--keep-days", "0"]);
    assert_eq!(only_shown["blobs"], collected["blobs"], "{only_shown} {collected}");
    let left = weed.objects("bucket/own");
    assert!(left.len() < full.len() && left.iter().any(|(name, _)| *name == foreign), "{left:?} {full:?}");
    local.fine(&["verify", "--all"]);
}

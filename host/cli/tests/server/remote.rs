//! The command line against a server: the same commands, with `--server`.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;

use crate::scene::{Scene, shop};

/// Runs `prefab` against the shop on the scene's server, and returns what came of it.
fn run(scene: &Scene, token: &str, arguments: &[&str]) -> Output {
    assert_cmd::Command::cargo_bin("prefab")
        .unwrap()
        .args(arguments)
        .env("PREFAB_SERVER", format!("http://{}", scene.socket()))
        .env("PREFAB_TOKEN", token)
        .env("PREFAB_ENV", "acme/shop")
        .env_remove("PREFAB_LOG")
        .output()
        .unwrap()
}

/// The same, which must end with this code: standard output, and standard error behind it.
fn told(scene: &Scene, token: &str, code: i32, arguments: &[&str]) -> String {
    let output = run(scene, token, arguments);
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    text
}

fn json(scene: &Scene, token: &str, code: i32, arguments: &[&str]) -> Value {
    let output = run(scene, token, &[arguments, &["--json"]].concat());
    assert_eq!(
        output.status.code(),
        Some(code),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A folder with a module of one file.
fn module(folder: &tempfile::TempDir, name: &str, file: &str, text: &str) -> String {
    let dir = folder.path().join(name);
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("module.toml"), format!("name = \"{name}\"\n")).unwrap();
    fs::write(dir.join(file), text).unwrap();
    dir.to_str().unwrap().to_owned()
}

fn release(version: &str) -> String {
    prefab_artifacts::releases().unwrap().join(version).to_string()
}

#[test]
fn the_commands_do_on_a_server_what_they_do_in_a_folder() {
    let scene = Scene::new();
    let all = scene.administrator();
    all.post("/tenants", &serde_json::json!({"name": "acme"})).expect(201);
    let token = scene.token("acme", "administer");
    let folder = tempfile::tempdir().unwrap();
    let money = module(&folder, "money", "index.ts", "export const euro: number = 1;\n");
    let cart = module(&folder, "cart", "index.ts", "export const cart: = ;\n");

    assert!(told(&scene, &token, 0, &["init"]).contains("Environment acme/shop is on the server"));
    assert!(told(&scene, &token, 1, &["init"]).contains("there is an environment of this name already"));
    told(&scene, &token, 0, &["module", "add", &money, &cart]);
    assert!(told(&scene, &token, 0, &["module", "list"]).contains("money"));

    // A release of this machine is sent first; what a compiler rejects ends as it does in a folder.
    let ended = told(&scene, &token, 3, &["upgrade", &release("11.8.0")]);
    assert!(ended.contains("sending release 11.8.0") && ended.contains("1 failed"), "{ended}");
    assert_eq!(json(&scene, &token, 0, &["status"])["state"], "errors");
    let errors = told(&scene, &token, 0, &["errors"]);
    assert!(errors.contains("index.ts") && errors.contains("export const cart: = ;"), "{errors}");
    module(&folder, "cart", "index.ts", "export const cart = 1;\n");
    told(&scene, &token, 0, &["module", "add", &cart]);
    let prepared = json(&scene, &token, 0, &["prepare", "--failed"]);
    assert_eq!((&prepared["state"], &prepared["prepared"]), (&"done".into(), &2.into()));

    assert!(told(&scene, &token, 0, &["publish", "--all"]).contains("2 published"));
    assert!(told(&scene, &token, 0, &["verify", "--all"]).contains("2 same, 0 differ"));
    let attested = told(&scene, &token, 0, &["attest", "money"]);
    assert!(attested.contains("https://slsa.dev/provenance/v1"), "{attested}");

    assert!(
        told(&scene, &token, 0, &["release", "install", &release("11.9.0")])
            .contains("Installed release 11.9.0")
    );
    assert!(told(&scene, &token, 0, &["release", "list"]).contains("current"));
    assert!(told(&scene, &token, 0, &["release", "inspect", "11.9.0"]).contains("typescript"));
    told(&scene, &token, 0, &["rehearse", "11.9.0"]);
    let report = told(&scene, &token, 0, &["report"]);
    assert!(report.contains("11.8.0") && report.contains("11.9.0"), "{report}");
    assert!(told(&scene, &token, 0, &["diff", "money"]).contains("money"));
    let page = folder.path().join("report.html");
    told(&scene, &token, 0, &["report", "--format", "html", "-o", page.to_str().unwrap()]);
    assert!(fs::read_to_string(page).unwrap().contains("acme/shop"));

    let upgraded = told(&scene, &token, 0, &["upgrade", "11.9.0"]);
    assert!(upgraded.contains("successfully upgraded to platform version 11.9.0"), "{upgraded}");
    let undone = told(&scene, &token, 0, &["upgrade", "--undo"]);
    assert!(undone.contains("back on platform version 11.8.0"), "{undone}");
    assert_eq!(json(&scene, &token, 0, &["status"])["platform"], "11.8.0");
    module(&folder, "money", "index.ts", "export const euro: number = 2;\n");
    told(&scene, &token, 0, &["module", "add", &money]);
    assert!(told(&scene, &token, 0, &["publish", "money"]).contains("compiled, as it had changed"));
    assert!(told(&scene, &token, 0, &["rollback", "money", "--dry-run"]).contains("1 would be rolled back"));
    assert!(told(&scene, &token, 0, &["rollback", "money"]).contains("1 rolled back"));

    told(&scene, &token, 0, &["config", "set", "limits.fuel", "100G"]);
    assert!(told(&scene, &token, 0, &["config", "list"]).contains("limits.fuel"));
    assert!(told(&scene, &token, 0, &["gc", "--dry-run"]).contains("would be freed"));
    assert_eq!(json(&scene, &token, 0, &["history", "--limit", "2"]).as_array().unwrap().len(), 2);
    let out: PathBuf = folder.path().join("out");
    assert!(
        told(&scene, &token, 0, &["artifacts", "money", "--extract", out.to_str().unwrap()])
            .contains("artifact")
    );
    assert!(fs::read_to_string(out.join("index.js")).unwrap().contains("euro = 2"));
    assert!(told(&scene, &token, 0, &["artifacts", "money"]).contains("index.js"));
    told(&scene, &token, 0, &["module", "remove", "money"]);
    assert!(!told(&scene, &token, 0, &["module", "list"]).contains("money"));
}

#[test]
fn a_tree_of_packages_is_sent_with_what_their_names_mean_where_they_lie() {
    let scene = Scene::new();
    scene.administrator().post("/tenants", &serde_json::json!({"name": "acme"})).expect(201);
    let token = scene.token("acme", "administer");
    let folder = tempfile::tempdir().unwrap();
    for (dir, version, needs) in [
        ("a", "1.0.0", r#"{"b": "2"}"#),
        ("a/node_modules/b", "2.0.0", "{}"),
        ("b", "1.0.0", "{}"),
        ("broken", "1.0.0", "{}"),
    ] {
        let dir = folder.path().join("node_modules").join(dir);
        fs::create_dir_all(&dir).unwrap();
        let text = format!(
            r#"{{"name": "x", "version": "{version}", "main": "index.ts", "dependencies": {needs}}}"#
        );
        fs::write(dir.join("package.json"), text).unwrap();
        fs::write(dir.join("index.ts"), "export const n: number = 1;\n").unwrap();
    }
    std::os::unix::fs::symlink("/etc/hostname", folder.path().join("node_modules/broken/a.ts")).unwrap();
    told(&scene, &token, 0, &["init"]);
    let tree = folder.path().to_str().unwrap();
    let import = |added: u64, updated: u64| {
        let done = json(&scene, &token, 0, &["import", "npm", tree]);
        assert_eq!(
            (&done["added"], &done["updated"], &done["nested"]),
            (&added.into(), &updated.into(), &1.into())
        );
        let reason = done["skipped"][0]["reason"].as_str().unwrap();
        assert!(reason.contains("a.ts is a link"), "{reason}");
    };
    import(3, 0);
    import(0, 3);
    let modules = json(&scene, &token, 0, &["module", "list"]);
    let needs = |name: &str| {
        let mut all = modules.as_array().unwrap().iter();
        all.find(|module| module["name"] == name).unwrap()["dependencies"].clone()
    };
    assert_eq!(needs("a"), serde_json::json!(["b@2.0.0"]));
    assert_eq!(needs("b@2.0.0"), serde_json::json!([]));
    assert!(told(&scene, &token, 0, &["upgrade", &release("11.8.0")]).contains("3 of 3"));
}

#[test]
fn a_preparation_on_a_server_is_paused_resumed_and_called_off_from_anywhere() {
    let (scene, preparation) = Scene::preparing();
    let token = scene.token("acme", "operate");
    let held = told(&scene, &token, 4, &["publish", "--all"]);
    assert!(held.contains("holds the environment"), "{held}");
    assert!(told(&scene, &token, 4, &["config", "set", "jobs", "1"]).contains("holds the environment"));
    assert!(told(&scene, &token, 0, &["pause"]).contains(&format!("Preparation {preparation}")));
    assert_eq!(json(&scene, &token, 0, &["status"])["state"], "paused");
    told(&scene, &token, 0, &["resume"]);
    assert!(told(&scene, &token, 0, &["prioritise", "money"]).contains("takes money next"));
    assert!(told(&scene, &token, 1, &["prioritise", "monye"]).contains("monye"));
    told(&scene, &token, 0, &["cancel"]);
    assert!(told(&scene, &token, 1, &["cancel"]).contains("no preparation is running"));
}

#[test]
fn what_is_wrong_with_a_server_is_said_with_what_to_do() {
    let scene = Scene::with_shop();
    let reader = scene.token("acme", "read");
    assert!(told(&scene, "prefab_wrong", 1, &["status"]).contains("show a token that is good"));
    assert!(told(&scene, &reader, 1, &["prepare"]).contains("it takes the scope `operate`"));
    assert!(
        told(&scene, &reader, 1, &["status", "--env", "other/shop"])
            .contains("there is nothing here by this name")
    );
    assert!(told(&scene, &reader, 1, &["status", "--env", "shop"]).contains("TENANT/ENVIRONMENT"));
    assert!(told(&scene, &reader, 1, &["prepare", "--jobs", "2"]).contains("up to the server"));
    let nobody = told(&scene, &reader, 1, &["status", "--server", "http://127.0.0.1:1"]);
    assert!(nobody.contains("cannot reach the server at http://127.0.0.1:1"), "{nobody}");
    assert!(
        told(&scene, &reader, 2, &["status", "--server", "shop"]).contains("is not the address of a server")
    );
    let output = assert_cmd::Command::cargo_bin("prefab")
        .unwrap()
        .args(["status", "--server", &format!("http://{}", scene.socket()), "--env", "acme/shop"])
        .env_remove("PREFAB_TOKEN")
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("PREFAB_TOKEN"));
    assert_eq!(scene.administrator().get(&shop("")).expect(200).json()["state"], "new");
}

//! What is revoked is not compiled with any more: by what begins, and by what runs.

use std::time::Duration;

use predicates::prelude::*;
use predicates::str::contains;

use super::vendor::{digest, key, real, sign, trust};
use crate::scene::Scene;

/// An environment on a release that a trusted key has signed, with the id of the key.
fn signed(modules: &[&str]) -> (Scene, String) {
    let scene = Scene::with_samples(modules);
    let acme = key(&scene, "acme");
    trust(&scene, "acme", &acme);
    let folder = real(&scene, "11.8.0");
    sign(&scene, &folder, "acme", &[]);
    scene.prefab(["upgrade", folder.to_str().unwrap()]).assert().success();
    (scene, acme["id"].as_str().unwrap().to_owned())
}

fn change(scene: &Scene) {
    let file = "modules/design-tokens/extra.scss";
    scene.write(file, "a { b: c }");
}

#[test]
fn what_a_revoked_key_has_signed_is_used_no_more() {
    let (scene, id) = signed(&["design-tokens"]);
    scene.prefab(["publish", "--all"]).assert().success();
    scene
        .prefab(["trust", "revoke", &id, "--why", "stolen"])
        .assert()
        .success()
        .stdout(contains("Nothing is compiled with release 11.8.0 any more"));
    change(&scene);
    let told = "release 11.8.0 is refused: the key";
    let deployed = scene.files("deployed");
    let folder = scene.path("vendor/11.8.0");
    for arguments in [
        &["prepare"][..],
        &["publish", "--all"],
        &["upgrade", "11.8.0"],
        &["rehearse", "11.8.0"],
        &["upgrade", folder.to_str().unwrap(), "--allow-unsigned"],
        &["release", "inspect", "11.8.0"],
    ] {
        scene
            .prefab(arguments.iter().copied())
            .assert()
            .code(1)
            .stderr(contains(told).and(contains("is revoked (stolen)")));
    }
    assert_eq!(scene.files("deployed"), deployed, "what is deployed stays");
    // What is removed is only not taken in any more.
    scene.prefab(["status"]).assert().success();
    scene.prefab(["history"]).assert().success().stdout(contains("revoked (").and(contains("why stolen")));
}

#[test]
fn a_compiler_or_a_release_is_revoked_by_its_digest() {
    let (scene, _) = signed(&["design-tokens"]);
    let inspection = scene.json(["release", "inspect", "11.8.0"]);
    let compilers = inspection["details"].as_array().unwrap();
    let sass = compilers.iter().find(|compiler| compiler["name"] == "sass").unwrap();
    scene.prefab(["trust", "revoke", sass["digest"].as_str().unwrap()]).assert().success();
    scene.prefab(["prepare"]).assert().code(1).stderr(contains("its compiler sass is revoked"));

    let (scene, _) = signed(&["design-tokens"]);
    scene.prefab(["trust", "revoke", &digest(&scene.path("vendor/11.8.0"))]).assert().success();
    scene.prefab(["prepare"]).assert().code(1).stderr(contains("refused: it is revoked"));
}

#[test]
fn what_a_revoked_compiler_made_is_not_deployed_any_more() {
    let (scene, id) = signed(&["design-tokens", "money"]);
    scene.prefab(["publish", "money"]).assert().success();
    scene.prefab(["trust", "revoke", &id]).assert().success();
    scene.prefab(["publish", "--all"]).assert().code(3).stdout(
        contains("design-tokens: refused: release 11.8.0 is refused: the key")
            .and(contains("1 unchanged, 1 refused")),
    );
    // It was deployed before, and who goes back says so themselves.
    assert!(scene.path("deployed/money").exists() && !scene.path("deployed/design-tokens").exists());
}

#[test]
fn removing_a_key_ends_nothing() {
    let (scene, _) = signed(&["design-tokens"]);
    scene.prefab(["trust", "remove", "acme"]).assert().success().stdout(contains("stays in use"));
    change(&scene);
    scene.prefab(["prepare"]).assert().success();
}

#[test]
fn a_preparation_that_runs_ends_when_its_release_is_revoked() {
    let (scene, id) = signed(&["design-tokens"]);
    scene.endless_module("endless");
    let mut running = scene.preparing(["prepare"]);
    // Nobody waits for whoever holds the environment.
    scene.prefab(["trust", "revoke", &id, "--why", "stolen"]).assert().success();
    running.says("release 11.8.0 is refused: the key");
    assert_eq!(running.ends_within(Duration::from_mins(1)), Some(1));
    assert_ne!(scene.json(["status"])["state"], "preparing");
    scene.prefab(["prepare"]).assert().code(1).stderr(contains("is revoked (stolen)"));
}

#[test]
fn settings_and_trust_are_changed_beside_each_other() {
    let (scene, _) = signed(&["design-tokens"]);
    std::thread::scope(|scope| {
        for number in 0..4_u32 {
            let scene = &scene;
            scope.spawn(move || {
                let what = format!("{number:016x}");
                scene.prefab(["trust", "revoke", &what]).assert().success();
            });
        }
        for number in 1..4_u32 {
            scene.prefab(["config", "set", "jobs", &number.to_string()]).assert().success();
        }
    });
    let list = scene.json(["trust", "list"]);
    assert_eq!((list["keys"].as_array().unwrap().len(), list["revoked"].as_array().unwrap().len()), (1, 4));
    let jobs = scene.json(["config", "list"]);
    assert!(
        jobs.as_array().unwrap().iter().any(|setting| setting["key"] == "jobs" && setting["value"] == "3")
    );
}

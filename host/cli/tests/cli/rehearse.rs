//! Rehearsals: they change nothing, keep nobody from anything, and spare the upgrade the work.

use predicates::str::contains;

use crate::scene::{Scene, releases};

fn release(version: &str) -> String {
    releases().join(version).into_os_string().into_string().unwrap()
}

#[test]
fn a_rehearsal_changes_nothing_and_the_upgrade_compiles_nothing_again() {
    let scene = Scene::with_all_samples();
    scene.upgrade("11.8.0");
    scene.prefab(["publish", "--all"]).assert().success();
    let (before, deployed) = (scene.json(["status"]), scene.files("deployed"));

    let target = release("11.9.0");
    let rehearsed = scene.json(["rehearse", &target]);
    assert_eq!((&rehearsed["kind"], &rehearsed["platform"]), (&"rehearsal".into(), &"11.9.0".into()));
    assert!(rehearsed["failed"].as_u64() > Some(0), "11.9.0 rejects some of the samples");
    assert_eq!((scene.json(["status"]), scene.files("deployed")), (before, deployed));
    assert_eq!(scene.json(["release", "list"]).as_array().unwrap().len(), 1, "it is not installed");
    // What is published is still that of the current version.
    scene.prefab(["publish", "--all"]).assert().success().stdout(contains("0 published"));

    let upgraded = scene.json(["upgrade", &target]);
    assert_eq!(upgraded["compiled"], 0);
    for figure in ["modules", "prepared", "failed", "skipped"] {
        assert_eq!(upgraded[figure], rehearsed[figure], "{figure}");
    }
}

#[test]
fn a_rehearsal_that_runs_keeps_nobody_from_anything_and_is_controlled_like_a_preparation() {
    let scene = Scene::with_samples(&["money"]);
    scene.upgrade("11.8.0");
    scene.endless_module("endless");
    let mut running = scene.preparing(["rehearse", &release("11.9.0")]);
    scene.prefab(["publish", "money"]).assert().success();
    scene.prefab(["config", "set", "jobs", "1"]).assert().success();
    scene
        .prefab(["rehearse", &release("11.9.0")])
        .assert()
        .code(4)
        .stderr(contains("rehearsal 2 is running: "));
    scene.prefab(["pause"]).assert().success().stdout(contains("Rehearsal 2"));
    scene.prefab(["status"]).assert().success().stdout(contains("rehearses: ").count(1));
    scene.prefab(["cancel"]).assert().success();
    assert_eq!(running.ends(), Some(1));
    let some = scene.json(["rehearse", &release("11.9.0"), "--modules", "money"]);
    assert_eq!((&some["modules"], &some["prepared"]), (&1.into(), &1.into()));
}

#[test]
fn a_release_that_does_not_upgrade_from_the_current_version_is_not_rehearsed() {
    let scene = Scene::with_samples(&["money"]);
    scene.upgrade("11.9.0");
    scene.prefab(["rehearse", &release("11.8.0")]).assert().code(1).stderr(contains("upgrades from"));
    // The version that it is on is compared with itself.
    scene.prefab(["rehearse", "11.9.0"]).assert().success();
}

//! A preparation that holds single modules only: what is prepared can be published meanwhile.

use std::fs;

use predicates::str::contains;

use crate::scene::{Preparing, Scene};

/// An environment in which `money` is prepared and another module goes on being compiled.
fn preparing() -> (Scene, Preparing) {
    let scene = Scene::with_samples(&["money"]);
    scene.upgrade("11.8.0");
    scene.endless_module("endless");
    let mut running = scene.preparing(["prepare", "--lock", "module", "--jobs", "2", "--first", "money"]);
    while scene.json(["status"])["prepared"] != 1 {
        assert!(running.runs());
    }
    (scene, running)
}

fn change_money(scene: &Scene) {
    scene.write("modules/money/src/new.ts", "export const folded = true;\n");
}

fn deployed_has_new(scene: &Scene) -> bool {
    scene.files_within("deployed").keys().any(|path| path.ends_with("src/new.js"))
}

#[test]
fn modules_that_are_prepared_are_published_and_others_are_refused() {
    let (scene, running) = preparing();
    scene.prefab(["publish", "money"]).assert().success().stdout(contains("1 published"));
    scene
        .prefab(["publish", "--all"])
        .assert()
        .code(4)
        .stdout(contains("endless: not prepared yet: preparation 2 is still running"))
        .stdout(contains("0 published, 1 unchanged, 0 refused, 1 not prepared yet"));
    scene.prefab(["config", "set", "jobs", "1"]).assert().code(4);
    scene.prefab(["prepare"]).assert().code(4).stderr(contains(format!("process {}", running.id())));
    scene
        .prefab(["status"])
        .assert()
        .success()
        .stdout(contains("modules can be published once they are prepared"));
}

#[test]
fn publishing_a_changed_module_is_folded_into_the_preparation() {
    let (scene, mut running) = preparing();
    change_money(&scene);
    scene
        .prefab(["publish", "money"])
        .assert()
        .success()
        .stdout(contains("money: compiled, as it had changed, and published for 11.8.0"));
    assert!(deployed_has_new(&scene));
    let status = scene.json(["status"]);
    assert_eq!((&status["state"], &status["prepared"]), (&"preparing".into(), &1.into()), "it still runs");

    // One that does not compile is refused, and counted as it is now.
    scene.write("modules/money/src/new.ts", "export const = ;\n");
    scene.prefab(["publish", "money"]).assert().code(3).stdout(contains("money: refused: it has errors"));
    let status = scene.json(["status"]);
    assert_eq!((&status["prepared"], &status["failed"]), (&0.into(), &1.into()));
    running.kill();
}

#[test]
fn what_the_preparation_did_not_come_to_is_compiled_by_whoever_publishes() {
    let (scene, mut running) = preparing();
    change_money(&scene);
    // It hears nothing while it stands still, and then it is dead.
    running.stand_still();
    let mut publishing = scene.running(["publish", "money"]);
    while fs::read_dir(scene.path(".prefab/folded")).map_or(0, Iterator::count) == 0 {
        assert!(publishing.runs());
    }
    running.kill();
    assert_eq!(publishing.ends(), Some(0));
    assert!(deployed_has_new(&scene));
}

#[test]
fn what_was_seen_of_sources_before_a_preparation_was_killed_does_not_make_old_artifacts_current() {
    let scene = Scene::with_samples(&["money"]);
    scene.upgrade("11.8.0");
    scene.endless_module("endless");
    change_money(&scene);
    // Killed when the new sources were seen and before they were compiled.
    let mut running = scene.preparing(["prepare", "--first", "endless", "--jobs", "1"]);
    while scene.json(["status"])["signed"] != 2 {
        assert!(running.runs());
    }
    running.kill();
    scene
        .prefab(["publish", "money"])
        .assert()
        .success()
        .stdout(contains("money: compiled, as it had changed"));
    assert!(deployed_has_new(&scene));
}

#[test]
fn artifacts_that_are_damaged_are_compiled_again_when_they_are_published() {
    let scene = Scene::with_samples(&["money"]);
    scene.upgrade("11.8.0");
    for blob in scene.files(".prefab/blobs").keys() {
        if fs::metadata(blob).unwrap().len() < 1 << 20 {
            fs::write(blob, b"damaged").unwrap();
        }
    }
    scene
        .prefab(["publish", "--all"])
        .assert()
        .success()
        .stdout(contains("money: compiled again, as its artifacts were damaged, and published for 11.8.0"));
    assert!(!scene.files_within("deployed").is_empty());
}

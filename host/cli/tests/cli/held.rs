//! While a preparation holds the environment, and what happens when it is stopped or killed.

use predicates::prelude::*;
use predicates::str::contains;

use crate::scene::{Scene, releases};

/// An environment that is being upgraded by another process, which does not end by itself.
fn preparing() -> (Scene, crate::scene::Preparing) {
    let scene = Scene::with_samples(&["money"]);
    scene.upgrade("11.8.0");
    scene.prefab(["publish", "--all"]).assert().success();
    scene.endless_module("endless");
    let target = releases().join("11.9.0").into_os_string().into_string().unwrap();
    let running = scene.preparing(["upgrade", &target]);
    (scene, running)
}

#[test]
fn a_preparation_holds_the_environment_against_every_other_process() {
    let (scene, running) = preparing();
    let deployed = scene.files("deployed");
    for refused in [
        &["publish", "--all"][..],
        &["rollback", "--all"],
        &["gc"],
        &["upgrade", "--undo"],
        &["config", "set", "jobs", "1"],
        &["upgrade", "11.8.0"],
        &["prepare"],
        &["module", "add", "modules/money"],
        &["module", "remove", "money"],
    ] {
        scene.prefab(refused.iter().copied()).assert().code(4).stderr(
            contains("preparation 2 holds the environment: ")
                .and(contains("of 2 modules are accounted for"))
                .and(contains(format!("(process {}", running.id())))
                .and(contains("prefab status --watch")),
        );
    }
    let trouble = scene.json(["publish", "--all"]);
    assert_eq!((&trouble["exit"], &trouble["held"]["preparation"]), (&4.into(), &2.into()));

    let status = scene.json(["status"]);
    assert_eq!((&status["state"], &status["platform"]), (&"preparing".into(), &"11.9.0".into()));
    for question in
        [&["module", "list"][..], &["history"], &["config", "list"], &["errors"], &["release", "list"]]
    {
        scene.prefab(question.iter().copied()).assert().success();
    }
    assert_eq!(scene.files("deployed"), deployed);
}

#[test]
fn the_first_interrupt_lets_compilations_end_and_the_second_stops_them() {
    let (scene, mut running) = preparing();
    running.interrupt();
    running.says("Stopping when the running compilations have ended; press Ctrl-C again to stop now");
    running.interrupt();
    running.says("Stopping now");
    assert_eq!(running.ends(), Some(1));
    assert_eq!(scene.json(["status"])["state"], "interrupted");
    scene.prefab(["status"]).assert().success().stdout(contains("Go on with `prefab prepare`"));

    scene.prefab(["module", "remove", "endless"]).assert().success();
    scene.prefab(["prepare"]).assert().success().stdout(contains("This environment is ready"));
}

#[test]
fn a_killed_preparation_holds_nothing_and_the_next_one_goes_on() {
    let (scene, mut running) = preparing();
    let deployed = scene.files("deployed");
    running.kill();
    assert_eq!(scene.json(["status"])["state"], "interrupted");
    assert_eq!(scene.files("deployed"), deployed);
    scene.prefab(["config", "set", "limits.fuel", "1M"]).assert().success();
    scene.prefab(["prepare"]).assert().code(3).stdout(contains("There are errors in"));
}

#[test]
fn watching_lasts_as_long_as_the_preparation() {
    let (scene, mut running) = preparing();
    let mut watching = scene.preparing(["status", "--watch"]);
    running.kill();
    assert_eq!(watching.ends(), Some(1), "it was interrupted");
    scene.prefab(["status", "--watch", "--json"]).assert().code(1).stdout(contains("\"interrupted\""));
}

//! Pausing, resuming and cancelling a preparation from another process; trying again what the machine was in the way of.

use std::time::{Duration, Instant};

use predicates::prelude::*;
use predicates::str::contains;

use crate::processes::seen;
use crate::scene::{Preparing, Scene};

/// An environment that is being prepared by another process, which does not end by itself.
fn preparing() -> (Scene, Preparing) {
    let scene = Scene::with_samples(&["money"]);
    scene.upgrade("11.8.0");
    scene.endless_module("endless");
    let running = scene.preparing(["prepare"]);
    (scene, running)
}

#[test]
fn a_preparation_is_paused_and_resumed_in_the_middle_of_a_compilation() {
    let (scene, mut running) = preparing();
    let paused = scene.json(["pause"]);
    assert_eq!((&paused["request"], &paused["pid"]), (&"pause".into(), &running.id().into()));
    running.says("paused: `prefab resume` lets it go on");
    let status = scene.json(["status"]);
    assert_eq!((&status["state"], &status["holder"]["paused"]), (&"paused".into(), &true.into()));
    scene
        .prefab(["publish", "--all"])
        .assert()
        .code(4)
        .stderr(contains("paused at ").and(contains("Let it go on with `prefab resume`")));
    scene.prefab(["pause"]).assert().success();

    scene.prefab(["resume"]).assert().success().stdout(contains("goes on"));
    running.says("going on");
    assert_eq!(scene.json(["status"])["state"], "preparing");
}

#[test]
fn cancelling_ends_a_preparation_also_when_it_is_paused_and_keeps_what_it_compiled() {
    let (scene, mut running) = preparing();
    scene.prefab(["pause"]).assert().success();
    scene.prefab(["cancel"]).assert().success().stdout(contains("what it has compiled is kept"));
    assert_eq!(running.ends(), Some(1));
    assert_eq!(scene.json(["status"])["state"], "cancelled");

    scene.prefab(["module", "remove", "endless"]).assert().success();
    let summary = scene.json(["prepare"]);
    assert_eq!((&summary["compiled"], &summary["prepared"]), (&0.into(), &1.into()));
}

#[test]
fn nothing_can_be_paused_where_nothing_runs() {
    let scene = Scene::with_samples(&["money"]);
    for command in ["pause", "resume", "cancel"] {
        scene.prefab([command]).assert().code(1).stderr(
            contains("no preparation is running in this environment").and(contains("prefab prepare")),
        );
    }
    let (scene, mut running) = preparing();
    running.kill();
    scene.prefab(["resume"]).assert().code(1).stderr(contains("no preparation is running"));
}

#[test]
fn a_module_that_takes_too_long_is_tried_again_alone_and_then_fails() {
    let scene = Scene::empty();
    scene.upgrade("11.8.0");
    scene.endless_module("endless");
    scene.prefab(["config", "set", "limits.fuel", "1000G"]).assert().success();
    scene.prefab(["config", "set", "limits.deadline", "1s"]).assert().success();
    scene
        .prefab(["prepare"])
        .assert()
        .code(3)
        .stderr(contains("this machine was in the way of 1 module: trying again, one at a time"))
        .stdout(contains("1 of the failed by trouble of this machine"));
}

#[test]
fn what_a_second_try_gets_through_is_prepared_and_said_to_be_spurious() {
    let scene = Scene::empty();
    scene.upgrade("11.8.0");
    // Well below the deadline on an idle machine, and long enough to be stopped in its middle.
    scene.module(
        "slow",
        "slow.scss",
        "$a: 0;\n@for $i from 1 through 900000 { $a: $a + $i; }\n.a { b: $a; }\n",
    );
    scene.prefab(["config", "set", "limits.deadline", "8s"]).assert().success();
    let mut running = scene.preparing(["prepare", "--priority", "normal"]);
    while scene.json(["status"])["signed"] != 1 {
        assert!(running.runs());
    }
    // The ledger says so before the compilation begins.
    let ticks = |running: &Preparing| seen(running.id()).unwrap().ticks;
    let before = ticks(&running);
    while ticks(&running) < before + 15 {
        assert!(running.runs());
    }
    // A machine that stands still for as long as the deadline, as under load.
    running.stands_still(Duration::from_millis(8200));
    running.says("this machine was in the way of 1 module: trying again, one at a time");
    assert_eq!(running.ends(), Some(0));
    scene.prefab(["errors", "slow"]).assert().success().stdout(
        contains("this machine was in the way of slow at first").and(contains("did not end within 8 s")),
    );
}

#[test]
fn modules_that_are_to_go_first_go_first_with_what_they_need() {
    let scene = Scene::with_samples(&["money"]);
    scene.upgrade("11.8.0");
    // The largest goes first, were it not for the flag.
    scene.endless_module("endless");
    scene.write("modules/money/src/new.ts", "export const extra = 1;\n");
    let mut running = scene.preparing(["prepare", "--first", "money", "--jobs", "1"]);
    let began = Instant::now();
    while scene.json(["status"])["prepared"] != 1 {
        assert!(running.runs() && began.elapsed() < Duration::from_mins(1));
    }
    scene.prefab(["prepare", "--first", "nowhere"]).assert().code(4);
    running.kill();
    scene.prefab(["prepare", "--first", "nowhere"]).assert().code(1).stderr(contains("nowhere"));
}

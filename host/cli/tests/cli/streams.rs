//! Standard output, standard error and exit codes, as scripts meet them.

use std::process::{Command, Stdio};

use predicates::prelude::*;
use predicates::str::contains;

use crate::scene::Scene;

#[test]
fn the_help_has_every_command_and_the_exit_codes() {
    Scene::bare().prefab(["--help"]).assert().success().stdout(
        contains("Exit codes:\n  0  fine")
            .and(contains("  4  the environment is held"))
            .and(contains("upgrade")),
    );
    Scene::bare()
        .prefab(["publish", "--help"])
        .assert()
        .success()
        .stdout(contains("prefab publish --application shop"));
}

#[test]
fn a_wrong_command_line_ends_with_two() {
    let scene = Scene::bare();
    for wrong in
        [&["publsh"][..], &["publish"], &["prepare", "--jobs", "0"], &["module", "remove", "../x"], &[]]
    {
        scene.prefab(wrong.iter().copied()).assert().code(2);
    }
}

#[test]
fn without_an_environment_it_is_said_how_to_make_one() {
    let scene = Scene::bare();
    scene
        .prefab(["status"])
        .assert()
        .code(1)
        .stdout("")
        .stderr(contains("error: ").and(contains("prefab init")));
    let trouble = scene.json(["status"]);
    assert_eq!(trouble["exit"], 1);
    assert!(trouble["error"].as_str().unwrap().contains("prefab init"));
}

#[test]
fn the_environment_is_found_from_a_folder_within() {
    let scene = Scene::empty();
    scene.write("modules/a/x", "");
    let inside = scene.path("modules/a");
    scene
        .prefab(["status"])
        .env_remove("PREFAB_ENV")
        .current_dir(inside)
        .assert()
        .success()
        .stdout(contains("acme"));
    let root = scene.path("");
    Scene::bare()
        .prefab(["status", "--env", root.to_str().unwrap()])
        .assert()
        .success()
        .stdout(contains("acme"));
}

#[test]
fn a_reader_that_goes_away_does_no_harm() {
    let scene = Scene::empty();
    for _ in 0..2 {
        scene.prefab(["config", "set", "jobs", "1"]).assert().success();
    }
    let mut reader = Command::new("true").stdin(Stdio::piped()).spawn().unwrap();
    let pipe = reader.stdin.take().unwrap();
    reader.wait().unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_prefab"))
        .args(["history", "--env"])
        .arg(scene.path(""))
        .stdout(pipe)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn quiet_leaves_only_results_and_json_leaves_only_json() {
    let scene = Scene::with_samples(&["money"]);
    scene.upgrade("11.8.0");
    scene
        .prefab(["prepare", "--quiet"])
        .assert()
        .success()
        .stderr("")
        .stdout(contains("This environment is ready"));
    let summary = scene.json(["prepare", "--quiet"]);
    for key in [
        "preparation",
        "platform",
        "state",
        "modules",
        "prepared",
        "failed",
        "skipped",
        "reused",
        "host_errors",
        "compiled",
        "seconds",
    ] {
        assert!(!summary[key].is_null(), "{key}: {summary}");
    }
}

#[test]
fn colours_come_when_asked_for() {
    let scene = Scene::empty();
    scene.prefab(["status"]).assert().stdout(contains("\u{1b}[").not());
    scene.prefab(["status", "--color", "always"]).assert().stdout(contains("\u{1b}["));
}

#[test]
fn the_log_goes_to_standard_error() {
    let scene = Scene::with_samples(&["money"]);
    scene.upgrade("11.8.0");
    let plain = scene.prefab(["prepare"]).output().unwrap();
    let logged = scene.prefab(["prepare", "-vvv"]).output().unwrap();
    assert!(logged.stderr.len() > plain.stderr.len());
    assert!(String::from_utf8(logged.stdout).unwrap().starts_with("This environment is ready"));
    scene.prefab(["status", "--log", "=!"]).assert().code(1).stderr(contains("log filter"));
}

#[test]
fn completions_are_printed_for_shells() {
    for shell in ["bash", "zsh", "fish"] {
        Scene::bare().prefab(["completions", shell]).assert().success().stdout(contains("publish"));
    }
}

#[test]
fn making_an_environment_twice_is_refused_and_harms_nothing() {
    let scene = Scene::empty();
    scene.prefab(["config", "set", "jobs", "1"]).assert().success();
    scene.prefab(["init"]).assert().code(1).stderr(contains("is an environment already"));
    assert_eq!(scene.json(["config", "list"])[0]["value"], "1");
}

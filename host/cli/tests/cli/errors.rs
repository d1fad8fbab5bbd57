//! What `prefab errors` shows of real errors.

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::scene::Scene;

#[test]
fn a_rule_that_a_release_newly_enforces_is_drawn_in_the_source() {
    let scene = Scene::with_samples(&["i18n", "reports", "scheduler"]);
    assert_eq!(scene.upgrade("11.8.0"), Some(0));
    scene.prefab(["errors"]).assert().success().stdout("No errors on platform version 11.8.0\n");
    assert_eq!(scene.upgrade("11.9.0"), Some(3));
    scene.prefab(["errors"]).assert().success().stdout(
        contains("TS2880: 4 errors in 3 modules")
            .and(contains("modules/i18n/src/messages.ts:"))
            .and(contains("assert { type: \"json\" }"))
            .and(contains("prefab prepare --failed")),
    );
    scene.prefab(["errors", "i18n"]).assert().success().stdout(contains("TS2880: 2 errors in i18n"));

    let report = scene.json(["errors"]);
    assert_eq!((&report["platform"], report["modules"].as_array().unwrap().len()), (&"11.9.0".into(), 3));
    let sarif = scene.prefab(["errors", "--format", "sarif"]).output().unwrap().stdout;
    let sarif: Value = serde_json::from_slice(&sarif).unwrap();
    let run = &sarif["runs"][0];
    assert_eq!(
        (&run["results"][0]["ruleId"], &run["columnKind"]),
        (&"TS2880".into(), &"unicodeCodePoints".into())
    );
    let place = &run["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "modules/i18n/src/messages.ts");
    assert!(place["region"]["startLine"].is_u64());
}

#[test]
fn a_frame_shows_the_source_that_was_compiled_and_not_what_is_there_now() {
    let scene = Scene::empty();
    scene.module("broken", "index.ts", "export const before: number = ;\n");
    assert_eq!(scene.upgrade("11.8.0"), Some(3));
    scene.write("modules/broken/index.ts", "export const after: number = 1;\n");
    scene
        .prefab(["errors"])
        .assert()
        .success()
        .stdout(contains("before: number").and(contains("after: number").not()));
}

#[test]
fn a_cap_that_was_hit_is_named_with_how_to_raise_it() {
    let scene = Scene::empty();
    scene.module("thirsty", "index.ts", "export const one: number = 1;\n");
    scene.prefab(["config", "set", "limits.fuel", "1K"]).assert().success();
    assert_eq!(scene.upgrade("11.8.0"), Some(3));
    scene
        .prefab(["errors"])
        .assert()
        .success()
        .stdout(contains("out of fuel: thirsty").and(contains("prefab config set limits.fuel 2K")));
    scene.prefab(["config", "set", "limits.fuel", "10G"]).assert().success();
    scene.prefab(["prepare", "--failed"]).assert().success();
}

#[test]
fn modules_that_wait_for_a_broken_one_name_it() {
    let scene = Scene::empty();
    scene.module("tokens", "_index.scss", "$a: \n");
    scene.write("modules/page/module.toml", "name = \"page\"\ndependencies = [\"tokens\"]\n");
    scene.write("modules/page/page.scss", "@use \"tokens\";\n.a { color: tokens.$a; }\n");
    scene.prefab(["module", "add", "modules/page"]).assert().success();
    assert_eq!(scene.upgrade("11.8.0"), Some(3));
    let status = scene.json(["status"]);
    assert_eq!(status["modules"].as_u64().unwrap(), 2);
    assert_eq!(
        status["prepared"].as_u64().unwrap()
            + status["failed"].as_u64().unwrap()
            + status["skipped"].as_u64().unwrap(),
        2
    );
    scene.prefab(["errors", "page"]).assert().success().stdout(contains("tokens"));
}

#[test]
fn errors_of_an_unknown_module_are_trouble() {
    let scene = Scene::with_samples(&["money"]);
    scene.prefab(["errors", "mony"]).assert().code(1).stderr(contains("did you mean money?"));
    scene.prefab(["errors"]).assert().success().stdout(contains("Nothing has been prepared yet"));
}

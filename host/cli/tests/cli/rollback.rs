//! Going back: modules to what was deployed before, and the platform to the version before.

use std::fs;

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::scene::Scene;

/// An environment whose module `tax` was published with each of these rates in turn.
fn published(rates: &[u32]) -> Scene {
    let scene = Scene::empty();
    scene.module("tax", "index.ts", "");
    scene.upgrade("11.8.0");
    for rate in rates {
        publish(&scene, *rate);
    }
    scene
}

fn publish(scene: &Scene, rate: u32) {
    scene.write("modules/tax/index.ts", format!("export const rate: number = {rate};\n"));
    scene.prefab(["publish", "tax"]).assert().success();
}

/// The rate that is deployed.
fn deployed(scene: &Scene) -> String {
    let script = fs::read_to_string(scene.path("deployed/tax/index.js")).unwrap();
    script.chars().filter(char::is_ascii_digit).collect()
}

fn how(answer: &Value) -> (&str, &str) {
    let module = &answer["modules"][0];
    (module["how"].as_str().unwrap(), module["reason"].as_str().unwrap_or_default())
}

#[test]
fn rolling_back_goes_further_back_each_time_and_publishing_is_the_way_forward() {
    let scene = published(&[10, 20, 30]);
    scene
        .prefab(["rollback", "tax", "--dry-run"])
        .assert()
        .success()
        .stdout(contains("tax: would be rolled back from 11.8.0 to what was published for 11.8.0 on 2"));
    assert_eq!(deployed(&scene), "30");
    scene.prefab(["rollback", "tax"]).assert().success().stdout(contains("1 rolled back, 0 refused"));
    assert_eq!(deployed(&scene), "20");
    assert_eq!(how(&scene.json(["rollback", "tax"])).0, "switched");
    assert_eq!(deployed(&scene), "10");
    scene
        .prefab(["rollback", "tax"])
        .assert()
        .code(3)
        .stdout(contains("tax: refused: there is no earlier deployment of it to go back to"));
    scene.prefab(["history", "--limit", "1"]).assert().success().stdout(contains("operator  rolled-back"));

    assert_eq!(scene.json(["publish", "tax"])["published"], 1);
    assert_eq!(deployed(&scene), "30");
    publish(&scene, 40);
    scene.prefab(["rollback", "tax"]).assert().success();
    scene.prefab(["rollback", "tax"]).assert().success();
    assert_eq!(deployed(&scene), "10", "20 and 30 were rolled back before 30 was published again");
}

#[test]
fn a_folder_that_is_gone_is_made_again_and_a_bundle_that_is_damaged_is_named() {
    let scene = published(&[10, 20]);
    let bundle = scene.json(["artifacts", "tax"])["bundles"][0]["bundle"].as_str().unwrap().to_owned();
    publish(&scene, 30);
    for folder in fs::read_dir(scene.path(".prefab/published/tax")).unwrap() {
        fs::remove_dir_all(folder.unwrap().path()).unwrap();
    }
    scene.prefab(["rollback", "tax"]).assert().success();
    assert_eq!(deployed(&scene), "20");

    scene.prefab(["publish", "tax"]).assert().success();
    fs::remove_dir_all(scene.path(".prefab/published/tax")).unwrap();
    let hex = bundle.strip_prefix("blake3:").unwrap();
    let blob = scene.path(".prefab/blobs").join(&hex[..2]).join(hex);
    for damage in [b"damaged".as_slice(), b""] {
        if damage.is_empty() {
            fs::remove_file(&blob).unwrap();
        } else {
            fs::write(&blob, damage).unwrap();
        }
        for arguments in [&["rollback", "tax", "--dry-run"][..], &["rollback", "tax"]] {
            scene
                .prefab(arguments.iter().copied())
                .assert()
                .code(3)
                .stdout(contains(&bundle).and(contains("prefab publish tax")));
        }
    }
}

#[test]
fn many_are_rolled_back_together_and_those_without_a_past_are_refused() {
    let scene = published(&[10, 20]);
    scene.module("new", "index.ts", "export const one: number = 1;\n");
    let answer = scene.json(["rollback", "--all"]);
    assert_eq!((&answer["rolled_back"], &answer["refused"]), (&1.into(), &1.into()), "{answer}");
    assert_eq!(how(&answer), ("refused", "nothing of it was ever published"));
    scene.prefab(["rollback"]).assert().code(2);
    scene.prefab(["rollback", "taxx"]).assert().code(1).stderr(contains("did you mean tax?"));
}

#[test]
fn an_upgrade_is_undone_while_nothing_is_deployed_from_it() {
    let scene = Scene::with_samples(&["money", "i18n"]);
    scene.prefab(["upgrade", "--undo"]).assert().code(1).stderr(contains("there is no upgrade to undo"));
    scene.upgrade("11.8.0");
    scene.prefab(["upgrade", "--undo"]).assert().code(1).stderr(contains("there is no upgrade to undo"));
    scene.prefab(["publish", "--all"]).assert().success();
    assert_eq!(scene.upgrade("11.9.0"), Some(3));

    scene.prefab(["publish", "money"]).assert().success();
    scene.prefab(["upgrade", "--undo"]).assert().code(1).stderr(
        contains("cannot go back to platform version 11.8.0: money is deployed as 11.9.0 compiled it")
            .and(contains("prefab rollback")),
    );
    scene.prefab(["rollback", "money"]).assert().success();
    scene.prefab(["upgrade", "--undo"]).assert().success().stdout(
        contains("Your environment is back on platform version 11.8.0")
            .and(contains("This environment is ready\n  2 prepared, 0 failed, 0 skipped, 2 reused"))
            .and(contains("  0 compilations in")),
    );
    let status = scene.json(["status"]);
    assert_eq!((&status["state"], &status["platform"]), (&"ready".into(), &"11.8.0".into()), "{status}");
    scene.prefab(["upgrade", "--undo"]).assert().code(1).stderr(contains("there is no upgrade to undo"));
    scene.prefab(["history"]).assert().success().stdout(contains("undone (from 11.9.0, to 11.8.0)"));
    scene.prefab(["upgrade", "11.9.0", "--undo"]).assert().code(2);
    scene.prefab(["upgrade"]).assert().code(2);
}

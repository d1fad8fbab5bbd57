//! `prefab gc` frees what nothing needs, and nothing that is needed.

use std::fs;

use predicates::prelude::*;
use predicates::str::contains;

use crate::scene::Scene;

fn published(rates: impl IntoIterator<Item = u32>) -> Scene {
    let scene = Scene::empty();
    scene.module("tax", "index.ts", "");
    scene.upgrade("11.8.0");
    for rate in rates {
        scene.write("modules/tax/index.ts", format!("export const rate: number = {rate};\n"));
        scene.prefab(["publish", "tax"]).assert().success();
    }
    scene
}

#[test]
fn what_a_module_can_be_rolled_back_to_is_kept_and_what_is_further_back_is_not() {
    let scene = published([10, 20, 30, 40]);
    let folders = || fs::read_dir(scene.path(".prefab/published/tax")).unwrap().count();
    assert_eq!(folders(), 4);
    let tried = scene.json(["gc", "--keep", "1", "--keep-days", "0", "--dry-run"]);
    assert_eq!(folders(), 4);
    let went = scene.json(["gc", "--keep", "1", "--keep-days", "0"]);
    assert_eq!(folders(), 2);
    for part in ["rows", "blobs", "folders"] {
        assert_eq!(tried[part], went[part], "trying tells what will go");
    }
    assert_eq!((&went["folders"]["count"], &went["rows"]["deployments"]), (&2.into(), &2.into()), "{went}");
    assert!(went["bytes"].as_u64().unwrap() > 0);

    scene.prefab(["rollback", "tax"]).assert().success();
    scene.prefab(["rollback", "tax"]).assert().code(3).stdout(contains("no earlier deployment"));
    let again = scene.json(["prepare"]);
    assert_eq!(again["compiled"], 0, "the latest results are kept");
    scene.prefab(["gc"]).assert().success().stdout(contains(" freed\n").and(contains("published folders")));
}

#[test]
fn what_killed_processes_left_is_removed_and_what_is_young_stays() {
    let scene = published([10, 20]);
    let orphan = scene.write(&format!(".prefab/blobs/ab/{}", "ab".repeat(32)), "orphan");
    let part = scene.write(&format!(".prefab/blobs/ab/{}#1", "ab".repeat(32)), "part");
    let unfinished = scene.write(".prefab/published/tax/unfinished/index.js", "half");
    let unknown = scene.write(&format!(".prefab/published/tax/{}/index.js", "0".repeat(32)), "whole");
    let removing = scene.write(".prefab/removing/1/index.js", "half gone");
    let deployed = scene.files("deployed");
    let went = scene.json(["gc"]);
    assert_eq!((&went["blobs"]["count"], &went["folders"]["count"]), (&2.into(), &3.into()), "{went}");
    for (what, count) in went["rows"].as_object().unwrap() {
        assert_eq!(count, 0, "{what}: nothing is a week old");
    }
    for path in [orphan, part, unfinished, unknown, removing] {
        assert!(!path.exists(), "{}", path.display());
    }
    assert_eq!(scene.files("deployed"), deployed);
}

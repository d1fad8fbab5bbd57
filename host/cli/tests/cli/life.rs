//! From `init` to `publish`, over an upgrade.

use std::fs;

use predicates::prelude::*;
use predicates::str::contains;

use crate::scene::{Scene, releases};

#[test]
fn an_operator_upgrades_mends_and_publishes() {
    let scene = Scene::with_all_samples();
    assert_eq!(scene.json(["status"])["state"], "new");

    let target = releases().join("11.8.0/release.toml");
    scene
        .prefab(["upgrade", target.to_str().unwrap()])
        .assert()
        .success()
        .stdout(
            contains(
                "Your environment has been successfully upgraded to platform version 11.8.0 (release notes: ",
            )
            .and(contains("This environment is ready")),
        )
        .stderr(contains("We are now preparing your modules - 100%"));
    scene
        .prefab(["publish", "--all"])
        .assert()
        .success()
        .stdout(contains("25 published, 0 unchanged, 0 refused"));
    let deployed = scene.files("deployed");
    assert!(deployed.len() > 25, "{}", deployed.len());

    let target = releases().join("11.9.0/release.toml");
    scene.prefab(["upgrade", target.to_str().unwrap()]).assert().code(3).stdout(
        contains("upgraded to platform version 11.9.0")
            .and(contains("There are errors in 3 of 25 modules\n  22 prepared, 3 failed, 0 skipped"))
            .and(contains("prefab errors")),
    );
    assert_eq!(scene.files("deployed"), deployed, "running deployments stay as they are, byte for byte");

    let status = scene.json(["status"]);
    assert_eq!(status["platform"], "11.9.0");
    for (key, value) in [("modules", 25), ("prepared", 22), ("failed", 3), ("skipped", 0), ("host_errors", 0)]
    {
        assert_eq!(status[key], value, "{key}: {status}");
    }
    assert_eq!(status["state"], "errors");
    assert!(status["reused"].is_u64());

    scene.prefab(["publish", "i18n"]).assert().code(3).stdout(contains("i18n: refused: "));
    let messages = scene.path("modules/i18n/src/messages.ts");
    fs::write(&messages, fs::read_to_string(&messages).unwrap().replace(" assert {", " with {")).unwrap();
    scene
        .prefab(["prepare", "--failed"])
        .assert()
        .code(3)
        .stdout(contains("There are errors in 2 of 25 modules"));
    scene.prefab(["publish", "i18n"]).assert().success().stdout(contains("i18n: published for 11.9.0"));

    let history = scene.json(["history"]);
    let done: Vec<&str> =
        history.as_array().unwrap().iter().map(|entry| entry["what"].as_str().unwrap()).collect();
    assert_eq!(done[..2], ["published", "prepared"]);
    assert_eq!(done.iter().filter(|what| **what == "upgraded").count(), 2);
    scene
        .prefab(["history", "--limit", "1"])
        .assert()
        .success()
        .stdout(contains("operator  published (module i18n"));
}

#[test]
fn what_is_prepared_already_is_not_compiled_again() {
    let scene = Scene::with_samples(&["money", "design-tokens"]);
    assert_eq!(scene.upgrade("11.8.0"), Some(0));
    let again = scene.json(["prepare"]);
    assert_eq!((&again["compiled"], &again["reused"]), (&0.into(), &2.into()));
    scene.prefab(["upgrade", "11.8.0"]).assert().success().stdout(contains("  0 compilations in"));
}

#[test]
fn publishing_an_unchanged_module_compiles_nothing_and_a_changed_one_is_compiled_first() {
    let scene = Scene::with_samples(&["money"]);
    scene.upgrade("11.8.0");
    assert_eq!(scene.json(["publish", "money"])["modules"][0]["how"], "switched");
    assert_eq!(scene.json(["publish", "money"])["modules"][0]["how"], "unchanged");

    let before = scene.files("deployed/money");
    scene.write("modules/money/src/extra.ts", "export const extra: number = 1;\n");
    assert_eq!(scene.json(["publish", "money"])["modules"][0]["how"], "compiled");
    let after = scene.files("deployed/money");
    assert!(after.len() > before.len(), "{:?}", after.keys());
    assert!(scene.path("deployed/money").is_symlink(), "a deployment is switched as one");
}

#[test]
fn an_application_is_published_together() {
    let scene = Scene::with_samples(&["money", "i18n", "design-tokens", "dates"]);
    scene.module("lonely", "index.ts", "export const one: number = 1;\n");
    scene.upgrade("11.8.0");
    let published = scene.json(["publish", "--application", "foundation"]);
    assert_eq!(published["published"], 4, "{published}");
    assert!(!scene.path("deployed/lonely").exists());
    scene
        .prefab(["publish", "--application", "nope"])
        .assert()
        .code(1)
        .stderr(contains("no module belongs to an application nope"));
}

#[test]
fn modules_come_and_go() {
    let scene = Scene::with_samples(&["money", "maps"]);
    scene
        .prefab(["module", "add", "modules/maps"])
        .assert()
        .success()
        .stdout(contains("not in this environment: ").and(contains("geo-sdk")));
    let names = |scene: &Scene| -> Vec<String> {
        let list = scene.json(["module", "list"]);
        list.as_array().unwrap().iter().map(|module| module["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&scene), ["maps", "money"]);
    scene.prefab(["module", "remove", "maps"]).assert().success();
    assert_eq!(names(&scene), ["money"]);
    assert!(scene.path("modules/maps/module.toml").is_file(), "the files stay");
    scene.prefab(["module", "remove", "mony"]).assert().code(1).stderr(contains("did you mean money?"));
}

#[test]
fn packages_of_a_node_modules_tree_become_modules() {
    let scene = Scene::empty();
    let package = |path: &str, name: &str, version: &str, dependencies: &str| {
        let text = format!(
            r#"{{"name":"{name}","version":"{version}","main":"index.js","dependencies":{{{dependencies}}}}}"#
        );
        scene.write(&format!("web/node_modules/{path}/package.json"), text);
        scene.write(&format!("web/node_modules/{path}/index.js"), "export const version = 1;\n");
    };
    package("left", "left", "1.0.0", r#""right":"^1.0.0""#);
    package("right", "right", "2.0.0", "");
    package("left/node_modules/right", "right", "1.0.0", "");
    package("@scope/part", "@scope/part", "0.1.0", "");
    let summary = scene.json(["import", "npm", "web"]);
    assert_eq!((&summary["added"], &summary["nested"]), (&4.into(), &1.into()), "{summary}");
    assert_eq!(scene.json(["import", "npm", "web"])["unchanged"], 4);
    assert_eq!(scene.upgrade("11.8.0"), Some(0));
    assert_eq!(scene.json(["status"])["prepared"], 4);
}

#[test]
fn releases_are_installed_listed_and_inspected() {
    let scene = Scene::empty();
    scene.prefab(["release", "list"]).assert().success().stdout(contains("No release is installed"));
    let folder = releases().join("11.9.0").into_os_string().into_string().unwrap();
    scene
        .prefab(["release", "install", &folder])
        .assert()
        .success()
        .stdout(contains("Installed release 11.9.0 with typescript, sass"));
    scene.prefab(["release", "install", &folder]).assert().success();
    let list = scene.json(["release", "list"]);
    assert_eq!(
        (&list[0]["version"], &list[0]["current"], &list[1]),
        (&"11.9.0".into(), &false.into(), &().into())
    );
    scene
        .prefab(["release", "inspect", "11.9.0"])
        .assert()
        .success()
        .stdout(contains("modular-compiler of prefab:compiler@1").and(contains("options.typescript.target")));
    Scene::bare()
        .prefab(["release", "inspect", &folder])
        .assert()
        .success()
        .stdout(contains("upgrades from"));
}

#[test]
fn artifacts_are_listed_and_extracted() {
    let scene = Scene::with_samples(&["money"]);
    scene.prefab(["artifacts", "money"]).assert().code(1).stderr(contains("module money has no artifacts"));
    scene.upgrade("11.8.0");
    scene.prefab(["artifacts", "money"]).assert().success().stdout(contains("text/javascript"));
    scene.prefab(["artifacts", "money", "--extract", "out"]).assert().success();
    let list = scene.json(["artifacts", "money"]);
    let first = list["bundles"][0]["artifacts"][0]["path"].as_str().unwrap().to_owned();
    assert!(scene.path("out").join(first).is_file());
}

#[test]
fn settings_are_listed_with_where_they_come_from_and_set() {
    let scene = Scene::empty();
    scene
        .prefab(["config", "list"])
        .assert()
        .success()
        .stdout(predicate::str::is_match(r"limits\.fuel +50G +default").unwrap());
    scene.prefab(["config", "set", "limits.fuel", "100G"]).assert().success();
    scene.prefab(["config", "set", "options.typescript.minify", "true"]).assert().success();
    let listed = scene.prefab(["config", "list"]).output().unwrap().stdout;
    let listed = String::from_utf8(listed).unwrap();
    assert!(predicate::str::is_match(r"limits\.fuel +100G +prefab\.toml").unwrap().eval(&listed), "{listed}");
    scene.prefab(["config", "set", "limits.fuel", "lots"]).assert().code(1).stderr(contains("whole number"));
    scene.prefab(["config", "set", "limits.fule", "1"]).assert().code(2).stderr(contains("table-elements"));
}

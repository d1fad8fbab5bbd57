//! The whole way of a compiler, in each language: made, built, checked, put into a release, signed, pushed, pulled, used, and refused when the
//! key is revoked.

use predicates::prelude::*;
use predicates::str::contains;

use super::registry::{Open, Registry};
use super::vendor::{key, sign, trust};
use crate::built::{Language, project, release};
use crate::scene::Scene;

#[test]
fn compilers_in_four_languages_go_from_an_empty_folder_to_an_environment_and_are_refused_when_their_key_is_revoked()
 {
    let Some(registry) = Registry::start(Open::ToAll) else { return };
    // Other tests want the same projects, each of which is built once.
    let projects: Vec<_> = std::thread::scope(|scope| {
        let threads = Language::ALL.map(|language| (language, scope.spawn(move || project(language))));
        let built = threads.into_iter().map(|(language, thread)| (language, thread.join().unwrap()));
        built.filter_map(|(language, folder)| Some((language.name(), folder?))).collect()
    });

    // The vendor: each is checked, then one release of all, each compiler for a folder of its own.
    let vendor = Scene::bare();
    for (language, folder) in &projects {
        let checked = vendor.json(["compiler", "check", folder.to_str().unwrap()]);
        assert_ne!(checked["verdict"], "fail", "{language}: {checked}");
        assert_eq!(
            checked["checks"][4]["figures"],
            serde_json::json!({"vectors": 2, "wrong": 0}),
            "{language}"
        );
    }
    let acme = key(&vendor, "acme");
    let folder = release(&vendor, "platform", &projects, |language, text| {
        let changed = text.replace("\"**/*.props\"", &format!("\"{language}/*.props\""));
        assert_ne!(changed, text);
        changed
    });
    sign(&vendor, &folder, "acme", &[]);
    let place = registry.place("acme/platform");
    let pushed = vendor.json(["release", "push", folder.to_str().unwrap(), &place, "--plain-http"]);

    // The operator: who trusts the key takes it in, nobody else.
    let scene = Scene::empty();
    for (language, _) in &projects {
        scene.write(&format!("modules/good/{language}/a.props"), "# hello\na = b\n");
        scene.write(&format!("modules/bad/{language}/a.props"), "a = b\nc\n");
    }
    for name in ["good", "bad"] {
        scene.write(&format!("modules/{name}/module.toml"), format!("name = \"{name}\"\n"));
        scene.prefab(["module", "add"]).arg(scene.path("modules").join(name)).assert().success();
    }
    let place = format!("{place}:1.0.0");
    let upgrade = || scene.prefab(["upgrade", &place, "--plain-http", "--priority", "normal"]).assert();
    upgrade().code(1).stderr(contains("prefab trust add"));
    trust(&scene, "acme", &acme);
    upgrade().code(3).stderr(contains(pushed["digest"].as_str().unwrap()));

    let out = scene.path("out");
    scene.prefab(["artifacts", "good", "--extract", out.to_str().unwrap()]).assert().success();
    let errors = scene.json(["errors", "bad"]);
    let problems = errors["modules"][0]["problems"].as_array().unwrap();
    for (language, _) in &projects {
        let artifact = std::fs::read(out.join(language).join("a.props.json")).unwrap();
        let artifact: serde_json::Value = serde_json::from_slice(&artifact).unwrap();
        assert_eq!(artifact, serde_json::json!({"a": "b"}), "{language}");
        let file = format!("{language}/a.props");
        let mut diagnostics = problems.iter().flat_map(|problem| problem["diagnostics"].as_array().unwrap());
        let place = diagnostics.find(|it| it["file"] == file.as_str()).map(|it| &it["span"]["start"]["line"]);
        assert_eq!(place, Some(&2.into()), "{language}: {errors}");
    }
    scene.prefab(["publish", "good"]).assert().success();
    scene.prefab(["verify", "good", "--priority", "normal"]).assert().success();

    let deployed = scene.files("deployed");
    let id = acme["id"].as_str().unwrap();
    scene.prefab(["trust", "revoke", id, "--why", "the laptop was stolen"]).assert().success();
    scene.write("modules/good/rust/b.props", "a = b\n");
    for arguments in [&["prepare"][..], &["publish", "--all"], &["upgrade", &place, "--plain-http"]] {
        scene.prefab(arguments.iter().copied()).assert().code(1).stderr(
            contains(format!("the key {id} that signed it is revoked"))
                .and(contains("the laptop was stolen")),
        );
    }
    assert_eq!(scene.files("deployed"), deployed);
}

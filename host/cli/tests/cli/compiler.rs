//! New compilers in each language: made, tested and built by the language's own tools, then used in an upgrade.

use std::fs;
use std::path::Path;

use crate::built::{Language, project};
use crate::scene::Scene;

/// Upgrades to the release of a project that was built, and sees that it compiles and rejects as it should.
fn is_a_compiler(language: Language) {
    let Some(folder) = project(language) else { return };
    let scene = Scene::empty();
    scene.module("good", "a.props", "# hello\na = b\n");
    scene.module("bad", "a.props", "a = b\nc\n");
    scene.prefab(["upgrade", folder.to_str().unwrap(), "--priority", "normal"]).assert().code(3);
    has_compiled(&scene, "a.props.json");
    let errors = scene.json(["errors"]);
    let diagnostic = &errors["modules"][0]["problems"][0]["diagnostics"][0];
    assert_eq!(
        (&diagnostic["file"], &diagnostic["span"]["start"]["line"]),
        (&"a.props".into(), &2.into()),
        "{errors}"
    );
    scene.prefab(["publish", "good"]).assert().success();
    let verified = scene.prefab(["verify", "good", "--priority", "normal"]).assert().success();
    assert!(String::from_utf8_lossy(&verified.get_output().stdout).contains("1 same"));
}

fn has_compiled(scene: &Scene, artifact: &str) {
    let out = scene.path("out");
    scene.prefab(["artifacts", "good", "--extract", out.to_str().unwrap()]).assert().success();
    let json: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(out.join(artifact)).unwrap()).unwrap();
    assert_eq!(json, serde_json::json!({"a": "b"}));
}

#[test]
fn a_compiler_in_rust() {
    is_a_compiler(Language::Rust);
}

#[test]
fn a_compiler_in_javascript() {
    is_a_compiler(Language::JavaScript);
}

#[test]
fn a_compiler_in_python() {
    is_a_compiler(Language::Python);
}

#[test]
fn a_compiler_in_c() {
    is_a_compiler(Language::C);
}

#[test]
fn a_folder_that_is_there_is_left_alone() {
    let scene = Scene::empty();
    let folder = scene.path("my-props");
    let new = |name: &str, language: &str| {
        scene
            .prefab(["compiler", "new", name, "--lang", language, "--dir", folder.to_str().unwrap()])
            .assert()
    };
    new("my-props", "c").success();
    let before = scene.files("my-props");
    let refused = new("other", "rust").failure();
    assert!(String::from_utf8_lossy(&refused.get_output().stderr).contains("is there already"));
    assert_eq!(scene.files("my-props"), before);
    assert!(Path::new(&folder).join("Makefile").exists());
}

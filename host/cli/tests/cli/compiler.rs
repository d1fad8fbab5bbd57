//! New compilers in each language: made, tested and built by the language's own tools, then used in an upgrade.
//!
//! The tools come from the languages' registries. Where one is missing the test says so and does nothing, but in continuous integration
//! it must be there (`.ci/run` installs them).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::scene::Scene;

/// Whether a program can be started; it must be in continuous integration.
fn there(program: &str, argument: &str) -> bool {
    let there = Command::new(program).arg(argument).output().is_ok_and(|output| output.status.success());
    assert!(there || std::env::var_os("CI").is_none(), "{program} is to be there");
    if !there {
        eprintln!("skipped: there is no {program}");
    }
    there
}

fn run(folder: &Path, command: &mut Command) {
    let output = command.current_dir(folder).output().unwrap();
    let text = String::from_utf8_lossy;
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
}

/// Makes a project, and returns its folder.
fn project(scene: &Scene, language: &str) -> PathBuf {
    let folder = scene.path("my-props");
    scene
        .prefab(["compiler", "new", "my-props", "--lang", language, "--dir", folder.to_str().unwrap()])
        .assert()
        .success();
    folder
}

/// Upgrades to the release of a project that was built, and sees that it compiles and rejects as it should.
fn is_a_compiler(scene: &Scene, folder: &Path) {
    let early = scene.prefab(["compiler", "check", folder.to_str().unwrap()]).assert().code(1);
    assert!(String::from_utf8_lossy(&early.get_output().stderr).contains("prefab release digest"));
    scene.prefab(["release", "digest", folder.to_str().unwrap()]).assert().success();
    let checked = scene.json(["compiler", "check", folder.to_str().unwrap()]);
    assert_ne!(checked["verdict"], "fail", "{checked}");
    assert_eq!(checked["checks"][4]["figures"], serde_json::json!({"vectors": 2, "wrong": 0}));
    scene.module("good", "a.props", "# hello\na = b\n");
    scene.module("bad", "a.props", "a = b\nc\n");
    scene.prefab(["upgrade", folder.to_str().unwrap()]).assert().code(3);
    let out = scene.path("out");
    scene.prefab(["artifacts", "good", "--extract", out.to_str().unwrap()]).assert().success();
    let json: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(out.join("a.props.json")).unwrap()).unwrap();
    assert_eq!(json, serde_json::json!({"a": "b"}));
    let errors = scene.prefab(["errors", "--json"]).assert().success();
    let errors: serde_json::Value = serde_json::from_slice(&errors.get_output().stdout).unwrap();
    let diagnostic = &errors["modules"][0]["problems"][0]["diagnostics"][0];
    assert_eq!(
        (&diagnostic["file"], &diagnostic["span"]["start"]["line"]),
        (&"a.props".into(), &2.into()),
        "{errors}"
    );
    scene.prefab(["publish", "good"]).assert().success();
    let verified = scene.prefab(["verify", "good"]).assert().success();
    assert!(String::from_utf8_lossy(&verified.get_output().stdout).contains("1 same"));
}

#[test]
fn a_compiler_in_rust() {
    let scene = Scene::empty();
    let folder = project(&scene, "rust");
    // Kept between runs: its dependencies are built once.
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiler-rust");
    let cargo = |arguments: &[&str]| {
        run(&folder, Command::new(env!("CARGO")).args(arguments).env("CARGO_TARGET_DIR", &built));
    };
    cargo(&["test", "--lib"]);
    cargo(&["build", "--release", "--target", "wasm32-wasip2"]);
    let component = "target/wasm32-wasip2/release/my_props.wasm";
    fs::create_dir_all(folder.join(component).parent().unwrap()).unwrap();
    fs::copy(built.join("wasm32-wasip2/release/my_props.wasm"), folder.join(component)).unwrap();
    is_a_compiler(&scene, &folder);
}

#[test]
fn a_compiler_in_javascript() {
    if !there("npm", "--version") {
        return;
    }
    let scene = Scene::empty();
    let folder = project(&scene, "js");
    run(&folder, Command::new("npm").args(["install", "--ignore-scripts", "--no-audit", "--no-fund"]));
    run(&folder, Command::new("npm").arg("test"));
    run(&folder, Command::new("npm").args(["run", "build"]));
    is_a_compiler(&scene, &folder);
}

#[test]
fn a_compiler_in_python() {
    if !there("componentize-py", "--version") {
        return;
    }
    let scene = Scene::empty();
    let folder = project(&scene, "python");
    run(&folder, Command::new("python3").args(["-m", "unittest"]));
    run(&folder, Command::new("sh").arg("build.sh"));
    is_a_compiler(&scene, &folder);
}

#[test]
fn a_compiler_in_c() {
    if !there("clang", "--version") {
        return;
    }
    let scene = Scene::empty();
    let folder = project(&scene, "c");
    run(&folder, Command::new("make").arg("test"));
    run(&folder, &mut Command::new("make"));
    is_a_compiler(&scene, &folder);
}

#[test]
fn a_folder_that_is_there_is_left_alone() {
    let scene = Scene::empty();
    project(&scene, "c");
    let folder = scene.path("my-props");
    let again = ["compiler", "new", "other", "--lang", "rust", "--dir", folder.to_str().unwrap()];
    let refused = scene.prefab(again).assert().failure();
    assert!(String::from_utf8_lossy(&refused.get_output().stderr).contains("is there already"));
}

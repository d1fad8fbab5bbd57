//! Command-line compilers of other people, from crates.io and unmodified: naga for WASI 0.1 and grass for WASI 0.2.

use std::fs;
use std::path::PathBuf;

use predicates::prelude::*;
use prefab_artifacts::{Wasi, tool};
use prefab_model::CompilerDigest;

use crate::scene::Scene;

/// naga shows a finding as a picture, with its place on the line behind.
const NAGA: &str = r#"
[[compiler]]
name = "wgsl"
kind = "command"
component = "naga.wasm"
digest = "NAGA"
files = ["**/*.wgsl"]

[compiler.command]
args = ["{file}", "{output}/{stem}.spv", "{output}/{stem}.metal"]

[compiler.command.diagnostics]
pattern = '(?m)^(?<severity>error|warning): (?<message>.*)\n *┌─ (?<file>[^:\n]*):(?<line>\d+):(?<column>\d+)'
"#;

const GRASS: &str = r#"
[[compiler]]
name = "styles"
kind = "command"
component = "grass.wasm"
digest = "GRASS"
files = ["**/*.scss"]

[compiler.options]
minify = false

[compiler.command]
args = [{ if = "minify", args = ["--style=compressed"] }, "-I{dependency}", "-I{toolchain}", "{file}", "{output}/{stem}.css"]
each = ["**/[!_]*.scss"]
share = ["**/_*.scss"]

[compiler.command.diagnostics]
pattern = '(?s)^Error: (?<message>[^\n]*)\n.*?\n(?<file>[^:\n]+):(?<line>\d+):(?<column>\d+)'

[[compiler.command.mount]]
path = "_house.scss"
file = "lib/house.scss"
digest = "HOUSE"
"#;

const HOUSE: &str = "$house: #112233;\n";

/// A release of both, with some of the manifest changed.
fn release(scene: &Scene, version: &str, change: impl FnOnce(String) -> String) -> PathBuf {
    let naga = fs::read(tool("naga-cli", "30.0.1", "naga", Wasi::P1).unwrap()).unwrap();
    let grass = fs::read(tool("grass", "0.13.4", "grass", Wasi::P2).unwrap()).unwrap();
    assert_eq!(
        (&naga[4..8], &grass[4..8]),
        (&[1, 0, 0, 0][..], &[13, 0, 1, 0][..]),
        "a module and a component"
    );
    let digest = |bytes: &[u8]| CompilerDigest::of(bytes).to_string();
    let manifest = format!("version = \"{version}\"\nupgrades-from = \"*\"\n{NAGA}{GRASS}")
        .replace("NAGA", &digest(&naga))
        .replace("GRASS", &digest(&grass))
        .replace("HOUSE", &digest(HOUSE.as_bytes()));
    let folder = format!("releases/{version}");
    scene.write(&format!("{folder}/naga.wasm"), naga);
    scene.write(&format!("{folder}/grass.wasm"), grass);
    scene.write(&format!("{folder}/lib/house.scss"), HOUSE);
    scene.write(&format!("{folder}/release.toml"), change(manifest));
    scene.path(&folder)
}

fn upgrade(scene: &Scene, release: &std::path::Path, more: &[&str]) -> assert_cmd::assert::Assert {
    scene.prefab(["upgrade", release.to_str().unwrap(), "--priority", "normal"]).args(more).assert()
}

const SHADER: &str = "@fragment\nfn main() -> @location(0) vec4<f32> {\n  return vec4<f32>(1.0);\n}\n";

/// A module with shared files, and one that uses them.
fn modules(scene: &Scene) {
    scene.module("theme", "_colours.scss", "$ink: #445566;\n");
    scene.write("modules/page/module.toml", "name = \"page\"\ndependencies = [\"theme\"]\n");
    scene.write(
        "modules/page/css/page.scss",
        "@use \"colours\";\n@use \"house\";\na { color: colours.$ink; b { color: house.$house; } }\n",
    );
    scene.write("modules/page/shaders/white.wgsl", SHADER);
    scene.prefab(["module", "add"]).arg(scene.path("modules/page")).assert().success();
}

#[test]
fn programs_of_other_people_compile_what_they_compile() {
    let scene = Scene::empty();
    modules(&scene);
    let release_1 = release(&scene, "1.0.0", |manifest| manifest);
    scene
        .prefab(["release", "inspect", release_1.to_str().unwrap()])
        .assert()
        .success()
        .stdout(predicate::str::contains("command-line program; modules share files"));
    for isolation in ["in-process", "process"] {
        upgrade(&scene, &release_1, &["--isolation", isolation]).success();
    }
    scene.prefab(["publish", "--all"]).assert().success();
    let deployed = |path: &str| fs::read(scene.path("deployed/page").join(path)).unwrap();
    let css = String::from_utf8(deployed("css/page.css")).unwrap();
    assert!(css.contains("a {\n  color: #445566;") && css.contains("a b {\n  color: #112233;"), "{css}");
    assert_eq!(deployed("shaders/white.spv")[..4], 0x0723_0203_u32.to_le_bytes());
    assert!(String::from_utf8(deployed("shaders/white.metal")).unwrap().contains("#include <metal_stdlib>"));
    // The same again, from what was kept.
    scene.prefab(["verify", "--all"]).assert().success();

    // A shared file that changes compiles its dependents anew, and an option compiles the module.
    scene.write("modules/theme/_colours.scss", "$ink: #778899;\n");
    scene.write(
        "modules/page/module.toml",
        "name = \"page\"\ndependencies = [\"theme\"]\n[options.styles]\nminify = true\n",
    );
    scene.prefab(["prepare"]).assert().success();
    scene.prefab(["publish", "--all"]).assert().success();
    let css = String::from_utf8(fs::read(scene.path("deployed/page/css/page.css")).unwrap()).unwrap();
    assert!(css.contains("a{color:#789}") || css.contains("a{color:#778899}"), "{css}");
    scene.prefab(["gc"]).assert().success();
    scene.prefab(["verify", "--all"]).assert().success();
}

#[test]
fn a_wrong_source_is_shown_with_its_place() {
    let scene = Scene::empty();
    modules(&scene);
    scene.write("modules/page/shaders/white.wgsl", SHADER.replace("return vec4", "return ; vec4"));
    scene.write("modules/page/css/page.scss", "a {\n  color: $nothing;\n}\n");
    let release = release(&scene, "1.0.0", |manifest| manifest);
    upgrade(&scene, &release, &[]).code(3);
    let errors = scene.json(["errors", "page"]);
    let text = errors.to_string();
    let place = |file: &str, line: u64| {
        let mut found = Vec::new();
        diagnostics(&errors, &mut found);
        found.iter().any(|it| it["file"] == file && it["span"]["start"]["line"] == line)
    };
    assert!(place("css/page.scss", 2), "{text}");
    assert!(place("shaders/white.wgsl", 3), "{text}");
    scene.prefab(["errors", "page"]).assert().stdout(
        predicate::str::contains("color: $nothing;").and(predicate::str::contains("Undefined variable")),
    );
}

/// Everything in it that has a message and a severity.
fn diagnostics<'a>(value: &'a serde_json::Value, found: &mut Vec<&'a serde_json::Value>) {
    match value {
        serde_json::Value::Array(items) => items.iter().for_each(|item| diagnostics(item, found)),
        serde_json::Value::Object(fields) => {
            if fields.contains_key("severity") && fields.contains_key("message") {
                found.push(value);
            }
            fields.values().for_each(|item| diagnostics(item, found));
        }
        _ => {}
    }
}

#[test]
fn what_is_wrong_with_a_release_of_programs_is_said_when_it_is_installed() {
    let cases: [(&str, &str, &str); 5] = [
        ("args = [\"{file}\"", "args = [\"{fle}\"", "no placeholder {fle}"),
        ("kind = \"command\"\n", "", "kind = \"command\""),
        ("[compiler.options]\nminify = false\n", "", "option `minify`"),
        (
            "path = \"_house.scss\"\nfile = \"lib/house.scss\"",
            "path = \"naga.wasm\"",
            "is not the file that the manifest means",
        ),
        ("component = \"grass.wasm\"", "component = \"../grass.wasm\"", "component"),
    ];
    for (from, to, told) in cases {
        let scene = Scene::empty();
        let folder = release(&scene, "1.0.0", |manifest| {
            assert!(manifest.contains(from), "{from}");
            manifest.replacen(from, to, 1)
        });
        upgrade(&scene, &folder, &[]).failure().stderr(predicate::str::contains(told));
    }
}

#[test]
fn a_compiler_of_the_contract_is_no_command_and_a_command_is_none_of_the_contract() {
    let scene = Scene::empty();
    let folder = release(&scene, "1.0.0", |manifest| {
        let command = manifest.find("[[compiler]]\nname = \"styles\"").unwrap();
        let end = manifest.find("[compiler.options]").unwrap();
        manifest[..command].to_owned() + &manifest[command..end].replace("kind = \"command\"\n", "")
    });
    upgrade(&scene, &folder, &[])
        .failure()
        .stderr(predicate::str::contains("it looks like a command-line program: say `kind = \"command\"`"));

    let sass = fs::read(crate::scene::releases().join("11.9.0/sass.wasm")).unwrap();
    let manifest = format!(
        "version = \"2.0.0\"\nupgrades-from = \"*\"\n[[compiler]]\nname = \"sass\"\nkind = \"command\"\ncomponent = \"sass.wasm\"\n\
         digest = \"{}\"\nfiles = [\"**/*.scss\"]\n[compiler.command]\nargs = []\n",
        CompilerDigest::of(&sass)
    );
    scene.write("releases/2.0.0/sass.wasm", sass);
    let manifest = scene.write("releases/2.0.0/release.toml", manifest);
    upgrade(&scene, &manifest, &[]).failure().stderr(predicate::str::contains(
        "it is a compiler of the contract prefab:compiler: leave out `kind",
    ));
}

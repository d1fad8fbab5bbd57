//! `prefab compiler check` and `inspect`: the real compilers keep to what is expected, and others are told what they do not.

use std::fs;
use std::path::{Path, PathBuf};

use predicates::prelude::*;
use prefab_artifacts::{Wasi, guest};
use serde_json::{Value, json};

use crate::scene::{Scene, copy, releases};

/// The verdict of one check.
fn verdict<'a>(report: &'a Value, name: &str) -> &'a str {
    check(report, name)["verdict"].as_str().unwrap()
}

fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name}: {report}"))
}

/// Vectors of sample modules, and one that is rejected.
fn vectors(scene: &Scene, names: &[&str], bad: (&str, &str)) -> PathBuf {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/sample/modules");
    for name in names {
        copy(&sample.join(name), &scene.path("vectors").join(name).join("source"));
    }
    scene.write(&format!("vectors/bad/source/{}", bad.0), bad.1);
    scene.write("vectors/bad/vector.toml", "outcome = \"rejected\"\n[[diagnostic]]\nseverity = \"error\"\n");
    scene.path("vectors")
}

/// `prefab compiler check` of one compiler of the newest release.
fn checked(scene: &Scene, compiler: &str, vectors: &Path, more: &[&str]) -> Value {
    let release = releases().join("11.9.0");
    let vectors = ["--vectors", vectors.to_str().unwrap()];
    let target = ["compiler", "check", release.to_str().unwrap(), "--compiler", compiler];
    scene.json([&target[..], &vectors, more].concat())
}

/// All passes; only cancelling may have found nothing that takes long enough on this machine.
fn is_fine(report: &Value) {
    for check in report["checks"].as_array().unwrap() {
        let (name, verdict) = (check["name"].as_str().unwrap(), check["verdict"].as_str().unwrap());
        let fine = verdict == "pass" || (name == "cancellation" && verdict == "not-applicable");
        assert!(fine, "{check}");
    }
}

#[test]
fn the_sass_compiler_keeps_to_all_of_it_and_its_profile_names_its_functions() {
    let scene = Scene::bare();
    let vectors =
        vectors(&scene, &["design-tokens", "charts", "ui-kit"], ("a.scss", "a { color: $nothing; }"));
    let svg = scene.path("sass.svg");
    let report = checked(&scene, "sass", &vectors, &["--fuel-profile", svg.to_str().unwrap()]);
    is_fine(&report);
    let picture = fs::read_to_string(svg).unwrap();
    assert!(picture.starts_with("<?xml") && picture.contains("prefab_sass::"), "{}", &picture[..400]);
    let (fuel, samples) = (&report["fuel-profile"]["fuel"], &report["fuel-profile"]["samples"]);
    // There is a look for each 1,000 units or more.
    assert!(samples.as_u64().unwrap() * 1_000 <= fuel.as_u64().unwrap() && samples.as_u64().unwrap() > 100);
}

#[test]
fn the_typescript_compiler_keeps_to_all_of_it_and_its_profile_is_the_same_again() {
    let scene = Scene::bare();
    let vectors = vectors(&scene, &["money", "validation"], ("a.ts", "let let = ;"));
    let folded = |name: &str| {
        let file = scene.path(name);
        let report = checked(&scene, "typescript", &vectors, &["--fuel-profile", file.to_str().unwrap()]);
        (report, fs::read_to_string(file).unwrap())
    };
    let (report, profile) = folded("one.folded");
    is_fine(&report);
    assert!(profile.lines().all(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().is_ok()));
    assert!(profile.contains("compile;prefab_typescript::"), "{profile}");
    assert_eq!(folded("other.folded").1, profile);

    // What a program gets to read: the same figures by the same names, whatever they are.
    let mut shape = report;
    shape["fuel-profile"] = Value::Null;
    shape["checks"].as_array_mut().unwrap().retain(|check| check["name"] != "cancellation");
    insta::with_settings!({ filters => vec![
        (r#"("[a-z0-9-]+"): \d+"#, "$1: [number]"),
        (r#""(found|advice)": "(\\.|[^"\\])*""#, "\"$1\": [text]"),
        ("blake3:[0-9a-f]{64}", "[digest]"),
    ] }, { insta::assert_snapshot!(serde_json::to_string_pretty(&shape).unwrap()) });
}

/// A release with the program of `tests/guests/command`, called so.
fn program(scene: &Scene, args: &str) -> PathBuf {
    let bytes = fs::read(guest(Wasi::P2).unwrap()).unwrap();
    scene.write("release/guest.wasm", &bytes);
    scene.write(
        "release/release.toml",
        format!(
            "version = \"1.0.0\"\nupgrades-from = \"*\"\n[[compiler]]\nname = \"guest\"\nkind = \"command\"\n\
             component = \"guest.wasm\"\ndigest = \"blake3:{}\"\nfiles = [\"**/*.txt\"]\n\
             [compiler.command]\nargs = {args}\ndiagnostics = \"gcc\"\n",
            blake3::hash(&bytes).to_hex()
        ),
    );
    scene.path("release")
}

fn report_of(scene: &Scene, release: &Path) -> Value {
    scene.json(["compiler", "check", release.to_str().unwrap()])
}

#[test]
fn a_program_is_checked_through_its_release_with_the_vectors_beside_it() {
    let scene = Scene::bare();
    let release = program(&scene, r#"["compile", "{file}", "{output}/{stem}.out"]"#);
    scene.write("release/vectors/good/source/a.txt", "one\ntwo\n");
    let report = report_of(&scene, &release);
    assert_eq!((verdict(&report, "contract"), verdict(&report, "vectors")), ("pass", "pass"), "{report}");
    assert_ne!(report["verdict"], "fail", "{report}");
    assert_eq!(check(&report, "vectors")["figures"], json!({"vectors": 1, "wrong": 0}));

    // What is to come of it, and does not.
    scene.write("release/vectors/good/expected/other.out", "one\n");
    scene.write("release/vectors/bad/source/a.txt", "fine\n");
    scene.write("release/vectors/bad/vector.toml", "outcome = \"rejected\"\n");
    scene
        .prefab(["compiler", "check", release.to_str().unwrap()])
        .assert()
        .code(1)
        .stdout(predicate::str::contains("bad: is to be rejected, and compiled to 1 artifact"))
        .stdout(predicate::str::contains("good: the artifact other.out is missing"))
        .stdout(predicate::str::contains("good: there is an artifact a.out that is not expected"));
}

#[test]
fn a_compiler_whose_output_follows_from_random_bytes_fails_with_what_to_do() {
    let scene = Scene::bare();
    let release = program(&scene, r#"["look", "{output}/seen"]"#);
    let report = report_of(&scene, &release);
    assert_eq!((verdict(&report, "determinism"), verdict(&report, "seed")), ("pass", "fail"), "{report}");
    let seed = check(&report, "seed");
    assert!(seed["found"].as_str().unwrap().contains("the artifact seen differs from byte"), "{seed}");
    assert!(seed["advice"].as_str().unwrap().contains("follows from random bytes"), "{seed}");
}

#[test]
fn a_compiler_that_traps_or_never_ends_is_told_so() {
    let scene = Scene::bare();
    let release = program(&scene, r#"["panic"]"#);
    let report = report_of(&scene, &release);
    assert_eq!(verdict(&report, "invalid-utf8"), "fail", "{report}");
    let found = check(&report, "invalid-utf8")["found"].as_str().unwrap();
    assert!(found.starts_with("sources that are not UTF-8: trapped: "), "{found}");
    assert_eq!(verdict(&report, "fuel-cap"), "not-applicable");

    let release = program(&scene, r#"["one-file", "{output}/all"]"#);
    let report = report_of(&scene, &release);
    assert_eq!(verdict(&report, "large-file"), "warning", "{report}");
    assert!(
        check(&report, "large-file")["found"].as_str().unwrap().contains("the limit `output`"),
        "{report}"
    );
}

#[test]
fn a_component_for_another_contract_fails_with_both_versions() {
    let scene = Scene::bare();
    let component = r#"(component
        (import "prefab:compiler/types@2.0.0" (instance $i (export "now" (func (result u32)))))
        (alias export $i "now" (func $f)) (core func $c (canon lower (func $f)))
        (core module $m (import "" "now" (func (result i32))))
        (core instance (instantiate $m (with "" (instance (export "now" (func $c)))))))"#;
    let file = scene.write("later.wasm", wat::parse_str(component).unwrap());
    scene
        .prefab(["compiler", "check", file.to_str().unwrap()])
        .assert()
        .code(1)
        .stdout(predicate::str::contains("made for prefab:compiler@2.0.0; this prefab has 1.0.0 and 1.1.0"))
        .stdout(predicate::str::contains("0 passed, 0 warnings, 1 failed, 17 not applicable"));
}

#[test]
fn a_release_that_is_not_what_it_says_is_told_with_the_way_out() {
    let scene = Scene::bare();
    let release = program(&scene, r#"["panic"]"#);
    scene.write("release/guest.wasm", "another");
    scene
        .prefab(["compiler", "check", release.to_str().unwrap()])
        .assert()
        .code(1)
        .stderr(predicate::str::contains("put its digest there with `prefab release digest`"));
    let two = releases().join("11.9.0");
    scene
        .prefab(["compiler", "check", two.to_str().unwrap()])
        .assert()
        .code(1)
        .stderr(predicate::str::contains("choose one with --compiler (typescript, sass)"));
}

#[test]
fn what_is_in_a_component_and_in_a_program_is_shown() {
    let scene = Scene::bare();
    let sass = releases().join("11.9.0/sass.wasm");
    let it = scene.json(["compiler", "inspect", sass.to_str().unwrap()]);
    assert_eq!(it["program"], json!({"is": "modular-compiler", "version": "1.0.0"}));
    assert_eq!(it["digest"], format!("blake3:{}", blake3::hash(&fs::read(&sass).unwrap()).to_hex()));
    assert_eq!(it["imports"][0], "prefab:compiler/types@1.0.0");
    assert_eq!(it["exports"], json!(["describe", "compile", "signature"]));
    assert!(it["producers"].as_array().unwrap().iter().any(|it| it["name"] == "Rust"), "{it}");
    assert!(it["modules"][0]["functions"].as_u64().unwrap() > 1_000, "{it}");

    for (wasi, version) in [(Wasi::P1, "0.1"), (Wasi::P2, "0.2.")] {
        let program = guest(wasi).unwrap();
        let it = scene.json(["compiler", "inspect", program.as_str()]);
        assert_eq!(it["program"]["is"], "command", "{it}");
        assert!(it["program"]["version"].as_str().unwrap().starts_with(version), "{it}");
        assert!(it["manifest-entry"].as_str().unwrap().contains("kind = \"command\""), "{it}");
    }
    let text = scene.write("a.txt", "no WebAssembly");
    scene.prefab(["compiler", "inspect", text.to_str().unwrap()]).assert().code(1);
}

//! Compiling again what was published gives the same, and whatever is not the same is found; and stating how it was made.

use std::fs;
use std::path::PathBuf;

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::scene::{Scene, releases};

/// Modules in both languages, one of which depends on others, published.
fn published() -> Scene {
    let scene = Scene::empty();
    scene.module("rates", "index.ts", "export const rate: number = 10;\n");
    scene.write("modules/tax/module.toml", "name = \"tax\"\ndependencies = [\"rates\"]\n");
    scene.write(
        "modules/tax/index.ts",
        "import { rate } from \"rates\";\nexport const twice: number = rate * 2;\n",
    );
    scene.write("modules/tax/style.scss", ".tax { color: red; }\n");
    scene.prefab(["module", "add", "modules/tax"]).assert().success();
    scene.upgrade("11.8.0");
    scene.prefab(["publish", "--all"]).assert().success();
    scene
}

fn blob(scene: &Scene, digest: &Value) -> PathBuf {
    let hex = digest.as_str().unwrap().strip_prefix("blake3:").unwrap();
    scene.path(".prefab/blobs").join(&hex[..2]).join(hex)
}

fn bundle(scene: &Scene, module: &str) -> PathBuf {
    blob(scene, &scene.json(["artifacts", module])["bundles"][0]["bundle"])
}

#[test]
fn what_worker_processes_compile_is_the_same_as_without_them() {
    let scene = published();
    let workers = ["--isolation", "process", "verify", "--all"];
    scene.prefab(workers).assert().success().stdout(contains("2 same, 0 differ, 0 cannot"));
    let upgrade = releases().join("11.9.0").into_os_string().into_string().unwrap();
    scene.prefab(["--isolation", "process", "upgrade", &upgrade]).assert().success();
    scene.prefab(["publish", "--all"]).assert().success();
    scene.prefab(["verify", "--all"]).assert().success().stdout(contains("2 same, 0 differ, 0 cannot"));
}

#[test]
fn what_is_published_comes_out_the_same_from_the_sources_that_were_kept() {
    let scene = published();
    let answer = scene.json(["verify", "--all"]);
    assert_eq!(
        (&answer["same"], &answer["differ"], &answer["cannot"]),
        (&2.into(), &0.into(), &0.into()),
        "{answer}"
    );
    let tax = &answer["modules"][1];
    assert_eq!((&tax["agreement"], &tax["compilations"]), (&"same".into(), &2.into()));
    assert!(tax["fuel"].as_u64().unwrap() > 0);

    // Not from the module's folder, nor from what is prepared by now.
    scene.write("modules/rates/index.ts", "export const rate: string = \"none\";\n");
    scene.prefab(["prepare"]).assert().code(predicate::in_iter([0, 3]));
    fs::remove_dir_all(scene.path("modules/tax")).unwrap();
    scene.prefab(["gc", "--keep", "0", "--keep-days", "0"]).assert().success();
    scene.prefab(["verify", "tax", "rates"]).assert().success().stdout(
        contains("tax on 11.8.0: same (2 compilations, ").and(contains("2 same, 0 differ, 0 cannot")),
    );
}

#[test]
fn what_is_prepared_is_verified_too() {
    let scene = published();
    scene.write("modules/rates/index.ts", "export const rate: number = 20;\n");
    scene.prefab(["prepare"]).assert().success();
    let answer = scene.json(["verify", "--all", "--prepared", "--jobs", "1"]);
    assert_eq!((&answer["what"], &answer["same"]), (&"prepared".into(), &2.into()), "{answer}");
    scene.prefab(["verify", "--all"]).assert().success();
}

#[test]
fn a_deployed_file_that_somebody_changed_is_named() {
    let scene = published();
    let script = scene.path("deployed/rates/index.js");
    let text = fs::read_to_string(&script).unwrap();
    fs::write(&script, text.replace("10", "99")).unwrap();
    fs::write(scene.path("deployed/rates/extra.js"), "evil()").unwrap();
    scene.prefab(["verify", "--all"]).assert().code(1).stdout(
        contains("rates on 11.8.0: differs\n")
            .and(contains("the deployed file index.js has "))
            .and(contains("the deployed file extra.js should not be there"))
            .and(contains("tax on 11.8.0: same")),
    );
    fs::remove_file(scene.path("deployed/rates")).unwrap();
    let answer = scene.json(["verify", "rates"]);
    assert_eq!(answer["modules"][0]["discrepancies"][0]["what"], "link", "{answer}");
    scene.prefab(["publish", "rates"]).assert().success();
}

#[test]
fn a_bundle_that_was_put_in_the_place_of_another_is_found() {
    let scene = published();
    // With the digest of its own bytes, in the name of another: what an attacker with a hand on the blobs can do.
    fs::copy(bundle(&scene, "rates"), bundle(&scene, "tax")).unwrap();
    scene.prefab(["verify", "tax"]).assert().code(1).stdout(
        contains("tax on 11.8.0: cannot be verified\n")
            .and(contains("is damaged").and(contains("compiling again makes it"))),
    );
}

#[test]
fn what_cannot_be_verified_says_why() {
    let scene = published();
    scene.module("new", "index.ts", "export const one: number = 1;\n");
    scene
        .prefab(["verify", "new"])
        .assert()
        .code(1)
        .stdout(contains("new: cannot be verified\n  nothing of it is deployed"));
    scene.prefab(["verify", "--all"]).assert().success().stdout(contains("2 same"));
    scene.prefab(["verify", "ratse"]).assert().code(1).stderr(contains("did you mean rates?"));

    let statement = statement(&scene, "rates");
    let dependencies = statement["predicate"]["buildDefinition"]["resolvedDependencies"].as_array().unwrap();
    let compiler = dependencies.iter().find(|it| it["name"] == "compiler typescript").unwrap();
    let compiler = format!("blake3:{}", compiler["digest"]["blake3"].as_str().unwrap());
    fs::remove_file(blob(&scene, &compiler.into())).unwrap();
    scene
        .prefab(["verify", "rates"])
        .assert()
        .code(1)
        .stdout(contains("typescript: the compiler blake3:").and(contains("install the release again")));
    scene.prefab(["attest", "rates"]).assert().code(1).stderr(contains("install the release again"));
}

#[test]
fn without_the_sources_that_were_kept_the_folder_will_do_as_long_as_it_is_the_same() {
    let scene = published();
    // Of all blobs, only the archives of sources are neither bundles nor compilers: those that gc leaves and nobody lists.
    let kept: Vec<PathBuf> = scene
        .files(".prefab/blobs")
        .into_iter()
        .filter(|(_, bytes)| {
            let mut unpacked = Vec::new();
            zstd::stream::copy_decode(&bytes[..], &mut unpacked).is_ok()
                && String::from_utf8_lossy(&unpacked).contains("application/octet-stream")
        })
        .map(|(path, _)| path)
        .collect();
    assert_eq!(kept.len(), 3);
    for path in kept {
        fs::remove_file(path).unwrap();
    }
    scene.prefab(["verify", "--all"]).assert().success();
    scene.write("modules/rates/index.ts", "export const rate: number = 11;\n");
    scene.prefab(["verify", "rates"]).assert().code(1).stdout(
        contains("typescript: the archive of sources blake3:").and(contains("modules/rates has others now")),
    );
}

fn statement(scene: &Scene, module: &str) -> Value {
    let output = scene.prefab(["attest", module]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(text.lines().next().unwrap()).unwrap()
}

/// The shape that in-toto and SLSA ask for.
fn assert_is_provenance(statement: &Value) {
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicateType"], "https://slsa.dev/provenance/v1");
    let is_uri = |value: &Value| value.as_str().is_some_and(|text| text.contains(':'));
    let is_resource = |value: &Value| {
        let digests = value["digest"].as_object();
        let hex = |value: &Value| {
            value.as_str().is_some_and(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit()))
        };
        value["content"].is_string()
            || digests.is_some_and(|digests| !digests.is_empty() && digests.values().all(hex))
    };
    let subject = statement["subject"].as_array().unwrap();
    assert!(!subject.is_empty());
    for it in subject {
        assert!(
            is_resource(it) && it["name"].is_string() && it["digest"]["sha256"].as_str().unwrap().len() == 64
        );
    }
    let definition = &statement["predicate"]["buildDefinition"];
    assert!(is_uri(&definition["buildType"]));
    assert!(definition["externalParameters"].is_object() && definition["internalParameters"].is_object());
    assert!(definition["resolvedDependencies"].as_array().unwrap().iter().all(is_resource));
    let run = &statement["predicate"]["runDetails"];
    assert!(is_uri(&run["builder"]["id"]) && run["builder"]["version"].is_object());
    assert!(run["metadata"]["invocationId"].as_str().unwrap().starts_with("blake3:"));
    for time in ["startedOn", "finishedOn"] {
        assert!(run["metadata"][time].as_str().unwrap().ends_with('Z'), "{time}");
    }
    assert!(run["byproducts"].as_array().unwrap().iter().all(is_resource));
}

#[test]
fn a_statement_says_how_each_artifact_was_made() {
    let scene = published();
    scene.prefab(["attest", "tax", "--output", "tax.intoto.jsonl"]).assert().success().stdout("");
    let text = fs::read_to_string(scene.path("tax.intoto.jsonl")).unwrap();
    let statements: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(statements.len(), 2, "one a compilation");
    statements.iter().for_each(assert_is_provenance);
    let typescript = statements
        .iter()
        .find(|it| it["predicate"]["buildDefinition"]["externalParameters"]["compiler"] == "typescript")
        .unwrap();
    let definition = &typescript["predicate"]["buildDefinition"];
    assert_eq!(definition["externalParameters"]["module"]["name"], "tax");
    assert_eq!(definition["externalParameters"]["platform"], "11.8.0");
    assert!(definition["internalParameters"]["limits"]["fuel"].is_u64());
    let names: Vec<&str> = definition["resolvedDependencies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["source", "compiler typescript", "signature rates"]);
    for subject in typescript["subject"].as_array().unwrap() {
        let deployed = fs::read(scene.path("deployed/tax").join(subject["name"].as_str().unwrap())).unwrap();
        assert_eq!(subject["digest"]["blake3"], blake3::hash(&deployed).to_hex().as_str());
    }
    scene
        .prefab(["attest", "--prepared", "tax"])
        .assert()
        .success()
        .stdout(contains("prefab:build/compilation@1"));
    scene.prefab(["attest", "taxes"]).assert().code(1).stderr(contains("did you mean tax?"));
    scene.module("new", "index.ts", "export const one: number = 1;\n");
    scene.prefab(["attest", "new"]).assert().code(1).stderr(contains("nothing of module new is deployed"));
}

//! Every reason for which a release is refused, through the real command.

use std::fs;
use std::path::Path;

use predicates::prelude::*;
use predicates::str::contains;

use super::vendor::{digest, hollow, install, key, real, sign, trust};
use crate::scene::Scene;

#[test]
fn every_reason_is_told_and_nothing_is_installed() {
    let scene = Scene::empty();
    let (acme, stranger) = (key(&scene, "acme"), key(&scene, "stranger"));
    trust(&scene, "acme", &acme);
    let release = |name: &str| hollow(&scene, name, "11.9.0");
    let (unsigned, strange, swapped, altered, retold, revoked, revoked_compiler, by_revoked) = (
        release("unsigned"),
        release("strange"),
        release("swapped"),
        release("altered"),
        release("retold"),
        release("revoked"),
        release("revoked-compiler"),
        release("by-revoked"),
    );
    for folder in [&altered, &retold, &revoked, &revoked_compiler] {
        sign(&scene, folder, "acme", &[]);
    }
    sign(&scene, &strange, "stranger", &[]);
    sign(&scene, &by_revoked, "stranger", &[]);
    // The signature of another release, which the same key made.
    fs::copy(altered.join("release.toml.minisig"), swapped.join("release.toml.minisig")).unwrap();
    fs::write(altered.join("sass.wasm"), "something else").unwrap();
    let text = fs::read_to_string(retold.join("release.toml")).unwrap();
    fs::write(retold.join("release.toml"), text.replace("**/*.scss", "**/*")).unwrap();

    let told = |folder: &Path, told: &str, more: &[&str]| {
        install(&scene, folder.to_str().unwrap(), more).assert().code(1).stderr(contains(told));
    };
    let stranger_id = stranger["id"].as_str().unwrap();
    told(&unsigned, "release 11.9.0 is refused: nobody has signed it", &[]);
    told(&strange, &format!("signed with the key {stranger_id}, which is not trusted here"), &[]);
    // What is badly signed is not made good by allowing what is not signed.
    for more in [&[][..], &["--allow-unsigned"]] {
        told(&strange, "not trusted here", more);
        told(&swapped, "its signature does not hold", more);
        told(&retold, "its signature does not hold", more);
        told(&altered, "is not the file that the manifest means", more);
    }
    let compiler =
        format!("blake3:{}", blake3::hash(&fs::read(revoked_compiler.join("sass.wasm")).unwrap()).to_hex());
    for (what, folder, part) in [
        (digest(&revoked), &revoked, "it is revoked (a bad day)"),
        (compiler, &revoked_compiler, "its compiler sass is revoked (a bad day)"),
        (stranger_id.to_owned(), &by_revoked, "that signed it is revoked (a bad day)"),
    ] {
        scene.prefab(["trust", "revoke", &what, "--why", "a bad day"]).assert().success();
        told(folder, part, &["--allow-unsigned", "--allow-downgrade"]);
    }
    assert_eq!(scene.json(["release", "list"]), serde_json::json!([]));
    // The same where it is only tried out, or gone to at once.
    for command in ["rehearse", "upgrade"] {
        scene
            .prefab([command, unsigned.to_str().unwrap()])
            .assert()
            .code(1)
            .stderr(contains("nobody has signed it"));
    }
    let list = scene.json(["trust", "list"]);
    assert_eq!((list["keys"].as_array().unwrap().len(), list["revoked"].as_array().unwrap().len()), (1, 3));
    assert_eq!(list["keys"][0]["id"], acme["id"]);
}

#[test]
fn what_was_for_a_time_that_is_over_is_refused() {
    let scene = Scene::empty();
    let acme = key(&scene, "acme");
    trust(&scene, "acme", &acme);
    let folder = hollow(&scene, "a", "11.9.0");
    let soon = |seconds: i64| {
        let time = time::OffsetDateTime::now_utc() + time::Duration::seconds(seconds);
        time.format(&time::format_description::well_known::Rfc3339).unwrap()
    };
    // As soon as a signature can be over that was good when it was made.
    sign(&scene, &folder, "acme", &["--expires", &soon(3)]);
    let told = |told: &str| {
        let until = std::time::Instant::now() + std::time::Duration::from_mins(1);
        loop {
            let output = install(&scene, folder.to_str().unwrap(), &[]).output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            if stderr.contains(told) {
                return;
            }
            assert!(std::time::Instant::now() < until, "{stderr}");
        }
    };
    told("its signature was for use before");
    sign(&scene, &folder, "acme", &[]);
    scene.prefab(["trust", "remove", "acme"]).assert().success();
    let key = acme["key"].as_str().unwrap();
    scene.prefab(["trust", "add", "acme", key, "--not-after", &soon(3)]).assert().success();
    told("signed with the key acme, which is trusted before");
}

#[test]
fn one_that_is_older_than_what_is_installed_is_refused_unless_it_is_asked_for() {
    let scene = Scene::empty();
    key(&scene, "acme");
    let folder = real(&scene, "11.9.0");
    let old = folder.with_file_name("11.9.0-rc.1");
    crate::scene::copy(&folder, &old);
    let manifest = fs::read_to_string(old.join("release.toml")).unwrap();
    fs::write(
        old.join("release.toml"),
        manifest.replace("version = \"11.9.0\"", "version = \"11.9.0-rc.1\""),
    )
    .unwrap();
    install(&scene, folder.to_str().unwrap(), &[]).assert().success();
    // What is installed may be installed again.
    install(&scene, folder.to_str().unwrap(), &[]).assert().success();
    let old = old.to_str().unwrap();
    install(&scene, old, &[])
        .assert()
        .code(1)
        .stderr(contains("release 11.9.0 is installed, which is newer"));
    install(&scene, old, &["--allow-downgrade"]).assert().success();
}

#[test]
fn nobody_is_asked_to_sign_their_own_folders_until_a_key_is_trusted() {
    let scene = Scene::with_samples(&["design-tokens"]);
    let folder = real(&scene, "11.8.0");
    let folder = folder.to_str().unwrap();
    scene.prefab(["upgrade", folder]).assert().success().stderr(contains(
        "warning: nobody has signed release 11.8.0. It is taken in since no key is trusted here yet",
    ));
    let acme = key(&scene, "acme");
    trust(&scene, "acme", &acme);
    // What was taken in stays in use; what is taken in from now on is looked at.
    scene.prefab(["prepare"]).assert().success();
    scene.prefab(["upgrade", folder]).assert().code(1).stderr(contains("nobody has signed it"));
    scene
        .prefab(["upgrade", folder, "--allow-unsigned", "--quiet"])
        .assert()
        .success()
        .stderr(contains("NOBODY HAS SIGNED IT"));
    scene.prefab(["history"]).assert().success().stdout(contains("trusted (").and(contains("name acme")));
}

#[test]
fn mistakes_with_keys_are_told() {
    let scene = Scene::empty();
    let acme = key(&scene, "acme");
    let text = acme["key"].as_str().unwrap();
    let file = scene.path("acme.pub");
    scene.prefab(["trust", "add", "acme", file.to_str().unwrap()]).assert().success();
    for (arguments, told) in [
        (&["trust", "add", "acme2", text][..], "is trusted already"),
        (&["trust", "add", "x", "RWnonsense"], "is not a public key"),
        (&["trust", "add", "x", text, "--not-after", "2020-01-01"], "is over"),
        (&["trust", "remove", "nobody"], "no key \"nobody\" is trusted"),
    ] {
        scene.prefab(arguments.iter().copied()).assert().code(1).stderr(contains(told));
    }
    scene.prefab(["trust", "revoke", "x"]).assert().code(2).stderr(contains("cannot be revoked"));
    scene.prefab(["trust", "revoke", acme["id"].as_str().unwrap()]).assert().success();
    scene.prefab(["trust", "remove", "acme"]).assert().success();
    scene.prefab(["trust", "add", "acme", text]).assert().code(1).stderr(contains("is revoked"));
}

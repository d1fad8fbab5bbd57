//! Keys, signatures and packed files, without any registry.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use predicates::prelude::*;
use predicates::str::contains;

use super::vendor::{digest, hollow, install, key, real, sign, trust};
use crate::scene::Scene;

#[test]
fn a_release_is_signed_packed_and_installed_by_who_trusts_the_key() {
    let scene = Scene::with_samples(&["design-tokens"]);
    let acme = key(&scene, "acme");
    let folder = real(&scene, "11.8.0");
    sign(&scene, &folder, "acme", &["--expires", "2099-12-31"]);
    let packed = scene.path("platform.tar");
    let (folder, file) = (folder.to_str().unwrap(), packed.to_str().unwrap());
    let first = scene.json(["release", "pack", folder, "--output", file]);
    let bytes = fs::read(&packed).unwrap();
    let again = scene.json(["release", "pack", file, "--output", scene.path("again.tar").to_str().unwrap()]);
    assert_eq!(first["digest"], again["digest"]);
    assert_eq!(fs::read(scene.path("again.tar")).unwrap(), bytes, "the same release, the same bytes");

    trust(&scene, "acme", &acme);
    scene.prefab(["release", "inspect", file]).assert().success().stdout(
        contains("signed with the trusted key acme (").and(contains("for use before 2100-01-01T00:00:00Z")),
    );
    scene
        .prefab(["upgrade", file])
        .assert()
        .success()
        .stderr(contains("warning").not())
        .stdout(contains("This environment is ready"));
    let list = scene.json(["release", "list"]);
    assert_eq!(list[0]["signed-by"], acme["id"]);
    assert_eq!(list[0]["origin"], file);
}

#[test]
fn a_secret_key_is_its_owners_alone_and_never_written_over() {
    let scene = Scene::bare();
    let made = key(&scene, "acme");
    let secret = scene.path("acme.key");
    assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(scene.path("acme.pub")).unwrap().contains(made["key"].as_str().unwrap()));
    let before = fs::read(&secret).unwrap();
    let path = scene.path("acme");
    scene
        .prefab(["release", "keygen", "--no-password", "--output", path.to_str().unwrap()])
        .assert()
        .failure()
        .stderr(contains("is there already"));
    assert_eq!(fs::read(&secret).unwrap(), before);
}

#[test]
fn a_key_with_a_password_signs_for_who_knows_it() {
    let scene = Scene::bare();
    let (path, folder) = (scene.path("acme"), hollow(&scene, "a", "11.9.0"));
    let (path, folder) = (path.to_str().unwrap(), folder.to_str().unwrap());
    scene
        .prefab(["release", "keygen", "--output", path])
        .assert()
        .failure()
        .stderr(contains("PREFAB_KEY_PASSWORD"));
    scene
        .prefab(["release", "keygen", "--output", path])
        .env("PREFAB_KEY_PASSWORD", "right")
        .assert()
        .success();
    let secret = format!("{path}.key");
    for (password, right) in [("right", true), ("wrong", false)] {
        let signed = scene
            .prefab(["release", "sign", folder, "--key", &secret])
            .env("PREFAB_KEY_PASSWORD", password)
            .assert();
        if right {
            signed.success()
        } else {
            signed.failure().stderr(contains("Wrong password"))
        };
    }
}

#[test]
fn what_cannot_be_installed_is_not_signed() {
    let scene = Scene::bare();
    key(&scene, "acme");
    let folder = hollow(&scene, "a", "11.9.0");
    let secret = scene.path("acme.key");
    let sign = |more: &[&str]| {
        let mut command = scene.prefab(["release", "sign", folder.to_str().unwrap()]);
        command.arg("--key").arg(&secret).args(more);
        command.assert().failure()
    };
    sign(&["--expires", "2020-01-01"]).stderr(contains("is over"));
    scene.write("a/sass.wasm", "another");
    sign(&[]).stderr(contains("is not the file that the manifest means"));
    assert!(!folder.join("release.toml.minisig").exists());
}

#[test]
fn nothing_half_written_is_left_where_writing_fails() {
    let scene = Scene::bare();
    let folder = hollow(&scene, "a", "11.9.0");
    let folder = folder.to_str().unwrap();
    let nowhere = scene.path("nowhere/x.tar");
    scene.prefab(["release", "pack", folder, "-o", nowhere.to_str().unwrap()]).assert().failure();
    fs::create_dir(scene.path("full")).unwrap();
    scene.prefab(["release", "pack", folder, "-o", scene.path("full").to_str().unwrap()]).assert().failure();
    let left: Vec<_> =
        fs::read_dir(scene.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_str().unwrap().starts_with('.')), "{left:?}");
}

#[test]
fn a_packed_file_that_was_changed_or_cut_off_is_refused() {
    let scene = Scene::empty();
    let folder = hollow(&scene, "a", "11.9.0");
    let file = scene.path("platform.tar");
    scene
        .prefab(["release", "pack", folder.to_str().unwrap(), "-o", file.to_str().unwrap()])
        .assert()
        .success();
    let bytes = fs::read(&file).unwrap();
    let at = bytes.windows(11).position(|part| part == b"compiler of").unwrap();
    let mut changed = bytes.clone();
    changed[at] ^= 1;
    for (bytes, told) in [
        (changed, "is not what it was"),
        (bytes[..at + 4].to_vec(), "cannot be used"),
        (bytes[..1024].to_vec(), "it has no index.json"),
    ] {
        fs::write(&file, bytes).unwrap();
        install(&scene, file.to_str().unwrap(), &[]).assert().failure().stderr(contains(told));
    }
    assert_eq!(scene.json(["release", "list"]), serde_json::json!([]));
    let (a, b) = (
        digest(&folder),
        scene.json(["release", "pack", folder.to_str().unwrap(), "-o", file.to_str().unwrap()]),
    );
    assert_eq!(b["release"], a);
}

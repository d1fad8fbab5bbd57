//! Bad input: a clear message, nothing lost, a non-zero exit.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use predicates::prelude::*;
use predicates::str::contains;

use crate::scene::{Scene, SmallDisk, releases};

/// A manifest for one compiler in the file `c.wasm`.
fn manifest(component: &[u8]) -> String {
    format!(
        "version = \"12.0.0\"\nupgrades-from = \"*\"\n[[compiler]]\nname = \"c\"\ncomponent = \"c.wasm\"\n\
         digest = \"blake3:{}\"\nfiles = [\"**/*.c\"]\n",
        blake3::hash(component).to_hex()
    )
}

/// Tries to install and to go to a release, which must fail with this said, and changes nothing.
#[track_caller]
fn refused(scene: &Scene, target: &str, said: &str) {
    for command in [&["release", "install", target][..], &["upgrade", target]] {
        scene
            .prefab(command.iter().copied())
            .assert()
            .code(1)
            .stdout("")
            .stderr(contains("error: ").and(contains(said)));
    }
    assert_eq!(scene.json(["release", "list"]), serde_json::json!([]));
    assert!(scene.json(["status"])["platform"].is_null());
}

#[test]
fn a_file_that_is_not_a_component_is_refused() {
    let scene = Scene::empty();
    for (bytes, said) in [
        (&b"int main() {}"[..], "c of release 12.0.0 cannot be used"),
        (b"\0asm\x01\0\0\0", "c of release 12.0.0 cannot be used"),
        (b"", "c of release 12.0.0 cannot be used"),
    ] {
        scene.write("bad/c.wasm", bytes);
        scene.write("bad/release.toml", manifest(bytes));
        refused(&scene, "bad/release.toml", said);
    }
}

#[test]
fn a_component_of_another_world_is_refused_with_what_is_missing_or_foreign() {
    let scene = Scene::empty();
    for (text, said) in [
        ("(component)", "compile"),
        (
            "(component (import \"wasi:sockets/tcp@0.2.0\" (instance (export \"f\" (func)))))",
            "wasi:sockets/tcp",
        ),
    ] {
        let component = wat::parse_str(text).unwrap();
        scene.write("bad/c.wasm", &component);
        scene.write("bad/release.toml", manifest(&component));
        refused(&scene, "bad", said);
    }
}

#[test]
fn a_manifest_with_a_mistake_is_refused_with_its_place() {
    let scene = Scene::empty();
    let change = |from: &str, to: &str| {
        let (from, to) = (from.to_owned(), to.to_owned());
        move |text: String| {
            assert!(text.contains(&from), "{text}");
            text.replacen(&from, &to, 1)
        }
    };
    for (from, to, said) in [
        ("upgrades-from", "colour = 1\nupgrades-from", "colour"),
        ("\"11.9.0\"", "\"eleven\"", "version"),
        ("component = \"sass.wasm\"", "component = \"gone.wasm\"", "gone.wasm"),
        ("digest = \"blake3:", "digest = \"md5:", "digest"),
    ] {
        let path = scene.release("11.9.0", change(from, to));
        refused(&scene, path.to_str().unwrap(), said);
    }
    refused(&scene, "nowhere/release.toml", "nowhere/release.toml");
}

#[test]
fn a_compiler_with_another_digest_than_the_manifest_says_is_refused() {
    let scene = Scene::empty();
    let path = scene.release("11.9.0", |text| text);
    let component = path.with_file_name("sass.wasm");
    let mut bytes = fs::read(&component).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&component, bytes).unwrap();
    refused(&scene, path.to_str().unwrap(), "its digest is blake3:");
}

#[test]
fn a_release_that_does_not_upgrade_from_here_is_refused() {
    let scene = Scene::with_samples(&["money"]);
    assert_eq!(scene.upgrade("11.8.0"), Some(0));
    let path = scene.release("11.9.0", |text| {
        let range = text.lines().find(|line| line.starts_with("upgrades-from")).unwrap().to_owned();
        text.replace(&range, "upgrades-from = \">=11.8.5\"")
    });
    scene
        .prefab(["upgrade", path.to_str().unwrap()])
        .assert()
        .code(1)
        .stdout("")
        .stderr(contains("release 11.9.0 upgrades from >=11.8.5, and the environment is on 11.8.0"));
    let status = scene.json(["status"]);
    assert_eq!((&status["platform"], &status["state"]), (&"11.8.0".into(), &"ready".into()));
}

#[test]
fn a_version_that_is_not_installed_is_refused_with_those_that_are() {
    let scene = Scene::with_samples(&["money"]);
    scene.upgrade("11.8.0");
    scene
        .prefab(["upgrade", "11.9.0"])
        .assert()
        .code(1)
        .stderr(contains("release 11.9.0 is not installed (installed: 11.8.0)"));
}

#[test]
fn a_module_with_a_mistake_is_refused() {
    let scene = Scene::with_samples(&["money"]);
    fs::create_dir_all(scene.path("empty")).unwrap();
    scene.write("other/module.toml", "name = \"money\"\n");
    scene.write("itself/module.toml", "name = \"itself\"\ndependencies = [\"itself\"]\n");
    scene.write("unknown/module.toml", "name = \"unknown\"\ndependancies = []\n");
    scene.write("latin/module.toml", b"name = \"caf\xe9\"\n");
    scene.write("json/package.json", "{ \"name\": ");
    for (dir, said) in [
        ("other", "there is a module money already, in "),
        ("itself", "depends on itself"),
        ("unknown", "dependancies"),
        ("latin", "UTF-8"),
        ("json", "package.json"),
        ("empty", "neither a module.toml nor a package.json"),
        ("nowhere", "nowhere"),
    ] {
        scene.prefab(["module", "add", dir]).assert().code(1).stderr(contains("error: ").and(contains(said)));
    }
    scene.prefab(["import", "npm", "empty"]).assert().code(1).stderr(contains("no npm package"));
    assert_eq!(scene.json(["module", "list"]).as_array().unwrap().len(), 1);
}

/// Prepares an environment of one good module and this one, which must fail with this said; the good one is prepared.
#[track_caller]
fn fails_alone(scene: &Scene, said: &str) {
    scene.module("good", "index.ts", "export const one: number = 1;\n");
    assert_eq!(scene.upgrade("11.8.0"), Some(3));
    let status = scene.json(["status"]);
    assert_eq!((&status["prepared"], &status["failed"]), (&1.into(), &1.into()), "{status}");
    scene.prefab(["errors"]).assert().success().stdout(contains(said));
}

#[test]
fn a_source_that_is_not_utf_8_fails_its_module_alone() {
    let scene = Scene::empty();
    scene.module("bad", "index.ts", b"export const caf\xe9: number = 1;\n");
    fails_alone(&scene, "UTF-8");
}

#[test]
fn a_file_of_a_hundred_megabytes_fails_its_module_alone() {
    let scene = Scene::empty();
    scene.module("bad", "index.ts", "");
    fs::File::options()
        .write(true)
        .open(scene.path("modules/bad/index.ts"))
        .unwrap()
        .set_len(100 << 20)
        .unwrap();
    fails_alone(&scene, "index.ts");
}

#[test]
fn a_link_that_leaves_its_module_fails_its_module_alone() {
    let scene = Scene::empty();
    scene.write("secret.ts", "export const secret: number = 1;\n");
    scene.module("bad", "a.ts", "");
    std::os::unix::fs::symlink("../../secret.ts", scene.path("modules/bad/index.ts")).unwrap();
    fails_alone(&scene, "index.ts");
}

#[test]
fn a_file_that_cannot_be_read_fails_its_module_alone() {
    let scene = Scene::empty();
    scene.module("bad", "index.ts", "");
    let path = scene.path("modules/bad/index.ts");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&path).is_ok() {
        eprintln!("skipped: this user reads every file, whatever its permissions");
        return;
    }
    fails_alone(&scene, "index.ts");
}

#[test]
fn a_module_without_sources_is_said_to_have_nothing_to_compile() {
    let scene = Scene::empty();
    scene.write("modules/bare/module.toml", "name = \"bare\"\n");
    scene.prefab(["module", "add", "modules/bare"]).assert().success();
    scene.upgrade("11.8.0");
    assert_eq!(scene.json(["status"])["modules"], 1);
    scene
        .prefab(["errors", "bare"])
        .assert()
        .success()
        .stdout(contains("no compiler takes any file of bare"));
}

#[test]
fn a_corrupt_ledger_is_told_and_left_alone() {
    let scene = Scene::with_samples(&["money"]);
    scene.upgrade("11.8.0");
    scene.prefab(["publish", "--all"]).assert().success();
    let deployed = scene.files("deployed");
    let ledger = fs::read_dir(scene.path(".prefab"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3")))
        .unwrap();
    fs::write(&ledger, b"this is no ledger, and it is long enough to have had a header ".repeat(100))
        .unwrap();
    let name = ledger.file_name().unwrap().to_str().unwrap();
    for command in [&["status"][..], &["prepare"], &["publish", "--all"]] {
        scene
            .prefab(command.iter().copied())
            .assert()
            .code(1)
            .stderr(contains("error: ").and(contains(name)));
    }
    assert_eq!(scene.files("deployed"), deployed);
    assert!(fs::read(&ledger).unwrap().starts_with(b"this is no ledger"), "it may still be mended by hand");
}

#[test]
fn a_corrupt_blob_is_never_extracted_and_made_anew_when_it_is_published() {
    let scene = Scene::with_samples(&["money"]);
    scene.upgrade("11.8.0");
    let bundle = scene.json(["artifacts", "money"])["bundles"][0]["bundle"].as_str().unwrap().to_owned();
    let hex = bundle.strip_prefix("blake3:").unwrap();
    let path = scene
        .files(".prefab")
        .into_keys()
        .find(|path| path.to_string_lossy().replace('/', "").contains(hex))
        .unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    scene.prefab(["artifacts", "money", "--extract", "out"]).assert().code(1).stderr(contains("error: "));
    scene.prefab(["publish", "money"]).assert().success().stdout(contains("its artifacts were damaged"));
    scene.prefab(["artifacts", "money", "--extract", "again"]).assert().success();
}

#[test]
fn a_full_disk_stops_the_work_and_loses_nothing() {
    let release = releases().join("11.8.0");
    let scene = Scene::bare();
    let root = scene.path("disk");
    fs::create_dir(&root).unwrap();
    let Some(_disk) = SmallDisk::over(&root, "48m") else { return };
    let prefab = |arguments: &[&str]| {
        let mut command = scene.prefab(arguments.iter().copied());
        command.env("PREFAB_ENV", &root).current_dir(&root);
        command
    };
    prefab(&["init"]).assert().success();
    fs::create_dir(root.join("a")).unwrap();
    fs::write(root.join("a/module.toml"), "name = \"a\"\n").unwrap();
    fs::write(root.join("a/index.ts"), "export const one: number = 1;\n").unwrap();
    prefab(&["module", "add", "a"]).assert().success();
    prefab(&["upgrade", release.to_str().unwrap()]).assert().success();
    prefab(&["publish", "a"]).assert().success();
    let deployed = fs::read_dir(root.join("deployed/a")).unwrap().count();

    fs::write(root.join("a/index.ts"), "export const two: number = 2;\n").unwrap();
    let filler = root.join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
    prefab(&["publish", "a"])
        .assert()
        .code(predicate::ne(0))
        .stderr(contains("error: ").and(contains("help: the disk is full")));
    assert_eq!(fs::read_dir(root.join("deployed/a")).unwrap().count(), deployed);

    drop(file);
    fs::remove_file(&filler).unwrap();
    prefab(&["publish", "a"]).assert().success();
    prefab(&["status"]).assert().success().stdout(contains("This environment is ready"));
}

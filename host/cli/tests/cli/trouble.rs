//! A disk that is full at random points, bytes that rot, a clock that was set back.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use predicates::str::contains;

use crate::scene::{Scene, SmallDisk, copy, releases};

fn seed() -> u64 {
    let seed =
        std::env::var("PREFAB_CRASH_SEED").map_or_else(|_| fastrand::u64(..), |text| text.parse().unwrap());
    eprintln!("PREFAB_CRASH_SEED={seed}");
    seed
}

/// Bundles by module, which say all about its artifacts.
fn bundles(scene: &Scene, modules: &[&str]) -> BTreeMap<String, Vec<String>> {
    let bundle = |bundle: &serde_json::Value| bundle["bundle"].as_str().unwrap().to_owned();
    modules
        .iter()
        .map(|module| {
            let artifacts = scene.json(["artifacts", module]);
            ((*module).to_owned(), artifacts["bundles"].as_array().unwrap().iter().map(bundle).collect())
        })
        .collect()
}

#[test]
fn a_disk_that_is_full_at_random_points_loses_nothing() {
    let modules = ["money", "dates", "validation", "design-tokens", "http-client", "audit-log"];
    let twin = Scene::with_samples(&modules);
    assert_eq!(twin.upgrade("11.8.0"), Some(0));
    let whole = bundles(&twin, &modules);
    let mut random = fastrand::Rng::with_seed(seed());
    let rounds = if std::env::var_os("PREFAB_CRASH_KILLS").is_some() { 40 } else { 3 };
    for _ in 0..rounds {
        let scene = Scene::with_samples(&modules);
        let state = scene.path(".prefab");
        let kept = scene.path("kept");
        fs::rename(&state, &kept).unwrap();
        fs::create_dir(&state).unwrap();
        let Some(_disk) = SmallDisk::over(&state, "64m") else { return };
        copy(&kept, &state);
        let ballast = state.join("ballast");
        let release = releases().join("11.8.0").display().to_string();
        scene.prefab(["release", "install", &release]).assert().success();
        fill(&ballast, &state, random.u64(0..600 << 10));
        let full = scene.prefab(["upgrade", "11.8.0"]).output().unwrap();
        let told = String::from_utf8_lossy(&full.stderr);
        assert!(!told.contains("panicked"), "{told}");
        if full.status.code() != Some(0) {
            assert!(told.contains("space") || told.contains("full") || told.contains("room"), "{told}");
        }
        fs::remove_file(&ballast).unwrap();
        scene.prefab(["upgrade", "11.8.0"]).assert().success();
        assert_eq!(bundles(&scene, &modules), whole);
        scene.prefab(["publish", "--all"]).assert().success();
    }
}

/// Leaves so many bytes of room.
fn fill(ballast: &Path, disk: &Path, room: u64) {
    let free = rustix::fs::statvfs(disk).unwrap();
    let size = (free.f_bavail * free.f_frsize).saturating_sub(room);
    fs::write(ballast, vec![1; usize::try_from(size).unwrap()]).unwrap();
}

#[test]
fn every_blob_that_rots_is_found_and_made_anew() {
    let modules = ["money", "design-tokens"];
    let scene = Scene::with_samples(&modules);
    scene.upgrade("11.8.0");
    scene.prefab(["publish", "--all"]).assert().success();
    let whole = (bundles(&scene, &modules), scene.files_within("deployed"));
    let release = releases().join("11.8.0").display().to_string();
    let mut random = fastrand::Rng::with_seed(seed());
    for blob in scene.files(".prefab/blobs").into_keys() {
        let mut bytes = fs::read(&blob).unwrap();
        let at = random.usize(0..bytes.len());
        bytes[at] ^= 1 << random.u8(0..8);
        fs::write(&blob, bytes).unwrap();
        let name = blob.file_name().unwrap().to_string_lossy().into_owned();
        scene.prefab(["verify", "--all"]).assert().code(1).stdout(contains(&name));

        // What is deployed is made anew from its bundle, so that it is needed.
        fs::remove_dir_all(scene.path(".prefab/published")).unwrap();
        scene.prefab(["release", "install", &release]).assert().success();
        scene.prefab(["publish", "--all"]).assert().success();
        scene.prefab(["verify", "--all"]).assert().success();
        assert_eq!((bundles(&scene, &modules), scene.files_within("deployed")), whole);
    }
}

#[test]
fn a_ledger_that_rots_is_named_or_does_no_harm() {
    let modules = ["money", "design-tokens"];
    let scene = Scene::with_samples(&modules);
    scene.upgrade("11.8.0");
    scene.prefab(["publish", "--all"]).assert().success();
    let (whole, deployed) = (bundles(&scene, &modules), scene.files_within("deployed"));
    let path = scene.path(".prefab/ledger.db");
    let sound = fs::read(&path).unwrap();
    let mut random = fastrand::Rng::with_seed(seed());
    for _ in 0..12 {
        for log in ["ledger.db-wal", "ledger.db-shm"] {
            let _ = fs::remove_file(scene.path(".prefab").join(log));
        }
        let mut rotten = sound.clone();
        let at = random.usize(0..rotten.len());
        rotten[at] ^= 1 << random.u8(0..8);
        fs::write(&path, rotten).unwrap();
        for command in [&["status"][..], &["prepare"], &["publish", "--all"]] {
            let output = scene.prefab(command.iter().copied()).output().unwrap();
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(!told.contains("panicked"), "byte {at}: {told}");
            if output.status.code() != Some(0) {
                assert!(told.contains("ledger") || told.contains("error"), "byte {at}: {told}");
            }
        }
        assert_eq!(scene.files_within("deployed"), deployed, "byte {at}");
    }
    fs::write(&path, sound).unwrap();
    assert_eq!(bundles(&scene, &modules), whole);
}

#[test]
fn a_clock_that_was_set_back_keeps_nothing_from_going_on() {
    let scene = Scene::with_samples(&["money"]);
    scene.upgrade("11.8.0");
    scene.prefab(["publish", "--all"]).assert().success();
    // All that is recorded lies ten years ahead, and so do the sources.
    let ahead = Duration::from_hours(24 * 3650);
    let ledger = rusqlite::Connection::open(scene.path(".prefab/ledger.db")).unwrap();
    let ms = i64::try_from(ahead.as_millis()).unwrap();
    for (table, column) in [
        ("preparations", "started_at"),
        ("preparations", "finished_at"),
        ("outcomes", "created_at"),
        ("deployments", "at"),
        ("history", "at"),
    ] {
        ledger.execute(&format!("UPDATE {table} SET {column} = {column} + ?1"), [ms]).unwrap();
    }
    drop(ledger);
    for file in scene.files("modules").into_keys() {
        let file = fs::File::options().write(true).open(file).unwrap();
        file.set_modified(SystemTime::now() + ahead).unwrap();
    }
    assert_eq!(scene.json(["status"])["state"], "ready");
    assert_eq!(scene.json(["prepare"])["prepared"], 1);
    scene.write("modules/money/src/new.ts", "export const later = true;\n");
    scene.prefab(["publish", "--all"]).assert().success().stdout(contains("compiled, as it had changed"));
    assert!(scene.files_within("deployed").keys().any(|path| path.ends_with("new.js")));
    scene.prefab(["rollback", "--all"]).assert().success();
    assert!(!scene.files_within("deployed").keys().any(|path| path.ends_with("new.js")));
    scene.prefab(["history"]).assert().success();
    scene.prefab(["gc"]).assert().success();
}

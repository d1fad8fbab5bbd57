//! Releases that environments follow, upgrades that are to come, and a folder in which releases are looked for.

use std::fs;
use std::thread;

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::scene::{Scene, sample_release, shop, until};

/// A shop with one module on 11.8.0, which is the only release.
fn on_the_first(options: &[&str]) -> Scene {
    let scene = Scene::with_options(options);
    let all = scene.administrator();
    all.post("/tenants", &json!({"name": "acme"})).expect(201);
    all.post("/tenants/acme/environments", &json!({"name": "shop"})).expect(201);
    scene.send_release("11.8.0");
    scene.module("money", "index.ts", "export const euro: number = 1;\n");
    scene.upgrade("11.8.0");
    scene
}

fn status(scene: &Scene) -> Value {
    scene.administrator().get(&shop("")).expect(200).json()
}

fn follow(scene: &Scene, following: &Value) {
    scene.administrator().send_json("PUT", &shop("/follow"), &[], following).expect(200);
}

fn is_ready_on(scene: &Scene, version: &str) -> bool {
    let status = status(scene);
    status["platform"] == version && status["state"] == "ready" && status["holder"].is_null()
}

/// A window that opens in some days.
fn closed() -> String {
    let day = (OffsetDateTime::now_utc() + Duration::days(3)).weekday().to_string().to_lowercase();
    format!("{} 00:00-24:00", &day[..3])
}

#[test]
fn an_environment_that_follows_is_upgraded_once_when_a_release_is_sent() {
    let mut scene = on_the_first(&[]);
    follow(&scene, &json!({"follow": "minor"}));
    let before = status(&scene);
    assert_eq!((&before["follows"], &before["next_upgrade"]), (&"minor".into(), &Value::Null));
    scene.send_release("11.9.0");
    until(|| is_ready_on(&scene, "11.9.0"));
    let all = scene.administrator();
    let log = all.get("/tenants/acme/audit").expect(200).json();
    let own: Vec<&Value> = log.as_array().unwrap().iter().filter(|one| one["who"] == "the server").collect();
    assert_eq!(own.len(), 1, "{log}");
    assert_eq!((&own[0]["path"], &own[0]["status"]), (&shop("/upgrade").into(), &202.into()));
    let history = all.get(&shop("/history")).expect(200).json();
    let upgraded = history.as_array().unwrap().iter().find(|entry| entry["what"] == "upgraded").unwrap();
    assert_eq!(upgraded["who"], "the server");

    let preparation = status(&scene)["preparation"].clone();
    let figures = || scene.administrator().ask("GET", "/metrics", &[], b"").expect(200).text();
    until(|| figures().contains("\nprefab_running 0\n"));
    scene.kill();
    scene.start();
    follow(&scene, &json!({"follow": "any"}));
    until(|| status(&scene)["next_upgrade"].is_null());
    assert_eq!(status(&scene)["preparation"], preparation, "nothing is done twice");

    // Whoever takes it back does not want it again.
    let begun = scene.administrator().post(&shop("/upgrade/undo"), &json!({})).expect(202).json();
    scene.through(&begun["preparation"]);
    follow(&scene, &json!({"follow": "minor"}));
    let status = status(&scene);
    assert_eq!((&status["platform"], &status["next_upgrade"]), (&"11.8.0".into(), &Value::Null));
}

#[test]
fn an_upgrade_waits_for_its_window_and_for_whoever_holds_the_environment() {
    let scene = on_the_first(&[]);
    let window = closed();
    follow(&scene, &json!({"follow": "minor", "window": window}));
    scene.send_release("11.9.0");
    until(|| status(&scene)["next_upgrade"]["version"] == "11.9.0");
    let now = status(&scene);
    assert_eq!((&now["window"], &now["platform"]), (&window.into(), &"11.8.0".into()));
    let at = OffsetDateTime::parse(now["next_upgrade"]["at"].as_str().unwrap(), &Rfc3339).unwrap();
    assert!(at - OffsetDateTime::now_utc() > Duration::days(1), "{at}");
    follow(&scene, &json!({"follow": "patch", "window": null}));
    assert_eq!(status(&scene)["next_upgrade"], Value::Null, "11.9.0 is no patch of 11.8.0");

    let all = scene.administrator();
    for (limit, value) in [("fuel", "100T"), ("deadline", "3h")] {
        let change = json!({"key": format!("limits.{limit}"), "value": value});
        all.send_json("PATCH", &shop("/config"), &[], &change).expect(200);
    }
    scene.module("endless", "endless.scss", "@while true { $a: 1; }\n");
    let begun = all.post(&shop("/preparations"), &json!({})).expect(202).json();
    follow(&scene, &json!({"follow": "minor"}));
    until(|| status(&scene)["prepared"] == 1);
    assert_eq!(status(&scene)["platform"], "11.8.0");
    let cancel = |preparation: &Value| {
        all.post(&shop(&format!("/preparations/{preparation}/cancel")), &json!({})).expect(200);
    };
    cancel(&begun["preparation"]);
    until(|| status(&scene)["platform"] == "11.9.0");
    // The upgrade has taken its turn, with the module that will not end.
    until(|| status(&scene)["preparation"].as_i64() > begun["preparation"].as_i64());
    cancel(&status(&scene)["preparation"]);
    let refused = json!({"follow": "minor", "window": "sometimes"});
    all.send_json("PUT", &shop("/follow"), &[], &refused).refused(422, "invalid");
}

#[test]
fn an_upgrade_can_be_asked_for_beforehand_and_called_off() {
    let mut scene = on_the_first(&[]);
    let ask = |scene: &Scene, body: Value| scene.administrator().post(&shop("/upgrade"), &body);
    ask(&scene, json!({"version": "11.9.0", "window": closed()})).refused(404, "no-such-release");
    scene.send_release("11.9.0");
    ask(&scene, json!({"version": "11.9.0", "window": closed()})).expect(202);
    scene.kill();
    scene.start();
    assert_eq!(status(&scene)["next_upgrade"]["who"], "first administrator (token 1)");
    scene.administrator().send("DELETE", &shop("/upgrade"), b"").expect(204);
    scene.administrator().send("DELETE", &shop("/upgrade"), b"").refused(409, "nothing-scheduled");
    assert_eq!(status(&scene)["next_upgrade"], Value::Null);
    let at = (OffsetDateTime::now_utc() + Duration::seconds(2)).format(&Rfc3339).unwrap();
    ask(&scene, json!({"version": "11.9.0", "at": at})).expect(202);
    until(|| is_ready_on(&scene, "11.9.0"));
    assert_eq!(status(&scene)["next_upgrade"], Value::Null);
}

#[test]
fn a_release_in_the_watched_folder_is_taken_once_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let scene = on_the_first(&["--watch-releases", folder.path().to_str().unwrap()]);
    follow(&scene, &json!({"follow": "minor"}));
    let (from, to) = (sample_release("11.9.0"), folder.path().join("next"));
    fs::create_dir(&to).unwrap();
    let mut compilers = Vec::new();
    for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let bytes = fs::read(file.path()).unwrap();
        let is_whole = file.path().extension().is_none_or(|extension| extension != "wasm");
        let end = if is_whole { bytes.len() } else { bytes.len() / 2 };
        fs::write(to.join(file.file_name()), &bytes[..end]).unwrap();
        if !is_whole {
            compilers.push((to.join(file.file_name()), bytes));
        }
    }
    until(|| scene.log().contains("a release cannot be taken in"));
    assert_eq!(scene.administrator().get("/releases").expect(200).json(), json!(["11.8.0"]));
    for (path, bytes) in compilers {
        fs::write(path, bytes).unwrap();
    }
    until(|| is_ready_on(&scene, "11.9.0"));
    assert_eq!(scene.administrator().get("/releases").expect(200).json(), json!(["11.8.0", "11.9.0"]));
}

#[test]
fn who_pauses_and_who_resumes_at_once_are_both_heard_and_the_later_one_is_remembered() {
    let (mut scene, first) = Scene::preparing();
    thread::scope(|scope| {
        for number in 0..8 {
            let all = scene.administrator();
            let request = if number % 2 == 0 { "pause" } else { "resume" };
            let path = shop(&format!("/preparations/{first}/{request}"));
            scope.spawn(move || all.post(&path, &json!({})).expect(200));
        }
    });
    let before = status(&scene)["state"].clone();
    scene.kill();
    scene.start();
    until(|| status(&scene)["preparation"].as_i64() > first.as_i64() && status(&scene)["state"] == before);
}

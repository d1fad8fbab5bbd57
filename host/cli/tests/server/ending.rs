//! Ending and being killed: what runs goes on at the next start.

use std::io::Read as _;

use serde_json::{Value, json};

use crate::scene::{Scene, shop, until};

fn status(scene: &Scene) -> Value {
    scene.administrator().get(&shop("")).expect(200).json()
}

#[test]
fn a_preparation_goes_on_after_the_server_was_killed() {
    let (mut scene, first) = Scene::preparing();
    until(|| status(&scene)["prepared"] == 1);
    scene.kill();
    scene.start();
    until(|| status(&scene)["preparation"].as_i64() > first.as_i64() && status(&scene)["reused"] == 1);
    let now = status(&scene);
    assert_eq!((&now["state"], &now["holder"]["activity"]), (&"preparing".into(), &"prepare".into()));
    let before = scene.administrator().get(&shop(&format!("/preparations/{first}"))).expect(200).json();
    assert_eq!(before["state"], "stopped");

    scene
        .administrator()
        .post(&shop(&format!("/preparations/{}/cancel", now["preparation"])), &json!({}))
        .expect(200);
    until(|| status(&scene)["state"] == "cancelled");
    scene.kill();
    scene.start();
    assert_eq!(status(&scene)["state"], "cancelled", "what was called off does not go on");
}

#[test]
fn a_preparation_that_was_paused_is_paused_after_the_server_was_killed() {
    let (mut scene, first) = Scene::preparing();
    scene.administrator().post(&shop(&format!("/preparations/{first}/pause")), &json!({})).expect(200);
    assert_eq!(status(&scene)["state"], "paused");
    scene.kill();
    scene.start();
    until(|| status(&scene)["state"] == "paused" && status(&scene)["preparation"].as_i64() > first.as_i64());
    let second = status(&scene)["preparation"].clone();
    scene.administrator().post(&shop(&format!("/preparations/{second}/resume")), &json!({})).expect(200);
    until(|| status(&scene)["state"] == "preparing");
}

#[test]
fn the_server_ends_when_it_is_asked_to_and_goes_on_at_the_next_start() {
    let (mut scene, first) = Scene::preparing();
    until(|| status(&scene)["prepared"] == 1);
    let watcher = scene.administrator();
    let (_, _, mut stream) = watcher.open("GET", &format!("/api/v1{}", shop("/events")), &[], b"");
    let mut stream = stream.as_reader();
    stream.read_exact(&mut [0]).unwrap();
    assert_eq!(scene.terminate(), Some(0));
    let mut told = String::new();
    stream.read_to_string(&mut told).unwrap();
    assert!(told.contains("event: status"), "{told}");
    scene.start();
    until(|| status(&scene)["preparation"].as_i64() > first.as_i64());
    assert_eq!(status(&scene)["state"], "preparing");
}

#[test]
fn publishing_is_refused_during_a_preparation_with_who_holds_it_and_how_far_they_are() {
    let (scene, preparation) = Scene::preparing();
    let all = scene.administrator();
    until(|| status(&scene)["prepared"] == 1);
    let asked = [
        all.post(&shop("/publish"), &json!({"all": true})),
        all.post(&shop("/preparations"), &json!({})),
        all.send_json("PATCH", &shop("/config"), &[], &json!({"key": "limits.fuel", "value": "1G"})),
        all.send("DELETE", &shop("/modules/money"), b""),
    ];
    for answer in asked {
        let problem = answer.refused(409, "held");
        assert_eq!(problem["holder"]["preparation"], preparation);
        assert_eq!(problem["holder"]["counts"]["modules"], 2);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("75 %") && detail.contains("1 of 2"), "{detail}");
    }
    let cancel = format!("/preparations/{preparation}/cancel");
    all.post(&shop(&cancel), &json!({})).expect(200);
    all.post(&shop("/publish"), &json!({"modules": ["money"]})).expect(200);
    all.post(&shop(&cancel), &json!({})).refused(409, "not-running");
}

#[test]
fn only_one_server_runs_on_a_data_directory() {
    let mut scene = Scene::new();
    let other = scene.second_server();
    assert!(other.contains("another `prefab serve` runs in"), "{other}");
    assert_eq!(scene.terminate(), Some(0));
}

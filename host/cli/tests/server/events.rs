//! The event stream: as it happens, in order, none lost and none twice.

use std::io::{BufRead as _, BufReader};

use serde_json::{Value, json};
use ureq::BodyReader;

use crate::scene::{Client, Scene, shop};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    id: String,
    pub(crate) name: String,
    pub(crate) data: Value,
}

/// A stream that is read event by event.
pub(crate) struct Stream(BufReader<BodyReader<'static>>);

impl Stream {
    fn open(client: &Client, after: Option<&str>) -> Self {
        Self::open_at(client, &shop("/events"), after)
    }

    /// That of another environment.
    pub(crate) fn open_at(client: &Client, path: &str, after: Option<&str>) -> Self {
        let headers: Vec<_> = after.map(|after| ("last-event-id", after)).into_iter().collect();
        let (status, headers, body) = client.open("GET", &format!("/api/v1{path}"), &headers, b"");
        assert_eq!((status, &headers["content-type"]), (200, &"text/event-stream".parse().unwrap()));
        Self(BufReader::new(body.into_reader()))
    }

    /// The next event; none when the stream has ended.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let mut event = Event { id: String::new(), name: String::new(), data: Value::Null };
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            match line.trim_end().split_once(':') {
                Some(("id", id)) => id.trim().clone_into(&mut event.id),
                Some(("event", name)) => name.trim().clone_into(&mut event.name),
                Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
                _ if event.id.is_empty() => {}
                _ => return Some(event),
            }
        }
    }

    fn until(&mut self, name: &str) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let event = self.next().expect("the stream ended");
            let last = event.name == name;
            events.push(event);
            if last {
                return events;
            }
        }
    }
}

#[test]
fn a_watcher_that_broke_off_goes_on_with_none_lost_and_none_twice() {
    let scene = Scene::with_shop();
    for name in ["a", "b", "c", "d"] {
        scene.module(name, "index.ts", "export const a: number = 1;\n");
    }
    let all = scene.administrator();
    let mut steady = Stream::open(&all, None);
    let first = steady.next().unwrap();
    assert_eq!((first.name.as_str(), &first.data["state"]), ("status", &"new".into()));
    let begun = all.post(&shop("/upgrade"), &json!({"version": "11.8.0"})).expect(202).json();
    let told = steady.until("released");
    let count = |name: &str| told.iter().filter(|event| event.name == name).count();
    assert_eq!((count("upgraded"), count("started"), count("module-ended"), count("finished")), (1, 1, 4, 1));
    assert!(count("progress") > 0);
    let started = told.iter().find(|event| event.name == "started").unwrap();
    assert_eq!(started.data["preparation"], begun["preparation"]);

    let mut broken = Vec::new();
    let mut after = first.id;
    while broken.last().is_none_or(|event: &Event| event.name != "released") {
        let event = Stream::open(&all, Some(&after)).next().unwrap();
        after.clone_from(&event.id);
        broken.push(event);
    }
    assert_eq!(broken, told);
}

#[test]
fn a_watcher_of_another_start_begins_with_how_things_are() {
    let mut scene = Scene::with_shop();
    scene.module("money", "index.ts", "");
    scene.upgrade("11.8.0");
    let seen = Stream::open(&scene.administrator(), None).next().unwrap().id;
    scene.kill();
    scene.start();
    let event = Stream::open(&scene.administrator(), Some(&seen)).next().unwrap();
    assert_eq!((event.name.as_str(), &event.data["state"]), ("status", &"ready".into()));
}

#[test]
fn progress_says_what_is_being_compiled_now() {
    let (scene, _) = Scene::preparing();
    let mut stream = Stream::open(&scene.administrator(), None);
    let mut status = stream.next().unwrap();
    while status.data["compiling"].as_array().is_none_or(Vec::is_empty) {
        status = stream.next().unwrap();
    }
    assert_eq!(status.data["compiling"][0]["module"], "endless");
}

#[test]
fn a_stream_ends_when_its_token_is_revoked() {
    let (scene, _) = Scene::preparing();
    let made = scene.token_command(&["create", "guest", "--tenant", "acme"]);
    let guest = scene.client(made["token"].as_str());
    let mut stream = Stream::open(&guest, None);
    assert_eq!(stream.next().unwrap().name, "status");
    scene.token_command(&["revoke", &made["id"].to_string()]);
    while stream.next().is_some() {}
    guest.get(&shop("")).refused(401, "unauthenticated");
}

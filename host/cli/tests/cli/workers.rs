//! Worker processes and the life of the process that they work for.

use std::time::{Duration, Instant};

use crate::processes::{children, seen};
use crate::scene::{Scene, releases};

#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_mins(1);
    while !holds() {
        assert!(Instant::now() < give_up, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn when_prefab_is_killed_its_busy_workers_are_gone_too() {
    let scene = Scene::empty();
    scene.endless_module("endless");
    let target = releases().join("11.8.0").into_os_string().into_string().unwrap();
    let mut running = scene.preparing(["upgrade", &target, "--isolation", "process", "--priority", "normal"]);
    let mut workers = Vec::new();
    until("a worker is busy", || {
        workers = children(running.id());
        workers.iter().any(|worker| worker.ticks >= 20)
    });
    running.kill();
    until("they are gone", || workers.iter().all(|worker| seen(worker.id).is_none_or(|it| it.zombie)));
}

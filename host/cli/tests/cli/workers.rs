//! Worker processes and the life of the process that they work for.

use std::fs;
use std::time::{Duration, Instant};

use crate::scene::{Scene, releases};

/// What `/proc` says of a process.
struct Seen {
    id: u32,
    parent: u32,
    /// Ended, and nobody has asked how yet.
    zombie: bool,
    /// CPU time, in ticks.
    ticks: u64,
}

fn seen(id: u32) -> Option<Seen> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name, in parentheses, may have spaces; fields are counted from behind it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(Seen {
        id,
        parent: fields[1].parse().ok()?,
        zombie: fields[0] == "Z",
        ticks: fields[11].parse::<u64>().ok()? + fields[12].parse::<u64>().ok()?,
    })
}

fn children(of: u32) -> Vec<Seen> {
    let all =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    all.filter_map(seen).filter(|process| process.parent == of && !process.zombie).collect()
}

#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(60);
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

//! Guests in worker processes: the same outcomes as in this process, also when a worker is told to pause, is killed, or is none.

#[path = "../../../host/sandbox/tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use prefab_model::{Fuel, Limits, OutcomeKind, Task};
use prefab_sandbox::{Codegen, Compiler, Control, Isolation, Run, Sandbox, SandboxOptions};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use support::{COPY, Guest, compilation, inputs};

/// A program that runs guests and nothing else.
const PROGRAM: &str = env!("CARGO_BIN_EXE_prefab-codegen");
/// Fuel for longer than any test.
const FOR_EVER: Guest<'_> = Guest { compile: "(loop (br 0))", ..COPY };

fn sandbox(program: &str) -> Sandbox {
    let isolation = Isolation::Process { program: program.into() };
    Sandbox::open(SandboxOptions { cache: None, lent: None, codegen: Codegen::InProcess, isolation }).unwrap()
}

fn run(sandbox: &Sandbox, compiler: &Compiler, control: &Control, change: impl FnOnce(&mut Limits)) -> Run {
    sandbox.run(compiler, &compilation(compiler, Task::Compile, change), &inputs(), control)
}

fn for_ever(limits: &mut Limits) {
    limits.fuel = Fuel(u64::MAX);
}

/// The workers that this process has started.
fn workers() -> Vec<Pid> {
    let me = std::process::id().to_string();
    let mut workers = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let mut fields = after_name.split(' ');
        if fields.next() != Some("Z") && fields.next() == Some(&me) {
            workers.extend(Pid::from_raw(pid));
        }
    }
    workers
}

/// Waits for the one worker of a test that is alone in its process, and until its guest computes.
fn busy_worker() -> Pid {
    let began = Instant::now();
    while began.elapsed() < Duration::from_mins(1) {
        if let [worker] = workers()[..]
            && cpu_ticks(worker) > 5
        {
            return worker;
        }
        thread::yield_now();
    }
    panic!("no worker computes");
}

/// The CPU time of a process, in hundredths of a second.
fn cpu_ticks(process: Pid) -> u64 {
    let path = Path::new("/proc").join(process.as_raw_nonzero().to_string()).join("stat");
    let stat = fs::read_to_string(path).unwrap_or_default();
    stat.split(' ').nth(13).and_then(|user| user.parse().ok()).unwrap_or(0)
}

#[test]
fn what_is_compiled_is_the_same_as_in_this_process() {
    let (here, there) = (Sandbox::new(None).unwrap(), sandbox(PROGRAM));
    let guests = [
        COPY,
        Guest { compile: "unreachable", ..COPY },
        Guest { compile: "(loop (br 0))", ..COPY },
        Guest { compile: "(drop (memory.grow (i32.const 60000)))", ..COPY },
    ];
    for guest in guests {
        let component = guest.component();
        let tight = |limits: &mut Limits| limits.fuel = Fuel(10_000_000);
        let outcome = |sandbox: &Sandbox| {
            let mut outcome = run(sandbox, &sandbox.load(&component).unwrap(), &Control::default(), tight);
            outcome.usage.time = Duration::ZERO;
            outcome
        };
        let first = outcome(&there);
        assert_eq!(first, outcome(&here));
        assert_eq!(first, outcome(&there), "in a worker that was used before");
    }
}

// One test, since workers are told apart by their parent.
#[test]
fn a_worker_can_be_told_to_wait_and_to_end_and_its_death_costs_one_compilation() {
    if std::env::var_os("PREFAB_TEST_ALONE").is_none() {
        let alone = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "a_worker_can_be_told_to_wait_and_to_end_and_its_death_costs_one_compilation",
                "--nocapture",
            ])
            .env("PREFAB_TEST_ALONE", "1")
            .output()
            .unwrap();
        assert!(alone.status.success(), "{}", String::from_utf8_lossy(&alone.stderr));
        return;
    }
    let sandbox = sandbox(PROGRAM);
    let endless = sandbox.load(&FOR_EVER.component()).unwrap();
    let good = sandbox.load(&COPY.component()).unwrap();
    let compiles = || {
        let run = run(&sandbox, &good, &Control::default(), |_| {});
        assert!(run.kind.is_compiled(), "{run:?}");
    };

    // Killed: by whoever, such as the kernel for want of memory.
    let killed = thread::scope(|scope| {
        let running = scope.spawn(|| run(&sandbox, &endless, &Control::default(), for_ever));
        kill_process(busy_worker(), Signal::KILL).unwrap();
        running.join().unwrap()
    });
    assert!(matches!(&killed.kind, OutcomeKind::HostError(text) if text.contains("killed")), "{killed:?}");

    // Paused, and cancelled while it is.
    let control = Control::default();
    let cancelled = thread::scope(|scope| {
        let running = scope.spawn(|| run(&sandbox, &endless, &control, for_ever));
        let worker = busy_worker();
        control.pause();
        let began = Instant::now();
        let mut before = cpu_ticks(worker);
        loop {
            thread::sleep(Duration::from_millis(200));
            let now = cpu_ticks(worker);
            if now <= before + 1 {
                break;
            }
            before = now;
            assert!(began.elapsed() < Duration::from_secs(30), "it does not wait");
        }
        control.cancel();
        running.join().unwrap()
    });
    assert_eq!(cancelled.kind, OutcomeKind::Cancelled);
    assert!(workers().is_empty(), "who was interrupted is not asked again");

    // Killed while it had nothing to do.
    compiles();
    let idle = workers()[0];
    kill_process(idle, Signal::KILL).unwrap();
    // Until all its threads are gone; it is left for the sandbox to find.
    waitid(WaitId::Pid(idle), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    compiles();

    // The deadline.
    let late = run(&sandbox, &endless, &Control::default(), |limits| {
        for_ever(limits);
        limits.deadline = Duration::from_millis(300);
    });
    assert_eq!(late.kind, OutcomeKind::Deadline);

    drop(sandbox);
    assert!(workers().is_empty(), "none is left behind");
}

#[test]
fn a_program_that_is_no_worker_is_told() {
    let sandbox = sandbox("/bin/true");
    let good = sandbox.load(&COPY.component()).unwrap();
    let run = run(&sandbox, &good, &Control::default(), |_| {});
    assert!(matches!(&run.kind, OutcomeKind::HostError(text) if text.contains("/bin/true")), "{run:?}");
}

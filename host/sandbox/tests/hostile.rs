//! Guests that mean harm: each attack is a small compiler, and each ends as the outcome that names it.

mod support;

use std::thread;
use std::time::{Duration, Instant};

use prefab_model::{Bytes, Fuel, Limit, Limits, OutcomeKind, Task};
use prefab_sandbox::{Control, Run, Success};
use support::{COPY, Guest, SANDBOX, compilation, inputs};

const FOREVER: &str = "(loop (br 0))";
const STDOUT: &str = r#"
    (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
    (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))"#;

fn compiling(compile: &str) -> Guest<'_> {
    Guest { compile, ..Guest::default() }
}

fn little_fuel(limits: &mut Limits) {
    limits.fuel = Fuel(1_000_000);
}

fn artifacts(run: &Run) -> Vec<(&str, &[u8])> {
    match &run.kind {
        OutcomeKind::Compiled(Success::Artifacts(artifacts)) => {
            artifacts.iter().map(|artifact| (artifact.path.as_str(), &*artifact.bytes)).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn trap(run: &Run) -> &str {
    match &run.kind {
        OutcomeKind::Trapped(text) => text,
        other => panic!("{other:?}"),
    }
}

// Time.

#[test]
fn an_endless_loop_runs_out_of_fuel() {
    let run = compiling(FOREVER).run_with(little_fuel);
    assert_eq!(run.kind, OutcomeKind::OutOfFuel);
    assert_eq!(run.usage.fuel, Some(Fuel(1_000_000)));
}

#[test]
fn an_endless_loop_in_describe_or_in_a_start_function_runs_out_of_fuel_too() {
    let limits = Limits { fuel: Fuel(1_000_000), ..Limits::default() };
    let describe = Guest { describe: FOREVER, ..Guest::default() };
    assert_eq!(SANDBOX.describe(&describe.load(), &limits).kind, OutcomeKind::OutOfFuel);
    let start = Guest { items: "(func $start (loop (br 0))) (start $start)", ..Guest::default() };
    assert_eq!(start.run_with(little_fuel).kind, OutcomeKind::OutOfFuel);
}

#[test]
fn filling_all_of_memory_costs_fuel_by_the_byte() {
    let guest = compiling(
        "(drop (memory.grow (i32.const 500)))
         (memory.fill (i32.const 4096) (i32.const 1) (i32.const 32000000))
         (memory.fill (i32.const 4096) (i32.const 0) (i32.const 32000000))",
    );
    assert_eq!(guest.run_with(|limits| limits.fuel = Fuel(33_000_000)).kind, OutcomeKind::OutOfFuel);
}

#[test]
fn growing_by_nothing_again_and_again_runs_out_of_fuel() {
    let started = Instant::now();
    let run = compiling("(loop (drop (memory.grow (i32.const 0))) (br 0))")
        .run_with(|limits| limits.fuel = Fuel(100_000_000));
    assert_eq!(run.kind, OutcomeKind::OutOfFuel);
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn the_deadline_ends_what_has_fuel_left() {
    let run = compiling(FOREVER).run_with(|limits| {
        limits.fuel = Fuel(u64::MAX / 2);
        limits.deadline = Duration::from_millis(100);
    });
    assert_eq!(run.kind, OutcomeKind::Deadline);
    assert!(run.usage.time >= Duration::from_millis(100) && run.usage.time < Duration::from_secs(5));
}

#[test]
fn a_running_compilation_can_be_cancelled() {
    let compiler = compiling(FOREVER).load();
    let compilation = compilation(&compiler, Task::Compile, |limits| limits.fuel = Fuel(u64::MAX / 2));
    let control = Control::default();
    let run = thread::scope(|scope| {
        let run = scope.spawn(|| SANDBOX.run(&compiler, &compilation, &inputs(), &control));
        control.cancel();
        run.join().unwrap()
    });
    assert_eq!(run.kind, OutcomeKind::Cancelled);
}

#[test]
fn a_pause_in_the_middle_of_a_compilation_does_not_count_as_its_time() {
    let deadline = Duration::from_millis(400);
    let compiler = compiling(FOREVER).load();
    let compilation = compilation(&compiler, Task::Compile, |limits| {
        limits.fuel = Fuel(u64::MAX / 2);
        limits.deadline = deadline;
    });
    let control = Control::default();
    let began = Instant::now();
    let run = thread::scope(|scope| {
        let run = scope.spawn(|| SANDBOX.run(&compiler, &compilation, &inputs(), &control));
        thread::sleep(deadline / 4);
        control.pause();
        thread::sleep(deadline * 2);
        // It would be over by now, had its time gone on.
        assert!(!run.is_finished());
        control.resume();
        run.join().unwrap()
    });
    assert_eq!(run.kind, OutcomeKind::Deadline);
    assert!(began.elapsed() >= deadline * 2 + deadline / 2);
    assert!(run.usage.time + deadline < began.elapsed());
}

#[test]
fn sleeping_for_an_hour_is_over_at_once() {
    let run = Guest {
        imports: r#"
            (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $subscribe (param i64) (result i32)))
            (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))"#,
        compile: "(call $block (call $subscribe (i64.const 3600000000000)))",
        ..Guest::default()
    }
    .run();
    assert!(artifacts(&run).is_empty());
    assert!(run.usage.time < Duration::from_secs(10));
}

// Memory.

#[test]
fn growing_page_by_page_ends_at_the_memory_limit() {
    let run = compiling("(loop (drop (memory.grow (i32.const 1))) (br 0))")
        .run_with(|limits| limits.memory = Bytes(10 << 20));
    assert_eq!(run.kind, OutcomeKind::OutOfMemory(Limit::Memory));
    assert_eq!(run.usage.peak_memory, Bytes(10 << 20));
    assert_eq!(run.usage.fuel, None);
}

#[test]
fn four_memories_each_below_the_limit_are_counted_together() {
    let run = Guest { items: "(memory 320) (memory 320) (memory 320) (memory 320)", ..Guest::default() }
        .run_with(|limits| limits.memory = Bytes(64 << 20));
    assert_eq!(run.kind, OutcomeKind::OutOfMemory(Limit::Memory));
}

#[test]
fn asking_for_more_than_an_address_can_say_is_out_of_memory() {
    let run = compiling("(drop (memory.grow (i32.const 65536)))").run();
    assert_eq!(run.kind, OutcomeKind::OutOfMemory(Limit::Memory));
}

#[test]
fn the_maximum_that_a_guest_declares_itself_is_its_own_affair() {
    let run = Guest {
        items: "(memory $small 1 2)",
        compile: "(if (i32.ne (memory.grow $small (i32.const 9)) (i32.const -1)) (then unreachable))",
        ..Guest::default()
    }
    .run();
    assert!(artifacts(&run).is_empty());
}

#[test]
fn too_many_memories_are_a_trap() {
    let run = Guest { items: &"(memory 0)".repeat(80), ..Guest::default() }.run();
    assert!(trap(&run).contains("memory count too high"), "{run:?}");
}

#[test]
fn table_elements_have_a_limit() {
    let run = Guest {
        items: "(table $t 0 funcref)",
        compile: "(drop (table.grow $t (ref.null func) (i32.const 2000000)))",
        ..Guest::default()
    }
    .run();
    assert_eq!(run.kind, OutcomeKind::OutOfMemory(Limit::TableElements));
}

#[test]
fn endless_recursion_is_a_trap_with_demangled_names() {
    let run = Guest {
        items: "(func $_ZN4acme5parse4expr17h0123456789abcdefE (call $_ZN4acme5parse4expr17h0123456789abcdefE))",
        compile: "(call $_ZN4acme5parse4expr17h0123456789abcdefE)",
        ..Guest::default()
    }
    .run();
    let text = trap(&run);
    assert!(
        text.starts_with("wasm trap: call stack exhausted") && text.contains("acme::parse::expr"),
        "{text}"
    );
    assert_eq!(run.usage.fuel, None);
}

#[test]
fn streams_and_pollables_have_a_limit() {
    let run =
        Guest { imports: STDOUT, compile: "(loop (drop (call $stdout)) (br 0))", ..Guest::default() }.run();
    assert!(trap(&run).contains("resource table has no free keys"), "{run:?}");
}

#[test]
fn what_a_start_function_does_is_the_guests_fault_too() {
    for (start, told) in [
        ("(loop (drop (call $stdout)) (br 0))", "resource table has no free keys"),
        // Without a frame of its own on the stack.
        ("(return_call $drop_module (i32.const 4096))", "unknown handle index"),
    ] {
        let items = format!("(func $start {start}) (start $start)");
        let run = Guest { imports: STDOUT, items: &items, ..Guest::default() }.run();
        assert!(trap(&run).contains(told), "{run:?}");
    }
}

#[test]
fn handles_that_a_guest_makes_by_itself_have_a_limit() {
    let run = Guest {
        world: "with-resource",
        imports: r#"(import "[export]test:guest/things" "[resource-new]thing" (func $new (param i32) (result i32)))"#,
        items: r#"(func (export "test:guest/things#[constructor]thing") (result i32) (call $new (i32.const 1)))"#,
        compile: "(loop (drop (call $new (i32.const 1))) (br 0))",
        ..Guest::default()
    }
    .run();
    assert!(trap(&run).contains("handle"), "{run:?}");
}

// Output.

#[test]
fn a_flood_of_log_lines_is_cut_off_and_the_compilation_goes_on() {
    let run = Guest {
        imports: STDOUT,
        compile: "(local $stdout i32) (local $left i32)
            (local.set $stdout (call $stdout)) (local.set $left (i32.const 1000))
            (loop (call $write (local.get $stdout) (i32.const 1088) (i32.const 5) (i32.const 1200))
              (br_if 0 (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))",
        ..Guest::default()
    }
    .run_with(|limits| limits.log = Bytes(12));
    assert_eq!(run.log, "guestguestgu\n[cut off here: 4988 more bytes were printed]");
    assert!(run.kind.is_compiled());
}

/// Emits an artifact of 1,000 bytes under a new name of four letters, again and again.
const EMIT_FOREVER: &str = "(i32.store (i32.const 0) (i32.const 0x61616161))
    (loop
      (i32.store8 (i32.const 0) (i32.add (i32.load8_u (i32.const 0)) (i32.const 1)))
      (if (i32.gt_u (i32.load8_u (i32.const 0)) (i32.const 122)) (then
        (i32.store8 (i32.const 0) (i32.const 97))
        (i32.store8 (i32.const 1) (i32.add (i32.load8_u (i32.const 1)) (i32.const 1)))))
      (call $emit_text (local.get $output) (i32.const 0) (i32.const 4) (i32.const 4000) (i32.const 1000))
      (br 0))";

#[test]
fn a_flood_of_artifacts_ends_at_the_cap_that_it_hits_first() {
    let run = compiling(EMIT_FOREVER).run_with(|limits| limits.artifacts = 20);
    assert_eq!(run.kind, OutcomeKind::OutputCap(Limit::Artifacts));
    assert!(run.usage.fuel.is_some());
    let run = compiling(EMIT_FOREVER).run_with(|limits| limits.output = Bytes(20_000));
    assert_eq!(run.kind, OutcomeKind::OutputCap(Limit::Output));
}

#[test]
fn a_flood_of_diagnostics_ends_at_the_cap_that_it_hits_first() {
    let flood = "(i32.store (i32.const 3000) (local.get $output))
        (i32.store (i32.const 3020) (i32.const 4000)) (i32.store (i32.const 3024) (i32.const 1000))
        (loop (call $report (i32.const 3000)) (br 0))";
    let run = compiling(flood).run_with(|limits| limits.diagnostics = 5);
    assert_eq!(run.kind, OutcomeKind::OutputCap(Limit::Diagnostics));
    assert_eq!(run.diagnostics.len(), 5);
    let run = compiling(flood).run_with(|limits| limits.diagnostic_bytes = Bytes(10_000));
    assert_eq!(run.kind, OutcomeKind::OutputCap(Limit::DiagnosticBytes));
    assert!(run.diagnostics.len() < 10);
}

#[test]
fn one_artifact_far_beyond_the_cap_is_not_even_copied() {
    let run = compiling(
        "(drop (memory.grow (i32.const 2000)))
         (call $emit_text (local.get $output) (i32.const 1088) (i32.const 5) (i32.const 0) (i32.const 100000000))",
    )
    .run_with(|limits| limits.output = Bytes(1 << 20));
    assert_eq!(run.kind, OutcomeKind::OutputCap(Limit::Output));
}

#[test]
fn progress_may_be_told_as_often_as_it_likes() {
    let run = compiling("(loop (call $progress (local.get $output) (i64.const 1) (i64.const 2)) (br 0))")
        .run_with(little_fuel);
    assert_eq!(run.kind, OutcomeKind::OutOfFuel);
}

#[test]
fn paths_that_leave_the_bundle_are_told_to_the_guest_and_not_taken() {
    for (path, case) in
        [("../x", 0), ("/etc/passwd", 0), ("a\\\\b", 0), ("CON", 0), ("GUEST", 1), ("guest/x", 1)]
    {
        let length = path.replace("\\\\", "\\").len();
        // First `guest`, then the path; the guest checks that it was refused, and emits the reason as `1.0.0`.
        let compile = format!(
            "(call $emit_text (local.get $output) (i32.const 1088) (i32.const 5) (i32.const 0) (i32.const 0))
             (call $emit_text (local.get $output) (i32.const 0) (i32.const {length}) (i32.const 0) (i32.const 1))
             (if (i32.ne (i32.load8_u (i32.const 1200)) (i32.const 1)) (then unreachable))
             (if (i32.ne (i32.load8_u (i32.const 1204)) (i32.const {case})) (then unreachable))
             (call $emit_text (local.get $output) (i32.const 1104) (i32.const 5)
               (i32.load (i32.const 1208)) (i32.load (i32.const 1212)))"
        );
        let items = format!("(data (i32.const 0) \"{path}\")");
        let run = Guest { items: &items, compile: &compile, ..Guest::default() }.run();
        let artifacts = artifacts(&run);
        assert_eq!(artifacts.iter().map(|(path, _)| *path).collect::<Vec<_>>(), ["guest", "1.0.0"], "{path}");
        assert!(!artifacts[1].1.is_empty(), "{path}");
    }
}

// Lies.

#[test]
fn what_breaks_the_contract_is_a_trap() {
    let emit = |path: &str, media_type: &str| {
        format!(
            "(call $emit (local.get $output) {path} {media_type} (i32.const 0) (i32.const 0) (i32.const 1200))"
        )
    };
    let name = "(i32.const 1088) (i32.const 5)";
    let random = r#"(import "wasi:random/random@0.2.0" "get-random-bytes" (func $random (param i64 i32)))"#;
    let end = r#"(import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))"#;
    for (imports, compile, told) in [
        ("", "unreachable".to_owned(), "unreachable"),
        ("", "(drop (i32.load (i32.const -1)))".to_owned(), "out of bounds memory access"),
        ("", emit("(i32.const 100) (i32.const 2)", name), "utf-8"),
        ("", emit("(i32.const -2) (i32.const 9)", name), "out of bounds"),
        ("", emit(name, "(i32.const 4000) (i32.const 5)"), "media type"),
        ("", "(call $progress (i32.const 99) (i64.const 0) (i64.const 0))".to_owned(), "handle"),
        (random, "(call $random (i64.const 1000000000000) (i32.const 0))".to_owned(), "random bytes"),
        (end, "(call $exit (i32.const 1))".to_owned(), "exit status 1"),
    ] {
        let items = r#"(data (i32.const 100) "\ff\fe")"#;
        let run = Guest { imports, items, compile: &compile, ..Guest::default() }.run();
        assert!(trap(&run).contains(told), "{told}: {run:?}");
        assert_eq!(run.usage.fuel, None);
    }
}

// Afterwards.

#[test]
fn nothing_of_one_compilation_is_there_in_the_next() {
    let compiler = compiling(
        "(call $emit_text (local.get $output) (i32.const 1088) (i32.const 5) (i32.const 5000) (i32.const 1))
         (i32.store8 (i32.const 5000) (i32.const 7))",
    )
    .load();
    for _ in 0..3 {
        let run = support::run(&compiler, Task::Compile, |_| {});
        assert_eq!(artifacts(&run), [("guest", &[0][..])]);
    }
}

#[test]
fn good_compilations_beside_hostile_ones_end_well() {
    let good = COPY.load();
    let hostile = [
        compiling(FOREVER).load(),
        compiling(EMIT_FOREVER).load(),
        compiling("(loop (drop (memory.grow (i32.const 1))) (br 0))").load(),
        compiling("unreachable").load(),
    ];
    thread::scope(|scope| {
        for compiler in &hostile {
            scope.spawn(move || {
                for _ in 0..5 {
                    let run = support::run(compiler, Task::Compile, |limits| {
                        limits.fuel = Fuel(20_000_000);
                        limits.memory = Bytes(16 << 20);
                    });
                    assert!(!run.kind.is_compiled() && run.kind.is_deterministic(), "{:?}", run.kind);
                }
            });
        }
        for _ in 0..50 {
            assert_eq!(artifacts(&support::run(&good, Task::Compile, |_| {})), [("a.ts", &b"let a"[..])]);
        }
    });
}

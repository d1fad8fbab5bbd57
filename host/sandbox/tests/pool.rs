//! What guests leave in the pool of memory, and guests that the pool is too small for (ATTACKS G21).

mod support;

use std::thread;

use prefab_model::{OutcomeKind, Task};
use prefab_sandbox::{Compiler, Run};
use support::{COPY, Guest};

/// A table that stays within the pool.
const TABLE: &str = "(table $t 1000 1000 funcref) (elem declare func $emit_text)";
/// A table that could outgrow it.
const GROWING_TABLE: &str = "(table $t 1000 funcref) (elem declare func $emit_text)";
/// The end of what guests have here, in bytes: more than what stays mapped of a memory.
const END: u32 = 32 << 20;

/// Fills all of its memory behind the first page and all of its table.
fn writer(table: &str, end: &str) -> Compiler {
    let compile = format!(
        "(drop (memory.grow (i32.const 511)))
         (memory.fill (i32.const 65536) (i32.const 0xa5) (i32.const {}))
         (table.fill $t (i32.const 0) (ref.func $emit_text) (i32.const 1000))
         {end}",
        END - 65536
    );
    Guest { items: table, compile: &compile, ..Guest::default() }.load()
}

/// Traps if there is anything in its memory behind the first page or in its table.
fn reader(table: &str) -> Compiler {
    let compile = format!(
        "(local $at i32)
         (drop (memory.grow (i32.const 511)))
         (local.set $at (i32.const 65536))
         (loop
           (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then unreachable))
           (local.set $at (i32.add (local.get $at) (i32.const 8)))
           (br_if 0 (i32.lt_u (local.get $at) (i32.const {END}))))
         (local.set $at (i32.const 0))
         (loop
           (if (i32.eqz (ref.is_null (table.get $t (local.get $at)))) (then unreachable))
           (local.set $at (i32.add (local.get $at) (i32.const 1)))
           (br_if 0 (i32.lt_u (local.get $at) (i32.const 1000))))"
    );
    Guest { items: table, compile: &compile, ..Guest::default() }.load()
}

fn run(compiler: &Compiler) -> Run {
    support::run(compiler, Task::Compile, |_| {})
}

#[test]
fn nothing_that_a_guest_wrote_is_there_for_another() {
    for table in [TABLE, GROWING_TABLE] {
        let writers = [writer(table, ""), writer(table, "unreachable")];
        let reader = reader(table);
        thread::scope(|scope| {
            // Two at a time, so that guests also get the place of one that ran on another thread.
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..3 {
                        assert!(run(&writers[0]).kind.is_compiled());
                        assert!(run(&reader).kind.is_compiled(), "after one that ended");
                        assert!(matches!(run(&writers[1]).kind, OutcomeKind::Trapped(_)));
                        assert!(run(&reader).kind.is_compiled(), "after one that trapped");
                    }
                });
            }
        });
    }
}

#[test]
fn the_same_work_takes_the_same_fuel_in_the_pool_and_outside() {
    let (inside, outside) = (run(&reader(TABLE)), run(&reader(GROWING_TABLE)));
    assert!(inside.usage.fuel.is_some());
    assert_eq!(inside.usage.fuel, outside.usage.fuel);
    assert_eq!(inside.usage.peak_memory, outside.usage.peak_memory);
}

#[test]
fn guests_that_the_pool_has_no_room_for_run_all_the_same() {
    for items in [
        "(memory 1) (memory 1) (memory 1) (memory 1) (memory 1)",
        GROWING_TABLE,
        "(table 70000 70000 funcref)",
    ]
    .into_iter()
    .chain([&*"(table 1 1 funcref)".repeat(40)])
    {
        let run = Guest { items, ..Guest::default() }.run();
        assert!(run.kind.is_compiled(), "{items}: {:?}", run.kind);
    }
}

#[test]
fn more_compilations_at_a_time_than_there_are_places_run_all_the_same() {
    let compiler = COPY.load();
    let one = run(&compiler);
    thread::scope(|scope| {
        for _ in 0..200 {
            scope.spawn(|| {
                let run = run(&compiler);
                assert_eq!((&run.kind, run.usage.fuel), (&one.kind, one.usage.fuel));
            });
        }
    });
}

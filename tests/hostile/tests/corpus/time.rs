//! Guests that never end, or that take time which is not counted.

use std::time::Duration;

use prefab_model::{Fuel, Limits, Task};

use crate::attack::{Attack, Seen, attack, tight};
use crate::support::{self, Guest, SANDBOX};

const FOREVER: &str = "(loop (br 0))";

fn compiling(compile: &'static str) -> impl Fn() -> prefab_sandbox::Run {
    move || Guest { compile, ..Guest::default() }.run_with(tight)
}

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        attack("endless loop in compile", "fuel", "out of fuel", compiling(FOREVER)),
        attack("endless loop in describe", "fuel", "out of fuel", || {
            let mut limits = Limits::default();
            tight(&mut limits);
            let guest = Guest { describe: FOREVER, ..Guest::default() }.load();
            Seen::of(&SANDBOX.describe(&guest, &limits), |_| "described".to_owned())
        }),
        attack("endless loop in signature", "fuel", "out of fuel", || {
            let guest = Guest { world: "modular-compiler", signature: FOREVER, ..Guest::default() };
            support::run(&guest.load(), Task::Signature, tight)
        }),
        attack("endless loop in the start function", "fuel", "out of fuel", || {
            Guest { items: "(func $start (loop (br 0))) (start $start)", ..Guest::default() }.run_with(tight)
        }),
        attack("endless tail calls", "fuel", "out of fuel", || {
            let items = "(func $on (return_call $on))";
            Guest { items, compile: "(call $on)", ..Guest::default() }.run_with(tight)
        }),
        attack("endless loop in a destructor", "fuel", "out of fuel", || {
            with_destructor(FOREVER).run_with(tight)
        }),
        attack("a call of the host in a destructor", "nothing: it may", "compiled: 0 artifacts", || {
            with_destructor("(call $progress (global.get $saved) (i64.const 1) (i64.const 2))")
                .run_with(tight)
        }),
        attack(
            "filling all memory again and again",
            "fuel: one a byte",
            "out of fuel",
            compiling(
                "(drop (memory.grow (i32.const 900)))
             (loop (memory.fill (i32.const 4096) (i32.const 1) (i32.const 50000000)) (br 0))",
            ),
        ),
        attack(
            "copying all memory again and again",
            "fuel: one a byte",
            "out of fuel",
            compiling(
                "(drop (memory.grow (i32.const 900)))
             (loop (memory.copy (i32.const 4096) (i32.const 8192) (i32.const 50000000)) (br 0))",
            ),
        ),
        attack(
            "growing by nothing again and again",
            "fuel: 255 a grow",
            "out of fuel",
            compiling("(loop (drop (memory.grow (i32.const 0))) (br 0))"),
        ),
        attack(
            "telling progress for ever",
            "fuel",
            "out of fuel",
            compiling("(loop (call $progress (local.get $output) (i64.const 1) (i64.const 2)) (br 0))"),
        ),
        attack("sleeping for an hour", "the hermetic WASI: nothing waits", "compiled: 0 artifacts", || {
            Guest {
                imports: r#"
                    (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $subscribe (param i64) (result i32)))
                    (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))"#,
                compile: "(call $block (call $subscribe (i64.const 3600000000000)))",
                ..Guest::default()
            }
            .run_with(tight)
        }),
        attack(
            "timing itself with the clock",
            "the hermetic WASI: clocks stand still",
            "compiled: 0 artifacts",
            || {
                Guest {
                    imports: r#"(import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $now (result i64)))"#,
                    compile: "(local $then i64) (local $left i32)
                    (local.set $then (call $now)) (local.set $left (i32.const 1000000))
                    (loop (br_if 0 (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
                    (if (i64.ne (local.get $then) (call $now)) (then unreachable))",
                    ..Guest::default()
                }
                .run_with(tight)
            },
        ),
        attack("endless loop with fuel for a year", "deadline", "deadline", || {
            Guest { compile: FOREVER, ..Guest::default() }.run_with(|limits| {
                limits.fuel = Fuel(u64::MAX / 2);
                limits.deadline = Duration::from_millis(300);
            })
        }),
        attack("making the host copy a MiB a call, for nothing", "deadline", "deadline", || {
            let compile = "(drop (memory.grow (i32.const 20)))
                (loop (call $emit_text (local.get $output) (i32.const 100) (i32.const 1) (i32.const 0) (i32.const 1048576))
                  (global.set $top (i32.const 32768)) (br 0))";
            let guest = Guest { items: r#"(data (i32.const 100) "/")"#, compile, ..Guest::default() };
            guest.run_with(|limits| {
                tight(limits);
                limits.fuel = Fuel(u64::MAX / 2);
                limits.deadline = Duration::from_millis(300);
            })
        }),
        attack(
            "computing, then a trap so that no fuel is counted",
            "outcome: fuel unknown",
            "trap: wasm trap: out of bounds",
            compiling(
                "(local $left i32) (local.set $left (i32.const 1000000))
             (loop (br_if 0 (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
             (drop (i32.load (i32.const -1)))",
            ),
        ),
    ]
}

fn with_destructor(body: &str) -> Guest<'static> {
    let items = format!(
        r#"(global $saved (mut i32) (i32.const 0))
           (func (export "test:guest/things#[constructor]thing") (result i32) (call $new (i32.const 1)))
           (func (export "test:guest/things#[dtor]thing") (param i32) {body})"#
    );
    Guest {
        world: "with-resource",
        imports: r#"(import "[export]test:guest/things" "[resource-new]thing" (func $new (param i32) (result i32)))
            (import "[export]test:guest/things" "[resource-drop]thing" (func $drop (param i32)))"#,
        items: items.leak(),
        compile: "(global.set $saved (local.get $output)) (call $drop (call $new (i32.const 1)))",
        ..Guest::default()
    }
}

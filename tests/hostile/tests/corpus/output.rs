//! Guests that hand the host too much.

use prefab_model::{Bytes, Limits, Task};
use prefab_sandbox::Run;

use crate::attack::{Attack, Seen, attack, tight};
use crate::support::{self, Guest, SANDBOX};

fn compiling(compile: &'static str, change: fn(&mut Limits)) -> impl Fn() -> Run {
    move || {
        Guest { compile, ..Guest::default() }.run_with(|limits| {
            tight(limits);
            change(limits);
        })
    }
}

fn describing(describe: &'static str) -> impl Fn() -> Seen {
    move || {
        let mut limits = Limits::default();
        tight(&mut limits);
        limits.memory = Bytes(128 << 20);
        let guest = Guest { describe, ..Guest::default() }.load();
        Seen::of(&SANDBOX.describe(&guest, &limits), |_| "described".to_owned())
    }
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

/// Reports a diagnostic with a message of 1,000 bytes again and again.
const REPORT_FOREVER: &str = "(i32.store (i32.const 3000) (local.get $output))
    (i32.store (i32.const 3020) (i32.const 4000)) (i32.store (i32.const 3024) (i32.const 1000))
    (loop (call $report (i32.const 3000)) (br 0))";

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        attack("artifacts without end, by number", "artifacts", "output cap: artifacts", compiling(EMIT_FOREVER, |limits| {
            limits.artifacts = 100;
        })),
        attack("artifacts without end, by size", "output", "output cap: output", compiling(EMIT_FOREVER, |limits| {
            limits.output = Bytes(100_000);
        })),
        attack("one artifact of 60 MB", "output", "output cap: output", compiling(
            "(drop (memory.grow (i32.const 950)))
             (call $emit_text (local.get $output) (i32.const 1088) (i32.const 5) (i32.const 0) (i32.const 60000000))",
            |_| {},
        )),
        attack("the same artifact a thousand times", "paths are unique", "compiled: 1 artifacts", compiling(
            "(local $left i32) (local.set $left (i32.const 1000))
             (loop (call $emit_text (local.get $output) (i32.const 1088) (i32.const 5) (i32.const 0) (i32.const 9))
               (br_if 0 (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))",
            |_| {},
        )),
        attack("diagnostics without end, by number", "diagnostics", "output cap: diagnostics", compiling(REPORT_FOREVER, |limits| {
            limits.diagnostics = 100;
        })),
        attack("diagnostics without end, by size", "diagnostic-bytes", "output cap: diagnostic-bytes", compiling(REPORT_FOREVER, |limits| {
            limits.diagnostic_bytes = Bytes(100_000);
        })),
        attack("a diagnostic with a million labels", "what one call may bring", "output cap: ", compiling(
            "(drop (memory.grow (i32.const 700)))
             (i32.store (i32.const 3000) (local.get $output))
             (i32.store (i32.const 3060) (i32.const 65536)) (i32.store (i32.const 3064) (i32.const 1000000))
             (call $report (i32.const 3000))",
            |_| {},
        )),
        attack("ten thousand lines for the log", "log: cut off", "compiled: 0 artifacts", || {
            Guest {
                imports: r#"
                    (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
                    (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))"#,
                compile: "(local $stdout i32) (local $left i32)
                    (local.set $stdout (call $stdout)) (local.set $left (i32.const 10000))
                    (loop (call $write (local.get $stdout) (i32.const 1088) (i32.const 4000) (i32.const 1200))
                      (br_if 0 (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))",
                ..Guest::default()
            }
            .run_with(tight)
        }),
        attack("a signature of 60 MB", "output", "output cap: output", || {
            let signature = "(drop (memory.grow (i32.const 950)))
                (i32.store (i32.const 2116) (i32.const 0)) (i32.store (i32.const 2120) (i32.const 60000000))";
            let guest = Guest { world: "modular-compiler", signature, ..Guest::default() };
            support::run(&guest.load(), Task::Signature, tight)
        }),
        attack("a name of 100 MB in describe", "1 MiB for describe", "output cap: output", describing(
            "(drop (memory.grow (i32.const 1600)))
             (i32.store (i32.const 1024) (i32.const 65536)) (i32.store (i32.const 1028) (i32.const 100000000))",
        )),
        attack("one text of a MiB, a thousand times, in describe", "1 MiB for describe", "output cap: output", describing(
            "(local $at i32) (drop (memory.grow (i32.const 40)))
             (i32.store (i32.const 1040) (i32.const 4096)) (i32.store (i32.const 1044) (i32.const 1000))
             (local.set $at (i32.const 4096))
             (loop (i32.store (local.get $at) (i32.const 65536)) (i32.store offset=4 (local.get $at) (i32.const 1048576))
               (br_if 0 (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (i32.const 12096))))",
        )),
        attack("a list that is longer than memory, in describe", "bounds", "trap: ", describing(
            "(i32.store (i32.const 1040) (i32.const 4096)) (i32.store (i32.const 1044) (i32.const 0x0fffffff))",
        )),
    ]
}

//! Guests that break the contract, or trap in every way there is.

use prefab_model::Task;
use prefab_sandbox::Run;

use crate::attack::{Attack, attack, tight};
use crate::support::{self, Guest};

fn compiling(compile: &'static str) -> impl Fn() -> Run {
    move || Guest { compile, ..Guest::default() }.run_with(tight)
}

fn with(items: &'static str, compile: &'static str) -> impl Fn() -> Run {
    move || Guest { items, compile, ..Guest::default() }.run_with(tight)
}

fn trap(does: &'static str, ends: &'static str, compile: &'static str) -> Attack {
    attack(does, "trap", ends, compiling(compile))
}

pub(crate) fn attacks() -> Vec<Attack> {
    let exit = r#"(import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))"#;
    vec![
        trap("unreachable", "trap: wasm trap: wasm `unreachable`", "unreachable"),
        trap(
            "reading outside memory",
            "trap: wasm trap: out of bounds memory",
            "(drop (i32.load (i32.const -1)))",
        ),
        trap(
            "writing outside memory",
            "trap: wasm trap: out of bounds memory",
            "(i64.store offset=0xffffffff (i32.const -1) (i64.const 1))",
        ),
        trap(
            "filling outside memory",
            "trap: wasm trap: out of bounds memory",
            "(memory.fill (i32.const -9) (i32.const 0) (i32.const 100))",
        ),
        trap(
            "dividing by zero",
            "trap: wasm trap: integer divide by zero",
            "(drop (i32.div_s (i32.const 1) (i32.const 0)))",
        ),
        trap(
            "dividing out of range",
            "trap: wasm trap: integer overflow",
            "(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))",
        ),
        trap(
            "making an integer of what is no number",
            "trap: wasm trap: invalid conversion",
            "(drop (i32.trunc_f32_s (f32.const nan)))",
        ),
        attack(
            "calling an empty place in a table",
            "trap",
            "trap: wasm trap: uninitialized element",
            with("(table 1 funcref) (type $t (func))", "(call_indirect (type $t) (i32.const 0))"),
        ),
        attack(
            "calling a function as one of another type",
            "trap",
            "trap: wasm trap: indirect call type mismatch",
            with(
                "(table funcref (elem $other)) (type $t (func)) (func $other (param i64))",
                "(call_indirect (type $t) (i32.const 0))",
            ),
        ),
        attack(
            "calling outside a table",
            "trap",
            "trap: wasm trap: undefined element",
            with("(table 1 funcref) (type $t (func))", "(call_indirect (type $t) (i32.const 99))"),
        ),
        attack(
            "a trap in the start function",
            "trap",
            "trap: wasm trap: wasm `unreachable`",
            with("(func $start unreachable) (start $start)", ""),
        ),
        attack("ending the process", "the hermetic WASI", "trap: ", move || {
            Guest { imports: exit, compile: "(call $exit (i32.const 1))", ..Guest::default() }.run_with(tight)
        }),
        trap(
            "a handle that it never had",
            "trap: ",
            "(call $progress (i32.const 99) (i64.const 0) (i64.const 0))",
        ),
        trap(
            "a handle that it has dropped",
            "trap: ",
            "(call $drop_output (local.get $output)) (call $progress (local.get $output) (i64.const 0) (i64.const 0))",
        ),
        trap(
            "a handle of another kind",
            "trap: ",
            "(call $progress (local.get $module) (i64.const 0) (i64.const 0))",
        ),
        trap(
            "a text that begins beyond memory",
            "trap: ",
            "(call $emit_text (local.get $output) (i32.const -2) (i32.const 9) (i32.const 0) (i32.const 0))",
        ),
        trap(
            "bytes that end beyond memory",
            "trap: ",
            "(call $emit_text (local.get $output) (i32.const 1088) (i32.const 5) (i32.const 100) (i32.const -1))",
        ),
        trap(
            "a media type that is none",
            "trap: ",
            "(call $emit (local.get $output) (i32.const 1088) (i32.const 5) (i32.const 4000) (i32.const 5)
               (i32.const 0) (i32.const 0) (i32.const 1200))",
        ),
        trap(
            "a severity that there is not",
            "trap: ",
            "(i32.store (i32.const 3000) (local.get $output)) (i32.store8 (i32.const 3004) (i32.const 9))
             (call $report (i32.const 3000))",
        ),
        trap(
            "a result that is neither good nor bad",
            "trap: ",
            "(i32.store8 (i32.const 2048) (i32.const 9))",
        ),
        attack(
            "memory for the host's answer that is not there",
            "trap",
            "trap: ",
            with(
                r#"(data (i32.const 0) "a.ts")"#,
                "(global.set $top (i32.const 0x7ffffff0))
             (call $read_file (local.get $module) (i32.const 0) (i32.const 4) (i32.const 1300))",
            ),
        ),
        trap(
            "an answer where no answer fits",
            "trap: ",
            "(call $read_file (local.get $module) (i32.const 1088) (i32.const 5) (i32.const -4))",
        ),
        attack("a signature that is neither good nor bad", "trap", "trap: ", || {
            let signature = "(i32.store8 (i32.const 2112) (i32.const 9))";
            let guest = Guest { world: "modular-compiler", signature, ..Guest::default() };
            support::run(&guest.load(), Task::Signature, tight)
        }),
        attack(
            "another name and version in describe each time",
            "compilers go by digest",
            "compiled: 0 artifacts",
            || {
                let describe =
                    "(i32.store8 (i32.const 1088) (i32.add (i32.load8_u (i32.const 1088)) (i32.const 1)))";
                Guest { describe, ..Guest::default() }.run_with(tight)
            },
        ),
    ]
}

//! Guests that take memory, of their own or of the host's.

use std::fmt::Write as _;

use prefab_model::Task;
use prefab_sandbox::{Control, Run};

use crate::attack::{Attack, attack, tight};
use crate::support::{self, Guest, SANDBOX};

fn compiling(compile: &'static str) -> impl Fn() -> Run {
    move || Guest { compile, ..Guest::default() }.run_with(tight)
}

fn with(items: &'static str, compile: &'static str) -> impl Fn() -> Run {
    move || Guest { items, compile, ..Guest::default() }.run_with(tight)
}

pub(crate) fn attacks() -> Vec<Attack> {
    let stdout = r#"
        (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))"#;
    let random = r#"(import "wasi:random/random@0.2.0" "get-random-bytes" (func $random (param i64 i32)))"#;
    vec![
        attack(
            "growing page by page",
            "memory",
            "out of memory: memory",
            compiling("(loop (drop (memory.grow (i32.const 1))) (br 0))"),
        ),
        attack(
            "growing to 4 GiB in one step",
            "memory",
            "out of memory: memory",
            compiling("(drop (memory.grow (i32.const 65000)))"),
        ),
        attack(
            "growing beyond what an address can say",
            "fuel: 255 a page",
            "out of fuel",
            compiling("(drop (memory.grow (i32.const -1)))"),
        ),
        attack(
            "a memory that is large from the beginning",
            "memory",
            "out of memory: memory",
            with("(memory 60000)", ""),
        ),
        attack(
            "four memories, each below the limit",
            "memory, summed",
            "out of memory: memory",
            with("(memory 320) (memory 320) (memory 320) (memory 320)", ""),
        ),
        attack(
            "eighty memories",
            "64 memories",
            "trap: resource limit exceeded: memory count too high",
            || Guest { items: &"(memory 0)".repeat(80), ..Guest::default() }.run_with(tight),
        ),
        attack(
            "a table that grows by two million",
            "table-elements",
            "out of memory: table-elements",
            with("(table $t 0 funcref)", "(drop (table.grow $t (ref.null func) (i32.const 2000000)))"),
        ),
        attack(
            "a table that grows by all there is",
            "fuel: one an element",
            "out of fuel",
            with("(table $t 0 funcref)", "(drop (table.grow $t (ref.null func) (i32.const -1)))"),
        ),
        attack(
            "a table that is large from the beginning",
            "table-elements",
            "out of memory: table-elements",
            with("(table 2000000 funcref)", ""),
        ),
        attack(
            "ninety tables, each below the limit",
            "table-elements, summed",
            "out of memory: table-elements",
            || Guest { items: &"(table 60000 funcref)".repeat(90), ..Guest::default() }.run_with(tight),
        ),
        attack("data that lie outside memory", "trap", "trap: ", with(r#"(data (i32.const -8) "x")"#, "")),
        attack(
            "endless recursion",
            "stack",
            "trap: wasm trap: call stack exhausted",
            with("(func $deep (call $deep) (call $deep))", "(call $deep)"),
        ),
        attack(
            "endless recursion with large frames",
            "stack",
            "trap: wasm trap: call stack exhausted",
            || {
                let (mut load, mut sum) = (String::new(), String::new());
                for at in 0..200 {
                    let _ = write!(load, "(local.set {at} (i64.load (i32.const {})))", at * 8);
                    let _ = write!(sum, "(local.get {at}) i64.add ");
                }
                let items = format!(
                    "(func $deep (result i64) (local {}) {load} (call $deep) {sum})",
                    "i64 ".repeat(200)
                );
                Guest { items: &items, compile: "(drop (call $deep))", ..Guest::default() }.run_with(tight)
            },
        ),
        attack(
            "calling the host from every depth of the stack",
            "stack",
            "trap: wasm trap: call stack exhausted",
            with(
                "(func $deep (param i32) (call $progress (local.get 0) (i64.const 0) (i64.const 0))
               (call $deep (local.get 0)) (call $deep (local.get 0)))",
                "(call $deep (local.get $output))",
            ),
        ),
        attack("reading the same file for ever", "memory", "out of memory: memory", || {
            Guest {
                items: r#"(data (i32.const 0) "a.ts")"#,
                compile: "(loop (call $read_file (local.get $module) (i32.const 0) (i32.const 4) (i32.const 1300)) (br 0))",
                ..Guest::default()
            }
            .run_with(|limits| {
                tight(limits);
                limits.memory = prefab_model::Bytes(2 << 20);
            })
        }),
        attack("a dependency's signature of 100 MB", "memory", "out of memory: memory", || {
            let guest = Guest {
                imports: r#"(import "prefab:compiler/types@1.0.0" "[method]module.read-signature"
                    (func $read_signature (param i32 i32 i32 i32)))"#,
                items: r#"(data (i32.const 0) "dep")"#,
                compile: "(call $read_signature (local.get $module) (i32.const 0) (i32.const 3) (i32.const 1300))",
                ..Guest::default()
            };
            let compiler = guest.load();
            let mut inputs = support::inputs();
            inputs.signatures.insert("dep".to_owned(), vec![0; 100_000_000].into());
            let compilation = support::compilation(&compiler, Task::Compile, tight);
            SANDBOX.run(&compiler, &compilation, &inputs, &Control::default())
        }),
        attack(
            "streams without end",
            "the host's table",
            "trap: resource table has no free keys",
            move || {
                Guest { imports: stdout, compile: "(loop (drop (call $stdout)) (br 0))", ..Guest::default() }
                    .run_with(tight)
            },
        ),
        attack("handles without end, made without the host", "10,000 handles", "trap: ", || {
            Guest {
                world: "with-resource",
                imports: r#"(import "[export]test:guest/things" "[resource-new]thing" (func $new (param i32) (result i32)))"#,
                items: r#"(func (export "test:guest/things#[constructor]thing") (result i32) (call $new (i32.const 1)))"#,
                compile: "(loop (drop (call $new (i32.const 1))) (br 0))",
                ..Guest::default()
            }
            .run_with(tight)
        }),
        attack("a terabyte of random bytes", "the hermetic WASI", "trap: ", move || {
            let compile = "(call $random (i64.const 1099511627776) (i32.const 0))";
            Guest { imports: random, compile, ..Guest::default() }.run_with(tight)
        }),
        attack(
            "looking for what another guest has left in memory",
            "memory that is zeroed",
            "compiled: 0 artifacts",
            || {
                let leave = "(drop (memory.grow (i32.const 500)))
                (memory.fill (i32.const 65536) (i32.const 90) (i32.const 30000000))";
                Guest { compile: leave, ..Guest::default() }.run_with(tight);
                let find = "(local $at i32) (drop (memory.grow (i32.const 500))) (local.set $at (i32.const 65536))
                (loop (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then unreachable))
                  (br_if 0 (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (i32.const 30000000))))";
                Guest { compile: find, ..Guest::default() }.run_with(tight)
            },
        ),
    ]
}

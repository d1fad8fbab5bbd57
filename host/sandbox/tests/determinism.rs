//! The same compilation gives the same bytes and takes the same fuel, whenever and wherever it runs.

mod support;

use std::thread;

use prefab_model::{CompilationKey, Fuel, OutcomeKind, Task};
use prefab_sandbox::{Control, Run, Success};
use support::{Guest, SANDBOX, compilation, inputs};

/// Emits what a guest can learn of its world besides the module: random bytes, the seed of hash maps, both clocks. Then
/// it works for a time that depends on them.
const CURIOUS: Guest<'static> = Guest {
    world: "compiler",
    imports: r#"
        (import "wasi:random/random@0.2.0" "get-random-bytes" (func $random (param i64 i32)))
        (import "wasi:random/insecure-seed@0.2.0" "insecure-seed" (func $seed (param i32)))
        (import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $monotonic (result i64)))
        (import "wasi:clocks/wall-clock@0.2.0" "now" (func $wall (param i32)))"#,
    items: "",
    describe: "",
    compile: "(local $left i32)
        (call $random (i64.const 16) (i32.const 4000))
        (memory.copy (i32.const 4008) (i32.load (i32.const 4000)) (i32.const 16))
        (call $seed (i32.const 4024))
        (i64.store (i32.const 4040) (call $monotonic))
        (call $wall (i32.const 4048))
        (local.set $left (i32.or (i32.const 1) (i32.load16_u (i32.const 4024))))
        (loop (br_if 0 (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
        (call $emit_text (local.get $output) (i32.const 1088) (i32.const 5) (i32.const 4008) (i32.const 56))",
    signature: "",
};

fn bytes(run: &Run) -> &[u8] {
    match &run.kind {
        OutcomeKind::Compiled(Success::Artifacts(artifacts)) => &artifacts[0].bytes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_same_compilation_gives_the_same_bytes_and_fuel() {
    let compiler = CURIOUS.load();
    let run = || support::run(&compiler, Task::Compile, |_| {});
    let first = run();
    let others = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| [run(), run(), run()])).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    for other in others {
        assert_eq!((other.kind, other.usage.fuel), (first.kind.clone(), first.usage.fuel));
    }
    assert_eq!(bytes(&first)[32..44], [0, 0x10, 0xa5, 0xd4, 0xe8, 0, 0, 0, 0x00, 0xa6, 0xce, 0x12]);
}

#[test]
fn another_key_gives_other_random_bytes() {
    let compiler = CURIOUS.load();
    let mut other = compilation(&compiler, Task::Compile, |_| {});
    other.key = CompilationKey::of(b"another");
    let one = support::run(&compiler, Task::Compile, |_| {});
    let two = SANDBOX.run(&compiler, &other, &inputs(), &Control::default());
    assert_ne!(bytes(&one)[..16], bytes(&two)[..16]);
    assert_ne!(bytes(&one)[16..32], bytes(&two)[16..32]);
    assert_eq!(bytes(&one)[32..], bytes(&two)[32..]);
}

#[test]
fn looking_where_the_fuel_goes_changes_nothing_of_what_comes_of_it() {
    const STEP: u64 = 1_000;
    let compiler = Guest {
        items: "(func $busy (local $left i32)
            (local.set $left (i32.const 100000))
            (loop (br_if 0 (local.tee $left (i32.sub (local.get $left) (i32.const 1))))))",
        compile: "(call $busy)
            (call $emit_text (local.get $output) (i32.const 1088) (i32.const 5) (i32.const 1104) (i32.const 5))",
        ..Guest::default()
    }
    .load();
    let profile = |fuel| {
        let compilation = compilation(&compiler, Task::Compile, |limits| limits.fuel = fuel);
        SANDBOX.profile(&compiler, &compilation, &inputs(), &Control::default(), Fuel(STEP)).unwrap()
    };
    let plain = support::run(&compiler, Task::Compile, |_| {});
    let seen = profile(prefab_model::Limits::default().fuel);
    assert_eq!((&seen.run.kind, seen.run.usage.fuel), (&plain.kind, plain.usage.fuel));
    // A look comes where the guest looks at its fuel, a little after the step: so there are a few less than steps.
    let looks: u64 = seen.stacks.values().sum();
    let used = plain.usage.fuel.unwrap().0;
    let steps = used / STEP;
    assert!(looks <= steps && looks >= steps * 9 / 10, "{looks} looks at {used} units");
    let busy = |stack: &[std::sync::Arc<str>]| stack.last().is_some_and(|name| &**name == "busy");
    let in_loop: u64 = seen.stacks.iter().filter(|(stack, _)| busy(stack)).map(|(_, looks)| looks).sum();
    assert!(looks - in_loop <= 2, "{:?}", seen.stacks);
    assert_eq!(seen.stacks, profile(Fuel(2 * used)).stacks);
    // The limits hold as ever.
    assert_eq!(profile(Fuel(used / 2)).run.kind, OutcomeKind::OutOfFuel);
}

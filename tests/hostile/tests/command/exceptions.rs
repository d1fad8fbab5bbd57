//! Programs that throw: the exceptions of WebAssembly, as C++ has them.

use prefab_model::{Bytes, CodegenWish, Command, CompilerDigest, Limit, OutcomeKind, Recipe};
use prefab_sandbox::{LoadError, Run};

use crate::scene::{Place, with_args};

/// A module for WASI 0.1 that does this when it is started; `$exit` ends it with a status.
fn module(body: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(module
          (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (memory (export "memory") 1)
          (tag $error (param i32))
          (func $thrower (param i32) (throw $error (local.get 0)))
          (func $caught (param i32) (result i32)
            (block $handler (result i32)
              (try_table (catch $error $handler) (call $thrower (local.get 0)))
              (i32.const 99)))
          (func (export "_start") {body}))"#
    ))
    .unwrap()
}

fn run(body: &str, place: Place, memory: Bytes) -> Run {
    let bytes = module(body);
    let command: Command = serde_json::from_str("{\"args\":[],\"success\":[0]}").unwrap();
    let recipe = Recipe { component: CompilerDigest::of(&bytes), command };
    let compiler = place.sandbox().load_command(recipe, &bytes, Vec::new(), &CodegenWish::default()).unwrap();
    let mut scene = with_args("[]");
    scene.place = place;
    scene.limits.memory = memory;
    scene.run_with(&compiler)
}

const ENOUGH: Bytes = Bytes(64 << 20);

#[test]
fn an_exception_is_caught_where_it_should_be() {
    // The handler gets what was thrown: only then is the status 0.
    let catching = "(call $exit (i32.sub (call $caught (i32.const 42)) (i32.const 42)))";
    for place in [Place::Here, Place::Worker] {
        let caught = run(catching, place, ENOUGH);
        assert!(caught.kind.is_compiled(), "{:?} {}", caught.kind, caught.log);
        assert_eq!(caught.usage.fuel, run(catching, Place::Here, ENOUGH).usage.fuel);
    }
}

#[test]
fn one_that_nobody_catches_is_a_trap() {
    for place in [Place::Here, Place::Worker] {
        let kind = run("(call $thrower (i32.const 1))", place, ENOUGH).kind;
        assert!(matches!(&kind, OutcomeKind::Trapped(_)), "{kind:?}");
    }
}

#[test]
fn exceptions_without_end_count_as_memory() {
    let throwing = "(loop $again (drop (call $caught (i32.const 1))) (br $again))";
    for place in [Place::Here, Place::Worker] {
        let run = run(throwing, place, Bytes(8 << 20));
        assert!(matches!(run.kind, OutcomeKind::OutOfMemory(Limit::Memory)), "{:?}", run.kind);
        assert!(run.usage.peak_memory.0 <= 8 << 20);
    }
}

#[test]
fn a_compiler_of_the_contract_may_not_throw() {
    let component = wat::parse_str("(component (core module (tag)))").unwrap();
    let error = Place::Here.sandbox().load(&component).err().unwrap();
    assert!(matches!(&error, LoadError::Invalid(text) if text.contains("exceptions")), "{error}");
}

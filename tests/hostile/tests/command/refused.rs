//! What is said of bytes that are no command-line program, and of files that are not those of the recipe.

use std::sync::Arc;

use prefab_model::{CodegenWish, Command, CompilerDigest, OutcomeKind, Recipe};
use prefab_sandbox::Compiler;

use crate::scene::{HERE, Scene, program, with_args};

fn load(bytes: &[u8]) -> Result<Compiler, String> {
    let command: Command = serde_json::from_str("{\"args\":[]}").unwrap();
    let recipe = Recipe { component: CompilerDigest::of(bytes), command };
    HERE.load_command(recipe, bytes, Vec::new(), &CodegenWish::default()).map_err(|error| error.to_string())
}

/// A component that exports `run`, whose core function does this with what it imports.
fn component(run: &str, import: &str, body: &str) -> Vec<u8> {
    let text = format!(
        r#"(component {import}
            (component $c (import "go" (func $go))
              (core func $go (canon lower (func $go)))
              (core module $m (import "" "go" (func $go)) (func (export "run") (result i32) {body} i32.const 0))
              (core instance $i (instantiate $m (with "" (instance (export "go" (func $go))))))
              (func $run (result (result)) (canon lift (core func $i "run"))) (export "run" (func $run)))
            (instance $run (instantiate $c (with "go" (func $f))))
            (export "{run}" (instance $run)))"#
    );
    wat::parse_str(text).unwrap()
}

fn importing(interface: &str) -> String {
    format!(r#"(import "{interface}" (instance $n (export "go" (func)))) (alias export $n "go" (func $f))"#)
}

#[test]
fn what_is_no_program_is_told_apart() {
    let cases: [(&str, Vec<u8>, &str); 7] = [
        (
            "a module without WASI",
            wat::parse_str("(module (import \"env\" \"f\" (func)))").unwrap(),
            "as can of a program for WASI 0.1",
        ),
        ("noise", b"\x7fELF".to_vec(), "does not begin like WebAssembly"),
        ("no run", wat::parse_str("(component)").unwrap(), "does not export wasi:cli/run"),
        (
            "WASI 0.3",
            component("wasi:cli/run@0.3.0", &importing("wasi:sockets/tcp@0.2.0"), ""),
            "exports wasi:cli/run@0.3.0, but this prefab runs",
        ),
        (
            "an interface of 0.3",
            component("wasi:cli/run@0.2.0", &importing("wasi:cli/stdout@0.3.0"), ""),
            "imports wasi:cli/stdout@0.3.0, but this prefab has WASI 0.2",
        ),
        (
            "a foreign one",
            component("wasi:cli/run@0.2.0", &importing("acme:secrets/all"), ""),
            "imports acme:secrets/all, which",
        ),
        (
            "the contract",
            component("wasi:cli/run@0.2.0", &importing("prefab:compiler/types@1.0.0"), ""),
            "leave out `kind = \"command\"`",
        ),
    ];
    for (what, bytes, told) in cases {
        match load(&bytes) {
            Err(error) => assert!(error.contains(told), "{what}: {error}"),
            Ok(_) => panic!("{what} was taken"),
        }
    }
}

#[test]
fn a_program_with_the_network_compiled_in_runs_until_it_uses_it() {
    let run = |body: &str| {
        let bytes = component("wasi:cli/run@0.2.0", &importing("wasi:sockets/tcp@0.2.0"), body);
        let compiler = load(&bytes).unwrap();
        with_args("[]").run_with(&compiler)
    };
    assert!(run("").kind.is_compiled());
    let used = run("(call $go)").kind;
    assert!(
        matches!(&used, OutcomeKind::Trapped(text) if text.contains("wasi:sockets/tcp@0.2.0")),
        "{used:?}"
    );
}

#[test]
fn files_that_are_not_those_of_the_recipe_are_refused() {
    let scene = Scene {
        command: r#"{"args":[],"mount":[{"path":"a.h","digest":"blake3:0000000000000000000000000000000000000000000000000000000000000000"}]}"#.to_owned(),
        mounts: vec!["header"],
        ..with_args("[]")
    };
    let recipe = scene.recipe();
    let load = |recipe: Recipe, mounts: Vec<Arc<[u8]>>| {
        let bytes = program(scene.wasi);
        HERE.load_command(recipe, &bytes, mounts, &CodegenWish::default())
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let header = || Arc::from(&b"header"[..]);
    load(recipe.clone(), vec![header()]).unwrap();
    let error = load(recipe.clone(), vec![Arc::from(&b"other"[..])]).unwrap_err();
    assert!(error.contains("a.h") && error.contains("not the one that is meant"), "{error}");
    assert!(load(recipe.clone(), vec![]).is_err());
    let other = Recipe { component: CompilerDigest::of(b"other"), ..recipe };
    assert!(load(other, vec![header()]).unwrap_err().contains("not the one that the recipe means"));
}

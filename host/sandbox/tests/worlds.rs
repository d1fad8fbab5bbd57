//! What is said of bytes that are not a compiler. The texts are for the author of the component.

mod support;

use support::{COMPOSED, COPY, Guest, SANDBOX, component};

fn refusal(bytes: &[u8]) -> String {
    match SANDBOX.load(bytes) {
        Ok(_) => panic!("it was taken"),
        Err(error) => error.to_string(),
    }
}

fn text(component: &str) -> Vec<u8> {
    wat::parse_str(component).unwrap()
}

#[test]
fn bytes_that_are_no_component_are_told_apart() {
    let good = COPY.component();
    let cases: [(&str, Vec<u8>); 8] = [
        ("empty", vec![]),
        ("noise", b"\x7fELF\x02 and so on".to_vec()),
        ("text", b"  (component)".to_vec()),
        ("core module", text("(module)")),
        ("first bytes", good[..6].to_vec()),
        ("truncated", good[..good.len() / 2].to_vec()),
        ("unknown version", b"\0asm\x0e\0\x01\0".to_vec()),
        ("native image", native_image()),
    ];
    insta::assert_snapshot!(cases.map(|(name, bytes)| format!("{name}: {}", refusal(&bytes))).join("\n"));
}

/// A native image as wasmtime writes it.
fn native_image() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = prefab_sandbox::Sandbox::new(Some(folder.path())).unwrap();
    sandbox.load(&COPY.component()).unwrap();
    let image = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let image =
        image.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "image")).unwrap();
    std::fs::read(image).unwrap().split_off(32)
}

#[test]
fn a_component_cut_off_anywhere_is_refused() {
    let good = COPY.component();
    for length in (0..good.len()).step_by(7) {
        assert!(SANDBOX.load(&good[..length]).is_err(), "{length}");
    }
}

/// A component that imports a function from each of these interfaces, and uses it: wasmtime looks at no others.
fn importing(interfaces: &[&str]) -> String {
    let import = |(n, interface): (usize, &&str)| {
        format!(
            r#"(import "{interface}" (instance $i{n} (export "now" (func (result u32)))))
               (alias export $i{n} "now" (func $f{n})) (core func $c{n} (canon lower (func $f{n})))
               (core module $m{n} (import "" "now" (func (result i32))))
               (core instance (instantiate $m{n} (with "" (instance (export "now" (func $c{n}))))))"#
        )
    };
    format!("(component {})", interfaces.iter().enumerate().map(import).collect::<String>())
}

#[test]
fn components_of_other_worlds_are_told_what_is_missing_or_foreign() {
    let cases: [(&str, &str); 10] = [
        ("nothing", "(component)"),
        ("sockets", &importing(&["wasi:sockets/tcp@0.2.0"])),
        ("two foreign", &importing(&["acme:secrets/all", "wasi:http/types@0.2.0"])),
        ("next contract", &importing(&["prefab:compiler/types@2.0.0"])),
        ("next WASI", &importing(&["wasi:cli/stdout@0.3.0"])),
        ("later contract", &importing(&["prefab:compiler/types@1.2.0"])),
        ("contract without a version", &importing(&["prefab:compiler/types"])),
        ("another package", &importing(&["acme:compiler/types@1.0.0"])),
        (
            "command",
            r#"(component (component $c (core module $m (func (export "run") (result i32) i32.const 0))
                (core instance $i (instantiate $m))
                (func $run (result (result)) (canon lift (core func $i "run"))) (export "run" (func $run)))
                (instance $run (instantiate $c)) (export "wasi:cli/run@0.2.0" (instance $run)))"#,
        ),
        (
            "wrong types",
            r#"(component (core module $m (func (export "f") (param i32) (result i32) i32.const 0))
                (core instance $i (instantiate $m))
                (func $f (param "module" u32) (result u32) (canon lift (core func $i "f")))
                (export "compile" (func $f)) (export "describe" (func $f)))"#,
        ),
    ];
    insta::assert_snapshot!(
        cases.map(|(name, world)| format!("{name}:\n{}", refusal(&text(world)))).join("\n\n")
    );
}

#[test]
fn the_contracts_own_types_are_not_told_as_foreign_beside_what_is() {
    let foreign = Guest {
        world: "with-foreign",
        imports: r#"(import "test:guest/secrets" "tell" (func $tell (result i32)))"#,
        compile: "(drop (call $tell))",
        ..Guest::default()
    };
    let told = refusal(&foreign.component());
    let expected = "the component is not a compiler that this host can run:\nit imports test:guest/secrets, which a compiler cannot have";
    assert_eq!(told, expected);
}

#[test]
fn a_function_that_would_take_minutes_to_compile_is_refused_at_once() {
    let block = "(if (local.get 0) (then (local.set 1 (local.get 2))))".repeat(20_000);
    let items = format!("(func $costly (local {}) {block})", "i32 ".repeat(20_000));
    let costly = Guest { items: &items, compile: "(call $costly)", ..Guest::default() };
    let told = refusal(&costly.component());
    assert!(told.contains("too long to compile"), "{told}");
}

#[test]
fn a_composed_component_with_a_string_call_between_its_parts_is_compiled() {
    // With `wasm_multi_memory(false)`, this makes wasmtime panic (ATTACKS C14).
    let told = refusal(&text(COMPOSED));
    assert!(told.contains("does not export the function `compile`"), "{told}");
}

#[test]
fn a_modular_compiler_needs_the_right_signature() {
    let core = r#"(module (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 0)
        (func (export "describe") (result i32) i32.const 0)
        (func (export "signature") (param i32) (result i32) i32.const 0)
        (func (export "compile") (param i32 i32) (result i32) i32.const 0))"#;
    assert!(SANDBOX.load(&component(core, "modular-compiler")).unwrap().is_modular());
}

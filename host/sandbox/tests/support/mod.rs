//! Small guests, written as core WebAssembly and wrapped into components, and what is needed to run them.

#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::error::Error;
use std::sync::{Arc, LazyLock};

use prefab_model::{
    Compilation, CompilerName, ContractVersion, Dependency, Limits, ModuleFacts, ModulePath, Options,
    SourceDigest, Task,
};
use prefab_sandbox::{
    Codegen, Compiler, Control, Inputs, Isolation, Run, Sandbox, SandboxOptions, SourceFile,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{PackageId, Resolve, WorldId};

/// Two components, one of which calls the other with a text.
pub(crate) const COMPOSED: &str = r#"(component
  (component $a
    (core module $m (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 0)
      (func (export "take") (param i32 i32)))
    (core instance $i (instantiate $m))
    (func $take (param "text" string) (canon lift (core func $i "take")
      (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
    (export "take" (func $take)))
  (component $b
    (import "take" (func $take (param "text" string)))
    (core module $l (memory (export "memory") 1))
    (core instance $l (instantiate $l))
    (core func $take (canon lower (func $take) (memory (core memory $l "memory"))))
    (core module $m (import "" "take" (func $take (param i32 i32)))
      (func (export "go") (call $take (i32.const 0) (i32.const 1))))
    (core instance $i (instantiate $m (with "" (instance (export "take" (func $take))))))
    (func (export "go") (canon lift (core func $i "go"))))
  (instance $a (instantiate $a))
  (instance $b (instantiate $b (with "take" (func $a "take"))))
  (export "go" (func $b "go")))"#;

/// The parts of WASI that guests use here; only what a guest really imports ends up in its component.
const WASI: &str = "
package test:guest;

world wasi {
  import wasi:cli/stdout@0.2.0;
  import wasi:cli/exit@0.2.0;
  import wasi:clocks/monotonic-clock@0.2.0;
  import wasi:clocks/wall-clock@0.2.0;
  import wasi:random/random@0.2.0;
  import wasi:random/insecure-seed@0.2.0;
}

world compiler-1-1 { include prefab:compiler/compiler@1.1.0; include wasi; }
world compiler { include prefab:compiler/compiler@1.0.0; include wasi; }
world modular-compiler { include prefab:compiler/modular-compiler@1.0.0; include wasi; }
world with-foreign { include prefab:compiler/compiler@1.0.0; import secrets; }
world with-resource { include prefab:compiler/compiler@1.0.0; export things; }

interface secrets { tell: func() -> u32; }
interface things { resource thing { constructor(); } }

package wasi:io@0.2.0 {
  interface error { resource error; }
  interface poll { resource pollable { block: func(); } }
  interface streams {
    use error.{error};
    variant stream-error { last-operation-failed(error), closed }
    resource output-stream { blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>; }
  }
}
package wasi:cli@0.2.0 {
  interface stdout { use wasi:io/streams@0.2.0.{output-stream}; get-stdout: func() -> output-stream; }
  interface exit { exit: func(status: result); }
}
package wasi:clocks@0.2.0 {
  interface monotonic-clock {
    use wasi:io/poll@0.2.0.{pollable};
    now: func() -> u64;
    subscribe-duration: func(when: u64) -> pollable;
  }
  interface wall-clock {
    record datetime { seconds: u64, nanoseconds: u32 }
    now: func() -> datetime;
  }
}
package wasi:random@0.2.0 {
  interface random { get-random-bytes: func(len: u64) -> list<u8>; }
  interface insecure-seed { insecure-seed: func() -> tuple<u64, u64>; }
}
";

/// A guest in parts. Memory: a guest's own data below 1 KiB, from 1 KiB on what is here, from 32 KiB on what the host
/// allocates. `$module` and `$output` are the handles in `compile`.
pub(crate) struct Guest<'a> {
    /// The world it is made for.
    pub(crate) world: &'a str,
    /// Imports besides `$emit`, `$report`, `$progress`, `$read_file` and those that drop the handles.
    pub(crate) imports: &'a str,
    /// Anything else of a module: functions, data, memories.
    pub(crate) items: &'a str,
    /// The body of `describe`.
    pub(crate) describe: &'a str,
    /// The body of `compile`. What it leaves at 2,048 is its result; zeroes are `ok`.
    pub(crate) compile: &'a str,
    /// The body of `signature`. What it leaves at 2,112 is its result: a byte 0 or 1, then at 2,116 a pointer and a length, or a
    /// failure.
    pub(crate) signature: &'a str,
}

impl Default for Guest<'_> {
    fn default() -> Self {
        Self { world: "compiler", imports: "", items: "", describe: "", compile: "", signature: "" }
    }
}

impl Guest<'_> {
    /// The text of its core module.
    pub(crate) fn text(&self) -> String {
        let signature = match self.world {
            "modular-compiler" => format!(
                "(func (export \"signature\") (param $module i32) (result i32) {}
                    (call $drop_module (local.get $module)) i32.const 2112)",
                self.signature
            ),
            _ => String::new(),
        };
        let contract = match self.world {
            "compiler-1-1" => "prefab:compiler/types@1.1.0",
            _ => "prefab:compiler/types@1.0.0",
        };
        format!(
            r#"(module $guest
              (import "{contract}" "[method]output.emit" (func $emit (param i32 i32 i32 i32 i32 i32 i32 i32)))
              (import "{contract}" "[method]output.report" (func $report (param i32)))
              (import "{contract}" "[method]output.progress" (func $progress (param i32 i64 i64)))
              (import "{contract}" "[method]module.read-file" (func $read_file (param i32 i32 i32 i32)))
              (import "{contract}" "[resource-drop]module" (func $drop_module (param i32)))
              (import "{contract}" "[resource-drop]output" (func $drop_output (param i32)))
              {imports}
              (memory (export "memory") 1)
              (global $top (mut i32) (i32.const 32768))
              (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $top) (i32.const 15)) (i32.const -16)))
                (global.set $top (i32.add (local.get $at) (local.get 3)))
                (if (i32.gt_u (global.get $top) (i32.shl (memory.size) (i32.const 16)))
                  (then (drop (memory.grow
                    (i32.add (i32.const 1) (i32.shr_u (local.get 3) (i32.const 16)))))))
                (local.get $at))
              ;; the descriptor: name, version, no languages, no options
              (data (i32.const 1024) "\40\04\00\00\05\00\00\00\50\04\00\00\05\00\00\00")
              (data (i32.const 1088) "guest")
              (data (i32.const 1104) "1.0.0")
              (data (i32.const 1120) "text/plain")
              (func $emit_text (param $output i32) (param $path i32) (param $path_len i32) (param $at i32) (param $len i32)
                (call $emit (local.get $output) (local.get $path) (local.get $path_len) (i32.const 1120) (i32.const 10)
                  (local.get $at) (local.get $len) (i32.const 1200)))
              {items}
              (func (export "describe") (result i32) {describe} i32.const 1024)
              (func (export "compile") (param $module i32) (param $output i32) (result i32) {compile}
                (call $drop_module (local.get $module)) (call $drop_output (local.get $output)) i32.const 2048)
              {signature})"#,
            imports = self.imports,
            items = self.items,
            describe = self.describe,
            compile = self.compile,
        )
    }

    /// The bytes of its component.
    pub(crate) fn component(&self) -> Vec<u8> {
        component(&self.text(), self.world)
    }

    /// Loaded in the sandbox that the tests of this process share.
    pub(crate) fn load(&self) -> Compiler {
        SANDBOX.load(&self.component()).unwrap()
    }

    /// Run with default limits.
    pub(crate) fn run(&self) -> Run {
        self.run_with(|_| {})
    }

    /// Run with some limits changed.
    pub(crate) fn run_with(&self, change: impl FnOnce(&mut Limits)) -> Run {
        run(&self.load(), Task::Compile, change)
    }
}

/// A component of a world of the package above from the text of a core module.
pub(crate) fn component(core: &str, world: &str) -> Vec<u8> {
    encoded(wat::parse_str(core).unwrap(), world).unwrap()
}

/// The same from the bytes of a core module.
///
/// # Errors
/// What keeps it from being one for this world.
pub(crate) fn encoded(mut module: Vec<u8>, world: &str) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let (resolve, world) = self::world(world);
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8)?;
    Ok(ComponentEncoder::default().module(&module)?.encode()?)
}

/// A world of the package above.
pub(crate) fn world(name: &str) -> (&'static Resolve, WorldId) {
    static PACKAGES: LazyLock<(Resolve, PackageId)> = LazyLock::new(|| {
        let mut resolve = Resolve::default();
        resolve.push_dir("../../wit/prefab-compiler").unwrap();
        resolve.push_dir("../../wit/prefab-compiler-1.1").unwrap();
        let package = resolve.push_str("guest.wit", WASI).unwrap();
        (resolve, package)
    });
    let (resolve, package) = &*PACKAGES;
    (resolve, resolve.select_world(&[*package], Some(name)).unwrap())
}

/// The variable of the environment that lets guests run in workers, which are this program.
pub(crate) const WORKER: &str = "PREFAB_TEST_WORKER";

pub(crate) static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| {
    let program = std::env::var_os(WORKER);
    let isolation =
        program.map_or(Isolation::InProcess, |program| Isolation::Process { program: program.into() });
    Sandbox::open(SandboxOptions { cache: None, lent: None, codegen: Codegen::InProcess, isolation }).unwrap()
});

/// A compilation of the module `m`, which depends on `dep` and `gone`.
pub(crate) fn compilation(compiler: &Compiler, task: Task, change: impl FnOnce(&mut Limits)) -> Compilation {
    let mut limits = Limits::default();
    change(&mut limits);
    let dependency = |name: &str| Dependency { name: name.into(), module: None, signature: None };
    Compilation::new(
        task,
        "guest".parse::<CompilerName>().unwrap(),
        compiler.digest(),
        ContractVersion::V1,
        ModuleFacts {
            name: "m".parse().unwrap(),
            version: None,
            entry_points: vec![],
            dependencies: vec![dependency("dep"), dependency("gone")],
        },
        SourceDigest::of(b"source"),
        Options::new(),
        limits,
        SANDBOX.revision(),
    )
}

/// The files of the module `m`, out of order, and the signature of `dep`.
pub(crate) fn inputs() -> Inputs {
    let file = |path: &str, text: &str| SourceFile {
        path: path.parse::<ModulePath>().unwrap(),
        bytes: Arc::from(text.as_bytes()),
    };
    Inputs {
        files: vec![file("b.ts", "let b"), file("a.ts", "let a")],
        signatures: [("dep".to_owned(), Arc::from(&b"signature of dep"[..]))].into(),
    }
}

/// Runs a compilation of `m`.
pub(crate) fn run(compiler: &Compiler, task: Task, change: impl FnOnce(&mut Limits)) -> Run {
    SANDBOX.run(compiler, &compilation(compiler, task, change), &inputs(), &Control::default())
}

/// A guest that emits `a.ts` as it is, under its own name.
pub(crate) const COPY: Guest<'static> = Guest {
    world: "compiler",
    imports: "",
    items: r#"(data (i32.const 0) "a.ts")"#,
    describe: "",
    compile: "(call $read_file (local.get $module) (i32.const 0) (i32.const 4) (i32.const 1300))
      (call $emit_text (local.get $output) (i32.const 0) (i32.const 4)
        (i32.load (i32.const 1304)) (i32.load (i32.const 1308)))",
    signature: "",
};

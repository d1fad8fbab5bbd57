//! The compilers as ordinary native libraries: the same logic on the same sources, without a sandbox.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Result, bail};
use prefab_sandbox::Inputs;
use prefab_sass::Sass;
use prefab_sdk::{
    Compiler, Dependency, Diagnostic, EmitError, EntryPoint, Failure, ModularCompiler, Module, Output,
    ReadError, SourceFile,
};
use prefab_typescript::TypeScript;

use crate::measure::{Timer, Work};
use crate::scene::{Order, Scene, Unit};

/// Stack for threads that compile. Sources may be nested more deeply than the stack of a main thread bears.
const STACK: usize = 64 << 20;

/// Runs `work` on a thread with stack enough for a compiler.
pub(crate) fn on_large_stack<R: Send>(work: impl FnOnce() -> R + Send) -> Result<R> {
    std::thread::scope(|scope| {
        match std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work)?.join() {
            Ok(result) => Ok(result),
            Err(_) => bail!("the measuring thread panicked"),
        }
    })
}

/// Both passes over the whole scene.
pub(crate) fn both_passes(scene: &mut Scene, timer: &mut Timer) -> Work {
    let mut work = Work::default();
    let signatures = timer.time(|| scene.units().map(|unit| signature(unit, &mut work)).collect());
    scene.hand_out(signatures);
    timer.time(|| scene.units().for_each(|unit| compile(unit, &mut work)));
    work
}

/// The first pass, for one module and compiler.
pub(crate) fn signature(unit: &Unit, work: &mut Work) -> Option<Vec<u8>> {
    let shown = Shown::new(unit);
    let made = catch_unwind(AssertUnwindSafe(|| match unit.order.compiler.as_str() {
        "sass" => Sass::signature(&shown),
        _ => TypeScript::signature(&shown),
    }));
    let made = made.ok().and_then(Result::ok);
    work.compilations += 1;
    work.succeeded += u64::from(made.is_some());
    made
}

/// The second pass, for one module and compiler.
pub(crate) fn compile(unit: &Unit, work: &mut Work) {
    let shown = Shown::new(unit);
    let kept = Kept::default();
    let ended = catch_unwind(AssertUnwindSafe(|| match unit.order.compiler.as_str() {
        "sass" => Sass::compile(&shown, &kept),
        _ => TypeScript::compile(&shown, &kept),
    }));
    work.compilations += 1;
    if ended.is_ok_and(|ended: Result<(), Failure>| ended.is_ok()) && !kept.has_error() {
        let artifacts = kept.artifacts.into_inner();
        work.succeeded += 1;
        work.artifacts += artifacts.len() as u64;
        work.artifact_bytes += artifacts.values().map(|bytes| bytes.len() as u64).sum::<u64>();
    }
}

/// A module as a compiler sees it, over the same bytes that a sandbox is given.
struct Shown<'a> {
    order: &'a Order,
    inputs: &'a Inputs,
}

impl<'a> Shown<'a> {
    fn new(unit: &'a Unit) -> Self {
        Self { order: &unit.order, inputs: &unit.inputs }
    }
}

impl Module for Shown<'_> {
    fn name(&self) -> String {
        self.order.module.name.to_string()
    }

    fn version(&self) -> Option<String> {
        self.order.module.version.clone()
    }

    fn options(&self) -> Vec<(String, String)> {
        self.order.options.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn list_files(&self) -> Vec<SourceFile> {
        let file = |file: &prefab_sandbox::SourceFile| SourceFile {
            path: file.path.to_string(),
            size: file.bytes.len() as u64,
        };
        self.inputs.files.iter().map(file).collect()
    }

    fn read_file(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        let at = self.inputs.files.binary_search_by(|file| file.path.as_str().cmp(path));
        at.map(|at| self.inputs.files[at].bytes.to_vec()).map_err(|_| ReadError::NotFound)
    }

    fn entry_points(&self) -> Vec<EntryPoint> {
        let entries = self.order.module.entry_points.iter();
        entries.map(|entry| EntryPoint { name: entry.name.clone(), path: entry.path.to_string() }).collect()
    }

    fn dependencies(&self) -> Vec<Dependency> {
        let dependency = |it: &prefab_model::Dependency| Dependency {
            name: it.name.clone(),
            module: it.module.as_ref().map(ToString::to_string),
        };
        self.order.module.dependencies.iter().map(dependency).collect()
    }

    fn read_signature(&self, dependency: &str) -> Result<Option<Vec<u8>>, ReadError> {
        if !self.order.module.dependencies.iter().any(|it| it.name == dependency) {
            return Err(ReadError::NotFound);
        }
        Ok(self.inputs.signatures.get(dependency).map(|bytes| bytes.to_vec()))
    }
}

/// Keeps what a compiler hands over, as the sandbox's host does.
#[derive(Default)]
struct Kept {
    artifacts: RefCell<HashMap<String, Vec<u8>>>,
    diagnostics: RefCell<Vec<Diagnostic>>,
}

impl Kept {
    fn has_error(&self) -> bool {
        self.diagnostics.borrow().iter().any(|diagnostic| diagnostic.severity == prefab_sdk::Severity::Error)
    }
}

impl Output for Kept {
    fn emit(&self, path: &str, _media_type: &str, bytes: &[u8]) -> Result<(), EmitError> {
        match self.artifacts.borrow_mut().entry(path.to_owned()) {
            Entry::Occupied(_) => Err(EmitError::DuplicatePath(path.to_owned())),
            Entry::Vacant(free) => {
                free.insert(bytes.to_vec());
                Ok(())
            }
        }
    }

    fn report(&self, diagnostic: Diagnostic) {
        self.diagnostics.borrow_mut().push(diagnostic);
    }

    fn progress(&self, _done: u64, _total: u64) {}
}

//! Loading a compiler: from bytes that may be anything to something that can be run.
//!
//! No code of the guest runs here. How bytes become native code is in `codegen/`, how that is kept in `precompiled.rs`,
//! and how a foreign world is described in `refusal.rs`.

use std::sync::{Arc, OnceLock};

use prefab_model::{CodegenWish, CompilerDigest, Recipe};
use wasmparser::Parser;
use wasmtime::Engine;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre};

use crate::codegen::{self, CodegenError, CodegenExcess};
use crate::command::Program;
use crate::contract::v1::{self, Exports};
use crate::end::cut;
use crate::engine::{Dialect, Engines};
use crate::guest::Guest;
use crate::pool::Place;
use crate::precompiled::ImageCache;
use crate::refusal::MOST_WORDS;
use crate::sandbox::Sandbox;
use crate::{precompiled, refusal};

/// The largest component that is taken, in bytes. The largest compilers that exist as components have some 50 MB.
pub const MAX_COMPONENT: u64 = 256 << 20;

/// A compiler, ready to be instantiated any number of times. Cloning it is cheap.
#[derive(Clone)]
pub struct Compiler(Arc<Loaded>);

struct Loaded {
    digest: CompilerDigest,
    instance: InstancePre<Guest>,
    way: Way,
    /// The same in the engine without a pool, made when the pool is full for the first time.
    outside: OnceLock<Compiler>,
}

/// How the host talks to a compiler.
#[derive(Clone)]
pub(crate) enum Way {
    /// By a version of the contract.
    Contract { exports: Exports, version: &'static str },
    /// As a command line.
    Command { program: Arc<Program>, run: ComponentExportIndex },
}

impl Compiler {
    /// What names it: the digest of its component, or of the recipe if it is a command-line program.
    pub fn digest(&self) -> CompilerDigest {
        self.0.digest
    }

    /// Whether modules see something of each other: whether it is of the world `modular-compiler`, or a command-line program by which
    /// modules share files.
    pub fn is_modular(&self) -> bool {
        match &self.0.way {
            Way::Contract { exports, .. } => exports.has_signature(),
            Way::Command { program, .. } => program.is_modular(),
        }
    }

    /// The version of the contract that it was made for, as far as it matters here: `1.0.0`. None if it is a command-line program.
    pub fn contract(&self) -> Option<&'static str> {
        match &self.0.way {
            Way::Contract { version, .. } => Some(version),
            Way::Command { .. } => None,
        }
    }

    pub(crate) fn way(&self) -> &Way {
        &self.0.way
    }

    /// What it is besides its native code, if it is a command-line program.
    pub(crate) fn program(&self) -> Option<&Arc<Program>> {
        match &self.0.way {
            Way::Contract { .. } => None,
            Way::Command { program, .. } => Some(program),
        }
    }

    pub(crate) fn instance(&self) -> &InstancePre<Guest> {
        &self.0.instance
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.0.instance.engine()
    }

    /// The bytes of its native image.
    pub(crate) fn native_image(&self) -> wasmtime::Result<Vec<u8>> {
        self.0.instance.component().serialize()
    }
}

/// A compiler where one compilation can run. What it takes in the pool is free again when it is dropped.
pub(crate) struct Seat<'a> {
    pub(crate) compiler: Compiler,
    _place: Option<Place<'a>>,
}

/// Bytes that are not a compiler.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Something else than a component.
    #[error("this is not a WebAssembly component but {0}")]
    NotAComponent(&'static str),
    /// Larger than [`MAX_COMPONENT`].
    #[error("the component has {size} bytes; {MAX_COMPONENT} is the most that is taken")]
    TooLarge {
        /// Its size in bytes.
        size: u64,
    },
    /// A component that is damaged, or that uses features of WebAssembly which are switched off here.
    #[error("the component is not valid: {0}")]
    Invalid(String),
    /// A component for which making native code fails.
    #[error("the component cannot be turned into native code: {0}")]
    Codegen(String),
    /// A component that costs more to turn into native code than is allowed.
    #[error("the component cannot be turned into native code: {0}")]
    TooCostly(CodegenExcess),
    /// Trouble of this machine, which says nothing about the component.
    #[error("native code cannot be made: {0}")]
    Host(String),
    /// A component of another world. The text says what is missing or foreign, one sentence a line.
    #[error("the component is not a compiler that this host can run:\n{0}")]
    Refused(String),
}

impl Sandbox {
    /// Checks that these bytes are a compiler and makes it ready to run: from the cache, or by generating native code,
    /// which takes seconds for a large compiler.
    ///
    /// # Errors
    /// [`LoadError`] if they are not, in words for the compiler's author.
    pub fn load(&self, bytes: &[u8]) -> Result<Compiler, LoadError> {
        self.load_with(bytes, &CodegenWish::default())
    }

    /// The same, where making native code may take more than usual, as far as this host grants it.
    ///
    /// # Errors
    /// As [`Sandbox::load`].
    pub fn load_with(&self, bytes: &[u8], wish: &CodegenWish) -> Result<Compiler, LoadError> {
        check_kind(bytes)?;
        let digest = CompilerDigest::of(bytes);
        let component = self.component(digest, bytes, Dialect::Plain, wish)?;
        self.engines.compiler(digest, &component, None)
    }

    /// Makes a command-line program ready to run as a compiler: a component for WASI 0.2 that exports `wasi:cli/run`, or a module for
    /// WASI 0.1. The files that ship with it are in the order of its recipe.
    ///
    /// # Errors
    /// [`LoadError`] if the bytes are no such program, or if something is not what the recipe means.
    pub fn load_command(
        &self,
        recipe: Recipe,
        bytes: &[u8],
        mounts: Vec<Arc<[u8]>>,
        wish: &CodegenWish,
    ) -> Result<Compiler, LoadError> {
        let code = CompilerDigest::of(bytes);
        if code != recipe.component {
            return Err(LoadError::Refused("the component is not the one that the recipe means".to_owned()));
        }
        if !Parser::is_core_wasm(bytes) || bytes.len() as u64 > MAX_COMPONENT {
            check_kind(bytes)?;
        }
        let digest = recipe.digest();
        let program = Program::new(recipe, mounts).map_err(LoadError::Refused)?;
        let component = self.component(code, bytes, Dialect::of_program(bytes), wish)?;
        self.engines.compiler(digest, &component, Some(Arc::new(program)))
    }

    /// Whether loading this compiler is quick, since its native code is in the cache. Only for telling people what takes a
    /// while: [`Sandbox::load`] may still find that it must be made anew.
    pub fn is_quick(&self, compiler: CompilerDigest) -> bool {
        self.caches().any(|images| images.contains(compiler))
    }

    /// Where an image may be: here first.
    fn caches(&self) -> impl Iterator<Item = &ImageCache> {
        self.images.iter().chain(&self.lent)
    }

    fn component(
        &self,
        digest: CompilerDigest,
        bytes: &[u8],
        dialect: Dialect,
        wish: &CodegenWish,
    ) -> Result<Component, LoadError> {
        let engines = self.engines.for_component(bytes, dialect);
        let cached = || self.caches().find_map(|images| images.get(&engines, digest));
        if let Some(component) = cached() {
            return Ok(component);
        }
        codegen::check_cost(bytes, self.codegen.most_costly_function(wish))?;
        let _turn = self.images.as_ref().and_then(ImageCache::turn);
        if let Some(component) = cached() {
            return Ok(component);
        }
        let image = self.codegen.image(self.engines.plain_for(dialect), dialect, bytes, wish)?;
        let component = precompiled::from_fresh_image(&engines, &image)
            .map_err(|error| LoadError::Codegen(format!("{error:#}")))?;
        if let Some(images) = &self.images {
            images.put(digest, &image);
        }
        Ok(component)
    }
}

impl Engines {
    /// A place for one compilation: in the pool if the compiler is for it and it is not full, else outside.
    ///
    /// # Errors
    /// What keeps the compiler from being loaded outside: trouble of this machine.
    pub(crate) fn seat(&self, compiler: &Compiler) -> Result<Seat<'_>, LoadError> {
        let Some(pool) = self.pool_of(compiler.engine()) else {
            return Ok(Seat { compiler: compiler.clone(), _place: None });
        };
        if let Some(place) = pool.places.take() {
            return Ok(Seat { compiler: compiler.clone(), _place: Some(place) });
        }
        if let Some(outside) = compiler.0.outside.get() {
            return Ok(Seat { compiler: outside.clone(), _place: None });
        }
        let component = precompiled::again(&self.plain.engine, compiler.0.instance.component())
            .map_err(|error| LoadError::Codegen(format!("{error:#}")))?;
        let outside = self.compiler(compiler.digest(), &component, compiler.program().cloned())?;
        Ok(Seat { compiler: compiler.0.outside.get_or_init(|| outside).clone(), _place: None })
    }

    /// A component as a compiler: of the contract, or as a command-line program.
    ///
    /// # Errors
    /// What is missing or foreign, if it is none.
    pub(crate) fn compiler(
        &self,
        digest: CompilerDigest,
        component: &Component,
        program: Option<Arc<Program>>,
    ) -> Result<Compiler, LoadError> {
        let linker = &self.home_of(component.engine()).linker;
        let (instance, way) = match program {
            None => {
                let instance = refusal::check_imports(linker, component).map_err(LoadError::Refused)?;
                let exports = Exports::find(&instance)
                    .map_err(|complaints| LoadError::Refused(refusal::with_hint(component, complaints)))?;
                // One without a single import has nothing that a version could change.
                let version = refusal::contract_of(component).unwrap_or(v1::VERSIONS[0]);
                (instance, Way::Contract { exports, version })
            }
            Some(program) => {
                let (instance, run) =
                    refusal::check_command(linker, component).map_err(LoadError::Refused)?;
                (instance, Way::Command { program, run })
            }
        };
        Ok(Compiler(Arc::new(Loaded { digest, instance, way, outside: OnceLock::new() })))
    }
}

impl From<CodegenError> for LoadError {
    fn from(error: CodegenError) -> Self {
        match error {
            CodegenError::Invalid(text) => Self::Invalid(cut(text, MOST_WORDS)),
            CodegenError::Failed(text) => Self::Codegen(cut(text, MOST_WORDS)),
            CodegenError::Excess(excess) => Self::TooCostly(excess),
            CodegenError::Host(text) => Self::Host(text),
        }
    }
}

fn check_kind(bytes: &[u8]) -> Result<(), LoadError> {
    if bytes.len() as u64 > MAX_COMPONENT {
        return Err(LoadError::TooLarge { size: bytes.len() as u64 });
    }
    if Parser::is_component(bytes) {
        return Ok(());
    }
    Err(LoadError::NotAComponent(if bytes.is_empty() {
        "an empty file"
    } else if Parser::is_core_wasm(bytes) {
        "a core WebAssembly module: build it for the target wasm32-wasip2, or wrap it with `wasm-tools component new`; a \
         command-line compiler for WASI 0.1 is taken as it is with `kind = \"command\"` in the release's manifest"
    } else if Engine::detect_precompiled(bytes).is_some() {
        "a native image that wasmtime has precompiled: pass the component that it was made from"
    } else if bytes.len() < 8 && b"\0asm\x0d\0\x01\0".starts_with(bytes) {
        "the first few bytes of one: the file is truncated"
    } else if bytes.starts_with(b"\0asm") {
        "WebAssembly of a version that this host does not know"
    } else if is_text_format(bytes) {
        "WebAssembly in its text format: turn it into bytes with `wasm-tools parse`"
    } else {
        "something else: the file does not begin like WebAssembly"
    }))
}

fn is_text_format(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    text.starts_with(b"(") || text.starts_with(b";;")
}

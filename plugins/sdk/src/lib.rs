//! For authors of prefab compilers in Rust.
//!
//! A compiler is a type that implements [`Compiler`] (or [`ModularCompiler`]) in terms of two traits: [`Module`], what it
//! sees, and [`Output`], where results go. One macro, [`export_compiler!`] or [`export_modular_compiler!`], turns it into
//! a component when the crate is built for WebAssembly. Everything else is an ordinary native library, which
//! [`MemoryModule`] and [`MemoryOutput`] let you test and measure without a sandbox.
//!
//! The words are those of `wit/prefab-compiler`, the contract; this crate adds nothing to it.

#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod component;

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
mod readme {}

#[cfg(any(target_family = "wasm", test))]
#[allow(unsafe_code, reason = "it is given pointers")]
mod compare;
mod diagnostic;
mod export;
mod lines;
mod memory;
mod module;
mod output;
pub mod wire;

pub use diagnostic::{Diagnostic, Label, Position, Severity, Span};
pub use lines::LineIndex;
pub use memory::{Artifact, MemoryModule, MemoryOutput};
pub use module::{Dependency, EntryPoint, Module, Options, ReadError, SourceFile};
pub use output::{EmitError, Output};

/// A compiler of modules that need to know nothing of each other: the world `compiler`.
///
/// It has no state: the host makes a fresh instance for each call, so there is nothing that could be kept.
pub trait Compiler {
    /// What this compiler is. Called once, when it is installed.
    fn describe() -> Descriptor;

    /// Compiles one module: reads its files, hands artifacts and diagnostics to `output`.
    ///
    /// # Errors
    ///
    /// [`Failure::Rejected`] after reporting diagnostics of severity error; the other kinds as they say.
    fn compile(module: &dyn Module, output: &dyn Output) -> Result<(), Failure>;
}

/// A compiler whose modules see each other's signatures: the world `modular-compiler`.
pub trait ModularCompiler: Compiler {
    /// What the module shows to those that depend on it, in bytes of the compiler's own making.
    ///
    /// It is best effort: leave out a file that does not parse and let [`Compiler::compile`] report it. The same
    /// sources must give the same bytes, and signatures of dependencies cannot be read here.
    ///
    /// # Errors
    ///
    /// [`Failure`], when there is nothing to show at all. Dependents are then compiled without a signature of this module.
    fn signature(module: &dyn Module) -> Result<Vec<u8>, Failure>;
}

/// What a compiler says of itself. For people: the host knows a compiler by the digest of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Its name, such as `typescript`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The languages that it compiles, such as `TypeScript`.
    pub languages: Vec<String>,
    /// The options that it understands.
    pub options: Vec<OptionDescriptor>,
}

/// An option that a compiler understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionDescriptor {
    /// Its name.
    pub name: String,
    /// What it does, in one sentence.
    pub description: String,
    /// What applies when it is not given.
    pub default_value: String,
}

impl OptionDescriptor {
    /// An option with its name, one sentence on what it does, and its default.
    pub fn new(
        name: impl Into<String>,
        description: impl Into<String>,
        default_value: impl Into<String>,
    ) -> Self {
        Self { name: name.into(), description: description.into(), default_value: default_value.into() }
    }
}

/// Why a compiler gave up. Findings about sources are reported as diagnostics and not told here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The sources are wrong; the diagnostics that were reported say how.
    Rejected,
    /// The module asks for what this compiler does not do, or an option has a value that it does not know.
    Unsupported(String),
    /// A fault in the compiler itself.
    Internal(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rejected => f.write_str("the sources have errors"),
            Self::Unsupported(what) => write!(f, "not supported: {what}"),
            Self::Internal(what) => write!(f, "a fault in the compiler: {what}"),
        }
    }
}

impl std::error::Error for Failure {}

//! The words of prefab as types: what a module, a compiler, a release, a compilation and its outcome are.
//!
//! Plain data and pure functions live here, and nothing that touches a disk, a network, a clock or WebAssembly. Parsing
//! validates; a value of one of these types is trusted from then on. Everything that crosses a boundary (ledger, pipe,
//! JSON) is one of these types, serialised as it stands.

mod blobs_url;
mod codegen;
mod command;
mod compilation;
mod compiler;
mod config;
mod diagnostic;
mod digest;
pub mod escape;
mod limits;
mod manifest;
mod module;
mod outcome;
mod path;
mod preparation;
mod release;
mod syntax;
mod trust;

pub use blobs_url::{BlobsUrl, InvalidBlobsUrl};
pub use codegen::CodegenWish;
pub use command::{
    Argument, Command, Format, InvalidCommand, InvalidPattern, InvalidRecipe, InvalidTemplate, Mount,
    Pattern, Piece, Recipe, Slot, Stream, Template, When,
};
pub use compilation::{Compilation, Dependency, EngineRevision, ModuleFacts, Task};
pub use compiler::{
    CompilerName, ContractVersion, Descriptor, InvalidCompilerName, OptionDescriptor, Options,
};
pub use config::{Config, ConfigKey, InvalidConfigKey};
pub use diagnostic::{Diagnostic, Excerpt, Label, Position, Severity, Span};
pub use digest::{
    BundleDigest, CompilationKey, CompilerDigest, InvalidDigest, KeyHasher, ReleaseDigest, SignatureDigest,
    SourceDigest,
};
pub use limits::{Bytes, Fuel, InvalidLimit, Limit, Limits, LimitsPatch};
pub use manifest::{ManifestError, ModuleManifest};
pub use module::{EntryPoint, InvalidModuleName, ModuleName};
pub use outcome::{Artifact, ArtifactInfo, Outcome, OutcomeKind, Stored, Usage};
pub use path::{ArtifactPaths, InvalidPath, ModulePath, PathCollision};
pub use preparation::{Counts, ModuleState, PreparationId, PreparationKind, PreparationState, SkipReason};
pub use release::{CompilerEntry, InvalidRelease, Release};
pub use syntax::SyntaxError;
pub use trust::{InvalidTrust, KeyId, KeyName, PublicKey, Revocation, Revoked, Trust, TrustedKey, Until};

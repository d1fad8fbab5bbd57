//! Runs one compilation of a compiler that nobody trusts: loading, limits, a hermetic WASI, and an outcome for everything
//! a guest can do.
//!
//! wasmtime lives here and nowhere else. What a compilation is and how it may end are types of `prefab-model`; which
//! compilations are run, in what order and what becomes of their outcomes is the business of the callers.
//!
//! The way of one compilation: [`Sandbox::load`] (`component.rs`, with `codegen/` and `precompiled.rs` for the native
//! image) gives a [`Compiler`]; [`Sandbox::run`] (`run.rs`, or first `worker/`, which hands it to a process without rights) makes a fresh store and instance (`guest.rs` is what a store
//! holds), calls the export through the contract (`contract/v1.rs`), and turns the end into an outcome (`end.rs`). A compiler that is an
//! ordinary command-line program ([`Sandbox::load_command`]) is run by `command/` instead, on the files of `files/`.

mod child;
mod codegen;
mod command;
mod component;
mod contract;
mod control;
mod end;
mod engine;
mod files;
mod findings;
mod guest;
mod limits;
mod media_type;
mod output;
mod pool;
mod precompiled;
mod profile;
mod refusal;
mod run;
mod sandbox;
mod stack;
mod ticker;
mod walls;
mod wasi;
mod worker;

pub use child::run_as_child;
pub use codegen::{Codegen, CodegenCeiling, CodegenExcess, CodegenLimits};
pub use component::{Compiler, LoadError, MAX_COMPONENT};
pub use control::Control;
pub use profile::Profile;
pub use run::{Inputs, Run, SourceFile, Success};
pub use sandbox::{Sandbox, SandboxError, SandboxOptions};
pub use stack::THREAD_STACK;
pub use worker::Isolation;

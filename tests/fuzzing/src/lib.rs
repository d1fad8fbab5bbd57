//! What is fuzzed: one [`Body`] for each thing that takes what a stranger wrote.
//!
//! A body is a function of bytes that panics if something is not as it must be: the host panics (also where the panic is caught,
//! see `panics.rs`), has trouble of its own, takes too much memory or time, or says of the same input something else the second
//! time. `tests/fuzz` hands these functions to libFuzzer; here they are driven without instrumentation by seeds and mutations
//! of them ([`drive`]), so that every `cargo test` does a little of it.

mod bodies;
mod drive;
mod hostile_worker;
mod mutate;
mod panics;
#[path = "../../../host/sandbox/tests/support/mod.rs"]
mod support;
mod watch;
#[path = "../../../host/sandbox/src/worker/wire.rs"]
#[expect(dead_code, reason = "it is the sandbox's own")]
mod wire;

use fastrand::Rng;

pub use bodies::BODIES;
pub use drive::{Budget, Report, drive};

/// Something that is fuzzed.
pub struct Body {
    /// Its name, that of the libFuzzer target too.
    pub name: &'static str,
    /// Inputs to begin with, always the same.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Makes another input of these; the number says of which one.
    pub mutate: fn(&mut Rng, &[Vec<u8>], usize) -> Vec<u8>,
    take: fn(&[u8]),
}

impl Body {
    /// The body of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        BODIES.iter().find(|body| body.name == name)
    }

    /// Takes an input, and looks at what that did to this process.
    ///
    /// # Panics
    /// If something is not as it must be.
    pub fn check(&self, input: &[u8]) {
        let watch = watch::Watch::start();
        (self.take)(input);
        watch.end();
        let panics = panics::taken();
        assert!(panics.is_empty(), "the host panicked: {}", panics.join("\n"));
    }
}

/// Makes this process one in which bodies are run: call it first in `main`, or in what libFuzzer calls first. If the process was started to do
/// something for a sandbox, it does that and does not return.
///
/// # Panics
/// If the repository is not where it was when this was built.
pub fn start() {
    hostile_worker::serve_if_asked();
    prefab_sandbox::run_as_child();
    std::env::set_current_dir(env!("CARGO_MANIFEST_DIR")).expect("the package is where it was built");
    panics::watch();
}

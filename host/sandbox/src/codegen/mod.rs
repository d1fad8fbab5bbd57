//! Turning a component into native code. The costliest and least bounded thing that is done with a compiler (ATTACKS C1):
//! out of memory in there is the end of the process (C2), and so may be a valid component that the generator has not met
//! before (C3).
//!
//! So it is done in a child process, which gets the component through a pipe and answers through another, within limits on
//! CPU time and memory and without any rights. [`cost`] is the look that comes first, [`request`] this side of the pipes,
//! [`child`] the other one; what the child puts between itself
//! and the machine is in `walls.rs`.

mod adapter;
pub(crate) mod child;
mod cost;
mod request;

use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::time::Duration;

use prefab_model::{Bytes, CodegenWish};
use wasmtime::Engine;

pub(crate) use cost::check as check_cost;

use crate::engine::Dialect;

/// Where native code is made.
#[derive(Debug, Clone)]
pub enum Codegen {
    /// In this process. A hostile component can then take all memory of this machine, which ends the process, and hours of
    /// CPU time. For components that you trust.
    InProcess,
    /// In a child process for each component, within limits and without rights.
    Child {
        /// The program that is started. The first thing in its `main` must be [`run_as_child`](crate::run_as_child).
        program: PathBuf,
        /// What it may take.
        limits: CodegenLimits,
    },
}

impl Codegen {
    /// In a child process that is this program started again. Its `main` must call [`run_as_child`](crate::run_as_child) first.
    pub fn child(limits: CodegenLimits) -> Self {
        // Not where the program was found, as that may meanwhile be another one: what runs is what is started.
        Self::Child { program: "/proc/self/exe".into(), limits }
    }

    /// The bound for [`check_cost`].
    pub(crate) fn most_costly_function(&self, wish: &CodegenWish) -> u64 {
        match self {
            Self::InProcess => CodegenLimits::default().granting(wish).function,
            Self::Child { limits, .. } => limits.granting(wish).function,
        }
    }

    /// Compiles a component, or a module for WASI 0.1, to the bytes of a native image for this engine.
    pub(crate) fn image(
        &self,
        engine: &Engine,
        dialect: Dialect,
        component: &[u8],
        wish: &CodegenWish,
    ) -> Result<Vec<u8>, CodegenError> {
        match self {
            Self::InProcess => native_image(engine, component),
            Self::Child { program, limits } => {
                request::image(program, &limits.granting(wish), dialect, component)
            }
        }
    }
}

/// What making native code of one component may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodegenLimits {
    /// CPU time, of all threads together; whole seconds. Default 2 minutes: ten times what prefab's Sass compiler of 6 MB takes
    /// in a debug build of the host (11.7 s).
    pub cpu: Duration,
    /// Memory that the child may write to: heap, stacks, everything. Default 2 GiB, ten times what the Sass compiler takes
    /// (192 MiB): it grows with the component, by some 30 bytes for each of its bytes.
    pub memory: Bytes,
    /// Time on the wall, in case that CPU time does not advance. Default 15 minutes: the child runs at the priority of the
    /// thread that loads the compiler, and a busy machine may give it little.
    pub deadline: Duration,
    /// The most costly function, as its bytes times its locals: the time and the memory that Cranelift takes grow with both.
    /// A hostile function of 68 KiB takes 2 s and 0.6 GiB, one of 280 KiB with 20,000 locals 71 s and 7.6 GiB. Default 2^28,
    /// which is 90 times the worst function of prefab's own compilers. Looked at before anything else, so that the answer
    /// comes at once and names the function.
    pub function: u64,
    /// How far a release may stretch these for a compiler of its own.
    pub ceiling: CodegenCeiling,
}

impl Default for CodegenLimits {
    fn default() -> Self {
        Self {
            cpu: Duration::from_mins(2),
            memory: Bytes(2 << 30),
            deadline: Duration::from_mins(15),
            function: 1 << 28,
            ceiling: CodegenCeiling::default(),
        }
    }
}

/// The most that a release's manifest gets by asking for it. A vendor that ships Clang needs more than most; one that is hostile gets
/// no more than this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodegenCeiling {
    /// Of [`CodegenLimits::cpu`]. Default 30 minutes.
    pub cpu: Duration,
    /// Of [`CodegenLimits::memory`]. Default 8 GiB.
    pub memory: Bytes,
    /// Of [`CodegenLimits::deadline`]. Default 2 hours.
    pub deadline: Duration,
    /// Of [`CodegenLimits::function`]. Default 2^34.
    pub function: u64,
}

impl Default for CodegenCeiling {
    fn default() -> Self {
        Self {
            cpu: Duration::from_mins(30),
            memory: Bytes(8 << 30),
            deadline: Duration::from_hours(2),
            function: 1 << 34,
        }
    }
}

impl CodegenLimits {
    /// These limits, stretched as a release wishes, within the ceiling. None becomes tighter.
    #[must_use]
    pub(crate) fn granting(&self, wish: &CodegenWish) -> Self {
        let stretch = |limit: u64, wish: Option<u64>, ceiling: u64| {
            wish.map_or(limit, |wish| limit.max(wish.min(ceiling)))
        };
        let seconds = |limit: Duration, wish: Option<u64>, ceiling: Duration| {
            Duration::from_secs(stretch(limit.as_secs(), wish, ceiling.as_secs())).max(limit)
        };
        let Self { cpu, memory, deadline, function, ceiling } = self;
        Self {
            cpu: seconds(*cpu, wish.cpu, ceiling.cpu),
            memory: Bytes(stretch(memory.0, wish.memory, ceiling.memory.0)),
            deadline: seconds(*deadline, wish.deadline, ceiling.deadline),
            function: stretch(*function, wish.function, ceiling.function),
            ceiling: ceiling.clone(),
        }
    }
}

/// Which of [`CodegenLimits`] a component hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodegenExcess {
    /// [`CodegenLimits::cpu`]
    Cpu(Duration),
    /// [`CodegenLimits::memory`]
    Memory(Bytes),
    /// [`CodegenLimits::deadline`]
    Deadline(Duration),
    /// [`CodegenLimits::function`]
    Function {
        /// Where its body begins in the component, in bytes.
        at: u64,
        /// Its bytes.
        size: u64,
        /// Its locals.
        locals: u64,
    },
}

impl fmt::Display for CodegenExcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (amount, limit) = match self {
            Self::Cpu(most) => (format!("more than {} s of CPU time", most.as_secs()), "cpu"),
            Self::Memory(most) => (format!("more than {most} of memory"), "memory"),
            Self::Deadline(most) => (format!("longer than {} s", most.as_secs()), "deadline"),
            Self::Function { at, size, locals } => {
                return write!(
                    f,
                    "the function at byte {at} has {size} bytes and {locals} locals, which would take too long to compile: \
                     split it, or raise the limit `function` on code generation (PREFAB_CODEGEN_FUNCTION)"
                );
            }
        };
        write!(
            f,
            "that took {amount}: if the component is known to need it, raise the limit `{limit}` on code generation \
             (PREFAB_CODEGEN_{})",
            limit.to_uppercase()
        )
    }
}

/// Why there is no native code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CodegenError {
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Excess(CodegenExcess),
    /// The fault of the component, or of the generator.
    #[error("the code generator failed: {0}")]
    Failed(String),
    /// Trouble of this machine.
    #[error("{0}")]
    Host(String),
}

/// Compiles a component here. One is made first of a module for WASI 0.1, which is as little to be trusted.
pub(crate) fn native_image(engine: &Engine, bytes: &[u8]) -> Result<Vec<u8>, CodegenError> {
    let compile = || {
        let component = adapter::component(bytes)?;
        engine.precompile_component(&component).map_err(|error| format!("{error:#}"))
    };
    // Nothing of the engine is left half-changed by a panic: it only reads its settings while it compiles.
    match panic::catch_unwind(AssertUnwindSafe(compile)) {
        Ok(Ok(image)) => Ok(image),
        Ok(Err(text)) => Err(CodegenError::Invalid(text)),
        Err(panic) => Err(CodegenError::Failed(panic_text(&*panic))),
    }
}

/// The message of a panic.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_gets_what_it_asks_for_within_the_ceiling_and_never_less_than_usual() {
        let limits = CodegenLimits::default();
        let wish =
            |cpu, memory| CodegenWish { cpu: Some(cpu), memory: Some(memory), ..CodegenWish::default() };
        let granted = limits.granting(&wish(300, 4 << 30));
        assert_eq!((granted.cpu, granted.memory.0), (Duration::from_mins(5), 4 << 30));
        assert_eq!((granted.deadline, granted.function), (limits.deadline, limits.function));
        let greedy = limits.granting(&wish(u64::MAX, u64::MAX));
        assert_eq!((greedy.cpu, greedy.memory), (limits.ceiling.cpu, limits.ceiling.memory));
        let modest = limits.granting(&wish(1, 1));
        assert_eq!(modest, limits);
    }
}

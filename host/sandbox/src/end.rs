//! How a call into a guest ended: from an error of wasmtime, or one that the host raised on purpose, to an outcome.

use std::fmt::Write as _;
use std::io;

use prefab_model::{Limit, OutcomeKind};
use rustix::io::Errno;
use wasmtime::{Error, PoolConcurrencyLimitError, Trap, WasmBacktrace};

/// What is kept of a trap's text: enough for a backtrace, too little to fill a ledger.
pub(crate) const MAX_TRAP_TEXT: usize = 16 << 10;

/// Why the host ended a guest that would have gone on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    #[error("the limit `{0}` was reached")]
    OutOfMemory(Limit),
    #[error("the limit `{0}` was reached")]
    OutputCap(Limit),
    #[error("the limit `fuel` was reached")]
    OutOfFuel,
    #[error("the deadline has passed")]
    Deadline,
    #[error("the compilation was cancelled")]
    Cancelled,
    #[error("the compiler ended itself with exit status {0}")]
    Exit(u8),
    #[error("the compiler broke the contract: {0}")]
    Violation(String),
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Host(String),
}

/// Which part of a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Making the instance, before any code of the guest ran.
    Instantiate,
    /// Running code of the guest: a start function, or an export.
    Run,
}

/// The outcome that an error stands for.
pub(crate) fn outcome_of<S>(error: &Error, phase: Phase) -> OutcomeKind<S> {
    match error.downcast_ref::<Stop>() {
        Some(Stop::OutOfMemory(limit)) => return OutcomeKind::OutOfMemory(*limit),
        Some(Stop::OutputCap(limit)) => return OutcomeKind::OutputCap(*limit),
        Some(Stop::OutOfFuel) => return OutcomeKind::OutOfFuel,
        Some(Stop::Deadline) => return OutcomeKind::Deadline,
        Some(Stop::Cancelled) => return OutcomeKind::Cancelled,
        Some(Stop::Refused(text)) => return OutcomeKind::Refused(text.clone()),
        Some(Stop::Host(text)) => return OutcomeKind::HostError(text.clone()),
        Some(Stop::Exit(_) | Stop::Violation(_)) => return OutcomeKind::Trapped(trap_text(error)),
        None => {}
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => return OutcomeKind::OutOfFuel,
        Some(Trap::Interrupt) => return OutcomeKind::Deadline,
        Some(_) => return OutcomeKind::Trapped(trap_text(error)),
        None => {}
    }
    let text = error.root_cause().to_string();
    // The two errors below have no public types; tests hold their texts.
    if text.contains("fuel allocated for hostcalls has been exhausted") {
        return OutcomeKind::OutputCap(Limit::Output);
    }
    let root = error.root_cause();
    let machine = root.is::<io::Error>() || root.is::<Errno>() || error.is::<PoolConcurrencyLimitError>();
    if (phase == Phase::Run && !machine) || text.starts_with("resource limit exceeded") {
        // Such as a string that is not UTF-8: the guest's fault, found while its values were copied.
        return OutcomeKind::Trapped(trap_text(error));
    }
    OutcomeKind::HostError(format!("the compiler could not be instantiated: {error:#}"))
}

/// The reason and the guest's backtrace, with demangled names.
fn trap_text(error: &Error) -> String {
    let mut text = error.root_cause().to_string();
    if let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() {
        let frames = backtrace.to_string();
        // The first line only says that a backtrace follows.
        let frames = frames.split_once('\n').map_or("", |(_, frames)| frames);
        let _ = write!(text, "\n{frames}");
    }
    cut(text, MAX_TRAP_TEXT)
}

/// The beginning of a text, with a mark if something is missing.
pub(crate) fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}

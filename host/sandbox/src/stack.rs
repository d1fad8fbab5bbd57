//! Native stack for guests. A guest runs on the stack of the thread that calls it, and the host functions that it calls
//! run on what is left: too little of it would be a crash of the whole process (ATTACKS G6), so it is looked at first.

use std::{io, thread};

/// The stack that a guest may use, in bytes of native frames. 8 MiB is what the main thread of a native compiler has on
/// Linux: a source that a native build of the same compiler can parse is not refused here for its nesting.
pub(crate) const GUEST_STACK: usize = 8 << 20;

/// What the host needs below the deepest frame of a guest: a host call copies lists, takes a lock, draws a backtrace.
const HOST_RESERVE: usize = 2 << 20;

/// The stack that a thread which calls [`Sandbox::run`](crate::Sandbox::run) should have, in bytes. On a thread with less,
/// each call is made on a thread of its own, which costs some tens of microseconds.
pub const THREAD_STACK: usize = GUEST_STACK + 2 * HOST_RESERVE;

/// Runs `work` where a guest has its whole stack: here, or on a thread made for it.
pub(crate) fn with_guest_stack<R: Send>(work: impl FnOnce() -> R + Send) -> io::Result<R> {
    if stacker::remaining_stack().is_some_and(|left| left >= GUEST_STACK + HOST_RESERVE) {
        return Ok(work());
    }
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("prefab-guest".into()).stack_size(THREAD_STACK);
        match thread.spawn_scoped(scope, work)?.join() {
            Ok(result) => Ok(result),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

//! How much the threads that compile stand back behind everything else on the machine.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use thread_priority::ThreadId;
use thread_priority::ThreadPriority;
use thread_priority::unix::{
    NormalThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};

/// The priority of compiling threads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// Only when nothing else wants the processor (`SCHED_IDLE`): "in the background" is a promise to the programs already
    /// running.
    #[default]
    Idle,
    /// Like any other program.
    Normal,
}

/// The threads of a pool that stand back. They can be let forward again, for on a busy machine a thread that stands back takes most of
/// a minute to notice that it is to end, and to give back what it holds.
#[derive(Default)]
pub(crate) struct StoodBack {
    threads: Mutex<Vec<ThreadId>>,
}

impl StoodBack {
    /// Gives this priority to the calling thread, until the guard is dropped. Where the system does not allow it, the thread stays as it
    /// is: that costs politeness and no result.
    pub(crate) fn enter(&self, priority: Priority) -> Option<Standing<'_>> {
        if priority == Priority::Normal {
            return None;
        }
        let thread = thread_native_id();
        if let Err(error) = schedule(thread, NormalThreadSchedulePolicy::Idle) {
            tracing::debug!(?error, "compiling at normal priority: the system does not allow SCHED_IDLE");
            return None;
        }
        self.lock().push(thread);
        Some(Standing { all: self, thread })
    }

    /// Gives all of them the priority of any other program, where the system allows it: to root, and with a limit of niceness that
    /// reaches 0 (`LimitNICE=+0`).
    pub(crate) fn let_forward(&self) {
        for thread in self.lock().drain(..) {
            if let Err(error) = schedule(thread, NormalThreadSchedulePolicy::Other) {
                tracing::debug!(?error, "what ends does so in the background: the system allows no more");
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ThreadId>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn schedule(thread: ThreadId, policy: NormalThreadSchedulePolicy) -> Result<(), thread_priority::Error> {
    set_thread_priority_and_policy(thread, ThreadPriority::Min, ThreadSchedulePolicy::Normal(policy))
}

/// A thread that stands back. While this is there the thread is, so that its number is nobody else's.
pub(crate) struct Standing<'a> {
    all: &'a StoodBack,
    thread: ThreadId,
}

impl Drop for Standing<'_> {
    fn drop(&mut self) {
        self.all.lock().retain(|thread| *thread != self.thread);
    }
}

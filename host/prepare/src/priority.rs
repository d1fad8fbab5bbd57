//! How much the threads that compile stand back behind everything else on the machine.

use serde::{Deserialize, Serialize};
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

impl Priority {
    /// Gives this priority to the calling thread. Where the system does not allow it, the thread stays as it is: that
    /// costs politeness and no result.
    pub(crate) fn apply(self) {
        if self == Self::Idle {
            let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
            if let Err(error) =
                set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy)
            {
                tracing::debug!(?error, "compiling at normal priority: the system does not allow SCHED_IDLE");
            }
        }
    }
}

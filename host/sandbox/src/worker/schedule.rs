//! The priority at which a worker runs: that of the thread that it works for, which waits for it meanwhile.

use rustix::process::{Pid, getpriority_process, setpriority_process};

/// How the kernel schedules a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Schedule {
    /// `SCHED_OTHER`, `SCHED_BATCH` or `SCHED_IDLE`.
    policy: i32,
    nice: i32,
}

impl Schedule {
    /// That of any other program.
    pub(super) const NORMAL: Self = Self { policy: libc::SCHED_OTHER, nice: 0 };

    /// That of the thread that asks.
    #[expect(unsafe_code, reason = "rustix has no call for the policy")]
    pub(super) fn of_this_thread() -> Self {
        // SAFETY: it takes and gives a number; 0 stands for this thread.
        let policy = unsafe { libc::sched_getscheduler(0) };
        Self { policy: policy.max(libc::SCHED_OTHER), nice: getpriority_process(None).unwrap_or(0) }
    }

    /// Gives it to a process that has only one thread yet. That fails where this thread may not do so, and is then only a matter of
    /// politeness.
    #[expect(unsafe_code, reason = "rustix has no call for the policy")]
    pub(super) fn give_to(self, process: Pid) {
        let _ = setpriority_process(Some(process), self.nice);
        let parameter = libc::sched_param { sched_priority: 0 };
        // SAFETY: the parameter lives until the call returns; the process is a child that was not waited for, so that the number is
        // nobody else's.
        let _ = unsafe {
            libc::sched_setscheduler(process.as_raw_nonzero().get(), self.policy, &raw const parameter)
        };
    }
}

//! What a child process puts between itself and the machine before it has to do with anything hostile: limits of the kernel on
//! what it may take, and no right to open, connect, start or signal anything. There are two kinds of children: one makes native
//! code (`codegen/`), one runs guests (`worker/`).
//!
//! The limits hold everywhere. The two sets of rights, landlock and seccomp, depend on the kernel: each alone suffices to
//! keep the child from files, and seccomp keeps it from everything else; what is missing is told.

use std::collections::BTreeMap;
use std::io;
use std::sync::Once;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus, Scope,
};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Pid, Resource, Rlimit, Signal};
use seccompiler::{
    SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

/// Which walls stand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walls {
    pub(crate) landlock: bool,
    pub(crate) seccomp: bool,
    /// Whether something worked that they should have kept from working.
    pub(crate) hole: bool,
}

/// What a child may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// CPU time in seconds, if it is not there to stay.
    pub(crate) cpu: Option<u64>,
    /// Memory that it may write to, in bytes.
    pub(crate) memory: u64,
}

impl Walls {
    /// As a child tells it.
    pub(crate) fn to_byte(self) -> u8 {
        u8::from(self.landlock) | u8::from(self.seccomp) << 1 | u8::from(self.hole) << 2
    }

    /// As it was told.
    pub(crate) fn from_byte(byte: u8) -> Self {
        Self { landlock: byte & 1 != 0, seccomp: byte & 2 != 0, hole: byte & 4 != 0 }
    }

    /// Says in the log, once, which are missing.
    pub(crate) fn tell_missing(self) {
        static TOLD: Once = Once::new();
        let missing = match (self.landlock, self.seccomp) {
            (true, true) => return,
            (false, true) => "landlock",
            (true, false) => "seccomp",
            (false, false) => "landlock and seccomp",
        };
        TOLD.call_once(|| {
            tracing::warn!(
                missing,
                "this kernel does not offer all that shuts in the processes which make native code and run compilers; what they may \
                 take is limited all the same (SECURITY.md)"
            );
        });
    }
}

/// Closes what this process was handed besides standard input, output and error, and asks the kernel to end it before others when
/// memory is short.
///
/// Call it before anything else: no file may have been opened yet.
#[expect(unsafe_code, reason = "files that nobody here knows of have no owner to close them")]
pub(crate) fn come_alone() {
    // SAFETY: nothing in this process has opened a file yet, so that no owner is left with a number that is somebody else's. It fails on old
    // kernels, where files stay open that are marked to be inherited; prefab marks none.
    let _ = unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32) };
    // A kernel that does not let it is one that decides by itself.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
}

/// The memory that this process can write to already, in bytes: what the kernel compares with the limit.
pub(crate) fn held_memory() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.map(|kib| kib.saturating_mul(1024)).ok_or_else(|| io::Error::other("/proc/self/status has no VmData"))
}

/// Builds all walls. Only this thread and those that it starts later are behind them, so there must be no other.
///
/// # Errors
/// A limit that cannot be set: nothing may be done then.
pub(crate) fn build(terms: Terms) -> io::Result<Walls> {
    // If the parent dies, nobody waits for the answer (ATTACKS O7).
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // No core dump, and no other process of this user looks in (O9).
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    if let Some(seconds) = terms.cpu {
        // One signal says what happened; a second later there is one that nobody can ignore.
        limit(Resource::Cpu, seconds, seconds.saturating_add(1))?;
    }
    // Not the address space, of which allocators reserve much that they never touch.
    limit(Resource::Data, terms.memory, terms.memory)?;
    limit(Resource::Fsize, 0, 0)?;
    limit(Resource::Core, 0, 0)?;
    // Standard input, output and error are there already.
    limit(Resource::Nofile, 3, 3)?;
    rustix::thread::set_no_new_privs(true)?;
    let parent = rustix::process::getppid();
    let (landlock, seccomp) = (no_files(), few_system_calls());
    Ok(Walls { landlock, seccomp, hole: seccomp && has_hole(parent) })
}

/// Whether something works that a hijacked process would try first (O1). Each must be refused by the kernel, rather than fail.
fn has_hole(parent: Option<Pid>) -> bool {
    let refused = |errno| matches!(errno, Errno::PERM | Errno::ACCESS);
    let opens = rustix::fs::open("/", OFlags::RDONLY, Mode::empty());
    let signals = parent.map_or(Err(Errno::PERM), rustix::process::test_kill_process);
    let connects = std::os::unix::net::UnixStream::pair();
    let starts = std::process::Command::new("/nowhere").spawn();
    let ends = |error: &io::Error| refused(Errno::from_io_error(error).unwrap_or(Errno::NOSYS));
    !(opens.is_err_and(refused)
        && signals.is_err_and(refused)
        && connects.is_err_and(|error| ends(&error))
        && starts.is_err_and(|error| ends(&error)))
}

fn limit(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let now = rustix::process::getrlimit(resource);
    // A limit that is tighter already cannot be raised, and need not be.
    let tighter = |wanted: u64, now: Option<u64>| Some(now.map_or(wanted, |now| now.min(wanted)));
    let hard = tighter(hard, now.maximum);
    Ok(rustix::process::setrlimit(resource, Rlimit { current: tighter(soft, hard), maximum: hard })?)
}

/// Takes away all rights on files, on the network's ports, and on processes outside, as far as the kernel knows these.
fn no_files() -> bool {
    let enforced = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V6))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(ABI::V6)))
        .and_then(|rules| rules.scope(Scope::from_all(ABI::V6)))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self);
    enforced.is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
}

/// Leaves only the system calls that computing with threads needs. All others fail as if they were not allowed, rather than
/// end the process, since libraries try some of them and go on without.
fn few_system_calls() -> bool {
    let Ok(filters) = filters() else { return false };
    filters.iter().all(|filter| seccompiler::apply_filter(filter).is_ok())
}

fn filters() -> Result<[seccompiler::BpfProgram; 2], seccompiler::BackendError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    // What it would do stands in memory, where a filter cannot look. The C library then uses `clone`, which can be looked at.
    let without_clone3 = SeccompFilter::new(
        BTreeMap::from([(libc::SYS_clone3, vec![])]),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::ENOSYS.unsigned_abs()),
        arch,
    )?;
    let mut allowed: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.iter().map(|call| (*call, vec![])).collect();
    // Threads, not processes.
    allowed.insert(libc::SYS_clone, vec![bits(0, libc::CLONE_THREAD, libc::CLONE_THREAD)?]);
    // Memory, but none that can be executed: code that is made here is for elsewhere, and code that runs here is loaded before.
    allowed.insert(libc::SYS_mmap, vec![bits(2, libc::PROT_EXEC, 0)?]);
    allowed.insert(libc::SYS_mprotect, vec![bits(2, libc::PROT_EXEC, 0)?]);
    // Names of threads and of memory, for those who look from outside. Not: to outlive its parent, to be looked into.
    let names = [libc::PR_SET_NAME, libc::PR_GET_NAME, libc::PR_SET_VMA];
    allowed.insert(libc::SYS_prctl, names.into_iter().map(|name| is(0, name)).collect::<Result<_, _>>()?);
    let only_these = SeccompFilter::new(
        allowed,
        SeccompAction::Errno(libc::EPERM.unsigned_abs()),
        SeccompAction::Allow,
        arch,
    )?;
    Ok([without_clone3.try_into()?, only_these.try_into()?])
}

/// A system call is allowed if these bits of this argument have this value.
fn bits(argument: u8, mask: i32, value: i32) -> Result<SeccompRule, seccompiler::BackendError> {
    let mask = SeccompCmpOp::MaskedEq(u64::from(mask.unsigned_abs()));
    let value = u64::from(value.unsigned_abs());
    SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Qword, mask, value)?])
}

/// A system call is allowed if this argument, which the kernel takes for an `int`, has this value.
fn is(argument: u8, value: i32) -> Result<SeccompRule, seccompiler::BackendError> {
    let value = u64::from(value.unsigned_abs());
    SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)?])
}

const ALLOWED: [i64; 36] = [
    // The pipes, which are all there is to read and write.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_lseek,
    libc::SYS_ppoll,
    // Memory.
    libc::SYS_brk,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    // Threads.
    libc::SYS_clone3,
    libc::SYS_futex,
    libc::SYS_get_robust_list,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_restart_syscall,
    // Signals, to itself: an abort, a stack that overflows.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_tgkill,
    // Time, chance and facts about the machine.
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_getrandom,
    libc::SYS_sysinfo,
];

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::net::TcpListener;
    use std::os::unix::net::UnixStream;
    use std::process::Command;
    use std::{env, process, ptr, thread};

    use super::*;

    const INSIDE: &str = "PREFAB_TEST_INSIDE_THE_WALLS";
    const TEST: &str = "walls::tests::behind_them_nothing_can_be_opened_connected_started_or_executed";

    /// What must not work inside, and does: each is one that a hijacked code generator would try.
    #[expect(unsafe_code, reason = "memory is asked for as an attacker would")]
    fn breaches(parent: Option<Pid>) -> Vec<&'static str> {
        let executable = || {
            // SAFETY: new memory at an address of the kernel's choice, which nobody uses.
            let at = unsafe {
                let rights = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
                libc::mmap(ptr::null_mut(), 4096, rights, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
            };
            at != libc::MAP_FAILED
        };
        let attempts = [
            ("read a file", File::open("/proc/self/maps").is_ok()),
            ("write a file", tempfile::tempfile().is_ok()),
            ("listen", TcpListener::bind("127.0.0.1:0").is_ok()),
            ("open a socket", UnixStream::pair().is_ok()),
            ("start a program", Command::new("/bin/true").status().is_ok()),
            ("signal its parent", parent.is_some_and(|it| rustix::process::test_kill_process(it).is_ok())),
            ("have memory that can be executed", executable()),
            ("outlive its parent", rustix::process::set_parent_process_death_signal(None).is_ok()),
            ("let itself be looked into", {
                rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable).is_ok()
            }),
        ];
        attempts.into_iter().filter(|(_, works)| *works).map(|(name, _)| name).collect()
    }

    #[test]
    fn behind_them_nothing_can_be_opened_connected_started_or_executed() {
        if env::var_os(INSIDE).is_some() {
            let parent = rustix::process::getppid();
            let walls = build(Terms { cpu: Some(60), memory: 1 << 30 }).unwrap();
            let breaches = breaches(parent);
            // Computing still works, with threads, and so does memory.
            let sum = thread::spawn(|| vec![1_u8; 1 << 20].iter().map(|byte| u32::from(*byte)).sum::<u32>());
            assert_eq!(sum.join().unwrap(), 1 << 20);
            eprintln!("{walls:?} {breaches:?}");
            process::exit(i32::from(walls.seccomp && !breaches.is_empty()));
        }
        // What is tried does work where there are no walls.
        assert!(breaches(rustix::process::getppid()).len() >= 8);
        let inside = Command::new(env::current_exe().unwrap())
            .args(["--exact", TEST, "--nocapture"])
            .env(INSIDE, "1")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&inside.stderr);
        assert!(inside.status.success() && told.contains("Walls"), "{told}");
    }
}

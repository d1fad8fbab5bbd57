//! The pipe to a worker, on which nobody waits for ever: while a byte is waited for, there is a look at the clock and at whoever
//! wants the compilation to pause or to end.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::process::{ChildStdin, ChildStdout};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use super::wire::{self, Word};
use crate::control::Control;
use crate::ticker::TICK;

/// Why nobody waits any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    Cancelled,
    Deadline,
}

/// Both pipes of a worker.
pub(super) struct Pipes {
    to: ChildStdin,
    from: ChildStdout,
}

impl Pipes {
    pub(super) fn new(to: ChildStdin, from: ChildStdout) -> io::Result<Self> {
        for pipe in [to.as_fd(), from.as_fd()] {
            enlarge(pipe);
            fcntl_setfl(pipe, fcntl_getfl(pipe)? | OFlags::NONBLOCK)?;
        }
        Ok(Self { to, from })
    }
}

/// Lets a pipe hold as much as a user may ask for, so that a module's files go through it in few turns. Where that is not allowed, they go
/// through in more.
#[expect(unsafe_code, reason = "rustix has this call only with a part of it that nothing else here needs")]
fn enlarge(pipe: BorrowedFd<'_>) {
    // SAFETY: it changes a pipe that is borrowed meanwhile, and takes a number.
    let _ = unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETPIPE_SZ, 1 << 20) };
}

/// The pipes while somebody waits for an answer.
pub(super) struct Line<'a> {
    pipes: &'a mut Pipes,
    control: &'a Control,
    since: Instant,
    most: Duration,
    /// How long the guest was paused, which is not its time.
    paused: Duration,
    /// Whether the guest can be told to pause: once all that belongs to its order was sent.
    works: bool,
    stopped: Option<Stopped>,
}

impl<'a> Line<'a> {
    /// For an answer that takes `most` at the most.
    pub(super) fn new(pipes: &'a mut Pipes, control: &'a Control, most: Duration) -> Self {
        let (paused, works, stopped) = (Duration::ZERO, false, None);
        Self { pipes, control, since: Instant::now(), most, paused, works, stopped }
    }

    /// From now on, the worker listens to further words.
    pub(super) fn works(&mut self) {
        self.works = true;
    }

    /// Why nobody waits any longer, if that is why reading or writing failed.
    pub(super) fn stopped(&self) -> Option<Stopped> {
        self.stopped
    }

    fn look(&mut self) -> io::Result<()> {
        if self.works && self.control.is_paused() {
            wire::send(&mut self.pipes.to, &Word::<()>::Pause)?;
            self.paused += self.control.wait();
            wire::send(&mut self.pipes.to, &Word::<()>::Resume)?;
        }
        let late = self.since.elapsed().saturating_sub(self.paused) > self.most;
        self.stopped = if self.control.is_cancelled() {
            Some(Stopped::Cancelled)
        } else {
            late.then_some(Stopped::Deadline)
        };
        if self.stopped.is_some() { Err(io::Error::other("nobody waits for it any longer")) } else { Ok(()) }
    }

    fn wait(&mut self, what: PollFlags) -> io::Result<()> {
        let tick = Timespec { tv_sec: 0, tv_nsec: TICK.subsec_nanos().into() };
        let pipe = if what == PollFlags::IN { self.pipes.from.as_fd() } else { self.pipes.to.as_fd() };
        match poll(&mut [PollFd::from_borrowed_fd(pipe, what)], Some(&tick)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => self.look(),
            Err(error) => Err(error.into()),
        }
    }
}

impl Read for Line<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.pipes.from.read(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait(PollFlags::IN)?,
                other => return other,
            }
        }
    }
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.pipes.to.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait(PollFlags::OUT)?,
                other => return other,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! Starting workers from one thread that lives as long as their sandbox.
//!
//! A worker asks the kernel to be killed when the thread that started it ends (ATTACKS O7): the threads that compile come and
//! go with each pass, and would take theirs with them.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::{self, Sender};
use std::thread;

/// A thread that starts processes. When it is dropped, the kernel kills those that are left.
pub(super) struct Spawner(Sender<Wish>);

struct Wish {
    command: Command,
    answer: Sender<io::Result<Child>>,
}

impl Spawner {
    pub(super) fn start() -> io::Result<Self> {
        let (sender, wishes) = mpsc::channel::<Wish>();
        thread::Builder::new().name("prefab-spawner".into()).spawn(move || {
            for Wish { mut command, answer } in wishes {
                if let Err(mpsc::SendError(Ok(mut unwanted))) = answer.send(command.spawn()) {
                    // Whoever asked is gone, and it with them.
                    let _ = unwanted.kill().and_then(|()| unwanted.wait());
                }
            }
        })?;
        Ok(Self(sender))
    }

    pub(super) fn spawn(&self, command: Command) -> io::Result<Child> {
        let gone = || io::Error::other("the thread that starts worker processes has ended");
        let (answer, started) = mpsc::channel();
        self.0.send(Wish { command, answer }).map_err(|_| gone())?;
        started.recv().map_err(|_| gone())?
    }
}

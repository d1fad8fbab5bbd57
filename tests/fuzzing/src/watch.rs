//! What one input may take of this process: time and memory.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;
use std::{fs, process, thread};

/// More time than any input may take, on a machine that is busy with other things.
const MOST_TIME: Duration = Duration::from_mins(1);
/// More memory than any input may make this process grow by, in bytes: the caps that guests have here, and what native code is made
/// in.
const MOST_MEMORY: u64 = 1 << 30;

/// Ends the process if nobody says in time that an input is done with: what does not end cannot be told to.
static DOG: LazyLock<Mutex<Sender<Word>>> = LazyLock::new(|| {
    let (sender, words) = mpsc::channel();
    thread::spawn(move || {
        while let Ok(Word::Start) = words.recv() {
            if let Err(RecvTimeoutError::Timeout) = words.recv_timeout(MOST_TIME) {
                eprintln!("it takes more than {} s", MOST_TIME.as_secs());
                process::abort();
            }
        }
    });
    Mutex::new(sender)
});

enum Word {
    Start,
    End,
}

fn tell(word: Word) {
    // The thread ends with the process.
    let _ = DOG.lock().unwrap_or_else(PoisonError::into_inner).send(word);
}

/// A look at the process while it takes an input.
pub(crate) struct Watch {
    before: Option<u64>,
}

impl Watch {
    pub(crate) fn start() -> Self {
        tell(Word::Start);
        // Sets the peak back to what is there now.
        let counts = fs::write("/proc/self/clear_refs", "5").is_ok();
        Self { before: resident("VmRSS").filter(|_| counts) }
    }

    /// # Panics
    /// If it took too much memory.
    pub(crate) fn end(self) {
        tell(Word::End);
        if let (Some(before), Some(peak)) = (self.before, resident("VmHWM")) {
            let grown = peak.saturating_sub(before);
            assert!(grown < MOST_MEMORY, "it took {} MiB", grown >> 20);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if thread::panicking() {
            tell(Word::End);
        }
    }
}

/// A figure of this process's memory, in bytes; none on a kernel that does not tell.
pub(crate) fn resident(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? << 10)
}

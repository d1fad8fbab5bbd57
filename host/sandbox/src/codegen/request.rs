//! Asking a child for native code, and saying in words what became of it.

use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::{self, Scope};

use rustix::process::Signal;

use super::child::{FAILED, GREETING, IMAGE, INVALID, MARK, terms};
use super::{CodegenError, CodegenExcess, CodegenLimits};
use crate::engine::Dialect;
use crate::walls::Walls;

/// Threads of a child: more would not make it much quicker, and each takes memory.
const MAX_THREADS: usize = 8;
/// How much of what a child says on standard error is kept, in bytes.
const MAX_COMPLAINT: u64 = 4 << 10;

/// A native image of the component, made by this program in a child process.
pub(super) fn image(
    program: &Path,
    limits: &CodegenLimits,
    dialect: Dialect,
    component: &[u8],
) -> Result<Vec<u8>, CodegenError> {
    if std::env::var_os(MARK).is_some() {
        return Err(CodegenError::Host(
            "this process was itself started to make native code: its program must call `run_as_child` first in `main`"
                .to_owned(),
        ));
    }
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    let child = Command::new(program)
        .arg0("prefab-codegen")
        .env_clear()
        .env(MARK, terms(limits, dialect))
        .env("RAYON_NUM_THREADS", threads.to_string())
        // What is typed at a terminal is for the parent, which may want to finish what it began.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let trouble = |error: io::Error| {
        CodegenError::Host(format!(
            "the child process for it ({}) cannot be started or talked to: {error}",
            program.display()
        ))
    };
    let ended = talk(child.map_err(trouble)?, limits, component).map_err(trouble)?;
    verdict(ended, limits, program)
}

/// What became of a child.
struct Ended {
    /// None after the deadline.
    answer: Option<Answer>,
    status: ExitStatus,
    complaint: String,
}

/// What it said, as far as it came.
enum Answer {
    Whole {
        kind: u8,
        body: Vec<u8>,
    },
    Partial,
    /// Not even a greeting.
    Foreign,
}

fn talk(mut child: Child, limits: &CodegenLimits, component: &[u8]) -> io::Result<Ended> {
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let ended = thread::scope(|scope| {
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(io::Error::other("it has no pipes"));
        };
        let (send, answered) = mpsc::channel();
        write(scope, stdin, component)?;
        let complaint = thread::Builder::new().spawn_scoped(scope, move || beginning(stderr))?;
        // An image can be no larger than the memory that it was made in.
        let most = limits.memory.0;
        thread::Builder::new().spawn_scoped(scope, move || {
            // Who waited for it no longer does after the deadline.
            let _ = send.send(read(stdout, most));
        })?;
        let answer = answered.recv_timeout(limits.deadline).ok();
        // It has nothing left to say. Whether it is gone by itself already shows in its status.
        child.kill()?;
        let status = child.wait()?;
        Ok(Ended { answer, status, complaint: complaint.join().unwrap_or_default() })
    });
    if ended.is_err() {
        // The error is what is told; a child that is left over would be trouble on top of it.
        let _ = child.kill().and_then(|()| child.wait());
    }
    ended
}

fn write<'scope>(
    scope: &'scope Scope<'scope, '_>,
    mut stdin: ChildStdin,
    component: &'scope [u8],
) -> io::Result<()> {
    thread::Builder::new().spawn_scoped(scope, move || {
        // A child that dies before it has read all is known by its status.
        let _ = stdin.write_all(component);
    })?;
    Ok(())
}

/// The beginning of what it complains about; the rest is read and dropped, so that it never waits.
fn beginning(mut stderr: ChildStderr) -> String {
    let mut text = Vec::new();
    // What cannot be read is not needed: it only explains.
    let _ = stderr.by_ref().take(MAX_COMPLAINT).read_to_end(&mut text);
    let _ = io::copy(&mut stderr, &mut io::sink());
    String::from_utf8_lossy(&text).trim().to_owned()
}

fn read(mut stdout: ChildStdout, most: u64) -> Answer {
    let mut greeting = [0; GREETING.len() + 1];
    if stdout.read_exact(&mut greeting).is_err() || greeting[..GREETING.len()] != GREETING {
        return Answer::Foreign;
    }
    Walls::from_byte(greeting[GREETING.len()]).tell_missing();
    let mut head = [0; 9];
    if stdout.read_exact(&mut head).is_err() {
        return Answer::Partial;
    }
    let [kind, length @ ..] = head;
    let length = u64::from_le_bytes(length);
    let mut body = Vec::new();
    match stdout.take(length.min(most)).read_to_end(&mut body) {
        Ok(read) if read as u64 == length => Answer::Whole { kind, body },
        _ => Answer::Partial,
    }
}

fn verdict(ended: Ended, limits: &CodegenLimits, program: &Path) -> Result<Vec<u8>, CodegenError> {
    let Ended { answer, status, complaint } = ended;
    let excess = |excess| Err(CodegenError::Excess(excess));
    match answer {
        Some(Answer::Whole { kind: IMAGE, body }) => return Ok(body),
        Some(Answer::Whole { kind, body }) => {
            let text = String::from_utf8_lossy(&body).into_owned();
            return match kind {
                _ if is_out_of_memory(&text) => excess(CodegenExcess::Memory(limits.memory)),
                INVALID => Err(CodegenError::Invalid(text)),
                FAILED => Err(CodegenError::Failed(text)),
                _ => Err(CodegenError::Host(format!("its child process answered with nonsense ({kind})"))),
            };
        }
        None => return excess(CodegenExcess::Deadline(limits.deadline)),
        Some(Answer::Partial | Answer::Foreign) => {}
    }
    if status.signal() == Some(Signal::XCPU.as_raw()) {
        return excess(CodegenExcess::Cpu(limits.cpu));
    }
    if is_out_of_memory(&complaint) {
        return excess(CodegenExcess::Memory(limits.memory));
    }
    if matches!(answer, Some(Answer::Foreign)) {
        return Err(CodegenError::Host(format!(
            "the program {} does not make any: `run_as_child` must be called first in its `main` ({status}; {complaint:?})",
            program.display()
        )));
    }
    if status.signal() == Some(Signal::KILL.as_raw()) {
        // Nobody here did that before it had closed its pipe: mostly it is the kernel, for want of memory.
        return Err(CodegenError::Host(
            "its child process was killed: the machine may be short of memory".to_owned(),
        ));
    }
    Err(CodegenError::Failed(format!("its child process crashed: {status}; {complaint}")))
}

/// What Rust's standard library says before it aborts, and how the kernel's answer to a request for memory reads.
fn is_out_of_memory(text: &str) -> bool {
    text.contains("memory allocation of") || text.contains("(os error 12)")
}

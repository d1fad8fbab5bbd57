//! A command line: without arguments or environment but those of a release, and without a terminal; what is printed goes to one
//! capped log.

use prefab_model::{Bytes, Stream};
use wasmtime::Result;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::sync::cli::{
    environment, exit, stderr, stdin, stdout, terminal_input, terminal_output, terminal_stderr,
    terminal_stdin, terminal_stdout,
};
use wasmtime_wasi::p2::pipe::ClosedInputStream;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream};

use self::terminal_input::TerminalInput;
use self::terminal_output::TerminalOutput;
use crate::end::Stop;
use crate::guest::Guest;

/// What a guest prints, up to its cap. A guest that prints more is not stopped: chatter is no reason to fail.
pub(crate) struct Log {
    kept: Vec<u8>,
    most: usize,
    dropped: u64,
}

impl Log {
    pub(crate) fn new(most: Bytes) -> Self {
        Self { kept: Vec::new(), most: usize::try_from(most.0).unwrap_or(usize::MAX), dropped: 0 }
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) {
        let room = self.most - self.kept.len();
        let (kept, dropped) = bytes.split_at(room.min(bytes.len()));
        self.kept.extend_from_slice(kept);
        self.dropped = self.dropped.saturating_add(dropped.len() as u64);
    }

    pub(crate) fn append_zeroes(&mut self, count: u64) {
        let room = self.most - self.kept.len();
        let kept = usize::try_from(count).unwrap_or(usize::MAX).min(room);
        self.kept.resize(self.kept.len() + kept, 0);
        self.dropped = self.dropped.saturating_add(count - kept as u64);
    }

    /// What was kept, as text, with a last line that says how much was not.
    pub(crate) fn into_text(self) -> String {
        let mut text = String::from_utf8_lossy(&self.kept).into_owned();
        if self.dropped > 0 {
            use std::fmt::Write as _;
            let _ = write!(text, "\n[cut off here: {} more bytes were printed]", self.dropped);
        }
        text
    }
}

impl environment::Host for Guest {
    fn get_environment(&mut self) -> Result<Vec<(String, String)>> {
        Ok(self.called.environment.clone())
    }

    fn get_arguments(&mut self) -> Result<Vec<String>> {
        Ok(self.called.arguments.clone())
    }

    fn initial_cwd(&mut self) -> Result<Option<String>> {
        // Who has files finds them from here on, as paths that begin with `/` do.
        Ok(self.files.as_ref().map(|_| "/".to_owned()))
    }
}

impl exit::Host for Guest {
    fn exit(&mut self, status: Result<(), ()>) -> Result<()> {
        Err(Stop::Exit(status.is_err().into()).into())
    }

    fn exit_with_code(&mut self, status: u8) -> Result<()> {
        Err(Stop::Exit(status).into())
    }
}

impl stdin::Host for Guest {
    fn get_stdin(&mut self) -> Result<Resource<DynInputStream>> {
        let stream: DynInputStream = Box::new(ClosedInputStream);
        Ok(self.resources.push(stream)?)
    }
}

impl stdout::Host for Guest {
    fn get_stdout(&mut self) -> Result<Resource<DynOutputStream>> {
        let stream: DynOutputStream = Box::new(self.printer(Stream::Stdout));
        Ok(self.resources.push(stream)?)
    }
}

impl stderr::Host for Guest {
    fn get_stderr(&mut self) -> Result<Resource<DynOutputStream>> {
        let stream: DynOutputStream = Box::new(self.printer(Stream::Stderr));
        Ok(self.resources.push(stream)?)
    }
}

impl terminal_input::Host for Guest {}

impl terminal_input::HostTerminalInput for Guest {
    fn drop(&mut self, terminal: Resource<TerminalInput>) -> Result<()> {
        self.resources.delete(terminal)?;
        Ok(())
    }
}

impl terminal_output::Host for Guest {}

impl terminal_output::HostTerminalOutput for Guest {
    fn drop(&mut self, terminal: Resource<TerminalOutput>) -> Result<()> {
        self.resources.delete(terminal)?;
        Ok(())
    }
}

impl terminal_stdin::Host for Guest {
    fn get_terminal_stdin(&mut self) -> Result<Option<Resource<TerminalInput>>> {
        Ok(None)
    }
}

impl terminal_stdout::Host for Guest {
    fn get_terminal_stdout(&mut self) -> Result<Option<Resource<TerminalOutput>>> {
        Ok(None)
    }
}

impl terminal_stderr::Host for Guest {
    fn get_terminal_stderr(&mut self) -> Result<Option<Resource<TerminalOutput>>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_cut_off_at_its_cap_and_says_so() {
        let mut log = Log::new(Bytes(4));
        log.append(b"ab");
        log.append(b"cd\xff");
        log.append_zeroes(u64::MAX - 2);
        assert_eq!(log.kept, b"abcd");
        assert_eq!(
            log.into_text(),
            format!("abcd\n[cut off here: {} more bytes were printed]", u64::MAX - 1)
        );
    }
}

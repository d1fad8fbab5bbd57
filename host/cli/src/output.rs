//! Standard output: results, and nothing else. Progress and errors go to standard error.
//!
//! Whoever reads may go away, as `head` does: then the rest is dropped and the command does its work all the same.

use std::cell::Cell;
use std::io::{self, Write as _};

use anyhow::Context as _;
use serde::Serialize;

/// Standard output, with whether it is read by a program.
pub(crate) struct Output {
    json: bool,
    closed: Cell<bool>,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json, closed: Cell::new(false) }
    }

    /// Whether results are asked for as JSON.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Prints a result: as JSON, or as the text for people that `human` makes.
    pub(crate) fn result<T: Serialize + ?Sized>(
        &self,
        result: &T,
        human: impl FnOnce(&T) -> String,
    ) -> anyhow::Result<()> {
        if self.json { self.json(result) } else { self.text(&human(result)) }
    }

    /// Prints JSON, indented.
    pub(crate) fn json<T: Serialize + ?Sized>(&self, result: &T) -> anyhow::Result<()> {
        self.text(&serde_json::to_string_pretty(result).context("cannot write the result as JSON")?)
    }

    /// Prints JSON on one line.
    pub(crate) fn json_line<T: Serialize + ?Sized>(&self, result: &T) -> anyhow::Result<()> {
        self.text(&serde_json::to_string(result).context("cannot write the result as JSON")?)
    }

    /// Prints text for people; in JSON mode, nothing.
    pub(crate) fn human(&self, text: &str) -> anyhow::Result<()> {
        if self.json { Ok(()) } else { self.text(text) }
    }

    /// Prints text with a newline behind it, if it has none.
    pub(crate) fn text(&self, text: &str) -> anyhow::Result<()> {
        if self.closed.get() || text.is_empty() {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        let newline = if text.ends_with('\n') { "" } else { "\n" };
        match write!(stdout, "{text}{newline}").and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed.set(true);
                Ok(())
            }
            written => written.context("cannot write to standard output"),
        }
    }
}

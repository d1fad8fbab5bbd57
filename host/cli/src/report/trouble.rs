//! How a command that could not do its work says so: what went wrong, why, and what helps where the error does not say.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use prefab_prepare::{ControlError, Held};
use serde::Serialize;

use crate::exit::Exit;
use crate::report::escape;
use crate::report::paint::Paint;

/// A disk with less room than this, in bytes, is full: the ledger's own files grow by more at a time.
const LEAST_ROOM: u64 = 64 << 10;

/// What `--json` prints for a command that failed.
#[derive(Debug, Serialize)]
pub(crate) struct Trouble {
    /// What went wrong.
    error: String,
    /// Why, from the outside in.
    causes: Vec<String>,
    /// What helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'static str>,
    /// Who holds the environment, if that is it.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<Held>,
    /// The exit code.
    exit: u8,
}

impl Trouble {
    /// `place` is the environment, or where one would be.
    pub(crate) fn of(error: &anyhow::Error, place: &Path) -> Self {
        let mut told: Vec<String> = Vec::new();
        for message in error.chain().map(|cause| escape::lines(&cause.to_string())) {
            // Many errors end with the text of their source: it is not told twice.
            if told.last().is_none_or(|outer| !outer.ends_with(&message)) {
                told.push(message);
            }
        }
        let error_text = told.remove(0);
        let held = held(error).cloned();
        let exit = if held.is_some() { Exit::Held } else { Exit::Trouble };
        Self { error: error_text, causes: told, help: help(error, place), held, exit: exit.code() }
    }

    /// The code to end with.
    pub(crate) const fn exit(&self) -> Exit {
        if self.held.is_some() { Exit::Held } else { Exit::Trouble }
    }

    /// The text for people.
    pub(crate) fn text(&self, paint: Paint) -> String {
        let mut text = format!("{} {}", paint.bad("error:"), self.error);
        for cause in &self.causes {
            let _ = write!(text, "\n  caused by: {}", cause.replace('\n', "\n    "));
        }
        if let Some(help) = self.help {
            let _ = write!(text, "\n{} {help}", paint.hint("help:"));
        }
        text
    }
}

fn held(error: &anyhow::Error) -> Option<&Held> {
    error.chain().find_map(|cause| cause.downcast_ref::<Box<Held>>()).map(|held| &**held)
}

fn help(error: &anyhow::Error, place: &Path) -> Option<&'static str> {
    // The state may lie on a disk of its own.
    if is_full(place) || is_full(&place.join(".prefab")) {
        return Some(
            "the disk is full: make some room and run the command again; all that was recorded before is kept",
        );
    }
    if let Some(ControlError::NotRunning) = error.downcast_ref() {
        return Some(
            "`prefab status` shows how the environment is, and `prefab prepare` goes on with what was interrupted",
        );
    }
    for cause in error.chain() {
        match cause.downcast_ref::<io::Error>().map(io::Error::kind) {
            Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
                return Some(
                    "there is no room left: make some and run the command again; all that was recorded before is kept",
                );
            }
            Some(io::ErrorKind::ReadOnlyFilesystem) => {
                return Some(
                    "the file system is mounted read-only: prefab keeps its state in `.prefab` of the environment",
                );
            }
            _ => {}
        }
    }
    None
}

/// Whether the file system there has no room. SQLite calls a full disk by many names, so the disk itself is asked.
fn is_full(place: &Path) -> bool {
    rustix::fs::statvfs(place).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < LEAST_ROOM)
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_chain_is_told_from_the_outside_in_and_nothing_twice() {
        let error = anyhow::Error::from(io::Error::from(io::ErrorKind::StorageFull))
            .context("cannot write x: no storage space")
            .context("cannot install the release");
        insta::assert_snapshot!(Trouble::of(&error, Path::new("/nowhere")).text(Paint::PLAIN));
        let inner: anyhow::Result<()> = Err(anyhow::anyhow!("bad \u{1b}[2Jthing"));
        let error = inner.context("outer: bad \u{1b}[2Jthing").unwrap_err();
        assert_eq!(
            Trouble::of(&error, Path::new("/nowhere")).text(Paint::PLAIN),
            "error: outer: bad \\u{1b}[2Jthing"
        );
        assert_eq!(Trouble::of(&error, Path::new("/nowhere")).exit(), Exit::Trouble);
    }
}

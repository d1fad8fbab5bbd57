//! Where the results of a compilation go.

use crate::Diagnostic;

/// Takes artifacts and diagnostics. Handing over more than a cap allows ends the compilation at once.
pub trait Output {
    /// Hands over a finished artifact: its path (relative, normalised, unique), its media type such as
    /// `text/javascript`, and its bytes.
    ///
    /// # Errors
    ///
    /// When the path is not acceptable, or taken.
    fn emit(&self, path: &str, media_type: &str, bytes: &[u8]) -> Result<(), EmitError>;

    /// Reports a finding. One of severity error makes the compilation rejected, whatever `compile` returns.
    fn report(&self, diagnostic: Diagnostic);

    /// Says how far the compilation is, in units of the compiler's choice, for people who watch. May be called freely.
    fn progress(&self, done: u64, total: u64);
}

/// Why the host did not take an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmitError {
    /// The path is not a relative, normalised, portable one; the text says what is wrong with it.
    InvalidPath(String),
    /// An artifact with this path, or with one that differs only in case or Unicode form, or that would have to be its
    /// folder, was emitted before; the text names it.
    DuplicatePath(String),
}

impl std::fmt::Display for EmitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InvalidPath(why) => write!(f, "not a path for an artifact: {why}"),
            Self::DuplicatePath(why) => write!(f, "the path is taken: {why}"),
        }
    }
}

impl std::error::Error for EmitError {}

//! Findings about sources, as compilers report them and people read them.
//!
//! The counterpart of `diagnostic` in the contract. How they are drawn is the reporter's business.

use serde::{Deserialize, Serialize};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The module cannot be compiled as it is.
    Error,
    /// The module compiles, and its author should have a look.
    Warning,
    /// Worth knowing, nothing to do.
    Note,
}

/// A place in a text file: line and column, both counted from 1, columns in Unicode scalar values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

/// A range of a text file: from `start` up to, and not including, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// The first position.
    pub start: Position,
    /// The position just behind.
    pub end: Position,
}

/// A second place that explains a diagnostic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The file, as a path within the module.
    pub file: String,
    /// Where in the file.
    pub span: Span,
    /// What is to be seen there.
    pub message: String,
}

/// The lines of a source round a diagnostic, as they were when it was compiled. A frame drawn from them is right also
/// after the file has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excerpt {
    /// The number of the first line, from 1.
    pub first_line: u32,
    /// The column of the first character of `text`, from 1: more than 1 where only a part of one very long line is kept.
    pub first_column: u32,
    /// The lines, with `\n` between them.
    pub text: String,
}

/// One finding about a source. Texts come from a compiler and may hold anything: escape them when they are shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The rule, such as `TS2305`.
    pub code: Option<String>,
    /// What is wrong.
    pub message: String,
    /// The file, as a path within the module.
    pub file: Option<String>,
    /// Where in the file.
    pub span: Option<Span>,
    /// Further places.
    pub labels: Vec<Label>,
    /// What to do about it.
    pub help: Option<String>,
    /// The source round `span`; filled in by the host when the outcome is recorded, never by a compiler.
    pub excerpt: Option<Excerpt>,
}

impl Diagnostic {
    /// The bytes that this diagnostic takes in host memory, nearly: what its cap counts.
    pub fn retained_bytes(&self) -> u64 {
        let texts = [self.code.as_ref(), Some(&self.message), self.file.as_ref(), self.help.as_ref()];
        let labels: usize =
            self.labels.iter().map(|label| size_of::<Label>() + label.file.len() + label.message.len()).sum();
        (size_of::<Self>() + texts.into_iter().flatten().map(String::len).sum::<usize>() + labels) as u64
    }
}

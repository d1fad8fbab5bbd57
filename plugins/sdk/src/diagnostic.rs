//! Findings about sources, and the places they point at.
//!
//! How byte offsets become positions is in `lines.rs`.

/// A place in a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, counted from 1.
    pub line: u32,
    /// The column, counted from 1 in Unicode scalar values (not bytes, not UTF-16 units). The column after the last
    /// character of a line is valid and means its end.
    pub column: u32,
}

/// A range of a text file: from `start` up to, and not including, `end`. An empty range is a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first position of the range.
    pub start: Position,
    /// The position just behind the range; not before `start`.
    pub end: Position,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The module cannot be compiled as it is. One error makes the whole compilation rejected.
    Error,
    /// The module compiles, and its author should have a look.
    Warning,
    /// Worth knowing, nothing to do.
    Note,
}

/// A second place that explains a diagnostic, such as the declaration that a use disagrees with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The file, as a path within the module.
    pub file: String,
    /// Where in the file.
    pub span: Span,
    /// What is to be seen there, in a few words without a full stop.
    pub message: String,
}

/// One finding about a source: enough to draw a code frame for a person and to write SARIF for a machine.
///
/// Start with [`Diagnostic::error`], [`Diagnostic::warning`] or [`Diagnostic::note`] and add what is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A short stable name of the rule, such as `TS2305` or `sass/undefined-variable`. People group by it.
    pub code: Option<String>,
    /// What is wrong, in one sentence without markup.
    pub message: String,
    /// The file it is about, as a path within the module; none when it is about the module as a whole.
    pub file: Option<String>,
    /// Where in the file; only with `file`.
    pub span: Option<Span>,
    /// Further places that explain it.
    pub labels: Vec<Label>,
    /// What to do about it, in one sentence.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A finding of the given severity about the module as a whole.
    pub fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self {
            severity,
            code: None,
            message: message.into(),
            file: None,
            span: None,
            labels: Vec::new(),
            help: None,
        }
    }

    /// An error: the module will be rejected.
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message)
    }

    /// A warning: the module compiles, and its author should have a look.
    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message)
    }

    /// A note: worth knowing, nothing to do.
    pub fn note(message: impl Into<String>) -> Self {
        Self::new(Severity::Note, message)
    }

    /// Names the rule, such as `TS2305`.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Says which file it is about.
    #[must_use]
    pub fn in_file(mut self, file: impl Into<String>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// Says which place of which file it is about.
    #[must_use]
    pub fn at(mut self, file: impl Into<String>, span: Span) -> Self {
        self.file = Some(file.into());
        self.span = Some(span);
        self
    }

    /// Adds a place that explains it.
    #[must_use]
    pub fn with_label(mut self, label: Label) -> Self {
        self.labels.push(label);
        self
    }

    /// Says what to do about it, in one sentence.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

//! Diagnostics: those that guests report, put in order, and those that the host adds.
//!
//! Texts stay as they are, whatever they hold: escaping is for who shows them.

use std::fmt::Write as _;

use prefab_model::{Diagnostic, Label, ModulePath, Position, Severity, Span};

use crate::end::cut;

/// The most of a guest's path that is quoted in a message.
const MAX_QUOTED: usize = 200;
/// The most of a guest's reason that becomes a diagnostic.
const MAX_REASON: usize = 16 << 10;

/// Puts a guest's diagnostic in order: positions count from 1, a span does not end before it starts, and files are paths
/// within the module. What names no such file is told in the message instead, so that nothing is lost.
pub(crate) fn in_order(mut diagnostic: Diagnostic) -> Diagnostic {
    if let Some(file) = diagnostic.file.take_if(|file| file.parse::<ModulePath>().is_err()) {
        let _ = write!(diagnostic.message, " (in {})", quoted(file));
    }
    diagnostic.span = diagnostic.span.filter(|_| diagnostic.file.is_some()).map(ordered);
    let (labels, strays): (Vec<_>, Vec<_>) =
        diagnostic.labels.into_iter().partition(|label| label.file.parse::<ModulePath>().is_ok());
    diagnostic.labels =
        labels.into_iter().map(|label| Label { span: ordered(label.span), ..label }).collect();
    for stray in strays {
        let _ = write!(diagnostic.message, "; {}: {}", quoted(stray.file), stray.message);
    }
    diagnostic
}

fn quoted(file: String) -> String {
    format!("\"{}\"", cut(file, MAX_QUOTED).escape_debug())
}

fn ordered(span: Span) -> Span {
    let clamp = |at: Position| Position { line: at.line.max(1), column: at.column.max(1) };
    let start = clamp(span.start);
    Span { start, end: clamp(span.end).max(start) }
}

/// A diagnostic of the host's own making, for a compiler that gave up.
pub(crate) fn host_error(code: &str, message: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: Some(code.to_owned()),
        message: cut(message.to_owned(), MAX_REASON),
        file: None,
        span: None,
        labels: Vec::new(),
        help: None,
        excerpt: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(line: u32, column: u32) -> Position {
        Position { line, column }
    }

    #[test]
    fn positions_count_from_one_and_spans_do_not_run_backwards() {
        let diagnostic = in_order(Diagnostic {
            file: Some("a.ts".into()),
            span: Some(Span { start: position(0, 5), end: position(0, 0) }),
            ..host_error("c", "m")
        });
        assert_eq!(diagnostic.span, Some(Span { start: position(1, 5), end: position(1, 5) }));
    }

    #[test]
    fn a_file_that_is_no_path_of_a_module_moves_into_the_message() {
        let span = Span { start: position(1, 1), end: position(1, 1) };
        let label = |file: &str| Label { file: file.into(), span, message: "here".into() };
        let diagnostic = in_order(Diagnostic {
            file: Some("../x\u{202e}".into()),
            span: Some(span),
            labels: vec![label("/etc"), label("b.ts")],
            ..host_error("c", "m")
        });
        assert_eq!(diagnostic.message, "m (in \"../x\\u{202e}\"); \"/etc\": here");
        assert_eq!((diagnostic.file, diagnostic.span), (None, None));
        assert_eq!(diagnostic.labels, [label("b.ts")]);
    }
}

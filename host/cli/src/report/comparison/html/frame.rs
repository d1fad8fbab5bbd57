//! A finding on the page: what it says, and the lines of source with the place marked.

use maud::{Markup, html};
use prefab_model::{Diagnostic, Severity, Span};
use prefab_prepare::{Finding, ModuleReport};

use crate::report::comparison::said;
use crate::report::{causes, escape, frame};

/// Draws a finding of the module in the folder `dir`.
pub(super) fn finding(finding: &Finding, dir: &str) -> Markup {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    html! {
        figure.finding {
            figcaption {
                span.severity.(severity) { (severity) }
                @match &finding.diagnostic {
                    Some(diagnostic) => span.message { (escape::line(&diagnostic.message)) },
                    None => span.message { (causes::title(&finding.cause)) },
                }
            }
            @match &finding.diagnostic {
                Some(diagnostic) => (drawn(diagnostic, dir)),
                None => pre.said tabindex="0" { (escape::lines(&said(finding))) },
            }
        }
    }
}

fn drawn(diagnostic: &Diagnostic, dir: &str) -> Markup {
    html! {
        @if let Some(file) = &diagnostic.file {
            p.place {
                code {
                    (escape::line(&frame::in_dir(dir, file)))
                    @if let Some(span) = diagnostic.span { ":" (span.start.line) ":" (span.start.column) }
                }
            }
        }
        @if let (Some(span), Some(excerpt)) = (diagnostic.span, &diagnostic.excerpt) {
            pre.code tabindex="0" aria-label="Source" {
                @for (number, line) in escape::source(&excerpt.text).split('\n').enumerate() {
                    @let number = u32::try_from(number).unwrap_or(u32::MAX).saturating_add(excerpt.first_line);
                    @let first = if number == excerpt.first_line { excerpt.first_column } else { 1 };
                    @let (before, marked, after) = parts(line, number, first, span);
                    span.line.hit[!marked.is_empty()] {
                        span.number aria-hidden="true" { (number) }
                        (before) @if !marked.is_empty() { mark { (marked) } } (after)
                    }
                    "\n"
                }
            }
        }
        @for label in &diagnostic.labels {
            p.label {
                code { (escape::line(&frame::in_dir(dir, &label.file))) ":" (label.span.start.line) ":" (label.span.start.column) }
                " " (escape::line(&label.message))
            }
        }
        @if let Some(help) = &diagnostic.help {
            p.help { b { "Help" } " " (super::with_code(&escape::lines(help))) }
        }
    }
}

/// A line in three parts: before the span, in it, and behind it. `first` is the column of the line's first character.
fn parts(line: &str, number: u32, first: u32, span: Span) -> (&str, &str, &str) {
    if !(span.start.line..=span.end.line).contains(&number) {
        return (line, "", "");
    }
    let at = |column: u32| {
        let skipped = column.saturating_sub(first) as usize;
        line.char_indices().nth(skipped).map_or(line.len(), |(at, _)| at)
    };
    let start = if number == span.start.line { at(span.start.column) } else { 0 };
    let end = if number == span.end.line { at(span.end.column) } else { line.len() }.max(start);
    // Of an empty span, the character behind it is marked.
    let end =
        if end == start { line[start..].chars().next().map_or(end, |c| start + c.len_utf8()) } else { end };
    let (before, rest) = line.split_at(start);
    let (marked, after) = rest.split_at(end - start);
    (before, marked, after)
}

/// Where a module's folder is, seen from the environment.
pub(super) fn dir(module: &ModuleReport, root: &std::path::Path) -> String {
    module.path.as_ref().map(|path| crate::report::errors::module_dir(path, root)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use prefab_model::Position;
    use proptest::prelude::*;

    use super::*;

    fn span(start: (u32, u32), end: (u32, u32)) -> Span {
        let at = |(line, column)| Position { line, column };
        Span { start: at(start), end: at(end) }
    }

    #[test]
    fn the_span_is_marked_on_each_of_its_lines() {
        let over_two = span((3, 4), (4, 3));
        assert_eq!(parts("abcdef", 3, 1, over_two), ("abc", "def", ""));
        assert_eq!(parts("abcdef", 4, 1, over_two), ("", "ab", "cdef"));
        assert_eq!(parts("abcdef", 5, 1, over_two), ("abcdef", "", ""));
        assert_eq!(parts("abc", 1, 901, span((1, 902), (1, 902))), ("a", "b", "c"));
    }

    proptest! {
        #[test]
        fn no_line_loses_a_character(
            line in "\\PC{0,20}", number in 0..4_u32, first in 0..4_u32,
            start in (0..4_u32, 0..30_u32), end in (0..4_u32, 0..30_u32),
        ) {
            let (before, marked, after) = parts(&line, number, first, span(start, end));
            prop_assert_eq!(format!("{before}{marked}{after}"), line);
        }
    }
}

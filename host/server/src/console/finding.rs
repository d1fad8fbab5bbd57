//! What a compiler found, with the lines of source and the place marked. Compilers and sources may say anything: what HTML would obey is
//! escaped by `maud`, what would be hidden is shown.

use maud::{Markup, html};
use prefab_model::escape;
use prefab_model::{Diagnostic, OutcomeKind, Severity, Span};
use prefab_prepare::Problem;

use super::words::{time, with_code};

/// So many findings of one compilation are drawn.
const DRAWN: usize = 50;
/// So much of what a compiler printed is shown, in characters.
const LOG: usize = 64 << 10;
/// So much of a reason.
const REASON: usize = 16 << 10;

/// Why a compilation did not go well, besides what it reported.
pub(super) fn outcome(problem: &Problem) -> Option<String> {
    let after = problem.usage.map(|usage| format!(" after {}", time(usage.time))).unwrap_or_default();
    match &problem.outcome {
        OutcomeKind::Compiled(_) | OutcomeKind::Rejected => None,
        OutcomeKind::Trapped(reason) | OutcomeKind::Refused(reason) | OutcomeKind::HostError(reason) => {
            Some(escape::lines(cut(reason, REASON).0))
        }
        OutcomeKind::Cancelled => Some("It was cancelled".to_owned()),
        other => {
            let limit = other.limit()?;
            let cap = problem.limits.as_ref().map(|limits| format!(" of {}", limits.show(limit)));
            Some(format!("It hit the cap limits.{limit}{}{after}", cap.unwrap_or_default()))
        }
    }
}

/// The findings of one compilation, errors first.
pub(super) fn findings(diagnostics: &[Diagnostic]) -> Markup {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|diagnostic| diagnostic.severity);
    html! {
        @for diagnostic in sorted.iter().take(DRAWN) { (draw(diagnostic)) }
        @if sorted.len() > DRAWN { p.more { "… and " (sorted.len() - DRAWN) " more." } }
    }
}

/// A finding with its place in the source.
pub(super) fn draw(diagnostic: &Diagnostic) -> Markup {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    html! {
        figure.finding {
            figcaption {
                span.severity.(severity) { (severity) @if let Some(code) = &diagnostic.code { " " (escape::line(code)) } }
                span.message { (escape::line(&diagnostic.message)) }
            }
            @if let Some(file) = &diagnostic.file {
                p.place {
                    code {
                        (escape::line(file))
                        @if let Some(span) = diagnostic.span { ":" (span.start.line) ":" (span.start.column) }
                    }
                }
            }
            @if let (Some(span), Some(excerpt)) = (diagnostic.span, &diagnostic.excerpt) {
                pre.code tabindex="0" role="group" aria-label="Source" {
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
                    code { (escape::line(&label.file)) ":" (label.span.start.line) ":" (label.span.start.column) }
                    " " (escape::line(&label.message))
                }
            }
            @if let Some(help) = &diagnostic.help { p.help { b { "Help" } " " (with_code(&escape::lines(help))) } }
        }
    }
}

/// What a compiler printed.
pub(super) fn log(text: &str, of: &str) -> Markup {
    let (shown, left) = cut(text, LOG);
    html! {
        pre.said tabindex="0" role="group" aria-label={ "What " (of) " printed" } { (escape::lines(shown)) }
        @if left > 0 { p.more { "… and " (left) " more bytes." } }
    }
}

/// At most so many bytes of a text, and how many are left.
pub(super) fn cut(text: &str, most: usize) -> (&str, usize) {
    let end = text.floor_char_boundary(most);
    (&text[..end], text.len() - end)
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

#[cfg(test)]
mod tests {
    use prefab_model::{Excerpt, Position};

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
        assert_eq!(parts("ü", 1, 901, span((1, 901), (1, 901))), ("", "ü", ""));
    }

    #[test]
    fn what_a_compiler_says_is_shown_and_not_obeyed() {
        let hostile = "<script>alert(1)</script>\u{202e}\u{1b}[2J";
        let diagnostic = Diagnostic {
            severity: Severity::Error,
            code: Some(hostile.into()),
            message: hostile.into(),
            file: Some(hostile.into()),
            span: Some(span((1, 1), (1, 9))),
            labels: vec![],
            help: Some(hostile.into()),
            excerpt: Some(Excerpt { first_line: 1, first_column: 1, text: hostile.into() }),
        };
        let drawn = draw(&diagnostic).into_string() + &log(hostile, "sass").into_string();
        assert!(
            !drawn.contains("<script") && !drawn.contains('\u{202e}') && !drawn.contains('\u{1b}'),
            "{drawn}"
        );
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("aüb", 2), ("a", 3));
        assert_eq!(cut("aüb", 9), ("aüb", 0));
    }
}

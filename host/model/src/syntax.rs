//! A mistake in one of the texts that people write: where it is and what it is, in a few short lines.
//!
//! The parser's own message holds the whole line that the mistake is in, which of a hostile manifest has megabytes.

use std::fmt;

/// What is shown of a line round a mistake, in characters.
const WINDOW: usize = 120;
/// What is shown of a message, which may repeat what was written, in characters.
const MAX_MESSAGE: usize = 400;

/// A mistake in a TOML text, with its line and column and a part of that line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    place: Option<Place>,
    message: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    /// From 1.
    line: usize,
    /// In characters, from 1.
    column: usize,
    /// The line, or a window of a long one.
    shown: String,
    /// Where in what is shown the mistake begins, and how much of it there is, in characters.
    mark: (usize, usize),
}

impl std::error::Error for SyntaxError {}

impl SyntaxError {
    /// What the parser says of a text, with a part of the line that it is in.
    pub fn new(text: &str, error: &toml::de::Error) -> Self {
        let mut message: String = error.message().chars().take(MAX_MESSAGE).collect();
        if message.len() < error.message().len() {
            message.push('…');
        }
        Self { place: error.span().and_then(|span| Place::of(text, span)), message }
    }
}

impl SyntaxError {
    /// A mistake that only shows once the text was read, in this part of it.
    pub(crate) fn at(text: &str, span: std::ops::Range<usize>, message: &impl fmt::Display) -> Self {
        Self {
            place: Place::of(text, span),
            message: message.to_string().chars().take(MAX_MESSAGE).collect(),
        }
    }
}

impl Place {
    fn of(text: &str, span: std::ops::Range<usize>) -> Option<Self> {
        let before = text.get(..span.start)?;
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = text.get(line_start..span.start)?.chars().count();
        let length = text.get(span)?.chars().take_while(|c| *c != '\n').take(WINDOW).count();
        let line = text.get(line_start..)?.lines().next().unwrap_or_default();
        // A third of the window before the mistake, the rest for the mistake and what follows.
        let skipped = if line.chars().nth(WINDOW).is_some() { column.saturating_sub(WINDOW / 3) } else { 0 };
        let mut rest = line.chars().skip(skipped);
        let mut shown: String = rest.by_ref().take(WINDOW).collect();
        let mut at = column - skipped;
        if skipped > 0 {
            shown.insert(0, '…');
            at += 1;
        }
        if rest.next().is_some() {
            shown.push('…');
        }
        let room = shown.chars().count().saturating_sub(at);
        Some(Self {
            line: before.matches('\n').count() + 1,
            column: column + 1,
            mark: (at, length.min(room).max(1)),
            shown,
        })
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { line, column, shown, mark: (at, length) }) = &self.place {
            let gutter = line.to_string().len();
            writeln!(f, "line {line}, column {column}")?;
            writeln!(f, "{:gutter$} |", "")?;
            writeln!(f, "{line} | {shown}")?;
            writeln!(f, "{:gutter$} | {:at$}{}", "", "", "^".repeat(*length))?;
        }
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(text: &str) -> String {
        SyntaxError::new(text, &toml::from_str::<toml::Table>(text).unwrap_err()).to_string()
    }

    #[test]
    fn the_line_and_the_place_in_it_are_shown() {
        assert_eq!(
            told("a = 1\nb = tru\n"),
            "line 2, column 5\n  |\n2 | b = tru\n  |     ^^^\ninvalid boolean, expected `true`"
        );
    }

    #[test]
    fn of_a_line_of_megabytes_a_window_is_shown() {
        let nested = told(&format!("x = {}", "[".repeat(1 << 20)));
        assert!(nested.starts_with("line 1, column ") && nested.len() < 600, "{nested}");
        let late = told(&format!("x = [{}tru]", "1,".repeat(100_000)));
        assert!(late.starts_with("line 1, column 200006\n"), "{late}");
        let lines: Vec<&str> = late.lines().collect();
        let mark = lines[3].chars().position(|c| c == '^').unwrap();
        assert_eq!(lines[2].chars().skip(mark).take(3).collect::<String>(), "tru");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_long(text in "(\\PC{0,40}[\n=\"\\[]){0,8}") {
            if let Err(error) = toml::from_str::<toml::Table>(&text) {
                let told = SyntaxError::new(&text, &error).to_string();
                prop_assert!(told.chars().count() < WINDOW * 2 + MAX_MESSAGE + 100);
            }
        }
    }
}

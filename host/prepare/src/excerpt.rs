//! The lines of a source round a finding, kept with it so that its code frame is right also after the source has changed.

use prefab_model::{Diagnostic, Excerpt, Position};

/// Lines kept before the first and after the last line of a span.
const CONTEXT: u32 = 2;
/// A span of more lines is shown by its beginning.
const MAX_LINES: u32 = 12;
/// Of a longer line, as minified sources have, only a part is kept, in characters.
const MAX_COLUMNS: usize = 400;

/// Fills in the excerpt of a finding. `source` gives the bytes of a file of the module.
pub(crate) fn fill<'s>(diagnostic: &mut Diagnostic, source: impl Fn(&str) -> Option<&'s [u8]>) {
    if let (Some(file), Some(span)) = (&diagnostic.file, diagnostic.span)
        && let Some(text) = source(file).and_then(|bytes| str::from_utf8(bytes).ok())
    {
        diagnostic.excerpt = cut(text, span.start, span.end);
    }
}

fn cut(text: &str, start: Position, end: Position) -> Option<Excerpt> {
    let first_line = start.line.saturating_sub(CONTEXT).max(1);
    let last_line = end.line.saturating_add(CONTEXT).min(first_line.saturating_add(MAX_LINES));
    let count = (last_line - first_line + 1) as usize;
    let lines: Vec<&str> = text.lines().skip(first_line as usize - 1).take(count).collect();
    let marked = (start.line - first_line) as usize;
    let line = lines.get(marked)?;
    if lines.iter().all(|line| line.len() <= MAX_COLUMNS) {
        return Some(Excerpt { first_line, first_column: 1, text: lines.join("\n") });
    }
    // One very long line: a window of it, a little of it before the place.
    let before = (start.column as usize).saturating_sub(1).saturating_sub(MAX_COLUMNS / 4);
    let window: String = line.chars().skip(before).take(MAX_COLUMNS).collect();
    Some(Excerpt {
        first_line: start.line,
        first_column: u32::try_from(before).ok()?.saturating_add(1),
        text: window,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(line: u32, column: u32) -> Position {
        Position { line, column }
    }

    #[test]
    fn some_lines_round_the_place_are_kept() {
        let text = "1\n2\n3\n4\n5\n6\n7\n";
        let excerpt = cut(text, at(4, 1), at(4, 2)).unwrap();
        assert_eq!((excerpt.first_line, excerpt.text.as_str()), (2, "2\n3\n4\n5\n6"));
        let excerpt = cut(text, at(1, 1), at(1, 2)).unwrap();
        assert_eq!((excerpt.first_line, excerpt.text.as_str()), (1, "1\n2\n3"));
    }

    #[test]
    fn of_a_very_long_line_a_window_is_kept() {
        let text = format!("{}X{}", "a".repeat(1000), "b".repeat(1000));
        let excerpt = cut(&text, at(1, 1001), at(1, 1002)).unwrap();
        assert_eq!(excerpt.first_column, 901);
        assert_eq!(excerpt.text.chars().nth(1001 - 901), Some('X'));
    }

    proptest! {
        #[test]
        fn no_place_makes_it_panic(text in "\\PC{0,30}(\n\\PC{0,30}){0,5}", a in 1u32.., b in 1u32.., c in 1u32.., d in 1u32..) {
            let (start, end) = (at(a, b), at(c, d));
            let (start, end) = if start <= end { (start, end) } else { (end, start) };
            let _ = cut(&text, start, end);
        }
    }
}

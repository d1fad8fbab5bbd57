//! From byte offsets to lines and columns.
//!
//! Parsers speak of byte offsets, people of lines and columns. The index costs one pass over the file, so make it when the
//! first diagnostic of a file is reported and not before.

use crate::{Position, Span};

/// Where the lines of a text begin.
#[derive(Debug, Clone)]
pub struct LineIndex<'a> {
    text: &'a str,
    /// The offset of the first byte of each line; the first is 0.
    starts: Vec<usize>,
}

impl<'a> LineIndex<'a> {
    /// Reads a text once. Lines end with `\n`, `\r\n` or `\r`.
    pub fn new(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (offset, byte) in bytes.iter().enumerate() {
            let ends_line = match byte {
                b'\n' => true,
                b'\r' => bytes.get(offset + 1) != Some(&b'\n'),
                _ => false,
            };
            if ends_line {
                starts.push(offset + 1);
            }
        }
        Self { text, starts }
    }

    /// The position of a byte offset. One behind the end of the text, or inside a character, means the nearest place
    /// before it.
    pub fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        let column = self.text[start..offset].chars().count() + 1;
        Position { line: saturate(line), column: saturate(column) }
    }

    /// The span of a range of byte offsets. An end before the start means the start.
    pub fn span(&self, start: usize, end: usize) -> Span {
        Span { start: self.position(start), end: self.position(end.max(start)) }
    }
}

fn saturate(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str, offset: usize) -> (u32, u32) {
        let position = LineIndex::new(text).position(offset);
        (position.line, position.column)
    }

    #[test]
    fn columns_count_characters_and_not_bytes() {
        let text = "let ä = '日本';\nx";
        assert_eq!(at(text, 0), (1, 1));
        assert_eq!(at(text, text.find('=').unwrap()), (1, 7));
        assert_eq!(at(text, text.find('x').unwrap()), (2, 1));
    }

    #[test]
    fn every_kind_of_line_end_is_known() {
        assert_eq!(at("a\r\nb", 3), (2, 1));
        assert_eq!(at("a\rb", 2), (2, 1));
        assert_eq!(at("a\n\nb", 3), (3, 1));
    }

    #[test]
    fn an_offset_behind_the_end_means_the_end() {
        assert_eq!(at("ab", 99), (1, 3));
        assert_eq!(at("", 5), (1, 1));
    }

    proptest! {
        #[test]
        fn positions_are_those_of_counting_by_hand(text in "[a\\u{e4}\\u{1f600}\n\r ]{0,40}", offset in 0_usize..60) {
            let index = LineIndex::new(&text);
            let mut cut = offset.min(text.len());
            while !text.is_char_boundary(cut) {
                cut -= 1;
            }
            let (mut line, mut column) = (1_u32, 1_u32);
            let before: Vec<char> = text[..cut].chars().collect();
            for (place, character) in before.iter().enumerate() {
                let next = before.get(place + 1).copied().or_else(|| text[cut..].chars().next());
                let ends = *character == '\n' || (*character == '\r' && next != Some('\n'));
                if ends { line += 1; column = 1; } else { column += 1; }
            }
            prop_assert_eq!(index.position(offset), Position { line, column });
        }

        #[test]
        fn a_span_never_ends_before_it_starts(text in any::<String>(), a in any::<usize>(), b in any::<usize>()) {
            let span = LineIndex::new(&text).span(a, b);
            prop_assert!(span.start <= span.end);
        }
    }
}

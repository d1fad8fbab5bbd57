//! Making texts safe to show. A compiler may say anything: escape sequences that rewrite the terminal, characters that
//! turn the direction of a line, line breaks that fake another message (ATTACKS G17).

use std::fmt::Write as _;

/// The text on one line, with everything that is not plainly visible written as `\u{…}`.
pub fn line(text: &str) -> String {
    escape(text, false)
}

/// The same, keeping line breaks and tabs.
pub fn lines(text: &str) -> String {
    escape(text, true)
}

fn escape(text: &str, keep_lines: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' if keep_lines => escaped.push(c),
            '\n' => escaped.push_str("\\n"),
            '\t' => escaped.push_str("\\t"),
            '\r' => escaped.push_str("\\r"),
            _ if is_hidden(c) => {
                let _ = write!(escaped, "\\u{{{:x}}}", u32::from(c));
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

/// Source text with every hidden character replaced by exactly one visible character, so that columns stay right.
pub fn source(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
            '\u{7f}' => '\u{2421}',
            _ if is_hidden(c) => '\u{fffd}',
            _ => c,
        })
        .collect()
}

/// Control characters, and those that change how the text around them is shown or that do not show (Unicode TR 36).
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_on_a_terminal_gets_through() {
        let hostile = "a\u{1b}]0;title\u{7}\r\nerror: fake\u{202e}txt\u{200b}\u{9b}31m\u{e0041}ü→";
        assert_eq!(
            line(hostile),
            "a\\u{1b}]0;title\\u{7}\\r\\nerror: fake\\u{202e}txt\\u{200b}\\u{9b}31m\\u{e0041}ü→"
        );
        assert_eq!(lines("a\n\tb\u{8}"), "a\n\tb\\u{8}");
    }

    #[test]
    fn source_keeps_its_columns() {
        let text = "a\u{1b}\u{202e}\tb\r\n\u{7f}";
        let shown = source(text);
        assert_eq!(shown, "a\u{241b}\u{fffd}\tb\u{240d}\n\u{2421}");
        assert_eq!(shown.chars().count(), text.chars().count());
    }
}

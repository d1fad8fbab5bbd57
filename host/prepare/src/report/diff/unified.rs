//! Two texts as a unified diff that people can read: of lines that are too long, as minified sources have, the part around the
//! first difference is shown. Pure.

use std::fmt::Write as _;
use std::time::Duration;

use similar::{ChangeTag, TextDiff};

use super::ContentDiff;

/// Lines shown round each difference.
const CONTEXT: usize = 3;
/// Of a longer line a part is shown, in characters.
const LINE: usize = 300;
/// So much is shown of a cut line before the place where it differs, in characters.
const BEFORE: usize = 60;
/// After so long, what is still to be compared counts as different. Texts as compilers make them take milliseconds.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How much of two texts is compared and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextLimits {
    /// Texts of more bytes are not compared by lines.
    pub input: usize,
    /// Lines of differences.
    pub lines: usize,
    /// Bytes of differences.
    pub bytes: usize,
}

impl Default for TextLimits {
    /// Enough to see what is going on; whoever wants all of it extracts the artifacts.
    fn default() -> Self {
        Self { input: 4 << 20, lines: 400, bytes: 64 << 10 }
    }
}

/// How two artifacts differ.
pub(super) fn compare(base: &[u8], new: &[u8], limits: TextLimits) -> ContentDiff {
    let (Some(base), Some(new)) = (text(base), text(new)) else { return ContentDiff::Binary };
    if base.len().max(new.len()) > limits.input {
        return ContentDiff::TooLong;
    }
    let mut shown = Shown { limits, text: String::new(), lines: 0, left_out: 0 };
    let diff = TextDiff::configure().timeout(TIMEOUT).diff_lines(base, new);
    for hunk in diff.grouped_ops(CONTEXT) {
        let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { continue };
        shown.line(&format!(
            "@@ -{} +{} @@",
            range(first.old_range().start, last.old_range().end),
            range(first.new_range().start, last.new_range().end)
        ));
        for op in &hunk {
            let changes: Vec<_> = diff.iter_changes(op).collect();
            let of =
                |tag| changes.iter().filter(move |change| change.tag() == tag).map(similar::Change::value);
            for line in of(ChangeTag::Equal) {
                shown.line(&format!(" {}", window(line, 0)));
            }
            // A removed line and the one that was added in its place start to differ somewhere: there they are cut.
            let places: Vec<usize> = of(ChangeTag::Delete)
                .zip(of(ChangeTag::Insert))
                .map(|(old, new)| first_difference(old, new))
                .collect();
            let at = |number: usize| places.get(number).copied().unwrap_or_default();
            for (number, line) in of(ChangeTag::Delete).enumerate() {
                shown.line(&format!("-{}", window(line, at(number))));
            }
            for (number, line) in of(ChangeTag::Insert).enumerate() {
                shown.line(&format!("+{}", window(line, at(number))));
            }
        }
    }
    ContentDiff::Text { unified: shown.text, lines_left_out: shown.left_out }
}

/// The lines that are shown so far.
struct Shown {
    limits: TextLimits,
    text: String,
    lines: usize,
    left_out: u64,
}

impl Shown {
    fn line(&mut self, line: &str) {
        let full = self.lines >= self.limits.lines || self.text.len() + line.len() >= self.limits.bytes;
        if full || self.left_out > 0 {
            self.left_out += 1;
        } else {
            self.lines += 1;
            self.text.push_str(line);
            self.text.push('\n');
        }
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// Where a hunk is, as unified diffs say it: an empty range is behind the line before it.
fn range(start: usize, end: usize) -> String {
    match end - start {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        count => format!("{},{count}", start + 1),
    }
}

/// The characters that two lines have in common at their beginning.
fn first_difference(old: &str, new: &str) -> usize {
    old.chars().zip(new.chars()).take_while(|(old, new)| old == new).count()
}

/// A line without its end; of a long one, what is around the character `at`.
fn window(line: &str, at: usize) -> String {
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.len() <= LINE {
        return line.to_owned();
    }
    let skipped = at.saturating_sub(BEFORE);
    let mut shown = if skipped > 0 { format!("… {skipped} characters … ") } else { String::new() };
    let mut rest = line.chars().skip(skipped);
    shown.extend(rest.by_ref().take(LINE));
    let left = rest.count();
    if left > 0 {
        let _ = write!(shown, " … {left} characters …");
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(base: &str, new: &str) -> String {
        match compare(base.as_bytes(), new.as_bytes(), TextLimits::default()) {
            ContentDiff::Text { unified, lines_left_out: 0 } => unified,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn differences_are_shown_with_the_lines_round_them() {
        assert_eq!(
            shown("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n"),
            "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
        );
        assert_eq!(shown("", "a\n"), "@@ -0,0 +1 @@\n+a\n");
    }

    #[test]
    fn a_long_line_is_cut_to_where_it_differs() {
        let line = |middle: &str| format!("{}{middle}{}\n", "a".repeat(5000), "b".repeat(5000));
        let told = shown(&line("old"), &line("new"));
        assert!(
            told.contains("-… 4940 characters … aaa") && told.contains("aaaold") && told.contains("aaanew"),
            "{told}"
        );
        assert!(told.len() < 1000, "{}", told.len());
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let lines = |of: &str| format!("{of}\n").repeat(1000);
        let ContentDiff::Text { unified, lines_left_out } =
            compare(lines("old").as_bytes(), lines("new").as_bytes(), TextLimits::default())
        else {
            panic!("not text");
        };
        assert_eq!(unified.lines().count() as u64 + lines_left_out, 2001);
        assert!(unified.lines().count() <= 400);
    }

    #[test]
    fn bytes_that_are_no_text_are_not_shown() {
        assert_eq!(compare(b"\xff", b"a", TextLimits::default()), ContentDiff::Binary);
        let small = TextLimits { input: 1, ..TextLimits::default() };
        assert_eq!(compare(b"ab", b"a", small), ContentDiff::TooLong);
    }

    proptest! {
        #[test]
        fn whatever_the_texts_are_the_lines_that_differ_are_told(base in "[ab\n]{0,40}", new in "[ab\n]{0,40}") {
            let told = shown(&base, &new);
            prop_assert_eq!(told.is_empty(), base == new);
            let count = |sign| told.lines().filter(|line| line.starts_with(sign)).count();
            // `lines` does not count an end without a line break as another line, and neither does the diff.
            prop_assert_eq!(base.lines().count() + count('+'), new.lines().count() + count('-'));
        }
    }
}

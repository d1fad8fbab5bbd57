//! A release's own pattern. It is looked for from each line on, over some lines, since many tools say on one line what is wrong and on
//! the next one where.

use regex::Regex;

use super::{Found, Spot, severity};

/// A match lies within so many lines and bytes: that bounds what it takes to look for it in any text.
const LINES: usize = 8;
const BYTES: usize = 16 << 10;

pub(super) fn read(pattern: &Regex, text: &str, most: usize) -> Vec<Found> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() && found.len() < most {
        let line = rest.find('\n').map_or(rest.len(), |at| at + 1);
        let window = rest.match_indices('\n').nth(LINES - 1).map_or(rest.len(), |(at, _)| at + 1);
        let window = &rest[..rest.floor_char_boundary(window.min(BYTES))];
        let parts = pattern.captures(window);
        let begins_here = |parts: &regex::Captures<'_>| parts.get(0).is_some_and(|all| all.start() < line);
        let Some(parts) = parts.filter(begins_here) else {
            rest = &rest[line..];
            continue;
        };
        let part = |name| parts.name(name).map(|it| it.as_str().trim());
        let number = |name| part(name).and_then(|it| it.parse().ok());
        found.push(Found {
            severity: part("severity").and_then(severity),
            code: part("code").map(str::to_owned),
            message: part("message").unwrap_or_default().to_owned(),
            spot: Spot {
                file: part("file").map(str::to_owned),
                line: number("line"),
                column: number("column"),
                end_line: number("end_line"),
                end_column: number("end_column"),
            },
            ..Found::default()
        });
        // The line that the match ended in is done with.
        let end = parts.get(0).map_or(line, |all| all.end().max(line));
        let on = rest[..end].ends_with('\n');
        let end = if on { Some(end) } else { rest[end..].find('\n').map(|at| end + at + 1) };
        rest = end.map_or("", |end| &rest[end..]);
    }
    found
}

#[cfg(test)]
mod tests {
    use prefab_model::Severity;

    use super::*;

    #[test]
    fn a_finding_over_two_lines_is_read() {
        let pattern = r"(?m)^(?<severity>error|warning)(?:\[(?<code>\w+)\])?: (?<message>.*)\n *┌─ (?<file>[^:\n]*):(?<line>\d+):(?<column>\d+)";
        let found = read(
            &Regex::new(pattern).unwrap(),
            "error[E1]: expected expression\n  ┌─ wgsl:3:14\n  │\n3 │ let x = ;\n\nwarning: odd\n  ┌─ a.wgsl:1:1\nend",
            10,
        );
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].code.as_deref(), Some("E1"));
        assert_eq!((found[0].spot.line, found[0].spot.column), (Some(3), Some(14)));
        assert_eq!(
            (found[1].severity, found[1].spot.file.as_deref()),
            (Some(Severity::Warning), Some("a.wgsl"))
        );
    }

    #[test]
    fn a_megabyte_of_lines_that_nearly_match_takes_no_time() {
        let pattern = Regex::new(r"(?s)a.*b.*c.*(?<message>d)").unwrap();
        assert!(read(&pattern, &"a b c\n".repeat(200_000), 10).is_empty());
        assert!(read(&pattern, &"a".repeat(1 << 20), 10).is_empty());
    }
}

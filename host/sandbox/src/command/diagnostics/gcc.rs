//! `file:line:column: error: message [-Wcode]`, as GCC, Clang and many others print it. A note is a place that explains what came
//! before it.

use std::sync::LazyLock;

use prefab_model::Severity;
use regex::Regex;

use super::{Found, Spot, Unit, severity};

static LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^(?:(?<file>[^\s:][^:]*):(?<line>\d{1,9}):(?:(?<column>\d{1,9}):)?|(?<tool>[\w./+-]+):)? ?(?<severity>fatal error|error|warning|note|remark|sorry, unimplemented): (?<message>.*)$",
    )
    .ok()
});

pub(super) fn read(text: &str, most: usize) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let Some(pattern) = &*LINE else { return found };
    for line in text.lines() {
        let Some(parts) = pattern.captures(line) else { continue };
        let number = |name| parts.name(name).and_then(|it| it.as_str().parse().ok());
        let spot = Spot {
            file: parts.name("file").map(|it| it.as_str().to_owned()),
            line: number("line"),
            column: number("column"),
            ..Spot::default()
        };
        let severity = severity(&parts["severity"]);
        let message = parts["message"].trim_end();
        if severity == Some(Severity::Note)
            && let Some(last) = found.last_mut()
        {
            last.labels.push((spot, message.to_owned()));
            continue;
        }
        if found.len() >= most {
            break;
        }
        let (message, code) = with_code(message);
        let message = message.to_owned();
        found.push(Found { severity, code, message, spot, unit: Unit::Bytes, ..Found::default() });
    }
    found
}

/// `message [-Wcode]` in its parts.
fn with_code(message: &str) -> (&str, Option<String>) {
    let code = message.strip_suffix(']').and_then(|rest| rest.rsplit_once(" ["));
    match code {
        Some((message, code)) if code.starts_with('-') => {
            // `-Werror=` says that it would be a warning otherwise.
            let code = code.split(',').next_back().unwrap_or(code).replacen("-Werror=", "-W", 1);
            (message, Some(code))
        }
        _ => (message, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_warnings_and_their_notes_are_read() {
        let found = read(
            "In file included from /src/a.c:1:\n\
             /src/a.c:3:5: error: use of undeclared identifier 'x'\n    3 |     x = 1;\n      |     ^\n\
             /src/a.h:7:1: note: 'y' declared here\n\
             a.c:9: warning: unused variable 'z' [-Wunused-variable]\n\
             a.c:10:2: error: comparison [-Werror,-Wsign-compare]\n\
             clang: error: linker command failed\n\
             2 errors generated.\n",
            10,
        );
        let brief: Vec<_> = found
            .iter()
            .map(|it| {
                (
                    it.severity.unwrap(),
                    it.spot.file.as_deref(),
                    it.spot.line,
                    it.spot.column,
                    it.message.as_str(),
                )
            })
            .collect();
        assert_eq!(
            brief,
            [
                (Severity::Error, Some("/src/a.c"), Some(3), Some(5), "use of undeclared identifier 'x'"),
                (Severity::Warning, Some("a.c"), Some(9), None, "unused variable 'z'"),
                (Severity::Error, Some("a.c"), Some(10), Some(2), "comparison"),
                (Severity::Error, None, None, None, "linker command failed"),
            ]
        );
        assert_eq!(found[0].labels[0].1, "'y' declared here");
        assert_eq!(found[1].code.as_deref(), Some("-Wunused-variable"));
        assert_eq!(found[2].code.as_deref(), Some("-Wsign-compare"));
    }

    #[test]
    fn no_more_is_taken_than_there_may_be() {
        assert_eq!(read(&"a.c:1:1: error: x\n".repeat(100), 3).len(), 3);
    }
}

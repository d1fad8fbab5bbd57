//! `file(line,column): error TS1234: message`, as TypeScript, C# and MSBuild print it, and `file:line:column - error TS1234: message`, which
//! TypeScript prints for people. Lines that are indented belong to the message before.

use std::sync::LazyLock;

use regex::Regex;

use super::{Found, Spot, Unit, severity};

/// What one message may have, with its further lines.
const MAX_MESSAGE: usize = 16 << 10;

static LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^(?:(?<file>\S[^()]*?)(?:\((?<line>\d{1,9}),(?<column>\d{1,9})(?:,(?<end_line>\d{1,9}),(?<end_column>\d{1,9}))?\): |:(?<line2>\d{1,9}):(?<column2>\d{1,9}) - ))?(?<severity>error|warning|info|message) (?<code>[A-Za-z]+[0-9]+): (?<message>.*)$",
    )
    .ok()
});

pub(super) fn read(text: &str, most: usize) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let Some(pattern) = &*LINE else { return found };
    let mut goes_on = false;
    for line in text.lines() {
        if let Some(parts) = pattern.captures(line) {
            if found.len() >= most {
                break;
            }
            let number = |names: [&str; 2]| {
                let part = names.into_iter().find_map(|name| parts.name(name));
                part.and_then(|it| it.as_str().parse().ok())
            };
            found.push(Found {
                severity: severity(&parts["severity"]),
                code: Some(parts["code"].to_owned()),
                message: parts["message"].trim_end().to_owned(),
                spot: Spot {
                    file: parts.name("file").map(|it| it.as_str().to_owned()),
                    line: number(["line", "line2"]),
                    column: number(["column", "column2"]),
                    end_line: number(["end_line", "end_line"]),
                    end_column: number(["end_column", "end_column"]),
                },
                unit: Unit::Utf16,
                ..Found::default()
            });
            goes_on = true;
        } else if let Some(last) = found
            .last_mut()
            .filter(|last| goes_on && line.starts_with("  ") && last.message.len() + line.len() < MAX_MESSAGE)
        {
            last.message.push('\n');
            last.message.push_str(line.trim_end());
        } else {
            // A picture of the source follows, which is none of the message.
            goes_on = false;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use prefab_model::Severity;

    use super::*;

    #[test]
    fn both_forms_are_read_with_their_further_lines() {
        let found = read(
            "src/a.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.\n  It has another kind.\n\
             /src/b.ts:1:10 - warning TS6133: 'x' is declared but never used.\n\n1 import { x } from \"y\";\n           ~\n\n\
             c.cs(1,2,3,4): error CS0103: The name 'y' does not exist\n\
             error TS5023: Unknown compiler option 'x'.\n\
             Found 2 errors.\n",
            10,
        );
        assert_eq!(found.len(), 4);
        assert!(found[0].message.ends_with("'number'.\n  It has another kind."), "{:?}", found[0].message);
        assert_eq!((found[0].spot.line, found[0].spot.column), (Some(3), Some(7)));
        assert_eq!(found[1].spot.file.as_deref(), Some("/src/b.ts"));
        assert_eq!((found[1].severity, found[1].spot.column), (Some(Severity::Warning), Some(10)));
        assert_eq!((found[2].spot.end_line, found[2].spot.end_column), (Some(3), Some(4)));
        assert_eq!((found[3].code.as_deref(), found[3].spot.file.as_deref()), (Some("TS5023"), None));
    }
}

//! An array of objects, an object with such an array as `diagnostics`, or an object a line. Keys are those of prefab's own
//! diagnostics, or what many tools call the same.

use serde::Deserialize;

use super::{Found, Spot, severity};

#[derive(Deserialize)]
struct Entry {
    #[serde(alias = "level", alias = "kind")]
    severity: Option<String>,
    #[serde(alias = "rule", alias = "ruleId", alias = "rule_id")]
    code: Option<Code>,
    #[serde(alias = "text", alias = "description")]
    message: Option<String>,
    #[serde(alias = "path", alias = "filename", alias = "filePath")]
    file: Option<String>,
    #[serde(alias = "line_num", alias = "lineNumber", alias = "startLine", alias = "start_line")]
    line: Option<u32>,
    #[serde(alias = "col", alias = "columnNumber", alias = "startColumn", alias = "start_column")]
    column: Option<u32>,
    #[serde(alias = "endLine")]
    end_line: Option<u32>,
    #[serde(alias = "endColumn")]
    end_column: Option<u32>,
    #[serde(alias = "suggestion", alias = "hint")]
    help: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Code {
    Text(String),
    Number(i64),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Document {
    Many(Vec<Entry>),
    Within {
        #[serde(alias = "errors", alias = "messages")]
        diagnostics: Vec<Entry>,
    },
    One(Entry),
}

pub(super) fn read(text: &str, most: usize) -> Vec<Found> {
    let mut found = Vec::new();
    for document in serde_json::Deserializer::from_str(text).into_iter::<Document>() {
        // What is not JSON, or not of this form, ends it: there is no telling where the next one begins.
        let Ok(document) = document else { break };
        let entries = match document {
            Document::Many(entries) | Document::Within { diagnostics: entries } => entries,
            Document::One(entry) => vec![entry],
        };
        let room = most - found.len();
        found.extend(entries.into_iter().filter_map(finding).take(room));
    }
    found
}

fn finding(entry: Entry) -> Option<Found> {
    Some(Found {
        severity: entry.severity.as_deref().and_then(severity),
        code: entry.code.map(|code| match code {
            Code::Text(text) => text,
            Code::Number(number) => number.to_string(),
        }),
        message: entry.message?,
        spot: Spot {
            file: entry.file,
            line: entry.line,
            column: entry.column,
            end_line: entry.end_line,
            end_column: entry.end_column,
        },
        help: entry.help,
        ..Found::default()
    })
}

#[cfg(test)]
mod tests {
    use prefab_model::Severity;

    use super::*;

    #[test]
    fn arrays_and_lines_are_read() {
        let lines = "{\"message\":\"a\",\"level\":\"warning\",\"path\":\"x\",\"line\":3}\n{\"other\":1}\n{\"text\":\"b\",\"code\":7}\n";
        let found = read(lines, 10);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].severity, found[0].spot.line), (Some(Severity::Warning), Some(3)));
        assert_eq!((found[1].message.as_str(), found[1].code.as_deref()), ("b", Some("7")));
        assert_eq!(read("[{\"message\":\"a\"},{\"message\":\"b\"}]", 1).len(), 1);
        assert_eq!(read("{\"diagnostics\":[{\"message\":\"a\"}]}", 9).len(), 1);
        assert!(read("not JSON", 9).is_empty() && read(&"[".repeat(100_000), 9).is_empty());
    }
}

//! What a command-line compiler printed, read as findings.
//!
//! A parser for each format is in a file of its own: from text, which may be anything, to what was found in it, and nothing else. Here
//! findings are put where they belong in the sources.

mod gcc;
mod json;
mod pattern;
mod sarif;
mod typescript;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use prefab_model::{Diagnostic, Format, Label, ModulePath, Position, Severity, Span};
use regex::Regex;

use super::SOURCES;

/// How a format counts columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Unit {
    /// In characters, as prefab does.
    #[default]
    Characters,
    Bytes,
    Utf16,
}

/// A place as it was printed. Lines and columns count from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Spot {
    file: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
    end_line: Option<u32>,
    end_column: Option<u32>,
}

/// A finding as it was printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Found {
    severity: Option<Severity>,
    code: Option<String>,
    message: String,
    spot: Spot,
    unit: Unit,
    /// Places that explain it, each with what is to be seen there.
    labels: Vec<(Spot, String)>,
    help: Option<String>,
}

/// Reads what was printed. At most so many findings are taken, and one more, by which a cap is seen to be hit.
pub(super) fn read(format: &Format, printed: &[u8], sources: &Sources<'_>, most: u64) -> Vec<Diagnostic> {
    let text = String::from_utf8_lossy(printed);
    let most = usize::try_from(most).unwrap_or(usize::MAX).saturating_add(1);
    let found = match format {
        Format::None => Vec::new(),
        Format::Gcc => gcc::read(&plain(&text), most),
        Format::Typescript => typescript::read(&plain(&text), most),
        Format::Sarif => sarif::read(&text, most),
        Format::Json => json::read(&text, most),
        Format::Pattern { pattern } => pattern::read(pattern.regex(), &plain(&text), most),
    };
    found.into_iter().map(|found| sources.settle(found)).collect()
}

/// The text without what colours it on a terminal.
fn plain(text: &str) -> Cow<'_, str> {
    static COLOUR: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new("\x1b\\[[0-9;]*[A-Za-z]|\x1b\\]8;[^\x1b\x07]*(?:\x07|\x1b\\\\)|\r").ok());
    match &*COLOUR {
        Some(colour) => colour.replace_all(text, ""),
        None => text.into(),
    }
}

/// The severity that a word stands for.
fn severity(word: &str) -> Option<Severity> {
    let word = word.to_ascii_lowercase();
    Some(match word.as_str() {
        "error" | "fatal" | "fatal error" | "critical" | "failure" | "sorry, unimplemented" => {
            Severity::Error
        }
        "warning" | "warn" => Severity::Warning,
        "note" | "info" | "information" | "hint" | "help" | "remark" | "message" | "notice" => Severity::Note,
        _ => return None,
    })
}

/// The files of the module, and which of them was compiled.
pub(super) struct Sources<'a> {
    files: HashMap<&'a str, &'a [u8]>,
    current: Option<&'a ModulePath>,
}

impl<'a> Sources<'a> {
    pub(super) fn new(files: &'a [(ModulePath, Arc<[u8]>)], current: Option<&'a ModulePath>) -> Self {
        Self { files: files.iter().map(|(path, bytes)| (path.as_str(), &**bytes)).collect(), current }
    }

    /// The file of the module that a compiler calls so.
    fn file(&self, called: &str) -> Option<&'a str> {
        let path = called.strip_prefix("file://").unwrap_or(called).trim_start_matches("./");
        let within = [SOURCES, &SOURCES[1..]]
            .into_iter()
            .find_map(|prefix| path.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')));
        // A module may have a folder `src` of its own, by which some call its files.
        let names = within.into_iter().chain([path]);
        if let Some((known, _)) = names.into_iter().find_map(|name| self.files.get_key_value(name)) {
            return Some(known);
        }
        // Some only know the last part of what they read.
        let current = self.current?.as_str();
        let name = |path: &'_ str| path.rsplit('/').next().map(str::to_owned);
        (name(current) == name(path)).then_some(current)
    }

    fn settle(&self, found: Found) -> Diagnostic {
        let Found { severity, code, mut message, spot, unit, labels, help } = found;
        let file = match &spot.file {
            Some(called) => {
                let known = self.file(called);
                if known.is_none() {
                    let called: String = called.chars().take(200).collect();
                    let _ = write!(message, " (in \"{}\")", called.escape_debug());
                }
                known
            }
            None => self.current.map(ModulePath::as_str),
        };
        let place = |file: &str, spot: &Spot| {
            let line = spot.line.filter(|line| *line > 0)?;
            let text = self.files.get(file).copied().unwrap_or_default();
            let at = |line: u32, column: u32| Position { line, column: characters(text, line, column, unit) };
            let start = at(line, spot.column.unwrap_or(1));
            let end = match (spot.end_line.or(Some(line)), spot.end_column) {
                (Some(end_line), Some(column)) if end_line >= line => at(end_line, column),
                _ => start,
            };
            Some(Span { start, end: end.max(start) })
        };
        let mut settled = Vec::new();
        for (spot, text) in labels {
            let file = spot.file.as_deref().map_or(file, |called| self.file(called));
            match file.and_then(|file| Some((file, place(file, &spot)?))) {
                Some((file, span)) => {
                    settled.push(Label { file: file.to_owned(), span, message: text });
                }
                None => {
                    let _ = write!(message, "; {text}");
                }
            }
        }
        Diagnostic {
            severity: severity.unwrap_or(Severity::Error),
            code: code.filter(|code| !code.is_empty()),
            span: file.and_then(|file| place(file, &spot)),
            file: file.map(str::to_owned),
            message,
            labels: settled,
            help,
            excerpt: None,
        }
    }
}

/// A column in characters.
fn characters(text: &[u8], line: u32, column: u32, unit: Unit) -> u32 {
    let before = column.saturating_sub(1) as usize;
    if unit == Unit::Characters || before == 0 {
        return column.max(1);
    }
    let line = text.split(|byte| *byte == b'\n').nth(line.saturating_sub(1) as usize).unwrap_or_default();
    let counted = match unit {
        Unit::Characters => before,
        Unit::Bytes => String::from_utf8_lossy(&line[..before.min(line.len())]).chars().count(),
        Unit::Utf16 => {
            let mut units = 0;
            let text = String::from_utf8_lossy(line);
            let fits = |c: &char| {
                units += c.len_utf16();
                units <= before
            };
            text.chars().take_while(fits).count()
        }
    };
    u32::try_from(counted).unwrap_or(u32::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn files() -> Vec<(ModulePath, Arc<[u8]>)> {
        let file = |path: &str, text: &str| (path.parse().unwrap(), Arc::from(text.as_bytes()));
        vec![file("a/b.c", "int x;\nä€𝄞 y;\n"), file("main.c", "")]
    }

    fn settled(files: &[(ModulePath, Arc<[u8]>)], file: Option<&str>, column: u32, unit: Unit) -> Diagnostic {
        let sources = Sources::new(files, Some(&files[1].0));
        let spot =
            Spot { file: file.map(str::to_owned), line: Some(2), column: Some(column), ..Spot::default() };
        sources.settle(Found { message: "m".into(), spot, unit, ..Found::default() })
    }

    #[test]
    fn a_file_is_known_by_all_the_names_that_compilers_give_it() {
        let files = files();
        for called in ["/src/a/b.c", "src/a/b.c", "./src/a/b.c", "a/b.c", "./a/b.c", "file:///src/a/b.c"] {
            let diagnostic = settled(&files, Some(called), 1, Unit::Bytes);
            assert_eq!(diagnostic.file.as_deref(), Some("a/b.c"), "{called}");
        }
        assert_eq!(settled(&files, None, 1, Unit::Bytes).file.as_deref(), Some("main.c"));
        assert_eq!(settled(&files, Some("/x/main.c"), 1, Unit::Bytes).file.as_deref(), Some("main.c"));
        let own = [("src/x.c".parse().unwrap(), Arc::from(&b""[..]))];
        let sources = Sources::new(&own, None);
        for called in ["src/x.c", "/src/src/x.c"] {
            assert_eq!(sources.file(called), Some("src/x.c"), "{called}");
        }
        let foreign = settled(&files, Some("/toolchain/stdio.h"), 1, Unit::Bytes);
        assert_eq!((foreign.file, foreign.message.as_str()), (None, "m (in \"/toolchain/stdio.h\")"));
    }

    #[test]
    fn columns_are_counted_in_characters() {
        let files = files();
        let column = |column, unit| settled(&files, Some("a/b.c"), column, unit).span.unwrap().start.column;
        // `y` is behind characters of 2, 3 and 4 bytes, of 1, 1 and 2 units, and a space.
        assert_eq!(column(11, Unit::Bytes), 5);
        assert_eq!(column(6, Unit::Utf16), 5);
        assert_eq!(column(5, Unit::Characters), 5);
        assert_eq!(column(4_000_000_000, Unit::Bytes), 7);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(
            text in "(\\PC{0,8}|a/b.c|:|\\(|\\)|[0-9]{1,12}|, ?|\n| error | TS1|\\{|\\}|\"|\\[|\\]|\x1b\\[31m){0,30}"
        ) {
            let files = files();
            let sources = Sources::new(&files, Some(&files[1].0));
            let pattern = "(?<file>[^:]*):(?<line>[0-9]+):(?<column>[0-9]+):(?<message>.*)".to_owned();
            let own = Format::Pattern { pattern: pattern.try_into().unwrap() };
            for format in [Format::None, Format::Gcc, Format::Typescript, Format::Sarif, Format::Json, own] {
                for diagnostic in read(&format, text.as_bytes(), &sources, 5) {
                    if let Some(span) = diagnostic.span {
                        prop_assert!(span.start.line > 0 && span.start.column > 0 && span.end >= span.start);
                    }
                }
            }
        }
    }
}

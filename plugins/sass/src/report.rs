//! From what grass and lightningcss find to diagnostics.

use grass::Error as SassError;
use lightningcss::error::ErrorLocation;
use prefab_sdk::{Diagnostic, LineIndex, Module, Position, Severity, Span};

use crate::files::{Files, Found};
use crate::source::Syntax;

/// The text of a source, or a diagnostic that points at the first byte that is not UTF-8.
pub(crate) fn text(path: &str, bytes: Vec<u8>) -> Result<String, Box<Diagnostic>> {
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = std::str::from_utf8(&error.as_bytes()[..valid]).unwrap_or_default();
        let place = LineIndex::new(before).span(valid, valid);
        Box::new(
            Diagnostic::error("the source is not UTF-8 text")
                .with_code("prefab/not-utf-8")
                .at(path, place)
                .with_help("save the file with the encoding UTF-8"),
        )
    })
}

/// What grass says of the style sheet `entry`.
pub(crate) fn of_sass(error: SassError, entry: &str, module: &dyn Module, files: &Files<'_>) -> Diagnostic {
    match error.kind() {
        grass::ErrorKind::ParseError { message, loc, .. } => {
            let place = place(loc.begin.line, loc.begin.column, loc.end.line, loc.end.column);
            at(Severity::Error, &message, loc.file.name(), place, entry, module, files)
        }
        grass::ErrorKind::FromUtf8Error(_) => {
            Diagnostic::error("a style sheet that it uses is not UTF-8 text")
                .with_code("prefab/not-utf-8")
                .in_file(entry)
                .with_help("save that file with the encoding UTF-8")
        }
        other => {
            Diagnostic::error(format!("it cannot be compiled: {other:?}")).with_code("sass").in_file(entry)
        }
    }
}

/// A finding at a place of a file that Sass read: one of the module's own, or one of a dependency.
pub(crate) fn at(
    severity: Severity,
    message: &str,
    file: &str,
    place: Span,
    entry: &str,
    module: &dyn Module,
    files: &Files<'_>,
) -> Diagnostic {
    let code = if severity == Severity::Error { code(message) } else { "sass/message" };
    let message = message.trim_end_matches('.');
    let finding = match files.find(file) {
        Some(Found::Of { dependency, path }) => {
            let message = format!(
                "In `{dependency}`, at {path}:{}:{}: {message}",
                place.start.line, place.start.column
            );
            let finding = Diagnostic::new(severity, message).with_code(code);
            match mention(module, entry, &dependency) {
                Some((file, span)) => finding.at(file, span),
                None => finding.in_file(entry),
            }
        }
        Some(Found::Own(path)) => Diagnostic::new(severity, message).with_code(code).at(path, place),
        None => Diagnostic::new(severity, message).with_code(code).in_file(entry),
    };
    if code == "sass/not-found" {
        return finding.with_help(
            "write the path from this file, or the name of a module that is among the dependencies of this one",
        );
    }
    finding
}

/// Where a dependency is used: in the style sheet itself, or in any other of the module.
fn mention(module: &dyn Module, entry: &str, dependency: &str) -> Option<(String, Span)> {
    let others = module.list_files().into_iter().map(|file| file.path).filter(|path| path != entry);
    std::iter::once(entry.to_owned()).chain(others).find_map(|path| {
        let (_, Syntax::Scss | Syntax::Sass) = Syntax::split(&path)? else { return None };
        let text = String::from_utf8(module.read_file(&path).ok()?).ok()?;
        let start = text.match_indices(dependency).map(|(start, _)| start).find(|start| {
            let line = text[..*start].rsplit('\n').next().unwrap_or_default().trim_start();
            ["@use", "@forward", "@import"].iter().any(|rule| line.starts_with(rule))
        })?;
        let span = LineIndex::new(&text).span(start, start + dependency.len());
        Some((path, span))
    })
}

/// A place by grass's numbers, which are counted from 0.
pub(crate) fn place(start_line: usize, start_column: usize, end_line: usize, end_column: usize) -> Span {
    let position = |line: usize, column: usize| Position { line: from_zero(line), column: from_zero(column) };
    let start = position(start_line, start_column);
    Span { start, end: position(end_line, end_column).max(start) }
}

/// What lightningcss says of plain CSS. It counts lines from 0, and columns from 1 in UTF-16 units.
pub(crate) fn of_css(
    severity: Severity,
    message: &str,
    location: Option<&ErrorLocation>,
    path: &str,
    text: &str,
) -> Diagnostic {
    let finding = Diagnostic::new(severity, message.trim_end_matches('.')).with_code("css");
    let Some(location) = location else { return finding.in_file(path) };
    let line = text.split('\n').nth(location.line as usize).unwrap_or_default();
    let mut units = 1;
    let before = line.chars().take_while(|character| {
        let is_before = units < location.column as usize;
        units += character.len_utf16();
        is_before
    });
    let position = Position { line: from_zero(location.line as usize), column: from_zero(before.count()) };
    finding.at(path, Span { start: position, end: position })
}

fn from_zero(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1)
}

/// A name for the rule that a message of grass is about; it has none itself.
fn code(message: &str) -> &'static str {
    const CODES: [(&str, &str); 12] = [
        ("Undefined variable", "sass/undefined-variable"),
        ("Undefined mixin", "sass/undefined-mixin"),
        ("Undefined function", "sass/undefined-function"),
        ("Can't find stylesheet", "sass/not-found"),
        ("This file is already being loaded", "sass/loop"),
        ("Module loop", "sass/loop"),
        ("There is no module", "sass/undefined-module"),
        ("The target selector was not found", "sass/extend"),
        ("Missing argument", "sass/arguments"),
        ("No argument", "sass/arguments"),
        ("Incompatible units", "sass/units"),
        ("expected", "sass/syntax"),
    ];
    let starts = |(start, _): &&(&str, &str)| {
        message.get(..start.len()).is_some_and(|message| message.eq_ignore_ascii_case(start))
    };
    CODES.iter().find(starts).map_or("sass/error", |(_, code)| code)
}

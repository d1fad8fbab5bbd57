//! From text to a program, leniently.
//!
//! The extension of a JavaScript file says little: `.js` holds modules, scripts, CommonJS, JSX and Flow. So it is read as
//! whatever it turns out to be, and the errors of the most likely reading are reported when none fits.

use oxc::allocator::Allocator;
use oxc::diagnostics::{OxcDiagnostic, Severity};
use oxc::parser::{ParseOptions, Parser, ParserReturn};
use oxc::span::SourceType;

use crate::oxc_version::Findings;
use crate::source::Language;

/// The readings of a source, the most likely first.
fn readings(path: &str, language: Language) -> Vec<SourceType> {
    let extension = path.rsplit('.').next().unwrap_or_default();
    if language.is_typed() || extension == "mjs" {
        return vec![SourceType::from_path(path).unwrap_or_default()];
    }
    let unambiguous = SourceType::unambiguous();
    let commonjs = SourceType::cjs();
    match language {
        Language::Jsx => vec![unambiguous.with_jsx(true), commonjs.with_jsx(true)],
        _ if extension == "cjs" => vec![commonjs, unambiguous],
        _ => vec![unambiguous, commonjs, unambiguous.with_jsx(true), commonjs.with_jsx(true)],
    }
}

/// A program, or why there is none.
pub(crate) enum Parsed<'a> {
    /// It was read, with warnings at most.
    Program(Box<ParserReturn<'a>>),
    /// It is written in Flow, which this compiler does not know.
    Flow,
    /// It could not be read as what it most likely is.
    Errors(Vec<OxcDiagnostic>),
}

/// Reads a source.
pub(crate) fn parse<'a>(
    allocator: &'a Allocator,
    text: &'a str,
    path: &str,
    language: Language,
    with_regular_expressions: bool,
) -> Parsed<'a> {
    let options =
        ParseOptions { parse_regular_expression: with_regular_expressions, ..ParseOptions::default() };
    let mut errors = None;
    for reading in readings(path, language) {
        let mut parsed = Parser::new(allocator, text, reading).with_options(options).parse();
        let findings = parsed.take_findings();
        if !parsed.panicked && findings.iter().all(|finding| finding.severity != Severity::Error) {
            return Parsed::Program(Box::new(parsed));
        }
        if parsed.is_flow_language && !language.is_typed() {
            return Parsed::Flow;
        }
        errors.get_or_insert(findings);
    }
    Parsed::Errors(errors.unwrap_or_default())
}

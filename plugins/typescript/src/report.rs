//! From what oxc finds to diagnostics, and the check that a source is text.

use oxc::diagnostics::OxcDiagnostic;
use prefab_sdk::{Diagnostic, Label, LineIndex, Output, Severity};

use crate::oxc_version::places;

/// The findings of one step about one file that are reported at most; a bundle can have thousands of the same.
const MOST_FINDINGS: usize = 20;

/// The text of a source, or a diagnostic that points at the first byte that is not UTF-8.
pub(crate) fn text<'b>(path: &str, bytes: &'b [u8]) -> Result<&'b str, Box<Diagnostic>> {
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
        let place = LineIndex::new(valid).span(valid.len(), valid.len());
        Box::new(
            Diagnostic::error("the source is not UTF-8 text")
                .with_code("prefab/not-utf-8")
                .at(path, place)
                .with_help("save the file with the encoding UTF-8"),
        )
    })
}

/// Reports what oxc found in a file. `fallback` is the code of findings that have none of their own.
pub(crate) fn findings(
    output: &dyn Output,
    path: &str,
    text: &str,
    severity: Severity,
    fallback: &str,
    findings: &[OxcDiagnostic],
) {
    if findings.is_empty() {
        return;
    }
    let lines = LineIndex::new(text);
    for finding in findings.iter().take(MOST_FINDINGS) {
        output.report(diagnostic(path, &lines, severity, fallback, finding));
    }
    if let Some(more) = findings.len().checked_sub(MOST_FINDINGS + 1) {
        let message = format!("there are {} more findings of this kind in `{path}`", more + 1);
        output.report(Diagnostic::note(message).in_file(path));
    }
}

fn diagnostic(
    path: &str,
    lines: &LineIndex<'_>,
    severity: Severity,
    fallback: &str,
    finding: &OxcDiagnostic,
) -> Diagnostic {
    let (code, message) = code_and_message(finding, fallback);
    let mut diagnostic =
        Diagnostic::new(severity, message.trim_end_matches('.')).with_code(code).in_file(path);
    for (start, end, message) in places(finding) {
        let span = lines.span(start, end);
        diagnostic.span.get_or_insert(span);
        if let Some(message) = message {
            diagnostic.labels.push(Label { file: path.to_owned(), span, message: message.to_owned() });
        }
    }
    diagnostic.help = finding.help.as_deref().or(finding.note.as_deref()).map(str::to_owned);
    diagnostic
}

/// The code as people know it, and the message without it. Of TypeScript's codes, oxc keeps some apart, as `TS` and
/// `1063`, and has others in the message, as in `TS9007: Function must …`.
fn code_and_message<'f>(finding: &'f OxcDiagnostic, fallback: &str) -> (String, &'f str) {
    let message = finding.message.as_ref();
    let code = match (&finding.code.scope, &finding.code.number) {
        (Some(scope), Some(number)) if scope == "TS" => format!("TS{number}"),
        (Some(scope), Some(number)) => format!("{scope}/{number}"),
        (None, Some(one)) | (Some(one), None) => one.to_string(),
        (None, None) => {
            return match message.split_once(": ") {
                Some((code, rest))
                    if code.strip_prefix("TS").is_some_and(|number| number.parse::<u32>().is_ok()) =>
                {
                    (code.to_owned(), rest)
                }
                _ => (fallback.to_owned(), message),
            };
        }
    };
    (code, message)
}

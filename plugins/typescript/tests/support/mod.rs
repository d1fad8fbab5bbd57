//! Compiling in memory, and the results as text.

use std::fmt::Write;

use prefab_sdk::{Compiler, Diagnostic, MemoryModule, MemoryOutput, ModularCompiler, Severity, Span};
use prefab_typescript::TypeScript;

/// Compiles a module that the compiler does not give up on.
pub(crate) fn compile(module: &MemoryModule) -> MemoryOutput {
    let output = MemoryOutput::new();
    TypeScript::compile(module, &output).expect("compiles");
    output
}

/// The signature of a module, as its dependents get it.
pub(crate) fn signature_of(module: &MemoryModule) -> Vec<u8> {
    TypeScript::signature(module).expect("has a signature")
}

/// Diagnostics and artifacts as text.
pub(crate) fn render(output: &MemoryOutput) -> String {
    let mut text = String::new();
    for diagnostic in output.diagnostics() {
        render_diagnostic(&mut text, &diagnostic);
    }
    for (path, artifact) in output.artifacts() {
        let content = String::from_utf8_lossy(&artifact.bytes);
        let _ = writeln!(text, "=== {path} ({})\n{}", artifact.media_type, content.trim_end());
    }
    text
}

fn render_diagnostic(text: &mut String, diagnostic: &Diagnostic) {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let code = diagnostic.code.as_deref().unwrap_or("-");
    let file = diagnostic.file.as_deref().unwrap_or("-");
    let place = diagnostic.span.map(range).unwrap_or_default();
    let _ = writeln!(text, "{severity}[{code}] {file}{place}: {}", diagnostic.message);
    for label in &diagnostic.labels {
        let _ = writeln!(text, "  label: {}{}: {}", label.file, range(label.span), label.message);
    }
    if let Some(help) = &diagnostic.help {
        let _ = writeln!(text, "  help: {help}");
    }
}

fn range(Span { start, end }: Span) -> String {
    format!(":{}:{}-{}:{}", start.line, start.column, end.line, end.column)
}

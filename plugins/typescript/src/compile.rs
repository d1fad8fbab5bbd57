//! From a module's sources to its artifacts.

use std::path::Path;

use oxc::allocator::Allocator;
use oxc::ast::ast::Program;
use oxc::codegen::{Codegen, CodegenOptions, CommentOptions};
use oxc::isolated_declarations::{IsolatedDeclarations, IsolatedDeclarationsOptions};
use oxc::minifier::{CompressOptions, Minifier, MinifierOptions, MinifierReturn};
use oxc::semantic::Scoping;
use oxc::transformer::Transformer;
use prefab_sdk::{Diagnostic, Failure, Module, Output, Severity};

use crate::imports::{self, Import, Imports};
use crate::options::{CompileOptions, Declarations};
use crate::oxc_version::{Findings, analyse};
use crate::parse::{Parsed, parse};
use crate::signature::{self, FileExports};
use crate::source::{Language, Task, plan};
use crate::{assertions, release, report};

const JAVASCRIPT: &str = "text/javascript";
const DECLARATION: &str = "text/typescript";
const SOURCE_MAP: &str = "application/json";

/// Compiles a module.
pub(crate) fn module(module: &dyn Module, output: &dyn Output) -> Result<(), Failure> {
    let options = CompileOptions::of(module)?;
    let files = module.list_files();
    let (tasks, left_out) = plan(&files);
    for finding in left_out {
        output.report(finding);
    }
    let mut imports = Imports::new(module, files.into_iter().map(|file| file.path).collect());
    // One arena for all files: its memory is that of the largest.
    let mut allocator = Allocator::default();
    let total = tasks.len() as u64;
    for (done, task) in tasks.into_iter().enumerate() {
        output.progress(done as u64, total);
        let bytes = module.read_file(task.source()).map_err(|why| {
            Failure::Internal(format!(
                "`{}`, which the module lists, could not be read: {why}",
                task.source()
            ))
        })?;
        match task {
            Task::Copy { source } => emit(output, &source, &source, DECLARATION, &bytes),
            Task::Compile { source, language, artifact, declaration } => {
                match report::text(&source, &bytes) {
                    Err(not_text) => output.report(*not_text),
                    Ok(text) => {
                        allocator.reset();
                        let file = File {
                            path: &source,
                            text,
                            language,
                            artifact: &artifact,
                            output,
                            options: &options,
                        };
                        if let Some((exports, imported)) = file.compile(&allocator, declaration.as_deref()) {
                            imports.add(&source, language, exports, imported);
                        }
                    }
                }
            }
        }
    }
    imports.check(output);
    output.progress(total, total);
    Ok(())
}

/// Hands over an artifact; that the host does not take it is an error of its source.
fn emit(output: &dyn Output, source: &str, artifact: &str, media_type: &str, bytes: &[u8]) {
    if let Err(why) = output.emit(artifact, media_type, bytes) {
        output.report(
            Diagnostic::error(format!("the artifact `{artifact}` cannot be kept: {why}"))
                .with_code("prefab/artifact-path")
                .in_file(source)
                .with_help("rename the source"),
        );
    }
}

/// A source that is being compiled.
struct File<'c> {
    path: &'c str,
    text: &'c str,
    language: Language,
    artifact: &'c str,
    output: &'c dyn Output,
    options: &'c CompileOptions,
}

impl File<'_> {
    /// Writes the artifacts, and gives what the file exports and imports as far as it could be read.
    fn compile(
        &self,
        allocator: &Allocator,
        declaration: Option<&str>,
    ) -> Option<(FileExports, Vec<Import>)> {
        let parsed = match parse(allocator, self.text, self.path, self.language, true) {
            Parsed::Program(parsed) => parsed,
            Parsed::Flow => {
                self.pass_on();
                return None;
            }
            Parsed::Errors(errors) => {
                self.report(Severity::Error, "syntax", &errors);
                return None;
            }
        };
        let mut program = parsed.program;
        let record = parsed.module_record;
        let exports = signature::of_program(&program, &record, self.language);

        if assertions::may_hold(self.text) {
            if release::REFUSES_IMPORT_ASSERTIONS {
                assertions::refuse(&program, self.path, self.text, self.output);
            } else {
                assertions::rewrite(&mut program);
            }
        }
        let mut analysed = analyse(&program);
        let errors = analysed.take_findings();
        let scoping = analysed.semantic.into_scoping();
        let imported = imports::of_program(self.text, &record, &scoping, self.language);
        if errors.is_empty() {
            if let Some(path) = declaration {
                self.declare(allocator, &program, path);
            }
            self.write(allocator, &mut program, scoping);
        } else {
            self.report(Severity::Error, "semantics", &errors);
        }
        Some((exports, imported))
    }

    /// Writes the declarations by the types that are written out.
    fn declare(&self, allocator: &Allocator, program: &Program<'_>, path: &str) {
        let severity = match self.options.declarations {
            Declarations::None => return,
            Declarations::Lenient => Severity::Warning,
            Declarations::Strict => Severity::Error,
        };
        let options = IsolatedDeclarationsOptions { strip_internal: false };
        let mut declarations = IsolatedDeclarations::new(allocator, options).build(program);
        let findings = declarations.take_findings();
        self.report(severity, "declarations", &findings);
        let code = Codegen::new().build(&declarations.program).code;
        emit(self.output, self.path, path, DECLARATION, code.as_bytes());
    }

    /// Transforms the program and writes the JavaScript and its source map.
    fn write<'a>(&self, allocator: &'a Allocator, program: &mut Program<'a>, scoping: Scoping) {
        let mut transformed = Transformer::new(allocator, Path::new(self.path), &self.options.transform)
            .build_with_scoping(scoping, program);
        let errors = transformed.take_findings();
        if !errors.is_empty() {
            self.report(Severity::Error, "transform", &errors);
            return;
        }
        let minified = self.options.minify.then(|| self.minify(allocator, program));
        let source_map_path = self.options.sourcemap.then(|| file_name(self.path).into());
        let options = if self.options.minify {
            CodegenOptions {
                source_map_path,
                comments: CommentOptions::disabled(),
                ..CodegenOptions::minify()
            }
        } else {
            CodegenOptions { source_map_path, ..CodegenOptions::default() }
        };
        let (scoping, private_names) =
            minified.map(|minified| (minified.scoping, minified.class_private_mappings)).unwrap_or_default();
        let generated = Codegen::new()
            .with_options(options)
            .with_scoping(scoping)
            .with_private_member_mappings(private_names)
            .build(program);
        let mut code = generated.code;
        if let Some(map) = generated.map {
            let map_path = format!("{}.map", self.artifact);
            code.push_str("//# sourceMappingURL=");
            code.push_str(file_name(&map_path));
            code.push('\n');
            emit(self.output, self.path, &map_path, SOURCE_MAP, map.to_json_string().as_bytes());
        }
        emit(self.output, self.path, self.artifact, JAVASCRIPT, code.as_bytes());
    }

    fn minify<'a>(&self, allocator: &'a Allocator, program: &mut Program<'a>) -> MinifierReturn {
        let compress =
            CompressOptions { target: self.options.engines.clone(), ..CompressOptions::smallest() };
        Minifier::new(MinifierOptions { compress: Some(compress), ..MinifierOptions::default() })
            .minify(allocator, program)
    }

    /// Hands over the source as it is.
    fn pass_on(&self) {
        self.output.report(
            Diagnostic::warning("the source is written in Flow and was passed on as it is")
                .with_code("prefab/flow")
                .in_file(self.path),
        );
        emit(self.output, self.path, self.artifact, JAVASCRIPT, self.text.as_bytes());
    }

    fn report(&self, severity: Severity, fallback: &str, findings: &[oxc::diagnostics::OxcDiagnostic]) {
        report::findings(self.output, self.path, self.text, severity, fallback, findings);
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

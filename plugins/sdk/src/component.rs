//! The component face of a compiler: between the bindings that wit-bindgen makes from the contract and the types of this
//! crate. Only there when built for WebAssembly.

#![allow(missing_docs, unsafe_code, unreachable_pub, clippy::pedantic, reason = "generated code")]

pub mod compiler {
    wit_bindgen::generate!({
        path: "../../wit/prefab-compiler",
        world: "compiler",
        pub_export_macro: true,
        export_macro_name: "export_world",
        default_bindings_module: "prefab_sdk::component::compiler",
        with: { "prefab:compiler/types@1.0.0": crate::component::modular_compiler::prefab::compiler::types },
    });
}

pub mod modular_compiler {
    wit_bindgen::generate!({
        path: "../../wit/prefab-compiler",
        world: "modular-compiler",
        pub_export_macro: true,
        export_macro_name: "export_world",
        default_bindings_module: "prefab_sdk::component::modular_compiler",
    });
}

use std::marker::PhantomData;

use modular_compiler::prefab::compiler::types;

use crate::{
    Compiler, Dependency, Descriptor, Diagnostic, EmitError, EntryPoint, Failure, ModularCompiler, Module,
    Output, Position, ReadError, Severity, SourceFile, Span,
};

/// What the export macros export in place of the compiler `C`.
pub struct Component<C>(PhantomData<C>);

impl<C: Compiler> compiler::Guest for Component<C> {
    fn describe() -> types::Descriptor {
        C::describe().into()
    }

    fn compile(module: &types::Module, output: &types::Output) -> Result<(), types::Failure> {
        C::compile(&HostModule(module), &HostOutput(output)).map_err(Into::into)
    }
}

impl<C: ModularCompiler> modular_compiler::Guest for Component<C> {
    fn describe() -> types::Descriptor {
        C::describe().into()
    }

    fn compile(module: &types::Module, output: &types::Output) -> Result<(), types::Failure> {
        C::compile(&HostModule(module), &HostOutput(output)).map_err(Into::into)
    }

    fn signature(module: &types::Module) -> Result<Vec<u8>, types::Failure> {
        C::signature(&HostModule(module)).map_err(Into::into)
    }
}

struct HostModule<'a>(&'a types::Module);

impl Module for HostModule<'_> {
    fn name(&self) -> String {
        self.0.name()
    }

    fn version(&self) -> Option<String> {
        self.0.version()
    }

    fn options(&self) -> Vec<(String, String)> {
        self.0.options()
    }

    fn list_files(&self) -> Vec<SourceFile> {
        let files = self.0.list_files();
        files.into_iter().map(|file| SourceFile { path: file.path, size: file.size }).collect()
    }

    fn read_file(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        self.0.read_file(path).map_err(Into::into)
    }

    fn entry_points(&self) -> Vec<EntryPoint> {
        let entries = self.0.entry_points();
        entries.into_iter().map(|entry| EntryPoint { name: entry.name, path: entry.path }).collect()
    }

    fn dependencies(&self) -> Vec<Dependency> {
        let dependencies = self.0.dependencies();
        dependencies.into_iter().map(|each| Dependency { name: each.name, module: each.module }).collect()
    }

    fn read_signature(&self, dependency: &str) -> Result<Option<Vec<u8>>, ReadError> {
        self.0.read_signature(dependency).map_err(Into::into)
    }
}

struct HostOutput<'a>(&'a types::Output);

impl Output for HostOutput<'_> {
    fn emit(&self, path: &str, media_type: &str, bytes: &[u8]) -> Result<(), EmitError> {
        self.0.emit(path, media_type, bytes).map_err(|error| match error {
            types::EmitError::InvalidPath(why) => EmitError::InvalidPath(why),
            types::EmitError::DuplicatePath(why) => EmitError::DuplicatePath(why),
        })
    }

    fn report(&self, diagnostic: Diagnostic) {
        self.0.report(&diagnostic.into());
    }

    fn progress(&self, done: u64, total: u64) {
        self.0.progress(done, total);
    }
}

impl From<types::ReadError> for ReadError {
    fn from(error: types::ReadError) -> Self {
        match error {
            types::ReadError::NotFound => Self::NotFound,
            types::ReadError::InvalidPath(why) => Self::InvalidPath(why),
        }
    }
}

impl From<Failure> for types::Failure {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Rejected => Self::Rejected,
            Failure::Unsupported(what) => Self::Unsupported(what),
            Failure::Internal(what) => Self::Internal(what),
        }
    }
}

impl From<Descriptor> for types::Descriptor {
    fn from(descriptor: Descriptor) -> Self {
        Self {
            name: descriptor.name,
            version: descriptor.version,
            languages: descriptor.languages,
            options: descriptor
                .options
                .into_iter()
                .map(|option| types::OptionDescriptor {
                    name: option.name,
                    description: option.description,
                    default_value: option.default_value,
                })
                .collect(),
        }
    }
}

impl From<Diagnostic> for types::Diagnostic {
    fn from(diagnostic: Diagnostic) -> Self {
        Self {
            severity: match diagnostic.severity {
                Severity::Error => types::Severity::Error,
                Severity::Warning => types::Severity::Warning,
                Severity::Note => types::Severity::Note,
            },
            code: diagnostic.code,
            message: diagnostic.message,
            file: diagnostic.file,
            span: diagnostic.span.map(Into::into),
            labels: diagnostic
                .labels
                .into_iter()
                .map(|label| types::Label {
                    file: label.file,
                    span: label.span.into(),
                    message: label.message,
                })
                .collect(),
            help: diagnostic.help,
        }
    }
}

impl From<Span> for types::Span {
    fn from(span: Span) -> Self {
        let position = |at: Position| types::Position { line: at.line, column: at.column };
        Self { start: position(span.start), end: position(span.end) }
    }
}

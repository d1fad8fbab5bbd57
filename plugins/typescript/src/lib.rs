//! The TypeScript and JavaScript compiler of prefab releases.
//!
//! TypeScript, TSX, JavaScript and JSX become JavaScript for a target, with source maps, declarations and, on request,
//! minified; the language work is oxc's. This crate decides what oxc is asked for, which artifact comes of which source
//! (`source.rs`), and what a module may import of another (`imports.rs`, with the signatures of `signature/`).
//!
//! It is a native library and, built for WebAssembly, a component. What differs between platform releases is in
//! `release.rs`, and what differs between the versions of oxc that they use is in `oxc_version.rs`.

mod assertions;
mod compile;
mod imports;
mod near;
mod options;
mod oxc_version;
mod parse;
mod release;
mod report;
mod signature;
mod source;

use prefab_sdk::{Compiler, Descriptor, Failure, ModularCompiler, Module, OptionDescriptor, Output};

/// The compiler.
#[derive(Debug, Clone, Copy)]
pub struct TypeScript;

prefab_sdk::export_modular_compiler!(TypeScript);

impl Compiler for TypeScript {
    fn describe() -> Descriptor {
        Descriptor {
            name: "typescript".to_owned(),
            version: format!("{} (oxc {})", release::PLATFORM, release::OXC),
            languages: ["TypeScript", "TSX", "JavaScript", "JSX"].map(str::to_owned).to_vec(),
            options: vec![
                OptionDescriptor::new(
                    "target",
                    "The edition of JavaScript to write, `es2015` to `esnext`, or engines such as `chrome100,node18`.",
                    release::DEFAULT_TARGET,
                ),
                OptionDescriptor::new(
                    "minify",
                    "Whether to make the JavaScript as short as possible.",
                    "false",
                ),
                OptionDescriptor::new(
                    "sourcemap",
                    "Whether to write a source map beside each artifact.",
                    "true",
                ),
                OptionDescriptor::new(
                    "declarations",
                    "Whether to write declarations for TypeScript: `true`, `false`, or `strict` to make an error of an \
                     export whose type is not written out.",
                    "true",
                ),
                OptionDescriptor::new("jsx", "How JSX is compiled: `automatic` or `classic`.", "automatic"),
            ],
        }
    }

    fn compile(module: &dyn Module, output: &dyn Output) -> Result<(), Failure> {
        compile::module(module, output)
    }
}

impl ModularCompiler for TypeScript {
    fn signature(module: &dyn Module) -> Result<Vec<u8>, Failure> {
        Ok(signature::make(module).encode())
    }
}

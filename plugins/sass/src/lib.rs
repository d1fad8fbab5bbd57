//! The Sass and CSS compiler of prefab releases.
//!
//! SCSS and Sass become CSS (by grass), and all CSS is then fitted to the browsers it is for, and minified on request (by
//! lightningcss). Partials, the files whose names begin with `_`, give no artifact of their own. The files of another
//! module are used by its name, as in `@use "design-tokens/colors"`; they come from its signature. Neither library writes
//! a source map from SCSS, so there is none.
//!
//! It is a native library and, built for WebAssembly, a component. What differs between platform releases is in
//! `release.rs`.

mod browsers;
mod compile;
mod files;
mod release;
mod report;
mod signature;
mod source;

use prefab_sdk::{Compiler, Descriptor, Failure, ModularCompiler, Module, OptionDescriptor, Output};

/// The compiler.
#[derive(Debug, Clone, Copy)]
pub struct Sass;

prefab_sdk::export_modular_compiler!(Sass);

impl Compiler for Sass {
    fn describe() -> Descriptor {
        Descriptor {
            name: "sass".to_owned(),
            version: format!("{} (grass {})", release::PLATFORM, release::GRASS),
            languages: ["SCSS", "Sass", "CSS"].map(str::to_owned).to_vec(),
            options: vec![
                OptionDescriptor::new(
                    "browsers",
                    "The oldest browsers to write CSS for, such as `chrome 100, safari 15.4`; `none` changes nothing for \
                     any browser.",
                    release::DEFAULT_BROWSERS,
                ),
                OptionDescriptor::new("minify", "Whether to make the CSS as short as possible.", "false"),
            ],
        }
    }

    fn compile(module: &dyn Module, output: &dyn Output) -> Result<(), Failure> {
        compile::module(module, output)
    }
}

impl ModularCompiler for Sass {
    fn signature(module: &dyn Module) -> Result<Vec<u8>, Failure> {
        Ok(signature::make(module).encode())
    }
}

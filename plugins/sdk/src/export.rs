//! The macros that make a component of a compiler.
//!
//! They expand to something only when the crate is built for WebAssembly, so the same crate is a native library as well.

/// Makes a component of the world `compiler` from a type that implements [`Compiler`](crate::Compiler).
///
/// ```
/// use prefab_sdk::{Compiler, Descriptor, Failure, Module, Output};
///
/// struct Nothing;
///
/// impl Compiler for Nothing {
///     fn describe() -> Descriptor {
///         Descriptor { name: "nothing".into(), version: "1.0.0".into(), languages: vec![], options: vec![] }
///     }
///     fn compile(_: &dyn Module, _: &dyn Output) -> Result<(), Failure> {
///         Ok(())
///     }
/// }
///
/// prefab_sdk::export_compiler!(Nothing);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export_compiler {
    ($compiler:ty) => {
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, missing_docs, clippy::pedantic)]
        const _: () = {
            type Exported = $crate::component::Component<$compiler>;
            $crate::component::compiler::export_world!(
                Exported with_types_in $crate::component::compiler
            );
        };
    };
}

/// Makes a component of the world `modular-compiler` from a type that implements
/// [`ModularCompiler`](crate::ModularCompiler).
#[macro_export]
macro_rules! export_modular_compiler {
    ($compiler:ty) => {
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, missing_docs, clippy::pedantic)]
        const _: () = {
            type Exported = $crate::component::Component<$compiler>;
            $crate::component::modular_compiler::export_world!(
                Exported with_types_in $crate::component::modular_compiler
            );
        };
    };
}

//! Turning a component into native code. The costliest and least bounded thing that is done with a compiler (ATTACKS C1),
//! so it is all in this one file: bytes in, bytes out, nothing else needed.

use std::panic::{self, AssertUnwindSafe};

use wasmparser::{Parser, Payload};
use wasmtime::Engine;

/// The largest function that is compiled: its bytes times its locals. The time and the memory that Cranelift takes grow
/// with both: a hostile function of 68 KiB takes 2 s and 0.6 GiB, one of 280 KiB with 20,000 locals 71 s and 7.6 GiB. The
/// worst functions of the TypeScript and Sass compilers have a ninetieth of this.
const MAX_FUNCTION_COST: u64 = 1 << 28;

/// Why there is no native code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CodegenError {
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    TooCostly(String),
    #[error("the code generator failed: {0}")]
    Panicked(String),
}

/// Looks for functions that would cost too much.
pub(crate) fn check_cost(component: &[u8]) -> Result<(), CodegenError> {
    let invalid = |error: wasmparser::BinaryReaderError| CodegenError::Invalid(error.to_string());
    for payload in Parser::new(0).parse_all(component) {
        if let Payload::CodeSectionEntry(body) = payload.map_err(invalid)? {
            let mut locals: u64 = 0;
            for group in body.get_locals_reader().map_err(invalid)? {
                locals += u64::from(group.map_err(invalid)?.0);
            }
            let range = body.range();
            let size = (range.end - range.start) as u64;
            if size.saturating_mul(locals) > MAX_FUNCTION_COST {
                return Err(CodegenError::TooCostly(format!(
                    "the function at byte {} has {size} bytes and {locals} locals, which would take too long to compile: \
                     split it",
                    range.start
                )));
            }
        }
    }
    Ok(())
}

/// Compiles a component to the bytes of a native image for this engine.
pub(crate) fn native_image(engine: &Engine, component: &[u8]) -> Result<Vec<u8>, CodegenError> {
    // Nothing of the engine is left half-changed by a panic: it only reads its settings while it compiles.
    match panic::catch_unwind(AssertUnwindSafe(|| engine.precompile_component(component))) {
        Ok(Ok(image)) => Ok(image),
        Ok(Err(error)) => Err(CodegenError::Invalid(format!("{error:#}"))),
        Err(panic) => Err(CodegenError::Panicked(panic_text(&*panic))),
    }
}

/// The message of a panic.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message").to_owned()
}

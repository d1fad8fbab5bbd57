//! The cheap look at a component before native code is made of it: functions that would cost too much.

use wasmparser::{Parser, Payload};

use super::{CodegenError, CodegenExcess};

/// Looks for functions whose cost, their bytes times their locals, is above `most`.
pub(crate) fn check(component: &[u8], most: u64) -> Result<(), CodegenError> {
    let invalid = |error: wasmparser::BinaryReaderError| CodegenError::Invalid(error.to_string());
    for payload in Parser::new(0).parse_all(component) {
        if let Payload::CodeSectionEntry(body) = payload.map_err(invalid)? {
            let mut locals: u64 = 0;
            for group in body.get_locals_reader().map_err(invalid)? {
                locals += u64::from(group.map_err(invalid)?.0);
            }
            let range = body.range();
            let size = (range.end - range.start) as u64;
            if size.saturating_mul(locals) > most {
                let at = range.start as u64;
                return Err(CodegenError::Excess(CodegenExcess::Function { at, size, locals }));
            }
        }
    }
    Ok(())
}

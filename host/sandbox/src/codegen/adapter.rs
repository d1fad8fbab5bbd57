//! Modules for WASI 0.1 become components for WASI 0.2, by the adapter that the makers of wasmtime publish for it.

use std::borrow::Cow;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
};
use wasmparser::Parser;
use wit_component::ComponentEncoder;

/// The bytes themselves if they are a component, else one made of the module.
///
/// # Errors
/// In words, why none can be made.
pub(super) fn component(bytes: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    if !Parser::is_core_wasm(bytes) {
        return Ok(bytes.into());
    }
    let encode = || {
        ComponentEncoder::default()
            .module(bytes)?
            .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER)?
            .encode()
    };
    encode().map(Cow::Owned).map_err(|error| {
        format!("it is a module, and no component for WASI 0.2 can be made of it, as can of a program for WASI 0.1: {error:#}")
    })
}

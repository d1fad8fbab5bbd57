//! Modules that wasm-smith makes of noise, in the shape that a compiler has; and components that have any shape.

use arbitrary::Unstructured;
use wasm_smith::{Component, Config, Module};

use super::{components, module};
use crate::{panics, support};

/// The first byte says which; the rest is what wasm-smith makes something of.
pub(crate) fn take(input: &[u8]) {
    let Some((kind, noise)) = input.split_first() else { return };
    let component = panics::apart(|| {
        let mut noise = Unstructured::new(noise);
        if kind % 8 == 0 {
            return Component::new(config(false), &mut noise).ok().map(|component| component.to_bytes());
        }
        let world = if kind % 2 == 0 { "compiler" } else { "modular-compiler" };
        let config = Config { module_shape: Some(module::idle(world)), ..config(true) };
        support::encoded(Module::new(config, &mut noise).ok()?.to_bytes(), world).ok()
    });
    if let Some(component) = component {
        components::take(&component);
    }
}

/// Only what the host has switched on, most of the time: all else is refused at once and shows nothing.
fn config(alone: bool) -> Config {
    Config {
        // References to what the host holds need the garbage collector.
        reference_types_enabled: false,
        gc_enabled: false,
        exceptions_enabled: false,
        memory64_enabled: false,
        relaxed_simd_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        custom_page_sizes_enabled: false,
        shared_everything_threads_enabled: false,
        tail_call_enabled: true,
        max_memories: if alone { 1 } else { 3 },
        max_memory32_bytes: 1 << 21,
        max_table_elements: 10_000,
        max_funcs: 20,
        max_instructions: 400,
        allow_start_export: true,
        ..Config::default()
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    vec![vec![0; 64], vec![1; 64], vec![2; 64]]
}

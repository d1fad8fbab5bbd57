//! The compiler as prefab sees it: what it is, and how a module is compiled. The language is in `props.rs`.

#[cfg(target_arch = "wasm32")]
mod component;
pub mod props;

//! Finding modules and reading how they describe themselves: `module.toml`, or a `package.json`.

pub(crate) mod description;
pub(crate) mod npm;
mod package_json;

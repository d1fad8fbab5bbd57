//! How sandboxes are set up here: where the native images of compilers are kept, one folder for a user, shared by all
//! environments, and what making them may cost.

use std::path::PathBuf;
use std::time::Duration;

use prefab_model::{Bytes, Limit};
use prefab_sandbox::{Codegen, CodegenLimits, Sandbox, SandboxError, SandboxOptions};

/// A sandbox whose native images are cached in `$PREFAB_CACHE`, or in `prefab` under `$XDG_CACHE_HOME` or `~/.cache`. Without any of
/// these, compilers are compiled to native code anew by each process.
///
/// Native code is made in a child process, which is this program started again: its `main` must call
/// [`codegen_child`](prefab_sandbox::codegen_child) first. What the child may take is in [`CodegenLimits`], and is changed with
/// `$PREFAB_CODEGEN_CPU` (seconds, or with a unit: `5m`), `$PREFAB_CODEGEN_MEMORY` (`4GiB`), `$PREFAB_CODEGEN_DEADLINE` and
/// `$PREFAB_CODEGEN_FUNCTION` (a number).
pub fn open_sandbox() -> Result<Sandbox, SandboxError> {
    let codegen = Codegen::child(codegen_limits()?);
    Sandbox::open(SandboxOptions { cache: cache(), codegen })
}

fn codegen_limits() -> Result<CodegenLimits, SandboxError> {
    let mut limits = CodegenLimits::default();
    if let Some(seconds) = setting("PREFAB_CODEGEN_CPU", |text| amount(Limit::Deadline, text))? {
        limits.cpu = Duration::from_secs(seconds);
    }
    if let Some(bytes) = setting("PREFAB_CODEGEN_MEMORY", |text| amount(Limit::Memory, text))? {
        limits.memory = Bytes(bytes);
    }
    if let Some(seconds) = setting("PREFAB_CODEGEN_DEADLINE", |text| amount(Limit::Deadline, text))? {
        limits.deadline = Duration::from_secs(seconds);
    }
    let whole = |text: &str| text.parse().map_err(|_| format!("{text:?} is not a whole number"));
    if let Some(cost) = setting("PREFAB_CODEGEN_FUNCTION", whole)? {
        limits.function = cost;
    }
    Ok(limits)
}

/// An amount in the words of the limit that is like it.
fn amount(like: Limit, text: &str) -> Result<u64, String> {
    like.parse_value(text).map_err(|error| error.reason().to_owned())
}

fn setting(
    name: &'static str,
    parse: impl FnOnce(&str) -> Result<u64, String>,
) -> Result<Option<u64>, SandboxError> {
    let Some(text) = std::env::var_os(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    parse(&text.to_string_lossy()).map(Some).map_err(|reason| SandboxError::Setting { name, reason })
}

fn cache() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("PREFAB_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("prefab")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache/prefab")))
}

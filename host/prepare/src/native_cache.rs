//! Where the native images of compilers are kept: one folder for a user, shared by all environments.

use std::path::PathBuf;

use prefab_sandbox::{Sandbox, SandboxError};

/// A sandbox whose native images are cached in `$PREFAB_CACHE`, or in `prefab` under `$XDG_CACHE_HOME` or `~/.cache`. Without any of
/// these, compilers are compiled to native code anew by each process.
pub fn open_sandbox() -> Result<Sandbox, SandboxError> {
    Sandbox::new(cache().as_deref())
}

fn cache() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("PREFAB_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("prefab")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache/prefab")))
}

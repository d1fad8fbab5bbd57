//! How sandboxes are set up here: where the native images of compilers are kept, one folder for a user, shared by all
//! environments, and what making them may cost.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use prefab_model::{Bytes, Limit};
use prefab_sandbox::{
    Codegen, CodegenCeiling, CodegenLimits, Isolation, Sandbox, SandboxError, SandboxOptions,
};

/// A sandbox whose native images are cached in `$PREFAB_CACHE`, or in `prefab` under `$XDG_CACHE_HOME` or `~/.cache`. Without any of
/// these, compilers are compiled to native code anew by each process.
///
/// Native code is made in a child process, which is this program started again: its `main` must call
/// [`run_as_child`](prefab_sandbox::run_as_child) first. What the child may take is in [`CodegenLimits`], and is changed with
/// `$PREFAB_CODEGEN_CPU` (seconds, or with a unit: `5m`), `$PREFAB_CODEGEN_MEMORY` (`4GiB`), `$PREFAB_CODEGEN_DEADLINE` and
/// `$PREFAB_CODEGEN_FUNCTION` (a number, or with a unit: `1G`). A release may ask for more for a compiler of its own, where none of these
/// is set.
pub fn open_sandbox(isolation: Isolation) -> Result<Sandbox, SandboxError> {
    open(cache(), None, isolation)
}

/// The same for one of several who are not to find out about each other: its images are kept in a folder of its own there, and those
/// of [`open_sandbox`] are used as well. `whose` is the name of that folder.
pub fn open_sandbox_of(whose: &str, isolation: Isolation) -> Result<Sandbox, SandboxError> {
    let lent = cache();
    let own = lent.as_ref().map(|cache| cache.join("tenants").join(whose));
    open(own, lent, isolation)
}

fn open(
    cache: Option<PathBuf>,
    lent: Option<PathBuf>,
    isolation: Isolation,
) -> Result<Sandbox, SandboxError> {
    let codegen = Codegen::child(codegen_limits(&variable)?);
    Sandbox::open(SandboxOptions { cache, lent, codegen, isolation })
}

fn codegen_limits(
    variable: &impl Fn(&'static str) -> Option<OsString>,
) -> Result<CodegenLimits, SandboxError> {
    let amount = |name, like: Limit| {
        let Some(text) = variable(name) else { return Ok(None) };
        let parsed = like.parse_value(&text.to_string_lossy());
        parsed.map(Some).map_err(|error| SandboxError::Setting { name, reason: error.reason().to_owned() })
    };
    let standard = CodegenLimits::default();
    // Each is read in the words of the limit that it is like.
    let cpu = amount("PREFAB_CODEGEN_CPU", Limit::Deadline)?;
    let memory = amount("PREFAB_CODEGEN_MEMORY", Limit::Memory)?;
    let deadline = amount("PREFAB_CODEGEN_DEADLINE", Limit::Deadline)?;
    let function = amount("PREFAB_CODEGEN_FUNCTION", Limit::Fuel)?;
    let ceiling = standard.ceiling;
    Ok(CodegenLimits {
        cpu: cpu.map_or(standard.cpu, Duration::from_secs),
        memory: memory.map_or(standard.memory, Bytes),
        deadline: deadline.map_or(standard.deadline, Duration::from_secs),
        function: function.unwrap_or(standard.function),
        // What the operator says holds, also where a release would like more.
        ceiling: CodegenCeiling {
            cpu: cpu.map_or(ceiling.cpu, Duration::from_secs),
            memory: memory.map_or(ceiling.memory, Bytes),
            deadline: deadline.map_or(ceiling.deadline, Duration::from_secs),
            function: function.unwrap_or(ceiling.function),
        },
    })
}

fn variable(name: &'static str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn cache() -> Option<PathBuf> {
    variable("PREFAB_CACHE")
        .map(PathBuf::from)
        .or_else(|| variable("XDG_CACHE_HOME").map(|cache| PathBuf::from(cache).join("prefab")))
        .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".cache/prefab")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_making_native_code_may_take_is_raised_by_the_environment() {
        let limits = codegen_limits(&|name| match name {
            "PREFAB_CODEGEN_CPU" => Some("5m".into()),
            "PREFAB_CODEGEN_MEMORY" => Some("8 GiB".into()),
            "PREFAB_CODEGEN_FUNCTION" => Some("1G".into()),
            _ => None,
        });
        let (cpu, memory, function) = (Duration::from_mins(5), Bytes(8 << 30), 1_000_000_000);
        let ceiling = CodegenCeiling { cpu, memory, function, ..CodegenLimits::default().ceiling };
        let expected = CodegenLimits { cpu, memory, function, ceiling, ..CodegenLimits::default() };
        assert_eq!(limits.unwrap(), expected);
    }

    #[test]
    fn a_variable_that_cannot_be_used_is_named() {
        let limits = codegen_limits(&|name| (name == "PREFAB_CODEGEN_CPU").then(|| "much".into()));
        let told = limits.unwrap_err().to_string();
        assert!(told.starts_with("the environment variable PREFAB_CODEGEN_CPU cannot be used"), "{told}");
    }
}

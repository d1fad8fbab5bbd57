//! What can be seen of a compiler before it compiles anything: its world, its imports, its size, and what it says of itself.

use std::time::Duration;

use prefab_model::{Bytes, OutcomeKind};
use prefab_sandbox::{Compiler, LoadError};

use super::Checking;
use crate::case::{counted, millis, one_line};
use crate::report::Check;

pub(super) const CONTRACT: &str = "contract";

/// More than this in a component is worth a thought, and so is as much of debug information.
const LARGE: u64 = 64 << 20;
const MUCH_DEBUG_INFO: u64 = 1 << 20;

pub(super) fn contract(compiler: &Compiler, loading: Duration) -> Check {
    let found = match (compiler.contract(), compiler.is_modular()) {
        (Some(version), true) => format!("modular-compiler of prefab:compiler@{version}"),
        (Some(version), false) => format!("compiler of prefab:compiler@{version}"),
        (None, true) => "command-line program; modules share files".to_owned(),
        (None, false) => "command-line program".to_owned(),
    };
    Check::pass(CONTRACT, found).with([("load-ms", millis(loading))])
}

pub(super) fn refused(error: &LoadError) -> Check {
    let found = error.to_string();
    let advice = match error {
        LoadError::Refused(_) => {
            "build it for the worlds in `wit` of a new project (`prefab compiler new`), with the version that is named"
        }
        LoadError::NotAComponent(_) => {
            "name the component that your tools built, or the release.toml if it is a command-line program"
        }
        LoadError::TooLarge { .. } => "leave out debug information, or optimise for size",
        LoadError::Invalid(_) => {
            "build it without features of WebAssembly that are switched off here: threads, relaxed SIMD, 64-bit memories, garbage collection"
        }
        LoadError::Codegen(_) => "report it with the component: every valid one should be taken",
        LoadError::TooCostly(_) => {
            "ask for more with `[compiler.codegen]` in the release, or split the functions that are named"
        }
        LoadError::Host(_) => "this is trouble of this machine, not of the compiler: try again",
    };
    Check::fail(CONTRACT, found, advice)
}

pub(super) fn imports(it: &mut Checking<'_>) -> Check {
    const NAME: &str = "imports";
    let imports = &it.inspection.imports;
    let figures = [("imports", imports.len() as u64)];
    let network: Vec<&str> = imports
        .iter()
        .map(String::as_str)
        .filter(|name| name.starts_with("wasi:sockets/") || name.starts_with("wasi:http/"))
        .collect();
    if !network.is_empty() {
        return Check::warning(
            NAME,
            format!("it imports {}, and there is no network in the sandbox", network.join(", ")),
            "a program that uses one is ended: build it without",
        )
        .with(figures);
    }
    let of_contract = it.bench.compiler.contract().is_some();
    let idle = [
        ("wasi:filesystem/", "files (there are none)", of_contract),
        ("wasi:clocks/", "clocks (they stand still)", true),
        ("wasi:random/", "random bytes (they follow from what is compiled)", true),
        ("wasi:cli/environment", "the environment (it is empty)", of_contract),
    ];
    let idle: Vec<&str> = idle
        .iter()
        .filter(|(prefix, _, told)| *told && imports.iter().any(|name| name.starts_with(prefix)))
        .map(|(_, what, _)| *what)
        .collect();
    let all = if imports.len() == 1 { "its" } else { "all of its" };
    let mut found = vec![format!("the sandbox has {all} {}", counted(imports.len(), "import"))];
    if !idle.is_empty() {
        found.push(format!("of no use here are {}", idle.join(", ")));
    }
    Check::pass(NAME, found.join("; ")).with(figures)
}

pub(super) fn size(it: &mut Checking<'_>) -> Check {
    const NAME: &str = "size";
    let (size, debug) = (it.inspection.size, it.inspection.debug_info());
    let figures = [("bytes", size.0), ("debug-info-bytes", debug.0)];
    if debug.0 > MUCH_DEBUG_INFO {
        return Check::warning(
            NAME,
            format!("{size}, of which {debug} are debug information"),
            "strip that, and keep the names of functions for backtraces (in Rust `strip = \"debuginfo\"`)",
        )
        .with(figures);
    }
    if size.0 > LARGE {
        return Check::warning(
            NAME,
            size.to_string(),
            "every machine fetches it and makes native code of it once: leave out what is not needed",
        )
        .with(figures);
    }
    let code = Bytes(it.inspection.modules.iter().map(|module| module.code.0).sum());
    Check::pass(NAME, format!("{size}, of which {code} are code")).with(figures)
}

pub(super) fn descriptor(it: &mut Checking<'_>) -> Check {
    const NAME: &str = "descriptor";
    if it.bench.compiler.contract().is_none() {
        return Check::not_applicable(NAME, "a command-line program cannot be asked what it is");
    }
    let outcome = it.bench.sandbox.describe(&it.bench.compiler, &it.bench.limits);
    let descriptor = match outcome.kind {
        OutcomeKind::Compiled(descriptor) => descriptor,
        OutcomeKind::Trapped(text) => {
            return Check::fail(
                NAME,
                format!("`describe` trapped: {}", one_line(&text)),
                "it is called with nothing and must always answer",
            );
        }
        other => {
            let word = other.word();
            return Check::fail(
                NAME,
                format!("`describe` ended as {word}"),
                "it must always answer, and soon",
            );
        }
    };
    let figures = [("fuel", outcome.usage.fuel.unwrap_or_default().0)];
    if descriptor.name.is_empty() || descriptor.version.is_empty() {
        return Check::warning(
            NAME,
            "it says no name or no version of itself",
            "operators are shown both: fill them in",
        )
        .with(figures);
    }
    let options: Vec<&str> = descriptor.options.iter().map(|option| option.name.as_str()).collect();
    let set = it.bench.subject.options();
    let unknown: Vec<&str> = set.keys().map(String::as_str).filter(|name| !options.contains(name)).collect();
    if !unknown.is_empty() {
        return Check::warning(
            NAME,
            format!("the release sets options that it does not know of: {}", unknown.join(", ")),
            "name each option in `describe`, or leave it out of the release",
        )
        .with(figures);
    }
    let languages = descriptor.languages.join(", ");
    let found = format!(
        "{} {}, for {}, with {}",
        one_line(&descriptor.name),
        one_line(&descriptor.version),
        one_line(&languages),
        counted(options.len(), "option")
    );
    Check::pass(NAME, found).with(figures)
}

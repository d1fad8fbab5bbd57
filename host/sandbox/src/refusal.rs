//! Says in plain words what keeps a component from being a compiler: what it imports that it cannot have, and what it
//! does not export.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};

use crate::contract::{self, v1};
use crate::end::cut;
use crate::guest::Guest;
use crate::wasi;

/// The most bytes that are said about a component.
pub(crate) const MOST_WORDS: usize = 8 << 10;
/// The most bytes of a name that it chose.
const MOST_NAME: usize = 256;

/// Gives the component what it imports.
///
/// # Errors
/// What it imports that it cannot have, one sentence a line.
pub(crate) fn check_imports(
    linker: &Linker<Guest>,
    component: &Component,
) -> Result<InstancePre<Guest>, String> {
    let names = names_of_imports(component);
    // One for a later minor version could be run for as long as it keeps to what is known here, and would fail in the middle
    // of something when it does not.
    if let Some(mismatch) = names.iter().find_map(|name| mismatch(name)) {
        return Err(cut(mismatch, MOST_WORDS));
    }
    linker.instantiate_pre(component).map_err(|error| {
        let mut complaints: Vec<_> = names.iter().filter_map(|name| foreign(name)).collect();
        if complaints.is_empty() {
            // Every interface is known by name, so one of them has another type than here.
            complaints.push(format!("one of its imports is not what this host provides: {error:#}"));
        }
        with_hint(component, complaints)
    })
}

/// Gives a command-line program what it imports, and finds what it is started by.
///
/// The network's interfaces are there for whom they were compiled in, and end the program that uses one.
///
/// # Errors
/// What it imports that it cannot have or does not export, one sentence a line.
pub(crate) fn check_command(
    linker: &Linker<Guest>,
    component: &Component,
) -> Result<(InstancePre<Guest>, ComponentExportIndex), String> {
    let said = |complaints: Vec<String>| cut(complaints.join("\n"), MOST_WORDS);
    let names = names_of_imports(component);
    if names.iter().any(|name| contract::version_of(name).is_some()) {
        return Err("it is a compiler of the contract prefab:compiler: leave out `kind = \"command\"` in the release's manifest"
            .to_owned());
    }
    let complaints: Vec<_> =
        names.iter().filter(|name| !is_network(name)).filter_map(|name| foreign(name)).collect();
    if !complaints.is_empty() {
        return Err(said(complaints));
    }
    let run = run_of(component)?;
    let mut own;
    let mut linker = linker;
    if names.iter().any(|name| is_network(name)) {
        own = linker.clone();
        own.define_unknown_imports_as_traps(component).map_err(|error| format!("{error:#}"))?;
        linker = &own;
    }
    let instance = linker
        .instantiate_pre(component)
        .map_err(|error| format!("one of its imports is not what this host provides: {error:#}"))?;
    Ok((instance, run))
}

fn is_network(name: &str) -> bool {
    let (interface, version) = interface_of(name);
    matches!(interface.split('/').next(), Some("wasi:sockets" | "wasi:http"))
        && version.is_some_and(|version| version.starts_with("0.2."))
}

/// The function that a command-line program is started by.
fn run_of(component: &Component) -> Result<ComponentExportIndex, String> {
    let engine = component.engine();
    let ty = component.component_type();
    let name = ty.exports(engine).map(|(name, _)| name).find(|name| interface_of(name).0 == "wasi:cli/run");
    let Some(name) = name else {
        return Err("it does not export wasi:cli/run, so it is not a command-line program".to_owned());
    };
    if !interface_of(name).1.is_some_and(|version| version.starts_with("0.2.")) {
        return Err(format!(
            "it exports {}, but this prefab runs programs for WASI 0.2 and 0.1: build it for the target wasm32-wasip2, or upgrade prefab",
            cut(name.to_owned(), MOST_NAME)
        ));
    }
    let run =
        component.get_export_index(None, name).and_then(|it| component.get_export_index(Some(&it), "run"));
    run.ok_or_else(|| format!("its export {} has no function `run`", cut(name.to_owned(), MOST_NAME)))
}

/// The complaints as text, with a guess at what the component is instead.
pub(crate) fn with_hint(component: &Component, mut complaints: Vec<String>) -> String {
    let engine = component.engine();
    let is_command =
        component.component_type().exports(engine).any(|(name, _)| interface_of(name).0 == "wasi:cli/run");
    if is_command {
        complaints.push(
            "it exports wasi:cli/run, so it looks like a command-line program: say `kind = \"command\"` in the release's \
             manifest (docs/command-compilers.md)"
                .to_owned(),
        );
    } else if contract_of(component).is_none() {
        complaints.push(format!(
            "it imports nothing of prefab:compiler, the contract of compilers, of which this prefab has {}",
            v1::VERSIONS.join(" and ")
        ));
    }
    // The names in it are the component's.
    cut(complaints.join("\n"), MOST_WORDS)
}

/// What it has to be given. The types that it imports besides are names for those of the interfaces: `module` and `output` of the
/// contract, which nobody has to provide.
fn names_of_imports(component: &Component) -> Vec<String> {
    component
        .component_type()
        .imports(component.engine())
        .filter(|(_, import)| !matches!(import.ty, ComponentItem::Type(_) | ComponentItem::Resource(_)))
        .map(|(name, _)| cut(name.to_owned(), MOST_NAME))
        .collect()
}

/// The contract that a component is made for, as its imports say: a known version, if it is a compiler at all.
pub(crate) fn contract_of(component: &Component) -> Option<&'static str> {
    names_of_imports(component).iter().find_map(|name| contract::known(contract::version_of(name)?))
}

/// What is said of a component that was made for another version of the contract.
fn mismatch(name: &str) -> Option<String> {
    let version = contract::version_of(name)?;
    contract::known(version).is_none().then(|| contract::mismatch(version))
}

/// What is wrong with an import of this name, if something is.
fn foreign(name: &str) -> Option<String> {
    let (interface, version) = interface_of(name);
    if interface == v1::TYPES {
        return mismatch(name);
    }
    if wasi::INTERFACES.contains(&interface) {
        let known = version.is_some_and(|version| version.starts_with("0.2."));
        return (!known).then(|| {
            format!(
                "it imports {name}, but this prefab has WASI 0.2: build it for the target wasm32-wasip2, or upgrade prefab"
            )
        });
    }
    let reason = match interface.split('/').next() {
        Some("wasi:sockets" | "wasi:http") => ": there is no network in the sandbox",
        _ => "",
    };
    Some(format!("it imports {name}, which a compiler cannot have{reason}"))
}

/// `a:b/c@1.0.0` is the interface `a:b/c` in the version `1.0.0`.
fn interface_of(name: &str) -> (&str, Option<&str>) {
    match name.split_once('@') {
        Some((interface, version)) => (interface, Some(version)),
        None => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_guest_may_import_is_not_complained_about() {
        for name in [
            "wasi:cli/exit@0.2.3",
            "wasi:io/streams@0.2.12",
            "prefab:compiler/types@1.0.0",
            "prefab:compiler/types@1.1.0",
        ] {
            assert_eq!(foreign(name), None, "{name}");
        }
    }

    #[test]
    fn what_it_may_not_is_named() {
        insta::assert_snapshot!(
            [
                "wasi:sockets/tcp@0.2.0",
                "wasi:cli/exit@0.3.0",
                "prefab:compiler/types@2.0.0",
                "acme:secrets/all",
                "x"
            ]
            .map(|name| foreign(name).unwrap_or_default())
            .join("\n")
        );
    }
}

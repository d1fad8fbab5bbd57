//! Says in plain words what keeps a component from being a compiler: what it imports that it cannot have, and what it
//! does not export.

use wasmtime::component::{Component, InstancePre, Linker};

use crate::contract::v1;
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
    linker.instantiate_pre(component).map_err(|error| {
        let mut complaints: Vec<_> =
            names_of_imports(component).iter().filter_map(|name| foreign(name)).collect();
        if complaints.is_empty() {
            // Every interface is known by name, so one of them has another type than here.
            complaints.push(format!("one of its imports is not what this host provides: {error:#}"));
        }
        with_hint(component, complaints)
    })
}

/// The complaints as text, with a guess at what the component is instead.
pub(crate) fn with_hint(component: &Component, mut complaints: Vec<String>) -> String {
    let engine = component.engine();
    let is_command =
        component.component_type().exports(engine).any(|(name, _)| interface_of(name).0 == "wasi:cli/run");
    if is_command {
        complaints.push("it exports wasi:cli/run, so it looks like a command-line program".to_owned());
    }
    // The names in it are the component's.
    cut(complaints.join("\n"), MOST_WORDS)
}

fn names_of_imports(component: &Component) -> Vec<String> {
    component
        .component_type()
        .imports(component.engine())
        .map(|(name, _)| cut(name.to_owned(), MOST_NAME))
        .collect()
}

/// What is wrong with an import of this name, if something is.
fn foreign(name: &str) -> Option<String> {
    let (interface, version) = interface_of(name);
    if interface == v1::TYPES {
        let known = version.is_some_and(|version| version.starts_with("1."));
        return (!known).then(|| {
            format!(
                "it was built for another version of the contract ({name}); this host provides {}@{}",
                v1::TYPES,
                v1::TYPES_VERSION
            )
        });
    }
    if wasi::INTERFACES.contains(&interface) {
        let known = version.is_some_and(|version| version.starts_with("0.2."));
        return (!known).then(|| format!("it imports {name}, but this host provides version 0.2 of it"));
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
        for name in ["wasi:cli/exit@0.2.3", "wasi:io/streams@0.2.12", "prefab:compiler/types@1.0.0"] {
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

//! The contracts by which the host talks to compilers, one file for each major version, side by side: an old compiler keeps
//! working. What they have in common is in `guest.rs` (what is shown) and `output.rs` (what comes back).
//!
//! Here is which contract a component was made for, by the names of what it imports.

pub(crate) mod v1;

/// The package of all versions.
const PACKAGE: &str = "prefab:compiler";

/// The version of the contract that an import asks for, if it is one of the contract: all behind the `@`, or nothing.
pub(crate) fn version_of(import: &str) -> Option<&str> {
    let (interface, version) = import.split_once('@').unwrap_or((import, ""));
    let (package, _) = interface.split_once('/')?;
    (package == PACKAGE).then_some(version)
}

/// The version that is known here and serves this one: the same but for the patch, which changes words only.
pub(crate) fn known(version: &str) -> Option<&'static str> {
    let minor = |version: &'static str| version.rsplit_once('.').map(|(minor, _)| minor);
    let (asked, patch) = version.rsplit_once('.')?;
    let is_patch = !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit());
    v1::VERSIONS.into_iter().find(|known| is_patch && minor(known) == Some(asked))
}

/// Why a compiler for this version cannot run here, and what to do about it.
pub(crate) fn mismatch(version: &str) -> String {
    let ours = v1::VERSIONS.join(" and ");
    let made_for = if version.is_empty() {
        format!("this compiler is made for {PACKAGE} without a version")
    } else {
        format!("this compiler is made for {PACKAGE}@{version}")
    };
    let newest = v1::VERSIONS.last().and_then(|version| numbers(version));
    let advice = match numbers(version) {
        Some(numbers) if Some(numbers) > newest => {
            "upgrade prefab, or ask the vendor for a build for one of these"
        }
        _ => "ask the vendor for a build for one of these",
    };
    format!("{made_for}; this prefab has {ours}: {advice}")
}

/// `1.10.0` as numbers, which compare as versions do.
fn numbers(version: &str) -> Option<(u64, u64, u64)> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    let numbers = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_of_a_known_minor_version_is_known() {
        assert_eq!(known("1.0.0"), Some("1.0.0"));
        assert_eq!(known("1.1.7"), Some("1.1.0"));
        for version in ["", "1", "1.1", "1.2.0", "1.10.0", "2.0.0", "0.9.0", "1.1.0-rc.1", "1.1.", "1.1.x"] {
            assert_eq!(known(version), None, "{version}");
        }
    }

    #[test]
    fn only_imports_of_the_package_ask_for_a_version_of_it() {
        assert_eq!(version_of("prefab:compiler/types@1.0.0"), Some("1.0.0"));
        assert_eq!(version_of("prefab:compiler/types"), Some(""));
        for import in
            ["wasi:cli/exit@0.2.0", "acme:compiler/types@1.0.0", "prefab:compilers/types@1.0.0", "x"]
        {
            assert_eq!(version_of(import), None, "{import}");
        }
    }

    #[test]
    fn both_versions_are_named_with_what_to_do() {
        assert_eq!(
            mismatch("2.0.0"),
            "this compiler is made for prefab:compiler@2.0.0; this prefab has 1.0.0 and 1.1.0: upgrade prefab, or ask the \
             vendor for a build for one of these"
        );
        let older = mismatch("0.9.0");
        assert!(older.contains("@0.9.0;") && !older.contains("upgrade"), "{older}");
    }
}

//! A module's name and what it offers to others.
//!
//! The manifest in which an author says so is in `manifest.rs`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{CompilerName, ModulePath};

/// A module's name, unique in its environment: `name` or `@scope/name`, at most 214 bytes, of letters, digits and
/// `. _ - ~ + @ #`, where neither part begins with a dot. (npm's grammar, with room for `name@version`.)
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ModuleName(Box<str>);

/// A text that is not a [`ModuleName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{}\" cannot be the name of a module: use `name` or `@scope/name` with at most 214 letters, digits and . _ - ~ + @ #, \
     not beginning with a dot",
    name.escape_debug()
)]
pub struct InvalidModuleName {
    name: String,
}

impl ModuleName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_part(part: &str) -> bool {
    !part.is_empty()
        && !part.starts_with('.')
        && !part.ends_with('.')
        && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-~+@#".contains(c))
}

impl FromStr for ModuleName {
    type Err = InvalidModuleName;

    fn from_str(name: &str) -> Result<Self, InvalidModuleName> {
        let valid = name.len() <= 214
            && match name.split_once('/') {
                Some((scope, rest)) => scope.strip_prefix('@').is_some_and(is_part) && is_part(rest),
                None => is_part(name) && !name.starts_with('@'),
            };
        if valid { Ok(Self(name.into())) } else { Err(InvalidModuleName { name: name.to_owned() }) }
    }
}

impl From<&CompilerName> for ModuleName {
    /// Whatever a compiler can be called, a module can be called too.
    fn from(name: &CompilerName) -> Self {
        Self(name.as_str().into())
    }
}

impl<'de> Deserialize<'de> for ModuleName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for ModuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A file that a module offers to those who depend on it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntryPoint {
    /// The name it is asked for by: `.` for the module itself, `./name` for a part of it.
    pub name: String,
    /// The file's path within the module.
    pub path: ModulePath,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_names_of_npm_packages_are_names_of_modules() {
        for name in [
            "react",
            "@babel/core",
            "lodash.merge",
            "semver@6.3.1",
            "@types/node@20.1.0#2",
            "JSONStream",
            "_x",
        ] {
            assert!(name.parse::<ModuleName>().is_ok(), "{name}");
        }
    }

    #[test]
    fn names_that_are_no_single_folder_are_refused() {
        for name in [
            "",
            ".",
            "..",
            "a/b",
            "@a",
            "@a/",
            "@/b",
            "@a/b/c",
            "@../b",
            ".a",
            "a b",
            "a\\b",
            "a\0",
            "ä",
            &"a".repeat(215),
        ] {
            assert!(name.parse::<ModuleName>().is_err(), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn a_name_is_a_safe_path(text in "[@a./~#-]{1,12}") {
            if let Ok(name) = text.parse::<ModuleName>() {
                prop_assert!(name.as_str().parse::<ModulePath>().is_ok());
            }
        }
    }
}

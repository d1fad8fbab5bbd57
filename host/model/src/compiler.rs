//! A compiler as the host knows it: a name within its release, the contract it was built for, and what it says of itself.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Options of one compiler: text to text, sorted by name, as the contract hands them over.
pub type Options = BTreeMap<String, String>;

/// The name of a compiler within a release: 1 to 64 lower-case letters, digits and dashes, beginning with a letter.
///
/// Compilers of different releases that have the same name are versions of one compiler.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct CompilerName(Box<str>);

/// A text that is not a [`CompilerName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name:?} cannot be the name of a compiler: use 1 to 64 lower-case letters, digits and dashes, beginning with a letter"
)]
pub struct InvalidCompilerName {
    name: String,
}

impl CompilerName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CompilerName {
    type Err = InvalidCompilerName;

    fn from_str(name: &str) -> Result<Self, InvalidCompilerName> {
        let valid = name.len() <= 64
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if valid { Ok(Self(name.into())) } else { Err(InvalidCompilerName { name: name.to_owned() }) }
    }
}

impl<'de> Deserialize<'de> for CompilerName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for CompilerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A version of the contract between host and compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ContractVersion {
    /// `prefab:compiler@1`.
    #[serde(rename = "1")]
    V1,
}

impl fmt::Display for ContractVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V1 => f.write_str("prefab:compiler@1"),
        }
    }
}

/// What a compiler says of itself: for people. It may lie; nothing depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The languages that it compiles.
    pub languages: Vec<String>,
    /// The options that it understands.
    pub options: Vec<OptionDescriptor>,
}

/// An option that a compiler understands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionDescriptor {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// What applies when it is not given.
    pub default: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_words() {
        assert!("type-script2".parse::<CompilerName>().is_ok());
        for name in ["", "Sass", "2x", "-a", "a b", "a/b", &"a".repeat(65)] {
            assert!(name.parse::<CompilerName>().is_err(), "{name:?}");
        }
    }
}

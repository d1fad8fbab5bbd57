//! What is checked of a command-line compiler when its manifest is read, besides the grammar of its arguments.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Argument, Command, Format, Slot, Template, When};
use crate::{ArtifactPaths, Options, PathCollision};

/// The longest pattern in bytes, and the memory that it may take once it is compiled: it is matched against what a compiler prints, which is
/// as hostile as the compiler.
const MAX_PATTERN: usize = 4 << 10;
const MAX_COMPILED: usize = 1 << 20;
/// More arguments, variables and files than any compiler has.
const MAX_ARGUMENTS: usize = 1_000;
const MAX_VARIABLES: usize = 100;
const MAX_VARIABLE: usize = 4 << 10;
const MAX_MOUNTS: usize = 10_000;

/// What may be named in a pattern.
const GROUPS: [&str; 8] = ["file", "line", "column", "end_line", "end_column", "severity", "code", "message"];

/// A regular expression that finds diagnostics, one a line, with named groups.
#[derive(Clone)]
pub struct Pattern(Arc<Regex>);

impl Pattern {
    /// As a regular expression.
    pub fn regex(&self) -> &Regex {
        &self.0
    }
}

/// A text that is not a [`Pattern`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// Not a regular expression, or one that is too large.
    #[error("the pattern cannot be used: {0}")]
    Regex(String),
    /// A group that means nothing here.
    #[error("the pattern has the group {0:?}, which means nothing here: known are {known}", known = GROUPS.join(", "))]
    Group(String),
    /// There is no message.
    #[error("the pattern has no group named `message`: write (?<message>.*) where it is")]
    NoMessage,
}

impl TryFrom<String> for Pattern {
    type Error = InvalidPattern;

    fn try_from(text: String) -> Result<Self, InvalidPattern> {
        if text.len() > MAX_PATTERN {
            return Err(InvalidPattern::Regex(format!("it has more than {MAX_PATTERN} bytes")));
        }
        let regex = RegexBuilder::new(&text)
            .size_limit(MAX_COMPILED)
            .dfa_size_limit(MAX_COMPILED)
            .nest_limit(50)
            .build()
            .map_err(|error| InvalidPattern::Regex(error.to_string()))?;
        let mut names = regex.capture_names().flatten();
        if let Some(unknown) = names.find(|name| !GROUPS.contains(name)) {
            return Err(InvalidPattern::Group(unknown.to_owned()));
        }
        if !regex.capture_names().flatten().any(|name| name == "message") {
            return Err(InvalidPattern::NoMessage);
        }
        Ok(Self(Arc::new(regex)))
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.0.as_str())
    }
}

impl Serialize for Pattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
    }
}

// The two below are a text or a table. Serde's way for that tells nothing of what is wrong inside.

impl<'de> Deserialize<'de> for Argument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Argument;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an argument, or a table such as { if = \"minify\", args = [\"-m\"] }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Argument, E> {
                Template::try_from(text.to_owned()).map(Argument::Always).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Argument, A::Error> {
                When::deserialize(MapAccessDeserializer::new(map)).map(Argument::When)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            pattern: Pattern,
        }

        impl<'de> Visitor<'de> for Either {
            type Value = Format;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`none`, `gcc`, `typescript`, `sarif`, `json` or { pattern = \"…\" }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Format, E> {
                Ok(match text {
                    "none" => Format::None,
                    "gcc" => Format::Gcc,
                    "typescript" => Format::Typescript,
                    "sarif" => Format::Sarif,
                    "json" => Format::Json,
                    other => return Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Format, A::Error> {
                let Table { pattern } = Table::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Format::Pattern { pattern })
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// A command that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCommand {
    /// An option that may have no value.
    #[error(
        "its arguments ask for the option `{0}`: give it a value in `[compiler.options]`, which modules can then change"
    )]
    Option(String),
    /// Both one run and many.
    #[error(
        "its arguments have both {{files}}, which is all files at once, and a placeholder that means one run for each file"
    )]
    FilesAndFile,
    /// An exit status that means two things.
    #[error("the exit status {0} cannot mean both success and rejection")]
    Status(u8),
    /// No status means success.
    #[error("no exit status means success")]
    NoSuccess,
    /// Too many of something.
    #[error("it has more than {1} {0}")]
    TooMany(&'static str, usize),
    /// A variable of the environment that none can be.
    #[error("{0:?} cannot be a variable of the environment, or is too long")]
    Variable(String),
    /// Two mounted files that cannot both be there.
    #[error("two of its files cannot both be mounted: {0}")]
    Mount(PathCollision),
}

impl Command {
    /// Checks what one value alone does not tell.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self, options: &Options) -> Result<(), InvalidCommand> {
        if self.templates().count() > MAX_ARGUMENTS {
            return Err(InvalidCommand::TooMany("arguments", MAX_ARGUMENTS));
        }
        if let Some(missing) = self.needed_options().find(|name| !options.contains_key(*name)) {
            return Err(InvalidCommand::Option(missing.to_owned()));
        }
        let has_files = self.templates().flat_map(Template::slots).any(|slot| *slot == Slot::Files);
        if has_files && self.runs_for_each_file() {
            return Err(InvalidCommand::FilesAndFile);
        }
        if self.success.is_empty() {
            return Err(InvalidCommand::NoSuccess);
        }
        let rejected: BTreeSet<_> = self.rejected.iter().collect();
        if let Some(both) = self.success.iter().find(|status| rejected.contains(status)) {
            return Err(InvalidCommand::Status(*both));
        }
        if self.environment.len() > MAX_VARIABLES {
            return Err(InvalidCommand::TooMany("variables of the environment", MAX_VARIABLES));
        }
        let usable = |name: &str, value: &str| {
            !name.is_empty()
                && !name.contains(['=', '\0'])
                && !value.contains('\0')
                && name.len() + value.len() <= MAX_VARIABLE
        };
        if let Some((name, _)) = self.environment.iter().find(|(name, value)| !usable(name, value)) {
            return Err(InvalidCommand::Variable(name.clone()));
        }
        if self.mounts.len() > MAX_MOUNTS {
            return Err(InvalidCommand::TooMany("files", MAX_MOUNTS));
        }
        let mut paths = ArtifactPaths::default();
        self.mounts.iter().try_for_each(|mount| paths.insert(&mount.path)).map_err(InvalidCommand::Mount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Command, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    fn checked(text: &str) -> String {
        let options = [("target".to_owned(), String::new())].into();
        read(text).unwrap().check(&options).unwrap_err().to_string()
    }

    #[test]
    fn mistakes_in_one_value_are_told_with_their_place() {
        for (text, told) in [
            ("args = [\"a\", \"{nope}\"]", "no placeholder {nope}"),
            ("args = [1]", "an argument, or a table"),
            ("args = [{ if = \"a\", args = [\"{nope}\"] }]", "no placeholder {nope}"),
            ("args = []\ndiagnostics = \"clang\"", "expected `none`, `gcc`"),
            ("args = []\ndiagnostics = { pattern = \"(\" }", "unclosed group"),
            ("args = []\ndiagnostics = { pattern = \"(?<text>.*)\" }", "group \"text\""),
            ("args = []\ndiagnostics = { pattern = \".*\" }", "(?<message>.*)"),
            (
                "args = []\ndiagnostics = { pattern = \"(?<message>\\\\w{1000}{1000})\" }",
                "exceeds size limit",
            ),
            ("args = []\nsuccess = [256]", "256"),
            ("args = []\nmounts = []", "mounts"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(told) && error.contains("line "), "{text}: {error}");
        }
    }

    #[test]
    fn mistakes_between_values_are_told() {
        for (text, told) in [
            ("args = [\"{option:to}\"]", "option `to`"),
            ("args = [{ if = \"small\", args = [] }]", "option `small`"),
            ("args = [\"{files}\", \"{stem}\"]", "both {files}"),
            ("args = []\nrejected = [0]", "status 0"),
            ("args = []\nsuccess = []", "no exit status"),
            ("args = []\nenvironment = { \"A=B\" = \"\" }", "A=B"),
        ] {
            let error = checked(text);
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}

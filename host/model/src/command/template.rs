//! The arguments of a command-line compiler: text with a small closed set of placeholders, checked when the manifest is read.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest argument, in bytes, as the manifest has it.
const MAX_TEMPLATE: usize = 4 << 10;

/// What a placeholder stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    /// `{sources}`: the folder with the module's files.
    Sources,
    /// `{output}`: the folder for artifacts.
    Output,
    /// `{toolchain}`: the folder with the files that ship with the compiler.
    Toolchain,
    /// `{dependencies}`: the folder that has a folder for each dependency.
    Dependencies,
    /// `{tmp}`: a folder for what is not to be kept.
    Temporary,
    /// `{module}`: the module's name.
    Module,
    /// `{files}`: all files of the module, each an argument of its own. Only as a whole argument.
    Files,
    /// `{file}`: where the file of this run is. An argument with it, `{path}`, `{stem}` or `{name}` means one run a file.
    File,
    /// `{path}`: the path of the file of this run within the module.
    Path,
    /// `{stem}`: the same without the ending.
    Stem,
    /// `{name}`: the last part of it, without the ending.
    Name,
    /// `{dependency}`: the folder of a dependency; the argument is repeated for each that has one.
    Dependency,
    /// `{option:NAME}`: the value of an option.
    Option(String),
}

impl Slot {
    const PLAIN: [(&'static str, Self); 12] = [
        ("sources", Self::Sources),
        ("output", Self::Output),
        ("toolchain", Self::Toolchain),
        ("dependencies", Self::Dependencies),
        ("tmp", Self::Temporary),
        ("module", Self::Module),
        ("files", Self::Files),
        ("file", Self::File),
        ("path", Self::Path),
        ("stem", Self::Stem),
        ("name", Self::Name),
        ("dependency", Self::Dependency),
    ];

    fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        if let Some(option) = text.strip_prefix("option:").filter(|option| !option.is_empty()) {
            return Ok(Self::Option(option.to_owned()));
        }
        let plain = Self::PLAIN.into_iter().find(|(name, _)| *name == text);
        plain.map(|(_, slot)| slot).ok_or_else(|| InvalidTemplate::Unknown(text.to_owned()))
    }

    /// Whether it stands for something else in each run, so that there is a run for each file.
    pub const fn is_of_a_file(&self) -> bool {
        matches!(self, Self::File | Self::Path | Self::Stem | Self::Name)
    }
}

/// A part of an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// To be filled in.
    Slot(Slot),
}

/// A text with placeholders. `{{` and `}}` are braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    pieces: Vec<Piece>,
}

/// A text that is not a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// A placeholder that there is not.
    #[error(
        "there is no placeholder {{{0}}}: known are {{sources}}, {{output}}, {{toolchain}}, {{dependencies}}, {{tmp}}, {{module}}, \
         {{files}}, {{file}}, {{path}}, {{stem}}, {{name}}, {{dependency}} and {{option:NAME}}; write {{{{ for a brace"
    )]
    Unknown(String),
    /// A brace without its other one.
    #[error("a brace at byte {0} has no other one: write {{{{ or }}}} for a brace that is meant as such")]
    Brace(usize),
    /// `{files}` with something beside it.
    #[error("{{files}} stands for several arguments, so it must be an argument of its own")]
    Files,
    /// Too long, or with a byte that no argument can have.
    #[error("an argument has at most {MAX_TEMPLATE} bytes and no NUL")]
    Text,
}

impl Template {
    /// Its parts in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Its placeholders.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Slot(slot) => Some(slot),
            Piece::Text(_) => None,
        })
    }

    /// As the manifest has it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl TryFrom<String> for Template {
    type Error = InvalidTemplate;

    fn try_from(text: String) -> Result<Self, InvalidTemplate> {
        if text.len() > MAX_TEMPLATE || text.contains('\0') {
            return Err(InvalidTemplate::Text);
        }
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find(['{', '}']) {
            let here = text.len() - rest.len() + at;
            plain.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                plain.push_str(brace);
                rest = after;
                continue;
            }
            let inside = rest.split_once('}').filter(|_| brace == "{");
            let (name, after) = inside.ok_or(InvalidTemplate::Brace(here))?;
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Slot(Slot::parse(name)?));
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        if pieces.len() > 1 && pieces.contains(&Piece::Slot(Slot::Files)) {
            return Err(InvalidTemplate::Files);
        }
        Ok(Self { text, pieces })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Template {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.try_into().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn template(text: &str) -> Result<Template, InvalidTemplate> {
        text.to_owned().try_into()
    }

    #[test]
    fn text_and_placeholders_are_told_apart() {
        let text = |text: &str| Piece::Text(text.to_owned());
        assert_eq!(
            template("-o{output}/{stem}.spv").unwrap().pieces,
            [text("-o"), Piece::Slot(Slot::Output), text("/"), Piece::Slot(Slot::Stem), text(".spv")]
        );
        assert_eq!(template("a{{b}}c").unwrap().pieces, [text("a{b}c")]);
        assert_eq!(template("{option:target}").unwrap().pieces, [Piece::Slot(Slot::Option("target".into()))]);
        assert_eq!(template("").unwrap().pieces, []);
    }

    #[test]
    fn mistakes_are_told() {
        for (text, told) in [
            ("{source}", "no placeholder {source}: known are {sources}"),
            ("{option:}", "no placeholder"),
            ("a{b", "brace at byte 1"),
            ("a}b", "brace at byte 1"),
            ("-I{files}", "an argument of its own"),
            ("a\0", "NUL"),
        ] {
            let error = template(text).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_has_no_brace_stays(text in "\\PC{0,40}|[{}a-z:]{0,12}") {
            let parsed = template(&text);
            if !text.contains(['{', '}']) && !text.is_empty() {
                let pieces = parsed.unwrap().pieces;
                prop_assert_eq!(pieces, [Piece::Text(text)]);
            }
        }
    }
}

//! Compilers that are ordinary command-line programs: how a release says to call one, and the recipe that names it.
//!
//! Such a compiler is not its component alone: with other arguments or other headers, the same program gives other results. So what
//! names it is the digest of its [`Recipe`], which holds all of that, files by their digests.

mod reading;
mod template;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{CompilerDigest, ModulePath, Options};

pub use reading::{InvalidCommand, InvalidPattern, Pattern};
pub use template::{InvalidTemplate, Piece, Slot, Template};

/// How a command-line compiler is called, and what its end means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Command {
    /// What it is told to be called: its argument 0.
    #[serde(default = "default_program")]
    pub program: String,
    /// Its arguments.
    pub args: Vec<Argument>,
    /// Its environment: the same in every run.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// The exit statuses that mean success.
    #[serde(default = "default_success")]
    pub success: Vec<u8>,
    /// The exit statuses that mean that the sources are wrong. All others are a failure of the compiler.
    #[serde(default = "default_rejected")]
    pub rejected: Vec<u8>,
    /// How it says what it finds.
    #[serde(default)]
    pub diagnostics: Format,
    /// Where it says so.
    #[serde(default)]
    pub diagnostics_from: Stream,
    /// The files that there is a run for, if there is one for each file; none means all that the compiler takes.
    #[serde(default)]
    pub each: Vec<String>,
    /// The files of a module that those who depend on it can read.
    #[serde(default)]
    pub share: Vec<String>,
    /// Files that ship with it, which it can read.
    #[serde(default, rename = "mount")]
    pub mounts: Vec<Mount>,
}

fn default_program() -> String {
    "compiler".to_owned()
}

fn default_success() -> Vec<u8> {
    vec![0]
}

fn default_rejected() -> Vec<u8> {
    vec![1]
}

/// Arguments: one that is always there, or some that are there if an option has a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Argument {
    /// Always.
    Always(Template),
    /// If an option has this value.
    When(When),
}

/// Arguments that are there if an option has a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// The option.
    #[serde(rename = "if")]
    pub option: String,
    /// Its value.
    #[serde(default = "yes")]
    pub is: String,
    /// The arguments.
    pub args: Vec<Template>,
}

fn yes() -> String {
    "true".to_owned()
}

/// How a compiler says what it finds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Not in a form that is known here. What it prints is shown when it rejects a module.
    #[default]
    None,
    /// `file:line:column: error: message`, as GCC, Clang and many others have it.
    Gcc,
    /// `file(line,column): error TS1234: message`, as TypeScript and MSBuild have it.
    Typescript,
    /// A SARIF log.
    Sarif,
    /// A JSON array of objects, or an object a line.
    Json,
    /// Lines that match a pattern.
    #[serde(untagged)]
    Pattern {
        /// The pattern.
        pattern: Pattern,
    },
}

/// A stream that a program prints to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    #[default]
    Stderr,
}

/// A file that ships with a compiler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// Where the compiler finds it, within the folder `{toolchain}`.
    pub path: ModulePath,
    /// The file beside the manifest, which does not matter to a compiler; none if it is called as within the folder.
    #[serde(default, skip_serializing)]
    pub file: Option<ModulePath>,
    /// The digest of its bytes.
    pub digest: CompilerDigest,
}

impl Mount {
    /// The file beside the manifest.
    pub fn beside(&self) -> &ModulePath {
        self.file.as_ref().unwrap_or(&self.path)
    }
}

impl Command {
    /// All templates, also those that are there only sometimes.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.args.iter().flat_map(|argument| match argument {
            Argument::Always(template) => std::slice::from_ref(template),
            Argument::When(when) => &when.args,
        })
    }

    /// Whether there is a run for each file, rather than one for the module.
    pub fn runs_for_each_file(&self) -> bool {
        self.templates().flat_map(Template::slots).any(Slot::is_of_a_file)
    }

    /// The options that it cannot do without: their values are in its arguments.
    pub fn needed_options(&self) -> impl Iterator<Item = &str> {
        let named = self.templates().flat_map(Template::slots).filter_map(|slot| match slot {
            Slot::Option(name) => Some(name.as_str()),
            _ => None,
        });
        let asked = self.args.iter().filter_map(|argument| match argument {
            Argument::When(when) => Some(when.option.as_str()),
            Argument::Always(_) => None,
        });
        named.chain(asked)
    }

    /// The arguments for these options, without those that are not there.
    pub fn arguments<'a>(&'a self, options: &'a Options) -> impl Iterator<Item = &'a Template> {
        self.args.iter().flat_map(|argument| match argument {
            Argument::Always(template) => std::slice::from_ref(template),
            Argument::When(when) if options.get(&when.option) == Some(&when.is) => &when.args,
            Argument::When(_) => &[],
        })
    }
}

/// All that decides what a command-line compiler makes of a source: what names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Recipe {
    /// The digest of its component, or of its module if it is one for WASI 0.1.
    pub component: CompilerDigest,
    /// How it is called.
    pub command: Command,
}

/// What a recipe begins with, so that it is not taken for anything else.
const HEAD: &str = "prefab command 1\n";

/// Bytes that are not a recipe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the recipe of a command-line compiler cannot be read: {0}")]
pub struct InvalidRecipe(String);

impl Recipe {
    /// The bytes whose digest names the compiler.
    pub fn to_bytes(&self) -> Vec<u8> {
        let body = serde_json::to_string(self).unwrap_or_default();
        format!("{HEAD}{body}").into_bytes()
    }

    /// The digest that names the compiler.
    pub fn digest(&self) -> CompilerDigest {
        CompilerDigest::of(&self.to_bytes())
    }

    /// Reads a recipe; none if the bytes are something else.
    ///
    /// # Errors
    /// [`InvalidRecipe`] if they begin like one and are none.
    pub fn parse(bytes: &[u8]) -> Option<Result<Self, InvalidRecipe>> {
        let body = bytes.strip_prefix(HEAD.as_bytes())?;
        Some(serde_json::from_slice(body).map_err(|error| InvalidRecipe(error.to_string())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(text: &str) -> Command {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_recipe_reads_back_and_its_name_stays_the_same_for_ever() {
        let command = command(
            r#"
            args = ["{file}", { if = "minify", args = ["-m"] }, "-o", "{output}/{stem}.css"]
            diagnostics = { pattern = "(?<file>.*):(?<message>.*)" }
            share = ["**/*.h"]
            [[mount]]
            path = "include/a.h"
            file = "a.h"
            digest = "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
            "#,
        );
        let recipe = Recipe { component: CompilerDigest::of(b"c"), command };
        let mut again = Recipe::parse(&recipe.to_bytes()).unwrap().unwrap();
        again.command.mounts[0].file = Some("a.h".parse().unwrap());
        assert_eq!(again, recipe);
        // What was installed with an earlier prefab is found by this name.
        assert_eq!(recipe.digest().hex(), "00da564ab55ac95cf25c846877f0c86ea8cf8b8a4b9aa5289b8d824e3b2d6ea9");
    }

    #[test]
    fn where_a_file_lies_beside_the_manifest_does_not_name_the_compiler_and_its_bytes_do() {
        let digest = |file: &str, bytes: &[u8]| {
            let mount = Mount {
                path: "a.h".parse().unwrap(),
                file: Some(file.parse().unwrap()),
                digest: CompilerDigest::of(bytes),
            };
            let command = Command { mounts: vec![mount], ..command("args = []") };
            Recipe { component: CompilerDigest::of(b"c"), command }.digest()
        };
        assert_eq!(digest("x", b"1"), digest("y", b"1"));
        assert_ne!(digest("x", b"1"), digest("x", b"2"));
    }

    #[test]
    fn bytes_of_something_else_are_no_recipe() {
        assert!(Recipe::parse(b"\0asm").is_none());
        assert!(Recipe::parse(b"prefab command 1\n{").unwrap().is_err());
    }

    #[test]
    fn arguments_come_and_go_with_an_option() {
        let command = command(
            "args = [\"a\", { if = \"minify\", args = [\"-m\"] }, { if = \"to\", is = \"js\", args = [\"-j\"] }]",
        );
        let arguments = |options: &[(&str, &str)]| {
            let options = options.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            command.arguments(&options).map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(arguments(&[]), ["a"]);
        assert_eq!(arguments(&[("minify", "true"), ("to", "js")]), ["a", "-m", "-j"]);
        assert_eq!(arguments(&[("minify", "1"), ("to", "css")]), ["a"]);
    }
}

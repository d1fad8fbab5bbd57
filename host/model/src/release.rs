//! `release.toml`: a platform version with its compilers.
//!
//! Reading the files beside the manifest and comparing their digests is the installer's business.

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use semver::{Version, VersionReq};
use serde::Deserialize;

use toml::Spanned;

use crate::{
    CodegenWish, Command, CompilerDigest, CompilerName, ContractVersion, LimitsPatch, ModulePath, Options,
    Recipe, ReleaseDigest, SyntaxError,
};

/// A manifest that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidRelease {
    /// Not TOML, an unknown key, or a value of the wrong kind; with line and column.
    #[error("{0}")]
    Syntax(#[from] SyntaxError),
    /// Two compilers have the same name.
    #[error("there are two compilers named {0}: give each a name of its own")]
    DuplicateCompiler(CompilerName),
    /// A compiler that is to be called as a command without a word on how.
    #[error("compiler {0} is of the kind `command`: add a table [compiler.command] with its `args`")]
    NoCommand(CompilerName),
    /// There is no compiler at all.
    #[error("there is no compiler: add a [[compiler]] table")]
    NoCompiler,
    /// A pattern is not a glob.
    #[error("compiler {compiler}: the pattern {pattern:?} is not a glob: {reason}")]
    Pattern {
        /// The compiler it is for.
        compiler: CompilerName,
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The patterns are too many, or too large for one automaton.
    #[error("compiler {compiler}: its patterns cannot be used together: {reason}")]
    Patterns {
        /// The compiler they are for.
        compiler: CompilerName,
        /// What is wrong with them.
        reason: String,
    },
}

/// The patterns that `files` or `exclude` may have, and the bytes of one: what they become in memory grows much faster than they do.
const MAX_PATTERNS: usize = 1_000;
const MAX_PATTERN: usize = 1_024;

/// A platform version.
#[derive(Debug, Clone)]
pub struct Release {
    /// The digest of the manifest.
    pub digest: ReleaseDigest,
    /// Its version.
    pub version: Version,
    /// The platform versions that can be upgraded to this one.
    pub upgrades_from: VersionReq,
    /// A link to the release notes.
    pub notes: Option<String>,
    /// Its compilers, in the order of the manifest.
    pub compilers: Vec<CompilerEntry>,
}

/// A compiler as a release names it.
#[derive(Debug, Clone)]
pub struct CompilerEntry {
    /// Its name in the release.
    pub name: CompilerName,
    /// The component's file, beside the manifest.
    pub component: ModulePath,
    /// What names the compiler: the digest of its component, or of its recipe if it is a command-line program.
    pub digest: CompilerDigest,
    /// The digest of its component.
    pub code: CompilerDigest,
    /// How to call it, if it is a command-line program.
    pub command: Option<Command>,
    /// What making native code of it takes, if that is more than usual.
    pub codegen: CodegenWish,
    /// The contract it was built for.
    pub contract: ContractVersion,
    /// The options that the release sets.
    pub options: Options,
    /// The limits that the release sets: its own for all compilers, with this compiler's on top.
    pub limits: LimitsPatch,
    files: GlobSet,
    exclude: GlobSet,
    patterns: Vec<String>,
}

impl CompilerEntry {
    /// Whether the compiler takes this file of a module.
    pub fn takes(&self, path: &ModulePath) -> bool {
        self.files.is_match(path.as_str()) && !self.exclude.is_match(path.as_str())
    }

    /// Its recipe, if it is a command-line program.
    pub fn recipe(&self) -> Option<Recipe> {
        let command = self.command.clone()?;
        Some(Recipe { component: self.code, command })
    }

    /// All that it consists of besides its recipe: its component and the files that ship with it, each beside the manifest with its
    /// digest.
    pub fn parts(&self) -> impl Iterator<Item = (&ModulePath, CompilerDigest)> {
        let mounts = self.command.iter().flat_map(|command| &command.mounts);
        std::iter::once((&self.component, self.code))
            .chain(mounts.map(|mount| (mount.beside(), mount.digest)))
    }

    /// The patterns of the files it takes, as the manifest has them.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    version: Version,
    upgrades_from: VersionReq,
    notes: Option<String>,
    #[serde(default)]
    limits: toml::Table,
    #[serde(default, rename = "compiler")]
    compilers: Vec<CompilerFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct CompilerFile {
    name: CompilerName,
    #[serde(default)]
    kind: Kind,
    component: ModulePath,
    digest: CompilerDigest,
    #[serde(default = "first_contract")]
    contract: ContractVersion,
    files: Vec<String>,
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(default)]
    options: BTreeMap<String, toml::Value>,
    #[serde(default)]
    limits: toml::Table,
    command: Option<Spanned<Command>>,
    #[serde(default)]
    codegen: CodegenWish,
}

/// What a compiler is.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// A component of the contract.
    #[default]
    Component,
    /// A command-line program.
    Command,
}

const fn first_contract() -> ContractVersion {
    ContractVersion::V1
}

impl Release {
    /// Reads the text of a `release.toml`.
    ///
    /// # Errors
    /// [`InvalidRelease`] if it is not one.
    pub fn parse(text: &str) -> Result<Self, InvalidRelease> {
        let file: File = toml::from_str(text).map_err(|error| SyntaxError::new(text, &error))?;
        // Checked by itself first, so that a mistake is found also when every compiler overrides it.
        let _: LimitsPatch =
            file.limits.clone().try_into().map_err(|error| SyntaxError::new(text, &error))?;
        let mut compilers: Vec<CompilerEntry> = Vec::with_capacity(file.compilers.len());
        for compiler in file.compilers {
            if compilers.iter().any(|other| other.name == compiler.name) {
                return Err(InvalidRelease::DuplicateCompiler(compiler.name));
            }
            let mut limits = file.limits.clone();
            limits.extend(compiler.limits);
            let options: Options = compiler
                .options
                .into_iter()
                .map(|(name, value)| (name, crate::manifest::option_text(value)))
                .collect();
            let command = command(text, &compiler.name, compiler.kind, compiler.command, &options)?;
            let recipe = command.clone().map(|command| Recipe { component: compiler.digest, command });
            compilers.push(CompilerEntry {
                files: globs(&compiler.name, &compiler.files)?,
                exclude: globs(&compiler.name, &compiler.exclude)?,
                patterns: compiler.files,
                component: compiler.component,
                digest: recipe.map_or(compiler.digest, |recipe| recipe.digest()),
                code: compiler.digest,
                command,
                codegen: compiler.codegen,
                contract: compiler.contract,
                options,
                limits: limits.try_into().map_err(|error| SyntaxError::new(text, &error))?,
                name: compiler.name,
            });
        }
        if compilers.is_empty() {
            return Err(InvalidRelease::NoCompiler);
        }
        Ok(Self {
            digest: ReleaseDigest::of(text.as_bytes()),
            version: file.version,
            upgrades_from: file.upgrades_from,
            notes: file.notes,
            compilers,
        })
    }
}

/// How to call a compiler, checked, if it is one that has to be told.
fn command(
    text: &str,
    name: &CompilerName,
    kind: Kind,
    command: Option<Spanned<Command>>,
    options: &Options,
) -> Result<Option<Command>, InvalidRelease> {
    let Some(command) = command else {
        return match kind {
            Kind::Component => Ok(None),
            Kind::Command => Err(InvalidRelease::NoCommand(name.clone())),
        };
    };
    let span = command.span();
    let command = command.into_inner();
    if kind != Kind::Command {
        let told = format!("compiler {name} has a table `command` and is none: add `kind = \"command\"`");
        return Err(SyntaxError::at(text, span, &told).into());
    }
    command
        .check(options)
        .map_err(|error| SyntaxError::at(text, span, &format_args!("compiler {name}: {error}")))?;
    globs(name, &command.share)?;
    globs(name, &command.each)?;
    Ok(Some(command))
}

impl Command {
    /// The files of a module that those who depend on it can read.
    ///
    /// # Errors
    /// A pattern that is none: never of a command that a manifest was read with.
    pub fn shares(&self) -> Result<impl Fn(&ModulePath) -> bool + Send + Sync + use<>, String> {
        matcher(&self.share)
    }

    /// The files that there is a run for, if not for all.
    ///
    /// # Errors
    /// As above.
    pub fn each(&self) -> Result<Option<impl Fn(&ModulePath) -> bool + Send + Sync + use<>>, String> {
        (!self.each.is_empty()).then(|| matcher(&self.each)).transpose()
    }
}

fn matcher(patterns: &[String]) -> Result<impl Fn(&ModulePath) -> bool + Send + Sync + use<>, String> {
    let set = glob_set(patterns).map_err(|(_, reason)| reason)?;
    Ok(move |path: &ModulePath| set.is_match(path.as_str()))
}

fn globs(compiler: &CompilerName, patterns: &[String]) -> Result<GlobSet, InvalidRelease> {
    glob_set(patterns).map_err(|(pattern, reason)| {
        let compiler = compiler.clone();
        match pattern {
            Some(pattern) => InvalidRelease::Pattern { compiler, pattern, reason },
            None => InvalidRelease::Patterns { compiler, reason },
        }
    })
}

/// The patterns as one; or the pattern that is to blame, if it is one, with the reason.
fn glob_set(patterns: &[String]) -> Result<GlobSet, (Option<String>, String)> {
    if patterns.len() > MAX_PATTERNS {
        return Err((None, format!("there are {}, and {MAX_PATTERNS} is the most", patterns.len())));
    }
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        if pattern.len() > MAX_PATTERN {
            return Err((None, format!("one has {} bytes, and {MAX_PATTERN} is the most", pattern.len())));
        }
        let glob = GlobBuilder::new(pattern)
            .literal_separator(true)
            .build()
            .map_err(|error| (Some(pattern.clone()), error.kind().to_string()))?;
        set.add(glob);
    }
    set.build().map_err(|error| (None, error.kind().to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn manifest(tail: &str) -> String {
        format!(
            "version = \"11.9.0\"\nupgrades-from = \">=11.8.0, <11.9.0\"\n[limits]\nfuel = \"1G\"\n[[compiler]]\nname = \"sass\"\n\
             component = \"sass.wasm\"\ndigest = \"{}\"\nfiles = [\"**/*.scss\"]\nexclude = [\"vendor/**\"]\n{tail}",
            CompilerDigest::of(b"")
        )
    }

    #[test]
    fn a_release_is_read() {
        let release = Release::parse(&manifest(
            "[compiler.options]\nminify = true\n[compiler.limits]\nmemory = \"64MiB\"",
        ))
        .unwrap();
        let sass = &release.compilers[0];
        assert_eq!(sass.options["minify"], "true");
        let limits = crate::Limits::default().with(&sass.limits);
        assert_eq!((limits.fuel.0, limits.memory.0), (1_000_000_000, 64 << 20));
        let takes = |path: &str| sass.takes(&path.parse().unwrap());
        assert!(takes("a.scss") && takes("a/b.scss") && !takes("a.ts") && !takes("vendor/a.scss"));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, told) in [
            (manifest("colour = 1"), "colour"),
            (manifest("").replace("11.9.0\"", "11.9\""), "version"),
            (manifest("").replace("11.9.0\"", "99999999999999999999.0.0\""), "version"),
            (manifest("").replace("**/*.scss", "a{"), "glob"),
            (manifest("").replace("blake3:", "sha1:"), "digest"),
            (manifest("").replace("sass.wasm", "../sass.wasm"), "component"),
            (manifest("[compiler.limits]\nfuel = \"x\""), "fuel"),
            ("version = \"1.0.0\"\nupgrades-from = \"*\"".to_owned(), "no compiler"),
        ] {
            let error = Release::parse(&text).unwrap_err().to_string();
            assert!(error.contains(told), "{told}: {error}");
        }
    }

    const COMMAND: &str = "kind = \"command\"\n[compiler.options]\nto = \"css\"\n[compiler.command]\n";

    #[test]
    fn a_command_line_compiler_is_named_by_all_that_it_is() {
        let named = |tail: &str| {
            let release = Release::parse(&manifest(&format!("{COMMAND}{tail}"))).unwrap();
            let entry = release.compilers.into_iter().next().unwrap();
            assert_eq!(entry.code, CompilerDigest::of(b""));
            assert_eq!(entry.recipe().unwrap().digest(), entry.digest);
            entry.digest
        };
        let plain = named("args = [\"{file}\"]");
        assert_eq!(named("args = [\"{file}\"]\nsuccess = [0]"), plain);
        let mount =
            format!("[[compiler.command.mount]]\npath = \"a.h\"\ndigest = \"{}\"", CompilerDigest::of(b"1"));
        for other in [
            "args = [\"{path}\"]",
            "args = [\"{file}\"]\nsuccess = [0, 2]",
            &format!("args = [\"{{file}}\"]\n{mount}"),
        ] {
            assert_ne!(named(other), plain, "{other}");
        }
    }

    #[test]
    fn mistakes_in_a_command_are_told_with_their_place() {
        for (tail, told) in [
            ("args = [\"{fil}\"]", "no placeholder {fil}"),
            ("args = [\"{option:from}\"]", "option `from`"),
            ("arg = []", "unknown field `arg`"),
            ("args = []\ndiagnostics = \"gc\"", "`gcc`"),
        ] {
            let error = Release::parse(&manifest(&format!("{COMMAND}{tail}"))).unwrap_err().to_string();
            assert!(error.contains(told) && error.contains("line 1"), "{told}: {error}");
        }
        for (tail, told) in [
            ("kind = \"command\"", "[compiler.command]"),
            ("[compiler.command]\nargs = []", "kind = \"command\""),
            ("kind = \"commando\"", "commando"),
            (&format!("{COMMAND}args = []\nshare = [\"a{{\"]"), "glob"),
        ] {
            let error = Release::parse(&manifest(tail)).unwrap_err().to_string();
            assert!(error.contains(told), "{told}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let _ = Release::parse(&text);
        }
    }
}

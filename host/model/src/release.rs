//! `release.toml`: a platform version with its compilers.
//!
//! Reading the files beside the manifest and comparing their digests is the installer's business.

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use semver::{Version, VersionReq};
use serde::Deserialize;

use crate::{
    CompilerDigest, CompilerName, ContractVersion, LimitsPatch, ModulePath, Options, ReleaseDigest,
    SyntaxError,
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
    /// The component's digest.
    pub digest: CompilerDigest,
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
            compilers.push(CompilerEntry {
                files: globs(&compiler.name, &compiler.files)?,
                exclude: globs(&compiler.name, &compiler.exclude)?,
                patterns: compiler.files,
                component: compiler.component,
                digest: compiler.digest,
                contract: compiler.contract,
                options: compiler
                    .options
                    .into_iter()
                    .map(|(name, value)| (name, crate::manifest::option_text(value)))
                    .collect(),
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

fn globs(compiler: &CompilerName, patterns: &[String]) -> Result<GlobSet, InvalidRelease> {
    let invalid = |pattern: &str, error: &globset::Error| InvalidRelease::Pattern {
        compiler: compiler.clone(),
        pattern: pattern.to_owned(),
        reason: error.kind().to_string(),
    };
    let unusable = |reason| InvalidRelease::Patterns { compiler: compiler.clone(), reason };
    if patterns.len() > MAX_PATTERNS {
        return Err(unusable(format!("there are {}, and {MAX_PATTERNS} is the most", patterns.len())));
    }
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        if pattern.len() > MAX_PATTERN {
            return Err(unusable(format!("one has {} bytes, and {MAX_PATTERN} is the most", pattern.len())));
        }
        let glob = GlobBuilder::new(pattern)
            .literal_separator(true)
            .build()
            .map_err(|error| invalid(pattern, &error))?;
        set.add(glob);
    }
    set.build().map_err(|error| unusable(error.kind().to_string()))
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

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let _ = Release::parse(&text);
        }
    }
}

//! `prefab.toml`: an environment's configuration. What happened in the environment is not here but in the ledger.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::{BlobsUrl, CompilerName, Limit, LimitsPatch, Options, SyntaxError, Trust};

/// What `prefab.toml` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The environment's name, for people.
    pub name: String,
    /// How many compilations run at a time; none for one a core.
    pub jobs: Option<u32>,
    /// Where artifacts are kept; none for the environment's own folder. Written once, when the environment is made.
    pub blobs: Option<BlobsUrl>,
    /// Limits laid over those of the release.
    pub limits: LimitsPatch,
    /// Options by compiler, laid over those of the release.
    pub options: BTreeMap<CompilerName, Options>,
    /// Whose releases are taken in.
    pub trust: Trust,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    jobs: Option<std::num::NonZeroU32>,
    blobs: Option<BlobsUrl>,
    #[serde(default)]
    limits: LimitsPatch,
    #[serde(default)]
    options: BTreeMap<CompilerName, BTreeMap<String, toml::Value>>,
    #[serde(default)]
    trust: Trust,
}

impl Config {
    /// Reads the text of a `prefab.toml`.
    ///
    /// # Errors
    /// [`SyntaxError`], with line and column, also for unknown keys and values out of range.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let file: File = toml::from_str(text).map_err(|error| SyntaxError::new(text, &error))?;
        let options = file
            .options
            .into_iter()
            .map(|(compiler, table)| {
                (compiler, table.into_iter().map(|(k, v)| (k, crate::manifest::option_text(v))).collect())
            })
            .collect();
        let jobs = file.jobs.map(Into::into);
        Ok(Self { name: file.name, jobs, blobs: file.blobs, limits: file.limits, options, trust: file.trust })
    }
}

/// A key of `prefab.toml` that can be set from the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigKey {
    /// `jobs`
    Jobs,
    /// `limits.NAME`
    Limit(Limit),
    /// `options.COMPILER.NAME`
    Option(CompilerName, String),
}

/// A text that is not a [`ConfigKey`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key:?} is not a configuration key: known are `jobs`, `limits.NAME` and `options.COMPILER.NAME`{}", detail.as_deref().unwrap_or(""))]
pub struct InvalidConfigKey {
    key: String,
    detail: Option<String>,
}

impl FromStr for ConfigKey {
    type Err = InvalidConfigKey;

    fn from_str(key: &str) -> Result<Self, InvalidConfigKey> {
        let invalid = |detail: Option<String>| InvalidConfigKey { key: key.to_owned(), detail };
        let mut parts = key.splitn(3, '.');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("jobs"), None, None) => Ok(Self::Jobs),
            (Some("limits"), Some(name), None) => {
                name.parse().map(Self::Limit).map_err(|error| invalid(Some(format!(" ({error})"))))
            }
            (Some("options"), Some(compiler), Some(name)) if !name.is_empty() => compiler
                .parse()
                .map(|compiler| Self::Option(compiler, name.to_owned()))
                .map_err(|error| invalid(Some(format!(" ({error})")))),
            _ => Err(invalid(None)),
        }
    }
}

impl fmt::Display for ConfigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jobs => f.write_str("jobs"),
            Self::Limit(limit) => write!(f, "limits.{limit}"),
            Self::Option(compiler, name) => write!(f, "options.{compiler}.{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_read_with_its_limits_and_options() {
        let config = Config::parse(
            "name = \"acme\"\njobs = 2\n[limits]\nfuel = \"1G\"\n[options.sass]\nminify = true\n",
        )
        .unwrap();
        assert_eq!(config.jobs, Some(2));
        assert_eq!(config.options[&"sass".parse().unwrap()]["minify"], "true");
    }

    #[test]
    fn where_artifacts_are_kept_is_read() {
        let config = Config::parse("name = \"acme\"\nblobs = \"s3://bucket/acme\"\n").unwrap();
        assert_eq!(config.blobs.unwrap().to_string(), "s3://bucket/acme");
        let error =
            Config::parse("name = \"acme\"\nblobs = \"s3://bucket/../other\"").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("s3://BUCKET/PREFIX"), "{error}");
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let error = Config::parse("name = \"acme\"\nplatform = \"11.9.0\"").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("platform"), "{error}");
    }

    #[test]
    fn keys_read_back_what_they_show() {
        for key in ["jobs", "limits.fuel", "options.typescript.target"] {
            assert_eq!(key.parse::<ConfigKey>().unwrap().to_string(), key);
        }
        for key in ["", "job", "limits", "limits.fule", "options.typescript", "options.X.y"] {
            assert!(key.parse::<ConfigKey>().is_err(), "{key}");
        }
    }
}

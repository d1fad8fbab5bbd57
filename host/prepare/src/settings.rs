//! Reading and changing `prefab.toml` from the command line. Comments and order in the file are kept.

use std::fs;
use std::io;
use std::path::PathBuf;

use prefab_model::{Config, ConfigKey, InvalidLimit, Limit, Limits};
use prefab_store::StoreError;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::environment::Environment;
use crate::history::{Action, record};
use crate::lock::{Activity, HoldError};
use crate::trusting::{replace, turn};

/// Why a setting could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The value is not one for this key.
    #[error("{key} cannot be {value:?}: {reason}")]
    Value {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The value is not one for this limit.
    #[error(transparent)]
    Limit(#[from] InvalidLimit),
    /// `prefab.toml` could not be read or written.
    #[error("cannot change {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// `prefab.toml` is not what it should be any more.
    #[error("{} cannot be used: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        reason: String,
    },
    /// The environment is held.
    #[error("{0}")]
    Hold(#[from] HoldError),
    /// The ledger failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where a setting's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingSource {
    /// Nobody set it.
    Default,
    /// The release sets it.
    Release,
    /// The environment's `prefab.toml` sets it.
    Environment,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Its key, as `prefab config set` takes it.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Who set it.
    pub source: SettingSource,
}

/// All settings that are in force, with where they come from. Limits that a release sets for one compiler only are
/// shown by `prefab release inspect`.
pub fn list_settings(env: &Environment) -> Result<Vec<Setting>, StoreError> {
    let config = env.config();
    let mut settings = vec![match config.jobs {
        Some(jobs) => {
            Setting { key: "jobs".into(), value: jobs.to_string(), source: SettingSource::Environment }
        }
        None => Setting {
            key: "jobs".into(),
            value: std::thread::available_parallelism().map_or(1, usize::from).to_string(),
            source: SettingSource::Default,
        },
    }];
    let limits = Limits::default().with(&config.limits);
    settings.extend(Limit::ALL.map(|limit| Setting {
        key: ConfigKey::Limit(limit).to_string(),
        value: limits.show(limit),
        source: if config.limits.has(limit) { SettingSource::Environment } else { SettingSource::Default },
    }));
    let release = env.release()?;
    for compiler in release.iter().flat_map(|release| &release.compilers) {
        let own = config.options.get(&compiler.name);
        settings.extend(
            compiler.options.iter().filter(|(name, _)| own.is_none_or(|own| !own.contains_key(*name))).map(
                |(name, value)| Setting {
                    key: ConfigKey::Option(compiler.name.clone(), name.clone()).to_string(),
                    value: value.clone(),
                    source: SettingSource::Release,
                },
            ),
        );
    }
    for (compiler, options) in &config.options {
        settings.extend(options.iter().map(|(name, value)| Setting {
            key: ConfigKey::Option(compiler.clone(), name.clone()).to_string(),
            value: value.clone(),
            source: SettingSource::Environment,
        }));
    }
    Ok(settings)
}

/// Sets one key of `prefab.toml`. The file is replaced at once or not at all.
pub fn set_setting(env: &mut Environment, key: &ConfigKey, value: &str) -> Result<(), SettingsError> {
    let path = env.config_path();
    let io = |source| SettingsError::Io { path: path.clone(), source };
    let syntax = |reason: String| SettingsError::Syntax { path: path.clone(), reason };
    let _hold = env.hold(Activity::Configure)?;
    let _turn = turn(&env.state_dir()).map_err(io)?;
    let text = fs::read_to_string(&path).map_err(io)?;
    let mut document: toml_edit::DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| syntax(error.to_string()))?;
    match key {
        ConfigKey::Jobs => {
            let jobs: i64 = value.parse().ok().filter(|jobs| (1..=1024).contains(jobs)).ok_or_else(|| {
                SettingsError::Value {
                    key: key.to_string(),
                    value: value.to_owned(),
                    reason: "it must be a whole number from 1 to 1,024".to_owned(),
                }
            })?;
            document["jobs"] = toml_edit::value(jobs);
        }
        ConfigKey::Limit(limit) => {
            limit.parse_value(value)?;
            table(&mut document, &["limits"])[limit.name()] = toml_edit::value(value);
        }
        ConfigKey::Option(compiler, name) => {
            table(&mut document, &["options", compiler.as_str()])[name] = toml_edit::value(value);
        }
    }
    let text = document.to_string();
    let config = Config::parse(&text).map_err(|error| syntax(error.to_string()))?;
    replace(&path, &text).map_err(io)?;
    record(
        env,
        OffsetDateTime::now_utc(),
        &Action::Configured { key: key.to_string(), value: value.to_owned() },
    )?;
    env.set_config(config);
    Ok(())
}

/// The table at this path, made where it is missing.
fn table<'a>(document: &'a mut toml_edit::DocumentMut, path: &[&str]) -> &'a mut toml_edit::Item {
    let mut item = document.as_item_mut();
    for (depth, name) in path.iter().enumerate() {
        let implicit = depth + 1 < path.len();
        item = &mut item[name];
        if item.is_none() {
            let mut new = toml_edit::Table::new();
            new.set_implicit(implicit);
            *item = toml_edit::Item::Table(new);
        }
    }
    item
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_keeps_comments_and_makes_its_tables() {
        let mut document: toml_edit::DocumentMut = "name = \"a\" # mine\n".parse().unwrap();
        table(&mut document, &["options", "sass"])["minify"] = toml_edit::value("true");
        table(&mut document, &["limits"])["fuel"] = toml_edit::value("1G");
        assert_eq!(
            document.to_string(),
            "name = \"a\" # mine\n\n[options.sass]\nminify = \"true\"\n\n[limits]\nfuel = \"1G\"\n"
        );
    }
}

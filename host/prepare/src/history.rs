//! What happened in an environment: who did what and when.

use prefab_model::{Counts, KeyId, KeyName, ModuleName, PreparationId, Revoked};
use prefab_store::{HistoryEntry as Row, StoreError};
use semver::Version;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::environment::Environment;

/// Something that somebody did to an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what", content = "detail")]
pub enum Action {
    /// Made the environment.
    #[serde(rename_all = "kebab-case")]
    Initialised,
    /// Added one module, or took in its new description.
    Added {
        /// The module.
        module: ModuleName,
    },
    /// Removed a module.
    Removed {
        /// The module.
        module: ModuleName,
    },
    /// Imported a tree of npm packages.
    Imported {
        /// The tree.
        tree: String,
        /// How many modules it has.
        modules: u64,
    },
    /// Installed a release.
    Installed {
        /// Its version.
        version: Version,
    },
    /// Switched the platform version.
    Upgraded {
        /// The version before, if there was one.
        from: Option<Version>,
        /// The version now.
        to: Version,
    },
    /// Went back to the platform version before.
    Undone {
        /// The version that was left.
        from: Version,
        /// The version now.
        to: Version,
    },
    /// Ran a preparation.
    Prepared {
        /// Which one.
        preparation: PreparationId,
        /// With which version's compilers.
        platform: Version,
        /// How it ended.
        counts: Counts,
    },
    /// Ran a rehearsal.
    Rehearsed {
        /// Which one.
        preparation: PreparationId,
        /// With which version's compilers.
        platform: Version,
        /// How it ended.
        counts: Counts,
    },
    /// Published a module.
    Published {
        /// The module.
        module: ModuleName,
        /// The platform version that compiled it.
        platform: Version,
    },
    /// Rolled a module back.
    RolledBack {
        /// The module.
        module: ModuleName,
        /// The platform version of what was deployed.
        from: Version,
        /// The platform version of what is deployed again.
        to: Version,
        /// When that was published.
        #[serde(with = "time::serde::rfc3339")]
        published: OffsetDateTime,
    },
    /// Changed the configuration.
    Configured {
        /// Which key.
        key: String,
        /// Its new value.
        value: String,
    },
    /// Trusts a key.
    Trusted {
        /// What it is called.
        name: KeyName,
        /// Its id.
        key: KeyId,
    },
    /// Trusts a key no longer.
    Distrusted {
        /// What it was called.
        name: KeyName,
        /// Its id.
        key: KeyId,
    },
    /// Revoked a key, a release or a compiler.
    Revoked {
        /// Which.
        revoked: Revoked,
        /// Why, if somebody said.
        why: Option<String>,
    },
}

/// One line of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Who: the user of the operating system, or of the server.
    pub who: String,
    /// What, in one word: `upgraded`, `published`, …
    pub what: String,
    /// The rest, as [`Action`] has it.
    pub detail: serde_json::Value,
}

/// The latest entries, newest first.
pub fn history(env: &Environment, limit: u32) -> Result<Vec<HistoryEntry>, StoreError> {
    let rows = env.store().history(limit)?;
    Ok(rows
        .into_iter()
        .map(|row| HistoryEntry { at: from_millis(row.at), who: row.who, what: row.what, detail: row.detail })
        .collect())
}

/// The row for an action that is done now.
pub(crate) fn entry(env: &Environment, now: OffsetDateTime, action: &Action) -> Row {
    row(env.who(), now, action)
}

fn row(who: String, now: OffsetDateTime, action: &Action) -> Row {
    let (what, detail) = match serde_json::to_value(action) {
        Ok(serde_json::Value::Object(mut object)) => (
            object.remove("what").and_then(|what| what.as_str().map(str::to_owned)),
            object.remove("detail").unwrap_or_default(),
        ),
        _ => (None, serde_json::Value::Null),
    };
    Row { at: millis(now), who, what: what.unwrap_or_default(), detail }
}

pub(crate) fn record(env: &Environment, now: OffsetDateTime, action: &Action) -> Result<(), StoreError> {
    env.store().append_history(&entry(env, now, action))
}

/// The user of the operating system, by name where the shell tells it.
pub(crate) fn user() -> String {
    ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|variable| std::env::var(variable).ok().filter(|name| !name.is_empty()))
        .unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()))
}

/// Milliseconds since 1970, as the ledger counts.
pub(crate) fn millis(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// The time that the ledger means; the start of 1970 for one that no calendar has.
pub(crate) fn from_millis(millis: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_becomes_a_word_and_its_details() {
        let action = Action::Published { module: "cart".parse().unwrap(), platform: Version::new(11, 9, 0) };
        let row = |action| row("operator".into(), OffsetDateTime::UNIX_EPOCH, action);
        let published = row(&action);
        assert_eq!((published.what.as_str(), published.at), ("published", 0));
        assert_eq!(published.detail["module"], "cart");
        assert_eq!(row(&Action::Initialised).what, "initialised");
    }
}

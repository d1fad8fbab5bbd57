//! Changing what is trusted, from the command line: in an environment's `prefab.toml`, or in the file of a server that says nothing else.
//! Comments and order in the file are kept.
//!
//! The environment is not held for that: a key is revoked while a preparation runs, which then ends. A lock of its own keeps two who
//! change the file from losing what the other wrote.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use prefab_model::{Config, KeyId, KeyName, Release, Revocation, SyntaxError, Trust, TrustedKey};
use prefab_store::StoreError;
use semver::Version;
use serde::Serialize;
use time::OffsetDateTime;
use toml_edit::{ArrayOfTables, DocumentMut, Item, RawString, Table, value};

use crate::environment::Environment;
use crate::history::{Action, record};
use crate::trust::revoked;
use crate::warrant::TrustError;

/// Why what is trusted could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum TrustingError {
    /// There is such a name or key already.
    #[error("the key {name} ({id}) is trusted already: `prefab trust remove {name}` first")]
    Exists {
        /// What it is called.
        name: KeyName,
        /// Its id.
        id: KeyId,
    },
    /// There is no such key.
    #[error("no key {0:?} is trusted: `prefab trust list` has those that are")]
    NoSuchKey(String),
    /// It was revoked before.
    #[error("{0} is revoked: who takes that back edits {path}", path = .1.display())]
    Revoked(KeyId, PathBuf),
    /// The file could not be changed.
    #[error("cannot change {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("{} cannot be used: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// What is trusted besides could not be read.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The ledger failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where what is trusted is written down.
#[derive(Clone, Copy)]
pub enum TrustPlace<'a> {
    /// In an environment.
    Environment(&'a Environment),
    /// In a file that says nothing else; made if it is not there.
    File(&'a Path),
}

/// What to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustChange {
    /// Trust a key.
    Add(TrustedKey),
    /// Trust a key, by its name or id, no longer. What was taken in stays.
    Remove(String),
    /// Use something no longer, from the next compilation on.
    Revoke(Revocation),
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TrustChanged {
    /// The installed releases that are revoked now.
    pub revoked_releases: Vec<Version>,
}

/// Changes what is trusted. The file is replaced at once or not at all.
pub fn change_trust(place: TrustPlace<'_>, change: &TrustChange) -> Result<TrustChanged, TrustingError> {
    let path = match place {
        TrustPlace::Environment(env) => env.config_path(),
        TrustPlace::File(path) => path.to_owned(),
    };
    let io = |source| TrustingError::Io { path: path.clone(), source };
    let _turn = match place {
        TrustPlace::Environment(env) => turn(&env.state_dir()),
        TrustPlace::File(path) => turn(path.parent().unwrap_or(Path::new("."))),
    }
    .map_err(io)?;
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && matches!(place, TrustPlace::File(_)) => {
            String::new()
        }
        Err(error) => return Err(io(error)),
    };
    let syntax = |reason: String| TrustingError::Syntax { path: path.clone(), reason };
    let read = |text: &str| -> Result<Trust, SyntaxError> {
        match place {
            TrustPlace::Environment(_) => Config::parse(text).map(|config| config.trust),
            TrustPlace::File(_) => Trust::parse(text),
        }
    };
    let before = read(&text).map_err(|error| syntax(error.to_string()))?;
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| syntax(error.to_string()))?;
    let action = edit(&mut document, &before, change, &path)?;
    let text = document.to_string();
    read(&text).map_err(|error| syntax(error.to_string()))?;
    replace(&path, &text).map_err(io)?;
    let TrustPlace::Environment(env) = place else {
        return Ok(TrustChanged { revoked_releases: Vec::new() });
    };
    record(env, OffsetDateTime::now_utc(), &action)?;
    let trust = env.trust_files().read()?;
    let mut changed = TrustChanged { revoked_releases: Vec::new() };
    for installed in env.store().releases()? {
        let Ok(release) = Release::parse(&installed.manifest) else { continue };
        if revoked(&trust, &release, installed.provenance.signed_by).is_err() {
            changed.revoked_releases.push(installed.version);
        }
    }
    Ok(changed)
}

/// Waits until nobody else changes the configuration in this process or another: well below a second.
pub(crate) fn turn(folder: &Path) -> io::Result<File> {
    let lock = File::options().create(true).truncate(false).write(true).open(folder.join("config.lock"))?;
    lock.lock()?;
    Ok(lock)
}

/// Puts a text in a file's place, at once or not at all, and for good when this returns. Who may read it stays.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let mut file = File::create(&temporary)?;
    if let Ok(before) = fs::metadata(path) {
        file.set_permissions(before.permissions())?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

fn edit(
    document: &mut DocumentMut,
    before: &Trust,
    change: &TrustChange,
    path: &Path,
) -> Result<Action, TrustingError> {
    match change {
        TrustChange::Add(key) => {
            let id = key.key.id();
            let same = before.keys.iter().find(|other| other.name == key.name || other.key == key.key);
            if let Some(other) = same {
                return Err(TrustingError::Exists { name: other.name.clone(), id: other.key.id() });
            }
            if before.revoked.iter().any(|revoked| revoked.what == prefab_model::Revoked::Key(id)) {
                return Err(TrustingError::Revoked(id, path.to_owned()));
            }
            let mut table = Table::new();
            table["name"] = value(key.name.as_str());
            table["key"] = value(key.key.to_string());
            if let Some(until) = key.not_after {
                table["not-after"] = value(until.to_string());
            }
            push(document, "keys", table, path)?;
            Ok(Action::Trusted { name: key.name.clone(), key: id })
        }
        TrustChange::Remove(which) => {
            let named = |key: &&TrustedKey| {
                key.name.as_str() == which || key.key.id().to_string().eq_ignore_ascii_case(which)
            };
            let key = before.keys.iter().find(named);
            let key = key.ok_or_else(|| TrustingError::NoSuchKey(which.clone()))?;
            let text = key.key.to_string();
            let mut above = String::new();
            tables(document, "keys", path)?.retain(|table| {
                let stays = table.get("key").and_then(Item::as_str) != Some(&text);
                if !stays {
                    above.push_str(table.decor().prefix().and_then(RawString::as_str).unwrap_or_default());
                }
                stays
            });
            // Comments above it are somebody's.
            if !above.trim().is_empty() {
                let behind = document.trailing().as_str().unwrap_or_default().to_owned();
                document.set_trailing(above + &behind);
            }
            Ok(Action::Distrusted { name: key.name.clone(), key: key.key.id() })
        }
        TrustChange::Revoke(Revocation { what, why }) => {
            let action = Action::Revoked { revoked: *what, why: why.clone() };
            if before.revoked.iter().any(|revoked| revoked.what == *what) {
                return Ok(action);
            }
            let mut table = Table::new();
            table["what"] = value(what.to_string());
            if let Some(why) = why {
                table["why"] = value(why);
            }
            push(document, "revoked", table, path)?;
            Ok(action)
        }
    }
}

/// Adds a `[[trust.NAME]]` at the end of the file. What stands there in comments stays above it: a setting of the file that somebody makes of
/// one would be the table's below.
fn push(document: &mut DocumentMut, name: &str, mut table: Table, path: &Path) -> Result<(), TrustingError> {
    let behind = document.trailing().as_str().unwrap_or_default().to_owned();
    if !behind.trim().is_empty() {
        let gap = if behind.ends_with('\n') { "\n" } else { "\n\n" };
        table.decor_mut().set_prefix(behind + gap);
        document.set_trailing("");
    }
    tables(document, name, path)?.push(table);
    Ok(())
}

/// `[[trust.NAME]]`, made where it is missing.
fn tables<'a>(
    document: &'a mut DocumentMut,
    name: &str,
    path: &Path,
) -> Result<&'a mut ArrayOfTables, TrustingError> {
    // `keys = [{ … }]` is the same to a reader, and is not what this writes.
    let inline = || TrustingError::Syntax {
        path: path.to_owned(),
        reason: format!("write [[trust.{name}]] there, so that it can be changed from the command line"),
    };
    let trust = document.as_table_mut().entry("trust").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    trust
        .as_table_mut()
        .ok_or_else(inline)?
        .entry(name)
        .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()))
        .as_array_of_tables_mut()
        .ok_or_else(inline)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

    fn key() -> TrustedKey {
        let not_after = Some("2027-01-31T00:00:00Z".parse().unwrap());
        TrustedKey { name: "acme".parse().unwrap(), key: KEY.parse().unwrap(), not_after }
    }

    #[test]
    fn a_file_keeps_its_comments_and_reads_back_what_was_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trust.toml");
        fs::write(&path, "# ours\n").unwrap();
        let place = TrustPlace::File(&path);
        change_trust(place, &TrustChange::Add(key())).unwrap();
        let revocation =
            Revocation { what: "0000000000000001".parse().unwrap(), why: Some("old \"one\"".to_owned()) };
        for _ in 0..2 {
            change_trust(place, &TrustChange::Revoke(revocation.clone())).unwrap();
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# ours\n"), "{text}");
        assert_eq!(Trust::parse(&text).unwrap(), Trust { keys: vec![key()], revoked: vec![revocation] });
        change_trust(place, &TrustChange::Remove("acme".to_owned())).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("# ours\n"), "{text}");
        assert!(Trust::parse(&text).unwrap().keys.is_empty());
    }

    #[test]
    fn what_would_not_be_what_it_says_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trust.toml");
        let place = TrustPlace::File(&path);
        let told = |change| change_trust(place, &change).unwrap_err().to_string();
        assert!(told(TrustChange::Remove("acme".to_owned())).contains("no key \"acme\" is trusted"));
        change_trust(place, &TrustChange::Add(key())).unwrap();
        assert!(told(TrustChange::Add(key())).contains("is trusted already"));
        let id = key().key.id();
        change_trust(place, &TrustChange::Remove(id.to_string())).unwrap();
        change_trust(
            place,
            &TrustChange::Revoke(Revocation { what: prefab_model::Revoked::Key(id), why: None }),
        )
        .unwrap();
        assert!(told(TrustChange::Add(key())).contains("is revoked"));
        fs::write(&path, "trust = { keys = [] }").unwrap();
        assert!(told(TrustChange::Add(key())).contains("[[trust.keys]]"));
        assert!(!folder.path().join("trust.toml.new").exists());
    }
}

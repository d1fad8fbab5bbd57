//! Releases that somebody puts in a folder: they are taken in as if they had been sent.
//!
//! A release is a folder with a `release.toml` in it. It is taken when nothing in it has changed from one look to the next, some seconds
//! later, and every compiler that it names is there with the digest that it says: so one that is still being copied is not. What
//! was looked at, taken or not, is looked at again only when something in it changes.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::api::take_release;
use crate::problem::Problem;
use crate::server::App;

/// How often the folder is looked at.
pub(crate) const EVERY: Duration = Duration::from_secs(5);
/// So many folders are looked at, and so many files in each.
const MOST: usize = 1000;

/// What a folder looks like: its files by name, with what changes when they do.
type Look = Vec<(PathBuf, u64, u64, i64, i64)>;

/// The folder that is watched, and what was seen in it.
pub(crate) struct Watched {
    folder: PathBuf,
    seen: HashMap<PathBuf, Seen>,
}

enum Seen {
    /// It looked like this the last time.
    Once(Look),
    /// It looked like this when it was taken, or could not be.
    Done(Look),
}

impl Watched {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, seen: HashMap::new() }
    }

    /// The folders that are ready to be taken.
    fn ready(&mut self) -> io::Result<Vec<PathBuf>> {
        let mut ready = Vec::new();
        let mut seen = HashMap::new();
        for entry in fs::read_dir(&self.folder)?.take(MOST) {
            let path = entry?.path();
            let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
            if hidden || !path.join("release.toml").is_file() {
                continue;
            }
            // What goes away meanwhile is looked at again if it comes back.
            let Ok(look) = look(&path) else { continue };
            let next = match self.seen.remove(&path) {
                Some(Seen::Done(before)) if before == look => Seen::Done(look),
                Some(Seen::Once(before)) if before == look => {
                    ready.push(path.clone());
                    Seen::Done(look)
                }
                _ => Seen::Once(look),
            };
            seen.insert(path, next);
        }
        self.seen = seen;
        ready.sort();
        Ok(ready)
    }

    /// Takes what is ready. Blocks.
    pub(crate) fn look(&mut self, app: &App) {
        let ready = match self.ready() {
            Ok(ready) => ready,
            Err(error) => {
                let folder = self.folder.display();
                tracing::error!(%folder, %error, "cannot look for releases");
                return;
            }
        };
        for folder in ready {
            match take(app, &folder) {
                Ok(version) => tracing::info!(folder = %folder.display(), %version, "a release was taken in"),
                Err(problem) => {
                    tracing::warn!(folder = %folder.display(), ?problem, "a release cannot be taken in");
                }
            }
        }
    }
}

fn look(folder: &Path) -> io::Result<Look> {
    let mut look = Look::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                folders.push(entry.path());
            }
            let (size, modified) = (metadata.len(), (metadata.mtime(), metadata.mtime_nsec()));
            look.push((entry.path(), metadata.ino(), size, modified.0, modified.1));
            if look.len() > MOST {
                return Err(io::Error::other("there are too many files"));
            }
        }
    }
    look.sort();
    Ok(look)
}

/// Copies a release, as it may be changed while it is looked at, and takes the copy in.
fn take(app: &App, folder: &Path) -> Result<semver::Version, Problem> {
    let incoming = app.data().incoming()?;
    let copy = incoming.path().join("release");
    copy_tree(folder, &copy)?;
    let (_, inspection) = take_release(app, None, &copy)?;
    Ok(inspection.summary.version)
}

/// Copies files and folders; anything else, links too, is no part of a release.
fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, to) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy_tree(&entry.path(), &to)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_ready_once_it_has_not_changed_from_one_look_to_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let mut watched = Watched::new(folder.path().to_owned());
        let release = folder.path().join("11.9.0");
        fs::create_dir(&release).unwrap();
        fs::write(release.join("a.wasm"), "half").unwrap();
        assert!(watched.ready().unwrap().is_empty() && watched.ready().unwrap().is_empty(), "no manifest");
        fs::write(release.join("release.toml"), "").unwrap();
        assert!(watched.ready().unwrap().is_empty(), "seen once");
        fs::write(release.join("a.wasm"), "half and half").unwrap();
        assert!(watched.ready().unwrap().is_empty(), "it is being copied");
        assert_eq!(watched.ready().unwrap(), std::slice::from_ref(&release));
        assert!(watched.ready().unwrap().is_empty(), "once");
        fs::write(release.join("b.wasm"), "").unwrap();
        assert!(watched.ready().unwrap().is_empty());
        assert_eq!(watched.ready().unwrap(), std::slice::from_ref(&release), "again when it has changed");
        fs::create_dir(folder.path().join(".hidden")).unwrap();
        fs::write(folder.path().join(".hidden/release.toml"), "").unwrap();
        assert!(watched.ready().unwrap().is_empty() && watched.ready().unwrap().is_empty());
    }
}

//! Comparing files with what they should be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use prefab_model::{Artifact, ModulePath};
use serde::{Deserialize, Serialize};

/// What is different about a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "how")]
pub enum FileDifference {
    /// It is not there.
    Missing,
    /// It should not be there.
    Unexpected,
    /// It has other bytes.
    Changed {
        /// How many it should have.
        expected: u64,
        /// How many it has.
        found: u64,
        /// The first one that is different, counted from 0; the length of the shorter, where that is how the longer begins.
        first: u64,
    },
    /// It has the same bytes and another media type.
    MediaType {
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
}

/// What is different about artifacts, by path. The order in which they come does not matter.
pub(super) fn artifacts(expected: &[Artifact], found: &[Artifact]) -> Vec<(ModulePath, FileDifference)> {
    let by_path = |artifacts| -> BTreeMap<_, _> {
        let artifacts: &[Artifact] = artifacts;
        artifacts.iter().map(|artifact| (&artifact.path, artifact)).collect()
    };
    let (expected, found) = (by_path(expected), by_path(found));
    let paths: BTreeSet<_> = expected.keys().chain(found.keys()).copied().collect();
    let difference = |path| match (expected.get(path), found.get(path)) {
        (Some(_), None) => Some(FileDifference::Missing),
        (None, _) => Some(FileDifference::Unexpected),
        (Some(expected), Some(found)) => changed(&expected.bytes, &found.bytes).or_else(|| {
            (expected.media_type != found.media_type).then(|| FileDifference::MediaType {
                expected: expected.media_type.clone(),
                found: found.media_type.clone(),
            })
        }),
    };
    paths.into_iter().filter_map(|path| Some((path.clone(), difference(path)?))).collect()
}

/// What is different about the files in a folder, by path.
pub(super) fn folder(
    folder: &Path,
    expected: &BTreeMap<&str, &[u8]>,
) -> io::Result<Vec<(String, FileDifference)>> {
    let mut missing: BTreeSet<&str> = expected.keys().copied().collect();
    let mut differences = Vec::new();
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push((entry.path(), format!("{path}/")));
                continue;
            }
            match expected.get(path.as_str()) {
                // A link in the place of a file is not the file, wherever it leads.
                Some(expected) if kind.is_file() => {
                    missing.remove(path.as_str());
                    let difference = changed(expected, &fs::read(entry.path())?);
                    differences.extend(difference.map(|difference| (path, difference)));
                }
                _ => differences.push((path, FileDifference::Unexpected)),
            }
        }
    }
    differences.extend(missing.into_iter().map(|path| (path.to_owned(), FileDifference::Missing)));
    differences.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(differences)
}

fn changed(expected: &[u8], found: &[u8]) -> Option<FileDifference> {
    if expected == found {
        return None;
    }
    let first = expected.iter().zip(found).position(|(a, b)| a != b);
    let first = first.unwrap_or(expected.len().min(found.len()));
    Some(FileDifference::Changed {
        expected: expected.len() as u64,
        found: found.len() as u64,
        first: first as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(path: &str, media_type: &str, bytes: &str) -> Artifact {
        Artifact { path: path.parse().unwrap(), media_type: media_type.into(), bytes: bytes.into() }
    }

    #[test]
    fn artifacts_are_compared_by_path_bytes_and_media_type() {
        let expected = [
            artifact("same", "t", "x"),
            artifact("gone", "t", "x"),
            artifact("typed", "t", "x"),
            artifact("changed", "t", "abc"),
        ];
        let found = [
            artifact("changed", "t", "abdd"),
            artifact("typed", "u", "x"),
            artifact("same", "t", "x"),
            artifact("new", "t", ""),
        ];
        let differences = artifacts(&expected, &found);
        let of =
            |path: &str| differences.iter().find(|(at, _)| at.as_str() == path).map(|(_, how)| how.clone());
        assert_eq!(differences.len(), 4);
        assert_eq!(of("gone"), Some(FileDifference::Missing));
        assert_eq!(of("new"), Some(FileDifference::Unexpected));
        assert_eq!(of("changed"), Some(FileDifference::Changed { expected: 3, found: 4, first: 2 }));
        assert_eq!(of("typed"), Some(FileDifference::MediaType { expected: "t".into(), found: "u".into() }));
        assert_eq!(artifacts(&expected, &expected), []);
    }

    #[test]
    fn a_file_that_was_only_cut_off_differs_where_it_ends() {
        assert_eq!(changed(b"abc", b"ab"), Some(FileDifference::Changed { expected: 3, found: 2, first: 2 }));
    }

    #[test]
    fn files_of_a_folder_are_compared_and_links_are_not_followed() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("a")).unwrap();
        fs::write(root.path().join("a/same"), "1").unwrap();
        fs::write(root.path().join("edited"), "2x").unwrap();
        fs::write(root.path().join("new"), "").unwrap();
        std::os::unix::fs::symlink("a/same", root.path().join("linked")).unwrap();
        let expected: BTreeMap<&str, &[u8]> =
            [("a/same", &b"1"[..]), ("edited", b"2"), ("gone", b""), ("linked", b"1")].into();
        let differences = folder(root.path(), &expected).unwrap();
        let paths: Vec<(&str, bool)> =
            differences.iter().map(|(path, how)| (path.as_str(), *how == FileDifference::Missing)).collect();
        assert_eq!(
            paths,
            [("edited", false), ("gone", true), ("linked", false), ("linked", true), ("new", false)]
        );
    }
}

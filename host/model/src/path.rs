//! Paths within a module or a bundle: relative, normalised, portable, and unique once case and Unicode form are ignored.
//!
//! A guest may hand over any text as a path (ATTACKS T9, G29); what is a [`ModulePath`] can be joined to a folder on any
//! of the usual file systems without leaving it and without meeting another artifact.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// The longest path in bytes; below `PATH_MAX` on Linux (4,096) with room for the folder it is joined to.
const MAX_PATH: usize = 1024;
/// The longest segment in bytes: `NAME_MAX` of the usual file systems.
const MAX_SEGMENT: usize = 255;

/// A relative, normalised, portable path with `/` between its segments.
///
/// 1 to 1,024 bytes; segments of 1 to 255 bytes, none of them `.` or `..`; no control or bidirectional formatting
/// characters, no backslash, no `<>:"|?*`; no segment that ends in a dot or a space or that Windows reserves (`CON`, `NUL`, …).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ModulePath(Box<str>);

/// Why a text is not a [`ModulePath`]. The path is shown escaped, since it may come from a guest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the path \"{}\" {reason}", shorten(path))]
pub struct InvalidPath {
    path: String,
    reason: &'static str,
}

fn shorten(path: &str) -> String {
    const SHOWN: usize = 80;
    let mut shown: String = path.chars().take(SHOWN).collect::<String>().escape_debug().collect();
    if path.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

impl ModulePath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part behind the last dot of the last segment, if there is one.
    pub fn extension(&self) -> Option<&str> {
        let name = self.0.rsplit('/').next()?;
        name.rsplit_once('.').map(|(_, extension)| extension)
    }

    /// What two paths have in common when a file system ignores case and Unicode form.
    fn folded(&self) -> String {
        self.0.nfkc().flat_map(char::to_lowercase).nfkc().collect()
    }
}

fn check(path: &str) -> Result<(), &'static str> {
    if path.is_empty() {
        return Err("is empty");
    }
    if path.len() > MAX_PATH {
        return Err("is longer than 1,024 bytes");
    }
    if path.starts_with('/') {
        return Err("is absolute");
    }
    path.split('/').try_for_each(check_segment)
}

fn check_segment(segment: &str) -> Result<(), &'static str> {
    match segment {
        "" => return Err("has an empty segment"),
        "." | ".." => return Err("has a segment `.` or `..`"),
        _ => {}
    }
    if segment.len() > MAX_SEGMENT {
        return Err("has a segment of more than 255 bytes");
    }
    if segment.chars().any(|c| c.is_control() || is_invisible(c)) {
        return Err("has a control or an invisible formatting character");
    }
    if segment.contains(['\\', '<', '>', ':', '"', '|', '?', '*']) {
        return Err("has a character that not every file system allows");
    }
    if segment.ends_with(['.', ' ']) {
        return Err("has a segment that ends in a dot or a space");
    }
    if is_reserved(segment) {
        return Err("has a segment that Windows reserves for a device");
    }
    Ok(())
}

/// Characters that change how the text around them is shown, or do not show at all (Unicode TR 36).
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}

fn is_reserved(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or(segment).trim_end();
    let numbered = |prefix: &str| {
        stem.len() == 4
            && stem.is_char_boundary(3)
            && stem[..3].eq_ignore_ascii_case(prefix)
            && stem.as_bytes()[3].is_ascii_digit()
    };
    ["con", "prn", "aux", "nul"].iter().any(|name| stem.eq_ignore_ascii_case(name))
        || numbered("com")
        || numbered("lpt")
}

impl FromStr for ModulePath {
    type Err = InvalidPath;

    fn from_str(path: &str) -> Result<Self, InvalidPath> {
        match check(path) {
            Ok(()) => Ok(Self(path.into())),
            Err(reason) => Err(InvalidPath { path: path.to_owned(), reason }),
        }
    }
}

impl TryFrom<String> for ModulePath {
    type Error = InvalidPath;

    fn try_from(path: String) -> Result<Self, InvalidPath> {
        match check(&path) {
            Ok(()) => Ok(Self(path.into())),
            Err(reason) => Err(InvalidPath { path, reason }),
        }
    }
}

impl<'de> Deserialize<'de> for ModulePath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for ModulePath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// A path that cannot stand beside one that was there before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the path {path} meets another artifact: one with this path, with one that differs only in case or Unicode form, \
     or one that would have to be its folder, was there before"
)]
pub struct PathCollision {
    /// The later path.
    pub path: ModulePath,
}

/// The paths of one compilation's artifacts, kept apart.
#[derive(Debug, Default)]
pub struct ArtifactPaths {
    files: HashSet<String>,
    folders: HashSet<String>,
}

impl ArtifactPaths {
    /// Takes in one more path.
    ///
    /// # Errors
    /// [`PathCollision`] if it would meet an earlier one on a file system that ignores case or Unicode form, or if one of the two is
    /// the folder of the other.
    pub fn insert(&mut self, path: &ModulePath) -> Result<(), PathCollision> {
        let folded = path.folded();
        let parents = || folded.match_indices('/').map(|(at, _)| &folded[..at]);
        if self.files.contains(&folded)
            || self.folders.contains(&folded)
            || parents().any(|parent| self.files.contains(parent))
        {
            return Err(PathCollision { path: path.clone() });
        }
        for parent in parents() {
            if !self.folders.contains(parent) {
                self.folders.insert(parent.to_owned());
            }
        }
        self.files.insert(folded);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_paths_are_taken() {
        for path in [
            "a",
            "a.js",
            "src/a b.ts",
            "ünï/¢.css",
            "@x/y+z~1.d.ts",
            ".hidden",
            "a/.b",
            "com.js",
            "console.ts",
        ] {
            assert!(path.parse::<ModulePath>().is_ok(), "{path}");
        }
    }

    #[test]
    fn paths_that_could_leave_or_confuse_are_refused() {
        let long = "a/".repeat(600) + "a";
        let wide = "a".repeat(256);
        for path in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "../a",
            "a/../b",
            "a/./b",
            "C:\\a",
            "c:a",
            "a\\b",
            "a\0b",
            "a\nb",
            "a\u{202E}b",
            "a.",
            "a ",
            "a./b",
            "CON",
            "con.txt",
            "a/NUL",
            "com1.js",
            "LPT9",
            &long,
            &wide,
        ] {
            assert!(path.parse::<ModulePath>().is_err(), "{path:?}");
        }
    }

    #[test]
    fn artifacts_that_would_meet_on_some_file_system_are_refused() {
        for (first, second) in [
            ("a", "a"),
            ("a/B.js", "a/b.js"),
            ("\u{e9}", "e\u{301}"),
            ("a", "a/b"),
            ("a/b", "a"),
            ("A/b/c", "a/B"),
            ("ﬁ", "fi"),
        ] {
            let mut paths = ArtifactPaths::default();
            paths.insert(&first.parse().unwrap()).unwrap();
            assert!(paths.insert(&second.parse().unwrap()).is_err(), "{first} {second}");
        }
    }

    proptest! {
        #[test]
        fn a_valid_path_never_leaves_its_folder(text in "[a./\\\\: ~\u{0}-\u{ff}]{0,40}") {
            if let Ok(path) = text.parse::<ModulePath>() {
                let joined = std::path::Path::new("/root").join(path.as_str());
                prop_assert!(joined.components().all(|c| c != std::path::Component::ParentDir));
                prop_assert!(joined.starts_with("/root"));
                prop_assert_eq!(path.as_str(), text);
            }
        }
    }
}

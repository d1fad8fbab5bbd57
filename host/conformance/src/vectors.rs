//! Test vectors: modules that the vendor ships beside a compiler, each with what is to come of it.
//!
//! A vector is a folder. `source/` is a module, with a `module.toml` if it needs more than a name; `expected/` has the artifacts, each as
//! it must be; `vector.toml` says how the compilation must end and what must be reported, if that is more than a success.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use prefab_model::{
    Diagnostic, InvalidModuleName, InvalidPath, ManifestError, ModuleManifest, ModuleName, ModulePath,
    Severity, SyntaxError,
};
use serde::Deserialize;

use crate::files::{self, io_error};

/// The most vectors in a folder.
const MOST_VECTORS: usize = 1_000;

/// A module with what is to come of it.
#[derive(Debug, Clone)]
pub struct Vector {
    /// The name of its folder.
    pub name: String,
    /// The module.
    pub manifest: ModuleManifest,
    /// All of its files.
    pub files: Vec<(ModulePath, Vec<u8>)>,
    /// How its compilation must end.
    pub outcome: ExpectedOutcome,
    /// The artifacts that there must be, and no others; none if it does not matter.
    pub artifacts: Option<Vec<(ModulePath, Vec<u8>)>>,
    /// What must be among what is reported.
    pub diagnostics: Vec<ExpectedDiagnostic>,
}

/// How a compilation must end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExpectedOutcome {
    /// With artifacts.
    #[default]
    Compiled,
    /// With errors.
    Rejected,
}

/// What a diagnostic must have; what is not said may be anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ExpectedDiagnostic {
    /// Its severity.
    pub severity: Option<Severity>,
    /// Its code.
    pub code: Option<String>,
    /// A part of its message.
    pub message: Option<String>,
    /// The file it is in.
    pub file: Option<String>,
    /// The line it begins in.
    pub line: Option<u32>,
}

impl ExpectedDiagnostic {
    pub(crate) fn is_met_by(&self, it: &Diagnostic) -> bool {
        let line = it.span.map(|span| span.start.line);
        self.severity.is_none_or(|severity| severity == it.severity)
            && self.code.as_ref().is_none_or(|code| Some(code) == it.code.as_ref())
            && self.message.as_ref().is_none_or(|part| it.message.contains(part.as_str()))
            && self.file.as_ref().is_none_or(|file| Some(file) == it.file.as_ref())
            && self.line.is_none_or(|expected| Some(expected) == line)
    }

    /// In words: `error props/no-value in a.props:2 with "has no value"`.
    pub(crate) fn told(&self) -> String {
        let severity = self.severity.map_or("a finding", |severity| match severity {
            Severity::Error => "an error",
            Severity::Warning => "a warning",
            Severity::Note => "a note",
        });
        let place = match (&self.file, self.line) {
            (Some(file), Some(line)) => Some(format!("in {file}:{line}")),
            (Some(file), None) => Some(format!("in {file}")),
            (None, Some(line)) => Some(format!("in line {line}")),
            (None, None) => None,
        };
        let message = self.message.as_ref().map(|message| format!("with {message:?}"));
        let parts = [Some(severity.to_owned()), self.code.clone(), place, message];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    #[serde(default)]
    outcome: ExpectedOutcome,
    #[serde(default, rename = "diagnostic")]
    diagnostics: Vec<ExpectedDiagnostic>,
}

/// A folder of vectors that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VectorError {
    /// A file or folder cannot be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A folder holds too much.
    #[error("{} has too much in it: {most} is the most", path.display())]
    TooMuch {
        /// The folder.
        path: PathBuf,
        /// What there may be.
        most: String,
    },
    /// A file is called as no file of a module can be.
    #[error("a file in {} cannot be part of a module: {source}", folder.display())]
    Path {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with its path.
        #[source]
        source: InvalidPath,
    },
    /// A folder has no sources.
    #[error("the vector {} has no folder `source`: put the module's files there", .0.display())]
    NoSource(PathBuf),
    /// A vector is called as no module can be.
    #[error("the vector {} must be called like a module, or have a module.toml with a name in its source: {source}", path.display())]
    Name {
        /// The vector.
        path: PathBuf,
        /// What is wrong with its name.
        #[source]
        source: InvalidModuleName,
    },
    /// The `module.toml` of a vector cannot be used.
    #[error("{} cannot be used: {source}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: ManifestError,
    },
    /// A `vector.toml` cannot be used.
    #[error("{} cannot be used: {source}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: SyntaxError,
    },
    /// Artifacts are expected of a compilation that is to be rejected.
    #[error("the vector {} is to be rejected, and so can have no folder `expected`: remove one or the other", .0.display())]
    ExpectedOfNothing(PathBuf),
    /// Two vectors are the same module.
    #[error("two vectors in {} are modules named {name}: give each a name of its own", path.display())]
    SameName {
        /// The folder.
        path: PathBuf,
        /// The module's name.
        name: ModuleName,
    },
    /// There are none.
    #[error("{} has no vectors in it: each is a folder with a folder `source`", .0.display())]
    Empty(PathBuf),
}

/// Reads every vector in a folder, sorted by name.
///
/// # Errors
/// [`VectorError`] if one of them is not a vector.
pub fn read_vectors(folder: &Path) -> Result<Vec<Vector>, VectorError> {
    let mut vectors = Vec::new();
    let mut names = BTreeSet::new();
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(io_error(folder))? {
        let entry = entry.map_err(io_error(folder))?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden && entry.file_type().map_err(io_error(folder))?.is_dir() {
            paths.push(entry.path());
        }
        if paths.len() > MOST_VECTORS {
            let most = format!("{MOST_VECTORS} vectors");
            return Err(VectorError::TooMuch { path: folder.to_owned(), most });
        }
    }
    paths.sort();
    for path in paths {
        let vector = read_vector(&path)?;
        if !names.insert(vector.manifest.name.clone()) {
            return Err(VectorError::SameName { path: folder.to_owned(), name: vector.manifest.name });
        }
        vectors.push(vector);
    }
    if vectors.is_empty() {
        return Err(VectorError::Empty(folder.to_owned()));
    }
    Ok(vectors)
}

fn read_vector(path: &Path) -> Result<Vector, VectorError> {
    let source = path.join("source");
    if !source.is_dir() {
        return Err(VectorError::NoSource(path.to_owned()));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let files = files::read(&source)?;
    let manifest = match text_of(&source.join("module.toml"))? {
        Some(text) => ModuleManifest::parse(&text)
            .map_err(|error| VectorError::Manifest { path: source.join("module.toml"), source: error })?,
        None => ModuleManifest {
            name: name.parse().map_err(|error| VectorError::Name { path: path.to_owned(), source: error })?,
            version: None,
            dependencies: [].into(),
            entry_points: Vec::new(),
            options: [].into(),
            application: None,
        },
    };
    let told = path.join("vector.toml");
    let file: File = match text_of(&told)? {
        Some(text) => toml::from_str(&text)
            .map_err(|error| VectorError::Syntax { path: told, source: SyntaxError::new(&text, &error) })?,
        None => File::default(),
    };
    let expected = path.join("expected");
    let artifacts = expected.is_dir().then(|| files::read(&expected)).transpose()?;
    if artifacts.is_some() && file.outcome == ExpectedOutcome::Rejected {
        return Err(VectorError::ExpectedOfNothing(path.to_owned()));
    }
    let File { outcome, diagnostics } = file;
    Ok(Vector { name, manifest, files, outcome, artifacts, diagnostics })
}

/// The text of a file that need not be there.
fn text_of(path: &Path) -> Result<Option<String>, VectorError> {
    const MOST: u64 = 1 << 20;
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Ok(found) if found.len() > MOST => {
            Err(VectorError::TooMuch { path: path.to_owned(), most: "1 MiB".to_owned() })
        }
        _ => fs::read_to_string(path).map(Some).map_err(io_error(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn a_vector_is_a_module_with_what_is_to_come_of_it() {
        let root = folder(&[
            ("good/source/a.props", "a = b"),
            ("good/source/.hidden", ""),
            ("good/expected/a.props.json", "{}"),
            ("bad/source/module.toml", "name = \"other\"\n"),
            ("bad/vector.toml", "outcome = \"rejected\"\n[[diagnostic]]\nline = 2\nmessage = \"no value\"\n"),
            ("README.md", "about these"),
        ]);
        let [bad, good] = &*read_vectors(root.path()).unwrap() else { panic!("two") };
        assert_eq!((good.manifest.name.as_str(), good.files.len()), ("good", 1));
        assert_eq!(good.artifacts.as_ref().unwrap()[0].1, b"{}");
        assert_eq!((bad.manifest.name.as_str(), bad.outcome), ("other", ExpectedOutcome::Rejected));
        assert_eq!(bad.diagnostics[0].told(), "a finding in line 2 with \"no value\"");
    }

    #[test]
    fn what_is_no_vector_is_named_with_what_to_do() {
        for (files, told) in [
            (&[("a/b.props", "")][..], "has no folder `source`"),
            (&[("a/source/b", ""), ("a/vector.toml", "outcome = \"fine\"")], "vector.toml cannot be used"),
            (&[("a/source/b", ""), ("a/vector.toml", "[[diagnostic]]\nlin = 1")], "unknown field `lin`"),
            (
                &[("a/source/b", ""), ("a/expected/c", ""), ("a/vector.toml", "outcome = \"rejected\"")],
                "can have no folder `expected`",
            ),
            (&[("a/source/b", ""), ("c/source/module.toml", "name = \"a\"")], "modules named a"),
            (&[("README.md", "")], "has no vectors in it"),
        ] {
            let error = read_vectors(folder(files).path()).unwrap_err().to_string();
            assert!(error.contains(told), "{told}: {error}");
        }
    }
}

//! A module and an output held in memory, for tests and for native runs.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::{Dependency, Diagnostic, EmitError, EntryPoint, Module, Output, ReadError, Severity, SourceFile};

/// A module held in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryModule {
    name: String,
    version: Option<String>,
    options: BTreeMap<String, String>,
    files: BTreeMap<String, Vec<u8>>,
    entry_points: Vec<EntryPoint>,
    dependencies: BTreeMap<String, (Dependency, Option<Vec<u8>>)>,
}

impl MemoryModule {
    /// A module without files.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Sets the module's version.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Sets an option.
    #[must_use]
    pub fn with_option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.insert(name.into(), value.into());
        self
    }

    /// Adds a file, or replaces it.
    #[must_use]
    pub fn with_file(mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.into(), bytes.into());
        self
    }

    /// Adds an entry point.
    #[must_use]
    pub fn with_entry_point(mut self, name: impl Into<String>, path: impl Into<String>) -> Self {
        self.entry_points.push(EntryPoint { name: name.into(), path: path.into() });
        self.entry_points.sort_by(|a, b| a.name.cmp(&b.name));
        self
    }

    /// Adds a dependency on a module of the same name, with its signature if it has one.
    #[must_use]
    pub fn with_dependency(mut self, name: impl Into<String>, signature: Option<Vec<u8>>) -> Self {
        let name = name.into();
        let dependency = Dependency { name: name.clone(), module: Some(name.clone()) };
        self.dependencies.insert(name, (dependency, signature));
        self
    }
}

impl Module for MemoryModule {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn version(&self) -> Option<String> {
        self.version.clone()
    }

    fn options(&self) -> Vec<(String, String)> {
        self.options.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn list_files(&self) -> Vec<SourceFile> {
        self.files
            .iter()
            .map(|(path, bytes)| SourceFile { path: path.clone(), size: bytes.len() as u64 })
            .collect()
    }

    fn read_file(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        self.files.get(path).cloned().ok_or(ReadError::NotFound)
    }

    fn entry_points(&self) -> Vec<EntryPoint> {
        self.entry_points.clone()
    }

    fn dependencies(&self) -> Vec<Dependency> {
        self.dependencies.values().map(|(dependency, _)| dependency.clone()).collect()
    }

    fn read_signature(&self, dependency: &str) -> Result<Option<Vec<u8>>, ReadError> {
        self.dependencies.get(dependency).map(|(_, signature)| signature.clone()).ok_or(ReadError::NotFound)
    }
}

/// An artifact that a compiler emitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Its media type, such as `text/css`.
    pub media_type: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Keeps what a compiler hands over.
#[derive(Debug, Default)]
pub struct MemoryOutput {
    artifacts: RefCell<BTreeMap<String, Artifact>>,
    diagnostics: RefCell<Vec<Diagnostic>>,
}

impl MemoryOutput {
    /// An output that has taken nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The artifacts by path.
    pub fn artifacts(&self) -> BTreeMap<String, Artifact> {
        self.artifacts.borrow().clone()
    }

    /// The text of one artifact, if it was emitted and is UTF-8.
    pub fn text(&self, path: &str) -> Option<String> {
        self.artifacts.borrow().get(path).and_then(|artifact| String::from_utf8(artifact.bytes.clone()).ok())
    }

    /// The diagnostics in the order of their reporting.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        self.diagnostics.borrow().clone()
    }

    /// Whether an error was reported, which makes a compilation rejected.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.borrow().iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

impl Output for MemoryOutput {
    fn emit(&self, path: &str, media_type: &str, bytes: &[u8]) -> Result<(), EmitError> {
        let mut artifacts = self.artifacts.borrow_mut();
        if artifacts.contains_key(path) {
            return Err(EmitError::DuplicatePath(path.to_owned()));
        }
        let artifact = Artifact { media_type: media_type.to_owned(), bytes: bytes.to_vec() };
        artifacts.insert(path.to_owned(), artifact);
        Ok(())
    }

    fn report(&self, diagnostic: Diagnostic) {
        self.diagnostics.borrow_mut().push(diagnostic);
    }

    fn progress(&self, _done: u64, _total: u64) {}
}

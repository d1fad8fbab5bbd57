//! The compiler that is looked at: its bytes, and what a release says of it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use prefab_model::{
    CodegenWish, CompilerDigest, CompilerEntry, CompilerName, InvalidCompilerName, Limits, ModulePath,
    Options,
};
use prefab_sandbox::{Compiler, LoadError, MAX_COMPONENT, Sandbox};

/// A compiler that is not loaded yet.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Its name: in the release, or that of its file.
    pub name: CompilerName,
    /// The bytes of its component.
    pub component: Vec<u8>,
    /// What a release says of it; a component alone is taken as one of the contract, with all limits as they usually are.
    pub entry: Option<CompilerEntry>,
    /// The files that ship with it, in the order of the release.
    pub mounts: Vec<Arc<[u8]>>,
}

impl Subject {
    /// The component in a file, without a release. It is named after the file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn component(path: &Path) -> io::Result<Self> {
        let mut component = Vec::new();
        // What is too large by one byte is too large.
        File::open(path)?.take(MAX_COMPONENT + 1).read_to_end(&mut component)?;
        let name = name_of(path).map_err(io::Error::other)?;
        Ok(Self { name, component, entry: None, mounts: Vec::new() })
    }

    /// Makes it ready to run.
    pub(crate) fn load(&self, sandbox: &Sandbox) -> Result<Compiler, LoadError> {
        let usual = CodegenWish::default();
        let wish = self.entry.as_ref().map_or(&usual, |entry| &entry.codegen);
        match self.entry.as_ref().and_then(CompilerEntry::recipe) {
            None => sandbox.load_with(&self.component, wish),
            Some(recipe) => sandbox.load_command(recipe, &self.component, self.mounts.clone(), wish),
        }
    }

    /// What names it.
    pub(crate) fn digest(&self) -> CompilerDigest {
        self.entry.as_ref().map_or_else(|| CompilerDigest::of(&self.component), |entry| entry.digest)
    }

    /// The limits that it would run under where nobody changes them.
    pub(crate) fn limits(&self) -> Limits {
        match &self.entry {
            Some(entry) => Limits::default().with(&entry.limits),
            None => Limits::default(),
        }
    }

    /// The options that its release sets.
    pub(crate) fn options(&self) -> Options {
        self.entry.as_ref().map(|entry| entry.options.clone()).unwrap_or_default()
    }

    /// Whether it is given this file of a module.
    pub(crate) fn takes(&self, path: &ModulePath) -> bool {
        match &self.entry {
            Some(entry) => entry.takes(path),
            None => path.as_str() != "module.toml",
        }
    }

    /// A path that it takes, if its patterns are simple enough to find one.
    pub(crate) fn some_path(&self) -> Option<ModulePath> {
        let patterns = self.entry.as_ref().map(CompilerEntry::patterns).unwrap_or_default();
        let plain = patterns.iter().map(|pattern| pattern.replace("**/", "").replace('*', "sample"));
        plain
            .chain(["sample.txt".to_owned()])
            .filter_map(|path| path.parse().ok())
            .find(|path| self.takes(path))
    }
}

/// A name for a compiler, as like that of its file as names are.
fn name_of(path: &Path) -> Result<CompilerName, InvalidCompilerName> {
    const MOST: usize = 60;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let name: String = stem
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .skip_while(|c| !c.is_ascii_lowercase())
        .take(MOST)
        .collect();
    if name.is_empty() { "compiler".parse() } else { name.parse() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_named_after_its_file() {
        for (path, name) in
            [("a/my_props.wasm", "my-props"), ("9-Lives!.wasm", "lives-"), ("1.wasm", "compiler")]
        {
            assert_eq!(name_of(Path::new(path)).unwrap().as_str(), name);
        }
    }
}

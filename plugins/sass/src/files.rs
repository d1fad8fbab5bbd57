//! The files that Sass sees: the module's own, and those of its dependencies by their names.
//!
//! Sass looks for `@use "tokens/colors"` beside the file that says it, so the path asked for is `src/tokens/colors.scss` and
//! the like. Where the module has no such file, and the end of the path begins with the name of a dependency, that
//! dependency's file is meant. It then has the path `/dependencies/tokens/…`, from which its own `@use` go on.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::rc::Rc;

use prefab_sdk::Module;

use crate::signature::Signature;

/// Where the files of dependencies are found.
const DEPENDENCIES: &str = "/dependencies/";

/// The files of a module and of its dependencies, read when they are asked for.
pub(crate) struct Files<'m> {
    module: &'m dyn Module,
    own: BTreeSet<String>,
    /// The names of the dependencies.
    dependencies: BTreeSet<String>,
    /// The signatures that were asked for, by dependency; none where there is none that can be read.
    signatures: RefCell<BTreeMap<String, Option<Rc<Signature>>>>,
}

/// A file that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// One of the module's own, by path.
    Own(String),
    /// One of a dependency: its name, and the path within it.
    Of { dependency: String, path: String },
}

impl<'m> Files<'m> {
    /// The files of a module.
    pub(crate) fn new(module: &'m dyn Module) -> Self {
        let own = module.list_files().into_iter().map(|file| file.path).collect();
        let dependencies = module.dependencies().into_iter().map(|each| each.name).collect();
        Self { module, own, dependencies, signatures: RefCell::default() }
    }

    /// The file that a path of Sass means.
    pub(crate) fn find(&self, path: &str) -> Option<Found> {
        let segments = normalise(path);
        if path.starts_with(DEPENDENCIES) {
            return self.in_dependency(&segments[1..]).or_else(|| self.anywhere(&segments[1..]));
        }
        let joined = segments.join("/");
        if self.own.contains(&joined) {
            return Some(Found::Own(joined));
        }
        self.anywhere(&segments)
    }

    /// A file of a dependency whose name is somewhere in a path.
    fn anywhere(&self, segments: &[&str]) -> Option<Found> {
        (0..segments.len()).find_map(|start| self.in_dependency(&segments[start..]))
    }

    /// A file of the dependency whose name a path begins with.
    fn in_dependency(&self, segments: &[&str]) -> Option<Found> {
        let (first, rest) = segments.split_first()?;
        // As in `~tokens/colors` and `pkg:tokens/colors`.
        let first = first.trim_start_matches('~').trim_start_matches("pkg:");
        let mut name = first.to_owned();
        for used in 0..rest.len() {
            if let Some(signature) = self.signature(&name) {
                let path = signature.find(&rest[used..].join("/"))?.to_owned();
                return Some(Found::Of { dependency: name, path });
            }
            // A name may have two segments, as in `@design/tokens`.
            name = format!("{name}/{}", rest[used]);
        }
        None
    }

    fn signature(&self, name: &str) -> Option<Rc<Signature>> {
        if !self.dependencies.contains(name) {
            return None;
        }
        let mut signatures = self.signatures.borrow_mut();
        let signature = signatures.entry(name.to_owned()).or_insert_with(|| {
            let bytes = self.module.read_signature(name).ok().flatten();
            bytes.as_deref().and_then(Signature::decode).map(Rc::new)
        });
        signature.clone()
    }
}

#[cfg(any(test, not(feature = "release-11-8")))]
impl Found {
    /// The path under which Sass knows the file.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Own(path) => path.clone(),
            Self::Of { dependency, path } => format!("{DEPENDENCIES}{dependency}/{path}"),
        }
    }
}

/// The segments of a path, without `.` and `..`.
fn normalise(path: &str) -> Vec<&str> {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    segments
}

impl std::fmt::Debug for Files<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").field("own", &self.own).finish_non_exhaustive()
    }
}

impl grass::Fs for Files<'_> {
    /// Folders only matter to Sass for their `index` files, which are looked for in any case.
    fn is_dir(&self, _path: &Path) -> bool {
        true
    }

    fn is_file(&self, path: &Path) -> bool {
        path.to_str().is_some_and(|path| self.find(path).is_some())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let not_found = || io::Error::from(io::ErrorKind::NotFound);
        match self.find(path.to_str().ok_or_else(not_found)?).ok_or_else(not_found)? {
            Found::Own(path) => self.module.read_file(&path).map_err(io::Error::other),
            Found::Of { dependency, path } => {
                let signature = self.signature(&dependency).ok_or_else(not_found)?;
                signature.files.get(&path).map(|text| text.clone().into_bytes()).ok_or_else(not_found)
            }
        }
    }

    #[cfg(not(feature = "release-11-8"))]
    fn canonicalize(&self, path: &Path) -> io::Result<std::path::PathBuf> {
        let found = path.to_str().and_then(|path| self.find(path));
        Ok(found.map_or_else(|| path.to_path_buf(), |found| found.path().into()))
    }
}

#[cfg(test)]
mod tests {
    use prefab_sdk::MemoryModule;

    use super::*;
    use crate::signature;

    #[test]
    fn the_files_of_a_dependency_are_found_by_its_name_from_anywhere() {
        let tokens = MemoryModule::new("@design/tokens")
            .with_file("src/_colors.scss", "")
            .with_file("src/main.scss", "")
            .with_entry_point(".", "src/main.scss");
        let module = MemoryModule::new("app")
            .with_file("styles/app.scss", "")
            .with_dependency("@design/tokens", Some(signature::make(&tokens).encode()));
        let files = Files::new(&module);
        let found = |path: &str| files.find(path).map(|found| found.path());
        assert_eq!(found("styles/./app.scss").as_deref(), Some("styles/app.scss"));
        let colors = Some("/dependencies/@design/tokens/src/_colors.scss");
        assert_eq!(found("styles/@design/tokens/_colors.scss").as_deref(), colors);
        assert_eq!(found("styles/~@design/tokens/src/_colors.scss").as_deref(), colors);
        assert_eq!(found("/dependencies/@design/tokens/src/../src/_colors.scss").as_deref(), colors);
        assert_eq!(
            found("styles/@design/tokens/index.scss").as_deref(),
            Some("/dependencies/@design/tokens/src/main.scss")
        );
        assert_eq!(found("styles/tokens/_colors.scss"), None);
        assert_eq!(found("../../etc/passwd"), None);
    }
}

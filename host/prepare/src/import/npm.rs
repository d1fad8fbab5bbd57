//! A tree of npm packages as modules: every package of a `node_modules` tree and of a workspace.
//!
//! A package at the top is named as its folder; a nested one, of which there may be several versions, as `name@version`. What a name
//! means to a package is looked up as Node does: in its own `node_modules`, then in those of the folders above.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use prefab_model::{ModuleManifest, ModuleName, ModulePath};
use serde::{Deserialize, Serialize};

use super::description::{self, PACKAGE_JSON};
use super::package_json::PackageJson;

/// `node_modules` within `node_modules`: npm itself seldom goes beyond five.
const MAX_NESTING: usize = 64;

/// A package that did not become a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedPackage {
    /// Its folder.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// The packages of a tree.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) modules: Vec<(PathBuf, ModuleManifest)>,
    /// How many of them lie in another package's `node_modules`.
    pub(crate) nested: u64,
    pub(crate) skipped: Vec<SkippedPackage>,
}

/// Finds every package below `root`, an absolute path without links in it. `progress` is told how many were found so far.
pub(crate) fn find(root: &Path, progress: &mut dyn FnMut(u64)) -> Tree {
    let mut scan = Scan { root, seen: HashSet::new(), found: Vec::new(), skipped: Vec::new(), progress };
    if root.file_name().is_some_and(|name| name == "node_modules") {
        scan.packages(root, 0);
    } else {
        scan.workspaces();
        scan.packages(&root.join("node_modules"), 0);
    }
    let Scan { mut found, mut skipped, .. } = scan;
    // Those at the top take the plain names, whatever order the folders were read in.
    found.sort_by(|a, b| (a.depth, &a.folder).cmp(&(b.depth, &b.folder)));
    let names = name(&mut found, &mut skipped);
    let nested = found.iter().filter(|package| package.depth > 0).count() as u64;
    let by_folder = found.iter().map(|package| package.folder.as_path()).zip(&names).collect();
    let lookup = Lookup { root, by_folder };
    let modules = found
        .iter()
        .zip(&names)
        .map(|(package, module)| {
            let exists = |path: &ModulePath| package.folder.join(path.as_str()).is_file();
            let dependencies = lookup.dependencies(package);
            let manifest =
                description::package_manifest(&package.json, module.clone(), dependencies, &exists);
            (package.folder.clone(), manifest)
        })
        .collect();
    Tree { modules, nested, skipped }
}

struct Package {
    folder: PathBuf,
    /// The name by which it is looked up: that of its folder, `@scope/name` or `name`.
    name: String,
    json: PackageJson,
    /// How many packages' `node_modules` it lies in, beyond the tree's own.
    depth: usize,
}

struct Scan<'a> {
    root: &'a Path,
    seen: HashSet<PathBuf>,
    found: Vec<Package>,
    skipped: Vec<SkippedPackage>,
    progress: &'a mut dyn FnMut(u64),
}

impl Scan<'_> {
    /// The packages that the root's `package.json` names as its workspaces, and the root itself if it has none.
    fn workspaces(&mut self) {
        let Ok(dir) = Dir::open_ambient_dir(self.root, ambient_authority()) else { return };
        let Ok(Some(json)) = description::read_package(&dir) else { return };
        for pattern in json.workspaces() {
            let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
            let folders = match pattern.strip_suffix("/*").or_else(|| pattern.strip_suffix("/**")) {
                Some(parent) => subfolders(&self.root.join(parent)),
                None => vec![self.root.join(pattern)],
            };
            for folder in folders.into_iter().filter(|folder| folder.join(PACKAGE_JSON).is_file()) {
                self.package(&folder, None, 0);
            }
        }
    }

    /// Every package in a `node_modules` folder.
    fn packages(&mut self, node_modules: &Path, depth: usize) {
        for folder in subfolders(node_modules) {
            let Some(name) = folder.file_name().and_then(|name| name.to_str()) else { continue };
            if name.starts_with('.') {
                continue;
            }
            if name.starts_with('@') {
                for inner in subfolders(&folder) {
                    if let Some(inner_name) = inner.file_name().and_then(|name| name.to_str()) {
                        let name = format!("{name}/{inner_name}");
                        self.package(&inner, Some(name), depth);
                    }
                }
            } else {
                self.package(&folder, Some(name.to_owned()), depth);
            }
        }
    }

    fn package(&mut self, folder: &Path, name: Option<String>, depth: usize) {
        let mut skip = |reason: String| self.skipped.push(SkippedPackage { path: folder.to_owned(), reason });
        // Workspaces and pnpm link packages into `node_modules`: each is one package, where it really is.
        let Ok(real) = folder.canonicalize() else { return skip("its link leads nowhere".to_owned()) };
        if !real.starts_with(self.root) {
            return skip("its link leaves the tree".to_owned());
        }
        if self.seen.contains(&real) {
            return;
        }
        if depth > MAX_NESTING {
            return skip(format!("it lies in more than {MAX_NESTING} node_modules folders"));
        }
        let json = Dir::open_ambient_dir(&real, ambient_authority())
            .map_err(|source| description::DescriptionError::Io { file: PACKAGE_JSON, source })
            .and_then(|dir| description::read_package(&dir));
        match json {
            Ok(Some(json)) => {
                self.seen.insert(real.clone());
                let name = name.or_else(|| json.name.clone()).unwrap_or_default();
                self.found.push(Package { folder: real.clone(), name, json, depth });
                (self.progress)(self.found.len() as u64);
                self.packages(&real.join("node_modules"), depth + 1);
            }
            // A folder of something else, such as a cache: not a package.
            Ok(None) => {}
            Err(error) => skip(error.to_string()),
        }
    }
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut folders: Vec<_> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort_unstable();
    folders
}

/// Gives each package a name of its own, and takes out those whose name no module can have.
fn name(found: &mut Vec<Package>, skipped: &mut Vec<SkippedPackage>) -> Vec<ModuleName> {
    let mut taken: BTreeSet<ModuleName> = BTreeSet::new();
    let mut names = Vec::with_capacity(found.len());
    found.retain(|package| {
        let version = package.json.version.as_deref().unwrap_or("0.0.0");
        let plain = (package.depth == 0).then(|| package.name.clone());
        let versioned = format!("{}@{version}", package.name);
        let numbered = (2..).map(|number| format!("{versioned}#{number}"));
        let candidates = plain.into_iter().chain([versioned.clone()]).chain(numbered);
        for candidate in candidates {
            match candidate.parse::<ModuleName>() {
                Ok(name) if taken.insert(name.clone()) => {
                    names.push(name);
                    return true;
                }
                Ok(_) => {}
                Err(error) => {
                    skipped.push(SkippedPackage { path: package.folder.clone(), reason: error.to_string() });
                    return false;
                }
            }
        }
        false
    });
    names
}

/// What each name that a package needs stands for.
struct Lookup<'a> {
    root: &'a Path,
    by_folder: HashMap<&'a Path, &'a ModuleName>,
}

impl Lookup<'_> {
    fn dependencies(&self, package: &Package) -> BTreeMap<String, ModuleName> {
        let needed = package.json.dependencies();
        needed
            .into_iter()
            .filter_map(|(name, optional)| match self.find(&package.folder, name) {
                Some(module) => Some((name.to_owned(), module.clone())),
                None if optional => None,
                // Not installed: the name alone is kept, and the preparation warns.
                None => Some((name.to_owned(), name.parse().ok()?)),
            })
            .collect()
    }

    fn find(&self, from: &Path, name: &str) -> Option<&ModuleName> {
        from.ancestors()
            .take_while(|folder| folder.starts_with(self.root))
            .filter(|folder| folder.file_name().is_none_or(|name| name != "node_modules"))
            .map(|folder| folder.join("node_modules"))
            // A tree that is itself a `node_modules` is looked in last.
            .chain([self.root.to_owned()])
            .find_map(|folder| {
                let candidate = folder.join(name);
                self.by_folder
                    .get(candidate.as_path())
                    .or_else(|| self.by_folder.get(candidate.canonicalize().ok()?.as_path()))
                    .copied()
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(packages: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (folder, json) in packages {
            fs::create_dir_all(root.path().join(folder)).unwrap();
            fs::write(root.path().join(folder).join("package.json"), json).unwrap();
        }
        root
    }

    fn found(root: &Path) -> BTreeMap<String, Vec<String>> {
        find(&root.canonicalize().unwrap(), &mut |_| {})
            .modules
            .into_iter()
            .map(|(_, m)| {
                (
                    m.name.to_string(),
                    m.dependencies.iter().map(|(name, module)| format!("{name}={module}")).collect(),
                )
            })
            .collect()
    }

    #[test]
    fn nested_versions_are_modules_of_their_own_and_found_as_node_does() {
        let root = tree(&[
            ("node_modules/a", r#"{"version": "1.0.0", "dependencies": {"b": "2", "c": "1"}}"#),
            ("node_modules/a/node_modules/b", r#"{"version": "2.0.0", "dependencies": {"c": "1"}}"#),
            ("node_modules/b", r#"{"version": "1.0.0"}"#),
            (
                "node_modules/c",
                r#"{"version": "1.0.0", "dependencies": {"b": "1", "gone": "1"}, "optionalDependencies": {"opt": "1"}}"#,
            ),
            ("node_modules/@s/d", r#"{"version": "1.0.0", "peerDependencies": {"c": "1"}}"#),
        ]);
        let expected = [
            ("@s/d", vec!["c=c"]),
            ("a", vec!["b=b@2.0.0", "c=c"]),
            ("b", vec![]),
            ("b@2.0.0", vec!["c=c"]),
            ("c", vec!["b=b", "gone=gone"]),
        ];
        let expected = expected
            .map(|(name, needs)| (name.to_owned(), needs.into_iter().map(str::to_owned).collect()))
            .into();
        assert_eq!(found(root.path()), expected);
        assert_eq!(found(&root.path().join("node_modules")), expected);
    }

    #[test]
    fn the_same_version_in_several_places_is_numbered() {
        let root = tree(&[
            ("node_modules/a", "{}"),
            ("node_modules/a/node_modules/x", r#"{"version": "1.0.0"}"#),
            ("node_modules/b", "{}"),
            ("node_modules/b/node_modules/x", r#"{"version": "1.0.0"}"#),
        ]);
        assert_eq!(found(root.path()).into_keys().collect::<Vec<_>>(), ["a", "b", "x@1.0.0", "x@1.0.0#2"]);
    }

    #[test]
    fn workspaces_are_modules_under_their_own_names_once() {
        let root = tree(&[
            ("", r#"{"workspaces": ["packages/*"]}"#),
            ("packages/one", r#"{"name": "@acme/one", "dependencies": {"two": "*", "x": "1"}}"#),
            ("packages/two", r#"{"name": "two"}"#),
            ("node_modules/x", "{}"),
        ]);
        std::os::unix::fs::symlink("../packages/two", root.path().join("node_modules/two")).unwrap();
        let found = found(root.path());
        assert_eq!(found.keys().collect::<Vec<_>>(), ["@acme/one", "two", "x"]);
        assert_eq!(found["@acme/one"], ["two=two", "x=x"]);
    }

    #[test]
    fn what_cannot_be_a_module_is_skipped_with_the_reason() {
        let root = tree(&[("node_modules/bad", "{"), ("node_modules/ok", "{}")]);
        let outside = tree(&[("", "{}")]);
        std::os::unix::fs::symlink(outside.path(), root.path().join("node_modules/out")).unwrap();
        let tree = find(&root.path().canonicalize().unwrap(), &mut |_| {});
        assert_eq!(tree.modules.len(), 1);
        let reasons: Vec<_> = tree.skipped.iter().map(|skipped| skipped.reason.as_str()).collect();
        assert!(reasons.iter().any(|r| r.contains("package.json cannot be used")), "{reasons:?}");
        assert!(reasons.iter().any(|r| r.contains("leaves the tree")), "{reasons:?}");
    }
}

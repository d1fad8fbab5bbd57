//! A module's folder as it is sent elsewhere: its description, and every file of it that a compiler could take.

use std::path::Path;

use cap_std::fs::Dir;
use prefab_model::{ModuleManifest, ModuleName, ModulePath};
use time::OffsetDateTime;

use crate::environment::io_error;
use crate::import::description;
use crate::module_folder;
use crate::modules::ModulesError;
use crate::snapshot::{SourceProblem, read_again, snapshot};

/// A module's files, by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleTree {
    /// The name that it gives itself.
    pub name: ModuleName,
    /// Its files. Hidden entries and `node_modules` are not among them: nobody compiles these.
    pub files: Vec<(ModulePath, Vec<u8>)>,
}

/// Reads the module in `dir`, with the same bounds as when it is prepared.
///
/// # Errors
/// The folder is not a module, or has files that no module can have.
pub fn read_module_tree(dir: &Path) -> Result<ModuleTree, ModulesError> {
    let opened = open(dir)?;
    let (_, manifest) = description::read(&opened)
        .map_err(|source| ModulesError::NotAModule { dir: dir.to_owned(), source })?;
    Ok(ModuleTree { name: manifest.name, files: files(&opened, dir)? })
}

/// Reads the folder of a package as the module that [`find_npm`](crate::find_npm) has found it to be: what the names mean that it uses
/// depends on where it lies, so the tree says that in a `module.toml`.
///
/// # Errors
/// The folder has files that no module can have.
pub fn read_package_tree(dir: &Path, manifest: &ModuleManifest) -> Result<ModuleTree, ModulesError> {
    let mut files = files(&open(dir)?, dir)?;
    files.retain(|(path, _)| path.as_str() != description::MODULE_TOML);
    let described = description::MODULE_TOML.parse().map_err(|_| ModulesError::Unreadable {
        dir: dir.to_owned(),
        reason: "it cannot be described".to_owned(),
    })?;
    files.push((described, manifest.to_toml().into_bytes()));
    Ok(ModuleTree { name: manifest.name.clone(), files })
}

fn open(dir: &Path) -> Result<Dir, ModulesError> {
    let root = dir.canonicalize().map_err(io_error("cannot open the folder", dir))?;
    Ok(module_folder::open(&root).map_err(io_error("cannot open the folder", dir))?)
}

fn files(opened: &Dir, dir: &Path) -> Result<Vec<(ModulePath, Vec<u8>)>, ModulesError> {
    let now = i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos()).unwrap_or(i64::MAX);
    let unreadable = |problem: SourceProblem| ModulesError::Unreadable {
        dir: dir.to_owned(),
        reason: problem.to_string(),
    };
    let taken = snapshot(opened, &|_| true, None, now).map_err(unreadable)?;
    let mut files = Vec::with_capacity(taken.snapshot.files.len());
    for (file, bytes) in taken.snapshot.files.into_iter().zip(taken.bytes) {
        let bytes = bytes.map_or_else(|| read_again(opened, &file), Ok).map_err(unreadable)?;
        files.push((file.path, bytes));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_tree_has_what_a_compiler_could_take_and_nothing_from_outside() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("cart");
        for folder in ["src", ".git", "node_modules/x"] {
            fs::create_dir_all(dir.join(folder)).unwrap();
        }
        for (path, text) in [
            ("module.toml", "name = \"cart\"\n"),
            ("src/a.ts", "export {}\n"),
            (".git/HEAD", "x"),
            ("node_modules/x/index.js", "x"),
        ] {
            fs::write(dir.join(path), text).unwrap();
        }
        let tree = read_module_tree(&dir).unwrap();
        let paths: Vec<_> = tree.files.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!((tree.name.as_str(), &paths[..]), ("cart", &["module.toml", "src/a.ts"][..]));
        assert_eq!(tree.files[1].1, b"export {}\n");

        fs::write(root.path().join("secret"), "s").unwrap();
        symlink("../../secret", dir.join("src/b.ts")).unwrap();
        let refused = read_module_tree(&dir).unwrap_err().to_string();
        assert!(refused.contains("src/b.ts is a link"), "{refused}");
    }
}

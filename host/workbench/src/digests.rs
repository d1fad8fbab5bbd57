//! The digests in a release manifest, which change whenever a compiler is built again.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use prefab_model::CompilerDigest;
use toml_edit::{DocumentMut, Item, Table, value};

/// Why the digests could not be filled in. The manifest is as it was.
#[derive(Debug, thiserror::Error)]
pub enum DigestError {
    /// The manifest cannot be read.
    #[error("cannot read {}: name a release.toml, or the folder that has one", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file that the manifest names cannot be read.
    #[error("cannot read {}: build it first", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The manifest is not TOML.
    #[error("{} is not TOML", path.display())]
    Toml {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: toml_edit::TomlError,
    },
    /// A compiler or a file names nothing.
    #[error("{}: a [[{table}]] has no `{key}`", path.display())]
    Unnamed {
        /// The manifest.
        path: PathBuf,
        /// Which table.
        table: &'static str,
        /// What it lacks.
        key: &'static str,
    },
    /// The manifest cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The manifest.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A file whose digest the manifest has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// The file, as the manifest names it.
    pub path: String,
    /// Its digest.
    pub digest: CompilerDigest,
    /// Whether the manifest had another one, or none.
    pub changed: bool,
}

/// Puts the digests of all compilers, and of the files that ship with them, into a `release.toml` (or the one in this folder). All else in
/// it stays as it is, comments too.
///
/// # Errors
/// [`DigestError`] if a file is missing or the manifest is not one.
pub fn fill_digests(manifest: &Path) -> Result<Vec<Filled>, DigestError> {
    let path = if manifest.is_dir() { manifest.join("release.toml") } else { manifest.to_owned() };
    let read =
        |path: &Path| fs::read(path).map_err(|source| DigestError::Read { path: path.to_owned(), source });
    let text = fs::read(&path).map_err(|source| DigestError::Manifest { path: path.clone(), source })?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut document: DocumentMut =
        text.parse().map_err(|source| DigestError::Toml { path: path.clone(), source })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut filled = Vec::new();
    let mut fill = |table: &mut Table, name: &'static str, key: &'static str| {
        let file = table.get(key).and_then(Item::as_str).map(str::to_owned);
        let file = file.ok_or_else(|| DigestError::Unnamed { path: path.clone(), table: name, key })?;
        let digest = CompilerDigest::of(&read(&folder.join(&file))?);
        let changed = table.get("digest").and_then(Item::as_str) != Some(&digest.to_string());
        table.insert("digest", value(digest.to_string()));
        filled.push(Filled { path: file, digest, changed });
        Ok::<(), DigestError>(())
    };
    let compilers = document.get_mut("compiler").and_then(Item::as_array_of_tables_mut);
    for compiler in compilers.into_iter().flat_map(toml_edit::ArrayOfTables::iter_mut) {
        fill(compiler, "compiler", "component")?;
        let command = compiler.get_mut("command").and_then(Item::as_table_mut);
        let mounts =
            command.and_then(|command| command.get_mut("mount")).and_then(Item::as_array_of_tables_mut);
        for mount in mounts.into_iter().flat_map(toml_edit::ArrayOfTables::iter_mut) {
            let key = if mount.contains_key("file") { "file" } else { "path" };
            fill(mount, "compiler.command.mount", key)?;
        }
    }
    if filled.iter().any(|file| file.changed) {
        let write = |source| DigestError::Write { path: path.clone(), source };
        let mut written = tempfile::NamedTempFile::new_in(folder).map_err(write)?;
        written.write_all(document.to_string().as_bytes()).map_err(write)?;
        let permissions = fs::metadata(&path).map_err(write)?.permissions();
        written.as_file().set_permissions(permissions).map_err(write)?;
        written.as_file().sync_all().map_err(write)?;
        written.persist(&path).map_err(|error| write(error.error))?;
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_filled_in_and_all_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("release.toml");
        let none = fill_digests(folder.path()).unwrap_err().to_string();
        assert!(none.contains("name a release.toml") && !none.contains("build it"), "{none}");
        let before =
            "# ours\nversion = \"1.0.0\"\n\n[[compiler]]\nname = \"a\"\ncomponent = \"a.wasm\" # built\n";
        fs::write(&manifest, before).unwrap();
        let missing = fill_digests(folder.path()).unwrap_err().to_string();
        assert!(missing.contains("a.wasm: build it first"), "{missing}");
        assert_eq!(fs::read_to_string(&manifest).unwrap(), before);

        fs::write(folder.path().join("a.wasm"), "1").unwrap();
        let filled = fill_digests(&manifest).unwrap();
        assert!(filled[0].changed);
        let text = fs::read_to_string(&manifest).unwrap();
        assert_eq!(text, format!("{before}digest = \"{}\"\n", CompilerDigest::of(b"1")));
        assert!(!fill_digests(&manifest).unwrap()[0].changed);
    }
}

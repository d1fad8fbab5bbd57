//! A release in memory, as it is shipped: the text of its manifest, the files that this names, and the signature if there is one.

use std::collections::BTreeMap;

use prefab_model::{CompilerDigest, InvalidRelease, ModulePath, Release};

/// The largest `release.toml`, in bytes.
pub const MAX_MANIFEST: u64 = 1 << 20;
/// The largest signature, in bytes: one has some 400.
pub const MAX_SIGNATURE: u64 = 8 << 10;
/// The largest file of a release, in bytes: no larger component is loaded.
pub const MAX_FILE: u64 = 256 << 20;
/// All files of a release together may have this many bytes: they are held in memory.
pub const MAX_FILES: u64 = 1 << 30;

/// Why files are not a release.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The manifest is not one.
    #[error("its release.toml cannot be used: {0}")]
    Manifest(#[from] InvalidRelease),
    /// A file that the manifest names is not there.
    #[error("it has no file {0}, which its release.toml names")]
    Missing(ModulePath),
    /// A file is not the one that the manifest means.
    #[error(
        "{path} is not the compiler that its release.toml means: its digest is {found}, the manifest says {expected}. \
         Get the release again from its vendor"
    )]
    Digest {
        /// The file.
        path: ModulePath,
        /// What the manifest says.
        expected: CompilerDigest,
        /// What it is.
        found: CompilerDigest,
    },
}

/// One file of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedFile {
    /// Where it lies, beside the manifest.
    pub path: ModulePath,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// A release in memory. Its files are those that the manifest names, and are what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    manifest: String,
    signature: Option<String>,
    files: Vec<PackedFile>,
}

impl Package {
    /// Puts a release together from the text of its manifest, the text of a signature, and whatever finds a file that the manifest names.
    ///
    /// # Errors
    /// [`PackageError`] if the manifest is not one or a file is not what it says, and whatever finding a file fails with.
    pub fn gather<E: From<PackageError>>(
        manifest: String,
        signature: Option<String>,
        mut find: impl FnMut(&ModulePath) -> Result<Vec<u8>, E>,
    ) -> Result<(Self, Release), E> {
        let release = Release::parse(&manifest).map_err(PackageError::from)?;
        let mut files: Vec<PackedFile> = Vec::with_capacity(release.compilers.len());
        let mut digests: BTreeMap<ModulePath, CompilerDigest> = BTreeMap::new();
        let named = release.compilers.iter().flat_map(prefab_model::CompilerEntry::parts);
        for (path, expected) in named {
            let path = path.clone();
            let found = if let Some(found) = digests.get(&path) {
                *found
            } else {
                let bytes = find(&path)?;
                let found = CompilerDigest::of(&bytes);
                files.push(PackedFile { path: path.clone(), bytes });
                digests.insert(path.clone(), found);
                found
            };
            if found != expected {
                return Err(PackageError::Digest { path, expected, found }.into());
            }
        }
        Ok((Self { manifest, signature, files }, release))
    }

    /// The text of `release.toml`.
    pub fn manifest(&self) -> &str {
        &self.manifest
    }

    /// The text of `release.toml.minisig`, if there is one.
    pub fn signature(&self) -> Option<&str> {
        self.signature.as_deref()
    }

    /// The files that the manifest names, each once, in its order.
    pub fn files(&self) -> &[PackedFile] {
        &self.files
    }

    /// The bytes of this file.
    pub fn file(&self, path: &ModulePath) -> Option<&[u8]> {
        self.files.iter().find(|file| file.path == *path).map(|file| &file.bytes[..])
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A release of these files, each of which is a compiler.
    pub(crate) fn package(files: &[(&str, &[u8])], signature: Option<&str>) -> Package {
        let mut manifest = "version = \"11.9.0\"\nupgrades-from = \"*\"\n".to_owned();
        for (number, (path, bytes)) in files.iter().enumerate() {
            let digest = CompilerDigest::of(bytes);
            let compiler = format!(
                "[[compiler]]\nname = \"c{number}\"\ncomponent = \"{path}\"\ndigest = \"{digest}\"\nfiles = [\"**\"]\n"
            );
            manifest.push_str(&compiler);
        }
        let find = |path: &ModulePath| -> Result<_, PackageError> {
            let file = files.iter().find(|(name, _)| *name == path.as_str());
            file.map(|(_, bytes)| bytes.to_vec()).ok_or_else(|| PackageError::Missing(path.clone()))
        };
        Package::gather(manifest, signature.map(str::to_owned), find).unwrap().0
    }

    #[test]
    fn a_file_that_two_compilers_share_is_there_once() {
        let package = package(&[("a.wasm", b"1"), ("a.wasm", b"1"), ("b/c.wasm", b"2")], None);
        let paths: Vec<&str> = package.files().iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["a.wasm", "b/c.wasm"]);
        assert_eq!(package.file(&"b/c.wasm".parse().unwrap()), Some(&b"2"[..]));
    }

    #[test]
    fn a_file_that_is_not_what_the_manifest_says_is_refused() {
        let package = package(&[("a.wasm", b"1")], None);
        let other = |_: &ModulePath| -> Result<_, PackageError> { Ok(b"2".to_vec()) };
        let error = Package::gather(package.manifest().to_owned(), None, other).unwrap_err();
        assert!(error.to_string().starts_with("a.wasm is not the compiler that"), "{error}");
    }
}

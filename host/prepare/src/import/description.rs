//! One folder's description of itself as a module.

use std::collections::BTreeMap;
use std::io;

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use prefab_model::{InvalidModuleName, ManifestError, ModuleManifest, ModuleName, ModulePath};
use prefab_store::ModuleKind;

use super::package_json::{MAX_PACKAGE_JSON, PackageJson};
use crate::foreign_file;

/// The file in which a module describes itself.
pub(crate) const MODULE_TOML: &str = "module.toml";
/// The file in which an npm package does.
pub(crate) const PACKAGE_JSON: &str = "package.json";
/// The largest `module.toml` that is read, in bytes.
const MAX_MODULE_TOML: u64 = 1 << 20;

/// Why a folder is not a module.
#[derive(Debug, thiserror::Error)]
pub enum DescriptionError {
    /// Neither file is there.
    #[error("there is neither a module.toml nor a package.json in it: describe the module in one of them")]
    Missing,
    /// The file could not be read.
    #[error("cannot read its {file}: {source}")]
    Io {
        /// Which file.
        file: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The file is too large.
    #[error("its {file} has more than {most} bytes")]
    TooLarge {
        /// Which file.
        file: &'static str,
        /// The most it may have.
        most: u64,
    },
    /// `module.toml` cannot be used.
    #[error("its module.toml cannot be used: {0}")]
    Manifest(#[from] ManifestError),
    /// `package.json` cannot be used.
    #[error("its package.json cannot be used: {0}")]
    PackageJson(#[from] serde_json::Error),
    /// `package.json` has no name, or one that a module cannot have.
    #[error("its package.json does not name it well: {0}")]
    Name(#[from] InvalidModuleName),
}

/// Reads the description of the module in `dir`. A `module.toml` goes before a `package.json`.
pub(crate) fn read(dir: &Dir) -> Result<(ModuleKind, ModuleManifest), DescriptionError> {
    if let Some(text) = read_file(dir, MODULE_TOML, MAX_MODULE_TOML)? {
        let text = String::from_utf8(text).map_err(|_| DescriptionError::Io {
            file: MODULE_TOML,
            source: io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"),
        })?;
        return Ok((ModuleKind::Native, ModuleManifest::parse(&text)?));
    }
    let package = read_package(dir)?.ok_or(DescriptionError::Missing)?;
    let name: ModuleName = package.name.as_deref().unwrap_or_default().parse()?;
    let dependencies = package
        .dependencies()
        .into_iter()
        .filter(|(_, optional)| !optional)
        .filter_map(|(name, _)| Some((name.to_owned(), name.parse().ok()?)))
        .collect();
    let exists = |path: &ModulePath| dir.metadata(path.as_str()).is_ok_and(|metadata| metadata.is_file());
    Ok((ModuleKind::Npm, package_manifest(&package, name, dependencies, &exists)))
}

/// The `package.json` in `dir`, if there is one.
pub(super) fn read_package(dir: &Dir) -> Result<Option<PackageJson>, DescriptionError> {
    Ok(match read_file(dir, PACKAGE_JSON, MAX_PACKAGE_JSON)? {
        Some(text) => Some(PackageJson::parse(&text)?),
        None => None,
    })
}

/// A module of this name made from a package. `exists` says whether the package has such a file.
pub(super) fn package_manifest(
    package: &PackageJson,
    name: ModuleName,
    mut dependencies: BTreeMap<String, ModuleName>,
    exists: &dyn Fn(&ModulePath) -> bool,
) -> ModuleManifest {
    dependencies.retain(|_, module| *module != name);
    ModuleManifest {
        name,
        version: package.version.clone(),
        dependencies,
        entry_points: package.entry_points(exists),
        options: BTreeMap::new(),
        application: None,
    }
}

fn read_file(dir: &Dir, file: &'static str, most: u64) -> Result<Option<Vec<u8>>, DescriptionError> {
    let opened = dir.open_with(file, OpenOptions::new().read(true).custom_flags(foreign_file::open_flags()));
    match opened.and_then(|opened| foreign_file::read(opened.into_std(), most)) {
        Ok(text) => Ok(Some(text)),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound => Ok(None),
            io::ErrorKind::FileTooLarge => Err(DescriptionError::TooLarge { file, most }),
            _ => Err(DescriptionError::Io { file, source: error }),
        },
    }
}

//! Reading a folder of the vendor's: every file in it with its path, within bounds. Links and hidden entries are left out.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use prefab_model::ModulePath;

use crate::vectors::VectorError;

/// The most files of one folder, how deep they may lie, and the most bytes of all together.
const MOST_FILES: usize = 10_000;
const MOST_DEPTH: usize = 64;
const MOST_BYTES: u64 = 256 << 20;

/// Every file under `root`, sorted by path.
pub(crate) fn read(root: &Path) -> Result<Vec<(ModulePath, Vec<u8>)>, VectorError> {
    let mut files = Vec::new();
    let mut left = MOST_BYTES;
    let mut folders = vec![(root.to_owned(), String::new(), 0)];
    while let Some((folder, prefix, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(io_error(&folder))? {
            let entry = entry.map_err(io_error(&folder))?;
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type().map_err(io_error(&path))?;
            if name.starts_with('.') {
                continue;
            }
            let within = format!("{prefix}{name}");
            if kind.is_dir() {
                if depth == MOST_DEPTH {
                    return Err(VectorError::TooMuch { path, most: format!("{MOST_DEPTH} folders deep") });
                }
                folders.push((path, format!("{within}/"), depth + 1));
            } else if kind.is_file() {
                let size = entry.metadata().map_err(io_error(&path))?.len();
                if files.len() == MOST_FILES || size > left {
                    let most = format!("{MOST_FILES} files and {} MiB", MOST_BYTES >> 20);
                    return Err(VectorError::TooMuch { path: root.to_owned(), most });
                }
                left -= size;
                let bytes = fs::read(&path).map_err(io_error(&path))?;
                let within =
                    within.parse().map_err(|source| VectorError::Path { folder: root.to_owned(), source })?;
                files.push((within, bytes));
            }
        }
    }
    files.sort();
    Ok(files)
}

pub(crate) fn io_error(path: &Path) -> impl FnOnce(io::Error) -> VectorError {
    let path: PathBuf = path.to_owned();
    move |source| VectorError::Io { path, source }
}

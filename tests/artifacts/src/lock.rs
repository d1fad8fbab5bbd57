//! A lock between processes.

use std::fs::File;

use anyhow::{Context, Result};
use camino::Utf8Path;

/// Waits until no other process holds the lock. It is given back when the file is dropped.
pub(crate) fn exclusive(path: &Utf8Path) -> Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("{folder} could not be made"))?;
    }
    let file = File::create(path).with_context(|| format!("the lock {path} could not be opened"))?;
    file.lock().with_context(|| format!("the lock {path} could not be taken"))?;
    Ok(file)
}

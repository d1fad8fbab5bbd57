//! Files and folders that are there whole or not at all, also if somebody presses Ctrl-C while they are written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail};
use prefab_prepare::signature_path;
use prefab_ship::Package;

/// What is being written beside the place where it goes. It is removed unless it was put there.
pub(super) struct Part {
    path: PathBuf,
    to: PathBuf,
    /// Shared with whoever hears Ctrl-C.
    unfinished: Arc<Mutex<Option<PathBuf>>>,
}

impl Part {
    fn new(to: &Path) -> anyhow::Result<Self> {
        let name = to.file_name().with_context(|| format!("{} is not the name of a file", to.display()))?;
        let mut part = std::ffi::OsString::from(".");
        part.push(name);
        part.push(format!(".{}", std::process::id()));
        let path = to.with_file_name(part);
        let unfinished = Arc::new(Mutex::new(Some(path.clone())));
        let heard = Arc::clone(&unfinished);
        ctrlc::set_handler(move || {
            // Held until the end, so that nothing is put in place any more.
            let unfinished = heard.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(path) = &*unfinished {
                remove(path);
            }
            std::process::exit(130);
        })
        .context("cannot listen for Ctrl-C")?;
        Ok(Self { path, to: to.to_owned(), unfinished })
    }

    fn put(self) -> io::Result<()> {
        let mut unfinished = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        fs::rename(&self.path, &self.to)?;
        *unfinished = None;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let unfinished = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(path) = unfinished {
            remove(&path);
        }
    }
}

fn remove(path: &Path) {
    // What is left is only in the way of nobody.
    let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
}

/// Writes a file by `write`, instead of one that is there.
pub(super) fn file<T>(
    to: &Path,
    mode: u32,
    write: impl FnOnce(&mut BufWriter<File>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let cannot = || format!("cannot write {}", to.display());
    let part = Part::new(to)?;
    let file =
        OpenOptions::new().write(true).create_new(true).mode(mode).open(&part.path).with_context(cannot)?;
    let mut writer = BufWriter::new(file);
    let written = write(&mut writer).with_context(cannot)?;
    writer.flush().with_context(cannot)?;
    writer.get_ref().sync_all().with_context(cannot)?;
    part.put().with_context(cannot)?;
    Ok(written)
}

/// Writes a release as a folder, where there is none yet.
pub(super) fn folder(to: &Path, package: &Package) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", to.display());
    if to.exists() {
        bail!("{} is there already: name a folder that is not", to.display());
    }
    let part = Part::new(to)?;
    fs::create_dir(&part.path).with_context(cannot)?;
    let manifest = part.path.join("release.toml");
    for file in package.files() {
        // A path of a release has neither `..` nor a root, and the folder is new and ours.
        let path = part.path.join(file.path.as_str());
        if path == manifest || path == signature_path(&manifest) {
            bail!("the release has a compiler that wants to be {}", file.path);
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(cannot)?;
        }
        write_new(&path, &file.bytes).with_context(cannot)?;
    }
    write_new(&manifest, package.manifest().as_bytes()).with_context(cannot)?;
    if let Some(signature) = package.signature() {
        write_new(&signature_path(&manifest), signature.as_bytes()).with_context(cannot)?;
    }
    part.put().with_context(cannot)
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

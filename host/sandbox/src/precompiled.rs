//! Native images on disk, so that a compiler's code is generated once on a machine.
//!
//! An image is code that runs with all rights of this process, so it is protected like code (ATTACKS C4, C5): the folder is
//! ours alone to write; each file begins with a MAC over its name and its image, by a key that is made on this machine
//! and kept beside the images; and the bytes that are run are those that were checked, read into memory, never mapped. What
//! fails the check is made anew.

use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prefab_model::CompilerDigest;
use rustix::fs::{AtFlags, Mode, OFlags, Stat};
use rustix::io::Errno;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::sandbox::SandboxError;

const KEY_FILE: &str = "key";
const KEY_SIZE: usize = blake3::KEY_LEN;
const MAC_SIZE: usize = blake3::OUT_LEN;

/// A folder with native images.
pub(crate) struct ImageCache {
    folder: OwnedFd,
    path: PathBuf,
    key: [u8; KEY_SIZE],
    /// Which engine's images these are; part of each file's name.
    made_for: String,
}

impl ImageCache {
    /// Opens the folder, or makes it, for images of the engine that `compatibility` names.
    pub(crate) fn open(path: &Path, compatibility: [u8; 32]) -> Result<Self, SandboxError> {
        let failed = |reason: String| SandboxError::Cache { path: path.to_owned(), reason };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| failed(format!("cannot make the folder: {error}")))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|error| failed(format!("cannot open the folder: {error}")))?;
        let stat = rustix::fs::fstat(&folder).map_err(|error| failed(error.to_string()))?;
        if !is_ours(&stat, 0o022) {
            return Err(failed(
                "native images are trusted code, so only its owner may be able to write the folder, and the owner must \
                 be the user that prefab runs as: `chmod 700` it, or use another folder"
                    .to_owned(),
            ));
        }
        let key = key(&folder).map_err(|error| {
            failed(format!(
                "cannot use the file `{KEY_FILE}` in it: {error}; remove that file, and images will be made anew"
            ))
        })?;
        let made_for = blake3::Hash::from_bytes(compatibility).to_hex()[..16].to_owned();
        Ok(Self { folder, path: path.to_owned(), key, made_for })
    }

    fn name(&self, component: CompilerDigest) -> String {
        format!("{}-{}.image", component.hex(), self.made_for)
    }

    fn mac(&self, name: &str, image: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes()).update(image);
        hasher.finalize()
    }

    /// Whether there is an image of the component; [`ImageCache::get`] finds out whether it can be used.
    pub(crate) fn contains(&self, component: CompilerDigest) -> bool {
        rustix::fs::statat(&self.folder, self.name(component), AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// A component from its native image, if that is here and is what we put here; in the first of the engines that takes it.
    pub(crate) fn get(&self, engines: &[&Engine], component: CompilerDigest) -> Option<Component> {
        let name = self.name(component);
        let refused = |reason: &str| {
            let folder = self.path.display();
            tracing::warn!(%folder, %name, reason, "a native image is not used and will be made anew");
        };
        let bytes = match read(&self.folder, &name) {
            Ok(bytes) => bytes,
            Err(Errno::NOENT) => return None,
            Err(error) => {
                refused(&error.to_string());
                return None;
            }
        };
        let Some((mac, image)) = bytes.split_first_chunk::<MAC_SIZE>() else {
            refused("it is too short");
            return None;
        };
        // This comparison takes the same time wherever the two differ.
        if self.mac(&name, image) != *mac {
            refused("it is not what was put here");
            return None;
        }
        // The MAC says that this process, or one like it with the same key, made exactly these bytes.
        trusted(engines, image).map_err(|error| refused(&format!("{error:#}"))).ok()
    }

    /// Waits until nobody else generates code for this folder, so that processes which start together do not all do the same
    /// work. Given back when it is dropped; none if there can be no lock, which costs time and nothing else.
    pub(crate) fn turn(&self) -> Option<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file =
            rustix::fs::openat(&self.folder, "turn", flags, Mode::RUSR | Mode::WUSR).map(File::from).ok()?;
        file.lock().ok().map(|()| file)
    }

    /// Keeps an image. If that fails, code is generated again next time, so it is only a warning.
    pub(crate) fn put(&self, component: CompilerDigest, image: &[u8]) {
        let name = self.name(component);
        let mac = self.mac(&name, image);
        if let Err(error) = replace(&self.folder, &name, &[mac.as_bytes(), image]) {
            tracing::warn!(folder = %self.path.display(), %name, %error, "a native image could not be kept");
        }
    }
}

impl ImageCache {
    /// Images that were made before `before` for other engines than this one, and drafts of that age. Returns names and sizes.
    pub(crate) fn foreign(&self, before: SystemTime) -> io::Result<Vec<(String, u64)>> {
        let ours = format!("-{}.image", self.made_for);
        let before = before.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut foreign = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            let is_foreign = match name.rsplit_once('.') {
                Some((_, "image")) => !name.ends_with(&ours),
                Some((_, "draft")) => true,
                _ => false,
            };
            if !is_foreign {
                continue;
            }
            // One that another process has removed meanwhile is no longer anybody's business.
            let Ok(stat) = rustix::fs::statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            if u64::try_from(stat.st_mtime).unwrap_or(0) < before {
                foreign.push((name.to_owned(), u64::try_from(stat.st_size).unwrap_or(0)));
            }
        }
        Ok(foreign)
    }

    /// Removes one of these.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.folder, name, AtFlags::empty())?)
    }
}

/// A component from the native image that `codegen/` has made a moment ago, here or in a child of this process; in the first of the engines that
/// takes it.
pub(crate) fn from_fresh_image(engines: &[&Engine], image: &[u8]) -> wasmtime::Result<Component> {
    trusted(engines, image)
}

/// The same component for another engine of the same settings.
pub(crate) fn again(engine: &Engine, component: &Component) -> wasmtime::Result<Component> {
    trusted(&[engine], &component.serialize()?)
}

/// A component from the native image that the parent of this process holds as a component, and has sent through the pipe by which it
/// started this process.
pub(crate) fn from_parent(engine: &Engine, image: &[u8]) -> wasmtime::Result<Component> {
    trusted(&[engine], image)
}

#[expect(unsafe_code, reason = "wasmtime cannot tell a native image from arbitrary code; the callers can")]
fn trusted(engines: &[&Engine], image: &[u8]) -> wasmtime::Result<Component> {
    let mut refusal = wasmtime::format_err!("there is no engine for it");
    for engine in engines {
        // SAFETY: the bytes are the unchanged result of `Engine::precompile_component`. Either they come from it directly, in
        // this process or through a pipe from a child that runs the same program (`from_fresh_image`), or a MAC over these very bytes, which are in our memory, says so (`ImageCache::get`), or wasmtime
        // gives them back out of a component that it has made of them (`again`, and in the process that has sent them to this one: `from_parent`). wasmtime itself checks that they were made
        // for an engine like this one, and copies them to memory that is aligned as needed.
        match unsafe { Component::deserialize(engine, image) } {
            Ok(component) => return Ok(component),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

fn is_ours(stat: &Stat, forbidden: u32) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & forbidden == 0
}

/// The key of this folder, made if there is none. Of several processes that make one, the first wins.
fn key(folder: &OwnedFd) -> io::Result<[u8; KEY_SIZE]> {
    match read_key(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    let mut fresh = [0; KEY_SIZE];
    getrandom::fill(&mut fresh).map_err(|error| io::Error::other(error.to_string()))?;
    let draft = write_draft(folder, KEY_FILE, &[&fresh])?;
    let linked = rustix::fs::linkat(folder, &draft, folder, KEY_FILE, AtFlags::empty());
    rustix::fs::unlinkat(folder, &draft, AtFlags::empty())?;
    match linked {
        Ok(()) | Err(Errno::EXIST) => read_key(folder),
        Err(error) => Err(error.into()),
    }
}

fn read_key(folder: &OwnedFd) -> io::Result<[u8; KEY_SIZE]> {
    let file = open_file(folder, KEY_FILE)?;
    if !is_ours(&rustix::fs::fstat(&file)?, 0o077) {
        return Err(io::Error::other("others than its owner can read or write it"));
    }
    let mut bytes = Vec::new();
    file.take(KEY_SIZE as u64 + 1).read_to_end(&mut bytes)?;
    bytes.try_into().map_err(|_| io::Error::other(format!("it does not have {KEY_SIZE} bytes")))
}

fn open_file(folder: &OwnedFd, name: &str) -> Result<File, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    rustix::fs::openat(folder, name, flags, Mode::empty()).map(File::from)
}

fn read(folder: &OwnedFd, name: &str) -> Result<Vec<u8>, Errno> {
    let mut file = open_file(folder, name)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok(bytes)
}

/// Writes a file of its own beside `name` and says what it is called.
fn write_draft(folder: &OwnedFd, name: &str, parts: &[&[u8]]) -> io::Result<String> {
    let mut suffix = [0; 8];
    getrandom::fill(&mut suffix).map_err(|error| io::Error::other(error.to_string()))?;
    let draft = format!("{name}.{:016x}.draft", u64::from_le_bytes(suffix));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::openat(folder, &draft, flags, Mode::RUSR | Mode::WUSR)?);
    let written = parts.iter().try_for_each(|part| file.write_all(part)).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // What matters is the first error; a draft that stays behind is never read.
        let _ = rustix::fs::unlinkat(folder, &draft, AtFlags::empty());
        return Err(error);
    }
    Ok(draft)
}

/// Puts a whole file in the place of the old one, or leaves the old one as it is.
fn replace(folder: &OwnedFd, name: &str, parts: &[&[u8]]) -> io::Result<()> {
    let draft = write_draft(folder, name, parts)?;
    rustix::fs::renameat(folder, &draft, folder, name)?;
    Ok(())
}

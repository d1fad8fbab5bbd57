//! Unpacking the trees that callers send: a tar, plain or in zstd, of files and folders and nothing else.
//!
//! Whoever sends one is not trusted. Names are those that a module's files may have, nothing but files and folders is made, and
//! what it may become is capped while it is read.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use prefab_model::{InvalidPath, ModulePath};
use tar::{Archive, EntryType};

/// What every zstd frame begins with.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The largest window that a zstd frame may ask for, as a power of two: 128 MiB.
const WINDOW: u32 = 27;

/// What a tree may have at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caps {
    /// Bytes of all files together.
    pub(crate) bytes: u64,
    /// Files and folders.
    pub(crate) files: u64,
    /// Folders within folders.
    pub(crate) depth: usize,
}

/// Why a tree was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnpackError {
    /// More bytes than are taken.
    #[error("the tree has more than {most} bytes")]
    Bytes { most: u64 },
    /// More files than are taken.
    #[error("the tree has more than {most} files and folders")]
    Files { most: u64 },
    /// Folders within folders, too many times.
    #[error("{path} lies more than {most} folders deep")]
    Depth { path: String, most: usize },
    /// A name that is not that of a file within the tree.
    #[error("the tree has a file whose name cannot be used")]
    Name(#[source] InvalidPath),
    /// A link, a device, or what else is not a file.
    #[error("{path} is {what}: send files and folders only")]
    Kind { path: String, what: &'static str },
    /// Two files of one name.
    #[error("the tree has {path} twice")]
    Twice { path: String },
    /// Not a tar, or one that ends early.
    #[error("what was sent is not a whole tar, or not a whole one in zstd")]
    Broken(#[source] io::Error),
    /// The disk failed.
    #[error("cannot write {}", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl UnpackError {
    /// The name of the reason, for programs.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Bytes { .. } => "tree-too-large",
            Self::Files { .. } => "tree-too-many-files",
            Self::Depth { .. } => "tree-too-deep",
            Self::Name(_) => "tree-bad-name",
            Self::Kind { .. } => "tree-not-a-file",
            Self::Twice { .. } => "tree-file-twice",
            Self::Broken(_) => "tree-broken",
            Self::Io { .. } => "internal",
        }
    }
}

/// Unpacks a tree into a folder that exists and is empty.
pub(crate) fn unpack(from: impl Read, folder: &Path, caps: Caps) -> Result<(), UnpackError> {
    let mut from = BufReader::with_capacity(64 << 10, from);
    let begin = from.fill_buf().map_err(UnpackError::Broken)?;
    if begin.starts_with(&ZSTD) {
        let mut decoder = zstd::stream::read::Decoder::with_buffer(from).map_err(UnpackError::Broken)?;
        decoder.window_log_max(WINDOW).map_err(UnpackError::Broken)?;
        unpack_tar(decoder, folder, caps)
    } else {
        unpack_tar(from, folder, caps)
    }
}

fn unpack_tar(from: impl Read, folder: &Path, caps: Caps) -> Result<(), UnpackError> {
    // Headers and padding come on top of what files have: without this, an endless row of them would be read.
    let mut archive = Archive::new(from.take(caps.bytes.saturating_add(caps.files.saturating_mul(4096))));
    let (mut bytes, mut files) = (caps.bytes, caps.files);
    let mut any = false;
    for entry in archive.entries().map_err(UnpackError::Broken)? {
        let mut entry = entry.map_err(UnpackError::Broken)?;
        any = true;
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = name.trim_start_matches("./").trim_end_matches('/');
        if name.is_empty() || name == "." {
            continue;
        }
        let path: ModulePath = name.parse().map_err(UnpackError::Name)?;
        if path.as_str().split('/').count() > caps.depth {
            return Err(UnpackError::Depth { path: path.to_string(), most: caps.depth });
        }
        files = files.checked_sub(1).ok_or(UnpackError::Files { most: caps.files })?;
        let target = folder.join(path.as_str());
        let io = |source| UnpackError::Io { path: target.clone(), source };
        match kind {
            EntryType::Directory => fs::create_dir_all(&target).map_err(|error| clash(error, &path, io))?,
            EntryType::Regular | EntryType::Continuous => {
                if let Some(parent) = target.parent() {
                    fs::create_dir_all(parent).map_err(|error| clash(error, &path, io))?;
                }
                let mut file = File::create_new(&target).map_err(|error| clash(error, &path, io))?;
                let size = entry.size();
                bytes = bytes.checked_sub(size).ok_or(UnpackError::Bytes { most: caps.bytes })?;
                copy(&mut entry, &mut file, size, io)?;
            }
            other => return Err(UnpackError::Kind { path: path.to_string(), what: named(other) }),
        }
    }
    if any {
        Ok(())
    } else {
        Err(UnpackError::Broken(io::Error::new(io::ErrorKind::UnexpectedEof, "there is nothing in it")))
    }
}

fn clash(error: io::Error, path: &ModulePath, io: impl FnOnce(io::Error) -> UnpackError) -> UnpackError {
    match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            UnpackError::Twice { path: path.to_string() }
        }
        _ => io(error),
    }
}

/// Reading fails for other reasons than writing does.
fn copy(
    from: &mut impl Read,
    to: &mut impl io::Write,
    size: u64,
    io: impl Fn(io::Error) -> UnpackError,
) -> Result<(), UnpackError> {
    let mut buffer = vec![0; 64 << 10];
    let mut left = size;
    while left > 0 {
        let count = from.read(&mut buffer).map_err(UnpackError::Broken)?;
        if count == 0 {
            return Err(UnpackError::Broken(io::ErrorKind::UnexpectedEof.into()));
        }
        to.write_all(buffer.get(..count).unwrap_or_default()).map_err(&io)?;
        left = left.saturating_sub(count as u64);
    }
    Ok(())
}

const fn named(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Link | EntryType::Symlink => "a link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a pipe",
        _ => "not a file",
    }
}

#[cfg(test)]
mod tests {
    use tar::{Builder, Header};

    use super::*;

    const CAPS: Caps = Caps { bytes: 1000, files: 5, depth: 3 };

    fn entry(builder: &mut Builder<Vec<u8>>, name: &str, kind: EntryType, content: &[u8]) {
        let mut header = Header::new_gnu();
        // Not `set_path`, which refuses what is to be refused here.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o777);
        if kind.is_symlink() || kind.is_hard_link() {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        builder.append(&header, content).unwrap();
    }

    fn tar(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (name, kind, content) in entries {
            entry(&mut builder, name, *kind, content);
        }
        builder.into_inner().unwrap()
    }

    fn refused(bytes: &[u8]) -> &'static str {
        let folder = tempfile::tempdir().unwrap();
        unpack(bytes, folder.path(), CAPS).unwrap_err().code()
    }

    #[test]
    fn a_tree_is_unpacked_plain_and_from_zstd() {
        let plain = tar(&[
            ("./", EntryType::Directory, b""),
            ("./src/", EntryType::Directory, b""),
            ("./src/a.ts", EntryType::Regular, b"export {};\n"),
            ("b/c.ts", EntryType::Regular, b""),
        ]);
        for bytes in [zstd::encode_all(&plain[..], 1).unwrap(), plain] {
            let folder = tempfile::tempdir().unwrap();
            unpack(&bytes[..], folder.path(), CAPS).unwrap();
            assert_eq!(fs::read(folder.path().join("src/a.ts")).unwrap(), b"export {};\n");
            assert!(folder.path().join("b/c.ts").is_file());
        }
    }

    #[test]
    fn what_is_no_file_within_the_tree_is_refused() {
        use EntryType as E;
        for (name, kind, code) in [
            ("../a", E::Regular, "tree-bad-name"),
            ("/etc/a", E::Regular, "tree-bad-name"),
            ("a/../../b", E::Regular, "tree-bad-name"),
            ("a", E::Symlink, "tree-not-a-file"),
            ("a", E::Link, "tree-not-a-file"),
            ("a", E::Char, "tree-not-a-file"),
            ("a", E::Block, "tree-not-a-file"),
            ("a", E::Fifo, "tree-not-a-file"),
            ("a/b/c/d", E::Regular, "tree-too-deep"),
        ] {
            assert_eq!(refused(&tar(&[(name, kind, b"")])), code, "{name} {kind:?}");
        }
    }

    #[test]
    fn a_tree_is_capped() {
        use EntryType::Regular;
        let large = [b'a'; 501];
        assert_eq!(refused(&tar(&[("a", Regular, &large), ("b", Regular, &large)])), "tree-too-large");
        let names = ["a", "b", "c", "d", "e", "f"].map(|name| (name, Regular, &b""[..]));
        assert_eq!(refused(&tar(&names)), "tree-too-many-files");
        assert_eq!(refused(&tar(&[("a", Regular, b""), ("a", Regular, b"")])), "tree-file-twice");
        assert_eq!(refused(&tar(&[("a", Regular, b""), ("a/b", Regular, b"")])), "tree-file-twice");
    }

    #[test]
    fn what_is_no_tar_or_not_whole_is_refused() {
        let whole = tar(&[("a", EntryType::Regular, &[b'a'; 600])]);
        for bytes in [&b""[..], b"hello", &whole[..700], &[0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3]] {
            assert_eq!(refused(bytes), "tree-broken");
        }
    }
}

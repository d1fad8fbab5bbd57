//! Reading a module's files: which there are, what is in them, and that they are still the same later.
//!
//! Sources may be hostile (ATTACKS T1-T4): a module is read through a capability directory, nothing is followed out of it, and
//! sizes, counts and depth are bounded. A file whose size, modification time and inode are as before is not read again.

use std::io::{self, Read as _};

use cap_std::fs::OpenOptionsExt as _;
use cap_std::fs::{Dir, FileType, Metadata, MetadataExt as _, OpenOptions};
use prefab_model::{Bytes, Diagnostic, InvalidPath, KeyHasher, ModulePath, Severity, SourceDigest};
use prefab_store::{Snapshot, SnapshotFile};

use crate::foreign_file;

/// A single source file may have this many bytes. Compilers hold a file and what they make of it in memory several times over.
const MAX_FILE: u64 = 32 << 20;
/// All files of a module together.
pub(crate) const MAX_MODULE: u64 = 256 << 20;
/// Files of a module, and entries of its folders including those that no compiler takes.
pub(crate) const MAX_FILES: usize = 100_000;
const MAX_ENTRIES: usize = 1_000_000;
/// Folders within folders.
const MAX_DEPTH: usize = 64;
/// A file that was changed less than this before a snapshot may be changed again without its time showing it, since file
/// systems count in steps of a few milliseconds. It is read again next time.
const RACY_NS: i64 = 50_000_000;
/// Stands for the time of such a file: no file has it.
const UNSETTLED: i64 = i64::MIN;

/// Why a module could not be read. The module fails with it; nothing else is affected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceProblem {
    #[error("the file name {shown} is not one that a module can have: {source}")]
    Name { shown: String, source: InvalidPath },
    #[error("the name {shown} is not UTF-8")]
    NotUtf8 { shown: String },
    #[error("{path} is a link that leaves the module or leads nowhere")]
    Link { path: ModulePath },
    #[error("{path} is neither a file nor a folder")]
    Kind { path: ModulePath },
    #[error("{path} has {}, more than the {} that a source file may have", Bytes(*size), Bytes(MAX_FILE))]
    FileTooLarge { path: ModulePath, size: u64 },
    #[error("its files have more than {} together", Bytes(MAX_MODULE))]
    TooLarge,
    #[error("it has more than {MAX_FILES} source files, or {MAX_ENTRIES} entries in its folders")]
    TooMany,
    #[error("{path} lies more than {MAX_DEPTH} folders deep")]
    TooDeep { path: ModulePath },
    #[error("{path} was changed while it was read")]
    Changed { path: ModulePath },
    #[error("its files were changed while modules were prepared")]
    Moved,
    #[error("cannot read {path}: {source}")]
    Io { path: String, source: io::Error },
    #[error("{0}")]
    Store(String),
}

impl SourceProblem {
    /// Whether another try may go better, with nothing changed by anybody.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Io { source, .. } => {
                !matches!(source.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound)
            }
            Self::Changed { .. } | Self::Store(_) => true,
            _ => false,
        }
    }

    /// The problem as a finding about the module, with what to do about it.
    pub(crate) fn diagnostic(&self) -> Diagnostic {
        let (code, help) = match self {
            Self::Name { .. } | Self::NotUtf8 { .. } => ("prefab/file-name", "rename the file"),
            Self::Link { .. } => ("prefab/link", "replace the link by the file itself, or remove it"),
            Self::Kind { .. } => ("prefab/file-kind", "remove it from the module"),
            Self::FileTooLarge { .. } | Self::TooLarge | Self::TooMany | Self::TooDeep { .. } => {
                ("prefab/too-large", "split the module, or move what is not source out of it")
            }
            Self::Changed { .. } | Self::Moved => {
                ("prefab/changed", "run `prefab prepare --failed` when nobody writes to the module")
            }
            Self::Store(_) => ("prefab/store", "run `prefab prepare` again"),
            Self::Io { .. } => ("prefab/unreadable", "make the file readable for the user who runs prefab"),
        };
        let file = match self {
            Self::Link { path }
            | Self::Kind { path }
            | Self::FileTooLarge { path, .. }
            | Self::TooDeep { path }
            | Self::Changed { path } => Some(path.as_str().to_owned()),
            _ => None,
        };
        host_diagnostic(code, self.to_string(), file, help)
    }
}

/// A finding of the host's own.
pub(crate) fn host_diagnostic(code: &str, message: String, file: Option<String>, help: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: Some(code.to_owned()),
        message,
        file,
        span: None,
        labels: Vec::new(),
        help: Some(help.to_owned()),
        excerpt: None,
    }
}

/// A snapshot, with the bytes of those files that had to be read for it.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) snapshot: Snapshot,
    /// One for each file of the snapshot.
    pub(crate) bytes: Vec<Option<Vec<u8>>>,
}

/// A snapshot of the module in `dir`: the files for which `takes` holds, sorted by path.
///
/// `earlier` saves reading what has not changed. `now_ns` is the time on the clock of the file system's machine.
pub(crate) fn snapshot(
    dir: &Dir,
    takes: &dyn Fn(&ModulePath) -> bool,
    earlier: Option<&Snapshot>,
    now_ns: i64,
) -> Result<Taken, SourceProblem> {
    let mut walk = Walk {
        root: dir,
        takes,
        earlier,
        settled_before: now_ns.saturating_sub(RACY_NS),
        files: Vec::new(),
        bytes: 0,
        entries: 0,
    };
    let mut folders = vec![(dir.try_clone().map_err(|source| unreadable("", source))?, String::new(), 0)];
    while let Some((folder, prefix, depth)) = folders.pop() {
        walk.folder(&folder, &prefix, depth, &mut folders)?;
    }
    let mut found = walk.files;
    found.sort_unstable_by(|(a, _), (b, _)| a.path.cmp(&b.path));
    let (files, bytes) = found.into_iter().unzip();
    Ok(Taken { snapshot: Snapshot { files }, bytes })
}

struct Walk<'a> {
    root: &'a Dir,
    takes: &'a dyn Fn(&ModulePath) -> bool,
    earlier: Option<&'a Snapshot>,
    settled_before: i64,
    files: Vec<(SnapshotFile, Option<Vec<u8>>)>,
    bytes: u64,
    entries: usize,
}

impl Walk<'_> {
    fn folder(
        &mut self,
        folder: &Dir,
        prefix: &str,
        depth: usize,
        folders: &mut Vec<(Dir, String, usize)>,
    ) -> Result<(), SourceProblem> {
        for entry in folder.entries().map_err(|source| unreadable(prefix, source))? {
            let entry = entry.map_err(|source| unreadable(prefix, source))?;
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                return Err(SourceProblem::TooMany);
            }
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                return Err(SourceProblem::NotUtf8 {
                    shown: format!("{prefix}{}", name.to_string_lossy().escape_debug()),
                });
            };
            // Hidden entries are tools' business, and `node_modules` holds other modules.
            if name.starts_with('.') || name == "node_modules" {
                continue;
            }
            let kind = entry.file_type().map_err(|source| unreadable(&format!("{prefix}{name}"), source))?;
            let path = match format!("{prefix}{name}").parse::<ModulePath>() {
                Ok(path) => path,
                // A name that no module can have does no harm to those who do not take the file.
                Err(_) if !kind.is_dir() && !could_be_source(self.takes, name) => continue,
                Err(source) => {
                    return Err(SourceProblem::Name {
                        shown: format!("\"{prefix}{}\"", name.escape_debug()),
                        source,
                    });
                }
            };
            if kind.is_dir() {
                if depth + 1 > MAX_DEPTH {
                    return Err(SourceProblem::TooDeep { path });
                }
                let inner = entry.open_dir().map_err(|source| unreadable(path.as_str(), source))?;
                folders.push((inner, format!("{path}/"), depth + 1));
            } else {
                self.file(folder, name, kind, path)?;
            }
        }
        Ok(())
    }

    fn file(
        &mut self,
        folder: &Dir,
        name: &str,
        kind: FileType,
        path: ModulePath,
    ) -> Result<(), SourceProblem> {
        let takes = (self.takes)(&path);
        let metadata = if kind.is_symlink() {
            // Followed from the root, beyond which a capability directory does not lead. One that leaves is refused also if
            // nobody takes it.
            let Ok(metadata) = self.root.metadata(path.as_str()) else {
                return Err(SourceProblem::Link { path });
            };
            metadata
        } else if takes {
            folder.symlink_metadata(name).map_err(|source| unreadable(path.as_str(), source))?
        } else {
            return Ok(());
        };
        if !takes || metadata.is_dir() {
            return Ok(());
        }
        let (folder, name) = if kind.is_symlink() { (self.root, path.as_str()) } else { (folder, name) };
        if !metadata.is_file() {
            return Err(SourceProblem::Kind { path });
        }
        if metadata.len() > MAX_FILE {
            return Err(SourceProblem::FileTooLarge { path, size: metadata.len() });
        }
        self.bytes += metadata.len();
        if self.bytes > MAX_MODULE {
            return Err(SourceProblem::TooLarge);
        }
        if self.files.len() == MAX_FILES {
            return Err(SourceProblem::TooMany);
        }
        let file = match self.remembered(&path, &metadata) {
            Some(file) => (file, None),
            None => self.read_new(folder, name, &path)?,
        };
        self.files.push(file);
        Ok(())
    }

    fn remembered(&self, path: &ModulePath, metadata: &Metadata) -> Option<SnapshotFile> {
        let earlier = self.earlier?;
        let at = earlier.files.binary_search_by(|file| file.path.cmp(path)).ok()?;
        let file = &earlier.files[at];
        let same = file.size == metadata.len()
            && file.mtime_ns == mtime_ns(metadata)
            && file.inode == metadata.ino();
        same.then(|| file.clone())
    }

    fn read_new(
        &self,
        folder: &Dir,
        name: &str,
        path: &ModulePath,
    ) -> Result<(SnapshotFile, Option<Vec<u8>>), SourceProblem> {
        let (bytes, metadata) = read_file(folder, name, path)?;
        let mtime_ns = mtime_ns(&metadata);
        let file = SnapshotFile {
            path: path.clone(),
            size: bytes.len() as u64,
            mtime_ns: if mtime_ns < self.settled_before { mtime_ns } else { UNSETTLED },
            inode: metadata.ino(),
            content: *blake3::hash(&bytes).as_bytes(),
        };
        Ok((file, Some(bytes)))
    }
}

fn could_be_source(takes: &dyn Fn(&ModulePath) -> bool, name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    format!("file.{extension}").parse().is_ok_and(|path| takes(&path))
}

/// Reads a file whole. What is measured is what was opened, whatever its name leads to meanwhile.
fn read_file(folder: &Dir, name: &str, path: &ModulePath) -> Result<(Vec<u8>, Metadata), SourceProblem> {
    let io = |source| unreadable(path.as_str(), source);
    let file = folder
        .open_with(name, OpenOptions::new().read(true).custom_flags(foreign_file::open_flags()))
        .map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(SourceProblem::Kind { path: path.clone() });
    }
    if metadata.len() > MAX_FILE {
        return Err(SourceProblem::FileTooLarge { path: path.clone(), size: metadata.len() });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
    // One byte more than there should be: a file that grows meanwhile is found out and costs no more than that.
    file.take(metadata.len() + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 != metadata.len() {
        return Err(SourceProblem::Changed { path: path.clone() });
    }
    Ok((bytes, metadata))
}

/// Reads a file of a snapshot again, and makes sure that it is what the snapshot says.
pub(crate) fn read_again(dir: &Dir, file: &SnapshotFile) -> Result<Vec<u8>, SourceProblem> {
    let (bytes, _) = read_file(dir, file.path.as_str(), &file.path)?;
    if *blake3::hash(&bytes).as_bytes() == file.content {
        Ok(bytes)
    } else {
        Err(SourceProblem::Changed { path: file.path.clone() })
    }
}

/// The digest of the files for which `takes` holds; none if there are none.
pub(crate) fn source_digest(
    snapshot: &Snapshot,
    takes: &dyn Fn(&ModulePath) -> bool,
) -> Option<SourceDigest> {
    let mut hasher = KeyHasher::new("prefab source 1");
    let mut any = false;
    for file in snapshot.files.iter().filter(|file| takes(&file.path)) {
        hasher.field(file.path.as_str().as_bytes()).field(&file.content);
        any = true;
    }
    any.then(|| hasher.finish())
}

fn mtime_ns(metadata: &Metadata) -> i64 {
    metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec())
}

fn unreadable(path: &str, source: io::Error) -> SourceProblem {
    SourceProblem::Io {
        path: if path.is_empty() { "its folder".to_owned() } else { path.to_owned() },
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use cap_std::ambient_authority;

    use super::*;

    const LATER: i64 = i64::MAX / 2;

    fn take(root: &std::path::Path, earlier: Option<&Snapshot>) -> Result<Snapshot, SourceProblem> {
        let dir = Dir::open_ambient_dir(root, ambient_authority()).unwrap();
        snapshot(&dir, &|path| path.extension() == Some("ts"), earlier, LATER).map(|taken| taken.snapshot)
    }

    #[test]
    fn only_files_that_a_compiler_takes_are_in_it_sorted() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("b/node_modules")).unwrap();
        for path in ["z.ts", "b/a.ts", "b/x.json", ".hidden.ts", "b/node_modules/n.ts"] {
            fs::write(root.path().join(path), path).unwrap();
        }
        let taken = take(root.path(), None).unwrap();
        assert_eq!(taken.files.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), ["b/a.ts", "z.ts"]);
    }

    #[test]
    fn an_unchanged_file_is_not_read_again() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a.ts"), "one").unwrap();
        let mut first = take(root.path(), None).unwrap();
        // Were it read again, the digest would be right again.
        first.files[0].content = [7; 32];
        assert_eq!(take(root.path(), Some(&first)).unwrap().files[0].content, [7; 32]);
        fs::write(root.path().join("a.ts"), "three").unwrap();
        assert_eq!(
            take(root.path(), Some(&first)).unwrap().files[0].content,
            *blake3::hash(b"three").as_bytes()
        );
    }

    #[test]
    fn a_file_changed_just_before_the_snapshot_is_read_again() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a.ts"), "one").unwrap();
        let dir = Dir::open_ambient_dir(root.path(), ambient_authority()).unwrap();
        let modified = mtime_ns(&dir.metadata("a.ts").unwrap());
        let mut first = snapshot(&dir, &|_| true, None, modified).unwrap().snapshot;
        first.files[0].content = [7; 32];
        assert_ne!(take(root.path(), Some(&first)).unwrap().files[0].content, [7; 32]);
    }

    #[test]
    fn a_link_that_leaves_the_module_is_refused_and_named() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret.ts"), "secret").unwrap();
        for target in
            [outside.path().join("secret.ts"), "../x.ts".into(), outside.path().to_owned(), "gone.ts".into()]
        {
            let root = tempfile::tempdir().unwrap();
            symlink(target, root.path().join("a.ts")).unwrap();
            let problem = take(root.path(), None).unwrap_err();
            assert!(matches!(&problem, SourceProblem::Link { path } if path.as_str() == "a.ts"), "{problem}");
        }
    }

    #[test]
    fn a_link_within_the_module_is_read_and_a_loop_of_folders_is_not_followed() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a.ts"), "a").unwrap();
        symlink("a.ts", root.path().join("b.ts")).unwrap();
        symlink(".", root.path().join("again")).unwrap();
        assert_eq!(take(root.path(), None).unwrap().files.len(), 2);
    }

    #[test]
    fn what_is_no_file_is_named_and_never_waited_for() {
        let root = tempfile::tempdir().unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            root.path().join("pipe.ts"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        assert!(matches!(take(root.path(), None), Err(SourceProblem::Kind { .. })));
    }

    #[test]
    fn a_file_or_folder_that_is_swapped_for_a_link_all_the_time_never_leads_out() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("in.ts"), "secret").unwrap();
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::write(at("a.ts"), "mine").unwrap();
        fs::create_dir(at("folder")).unwrap();
        fs::write(at("folder/in.ts"), "mine").unwrap();
        symlink(outside.path().join("in.ts"), at(".file")).unwrap();
        symlink(outside.path(), at(".folder")).unwrap();
        let done = std::sync::atomic::AtomicBool::new(false);
        let exchange = |one: &str, other: &str| {
            let flags = rustix::fs::RenameFlags::EXCHANGE;
            rustix::fs::renameat_with(rustix::fs::CWD, at(one), rustix::fs::CWD, at(other), flags)
        };
        if exchange("a.ts", ".file").is_err() {
            eprintln!("skipped: this file system does not exchange names");
            return;
        }
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    exchange("a.ts", ".file").unwrap();
                    exchange("folder", ".folder").unwrap();
                }
            });
            let mut read = 0;
            let mut refused = 0;
            for _ in 0..2_000 {
                match take(root.path(), None) {
                    Ok(taken) => {
                        read += 1;
                        for file in taken.files {
                            assert_eq!(file.content, *blake3::hash(b"mine").as_bytes(), "{}", file.path);
                        }
                    }
                    Err(
                        SourceProblem::Link { .. } | SourceProblem::Io { .. } | SourceProblem::Kind { .. },
                    ) => {
                        refused += 1;
                    }
                    Err(other) => panic!("{other}"),
                }
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(refused > 0, "{read} read");
        });
    }

    #[test]
    fn a_file_that_grows_while_it_is_read_costs_no_more_than_its_size_and_is_named() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a.ts"), "one").unwrap();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut file = fs::File::options().append(true).open(root.path().join("a.ts")).unwrap();
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    std::io::Write::write_all(&mut file, b"more").unwrap();
                    if file.metadata().unwrap().len() > MAX_FILE / 8 {
                        file.set_len(0).unwrap();
                    }
                }
            });
            // Whole at some moment, or named.
            let ended = (0..20_000).any(|_| match take(root.path(), None) {
                Ok(_) => false,
                Err(SourceProblem::Changed { .. }) => true,
                Err(other) => panic!("{other}"),
            });
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(ended);
        });
    }

    #[test]
    fn a_sparse_terabyte_is_refused_by_its_size() {
        let root = tempfile::tempdir().unwrap();
        fs::File::create(root.path().join("big.ts")).unwrap().set_len(1 << 40).unwrap();
        assert!(matches!(take(root.path(), None), Err(SourceProblem::FileTooLarge { .. })));
    }

    #[test]
    fn a_file_that_changed_since_the_snapshot_is_found_out() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a.ts"), "one").unwrap();
        let taken = take(root.path(), None).unwrap();
        fs::write(root.path().join("a.ts"), "two").unwrap();
        let dir = Dir::open_ambient_dir(root.path(), ambient_authority()).unwrap();
        assert!(matches!(read_again(&dir, &taken.files[0]), Err(SourceProblem::Changed { .. })));
    }

    #[test]
    fn the_source_digest_covers_names_and_contents_of_what_is_taken() {
        let file = |path: &str, hash: u8| SnapshotFile {
            path: path.parse().unwrap(),
            size: 1,
            mtime_ns: 0,
            inode: 0,
            content: [hash; 32],
        };
        let digest = |files: Vec<SnapshotFile>| {
            source_digest(&Snapshot { files }, &|path| path.extension() == Some("ts"))
        };
        let plain = digest(vec![file("a.ts", 1)]);
        assert!(plain.is_some());
        assert_eq!(plain, digest(vec![file("a.scss", 9), file("a.ts", 1)]));
        assert_ne!(plain, digest(vec![file("a.ts", 2)]));
        assert_ne!(plain, digest(vec![file("b.ts", 1)]));
        assert_eq!(digest(vec![file("a.scss", 9)]), None);
    }
}

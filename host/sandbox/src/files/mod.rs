//! The file system that a command-line compiler sees: a tree in memory, read-only but for two folders, with a quota that holds as it
//! writes.
//!
//! Nothing here knows of a path of this machine, of links, owners or times. Order is by name, numbers are counted from the beginning, so
//! that two runs see the same.

mod quota;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use self::quota::Quota;
pub(crate) use self::walk::{Place, walk};
use crate::end::Stop;

/// The longest name, in bytes.
const MAX_NAME: usize = 255;
/// How deep folders may lie in each other.
const MAX_DEPTH: u32 = 256;

/// Why something cannot be done. The guest is told and goes on, but for the last.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("there is no such file")]
    NotFound,
    #[error("there is such a file already")]
    Exists,
    #[error("this is no folder")]
    NotFolder,
    #[error("this is a folder")]
    IsFolder,
    #[error("the folder is not empty")]
    NotEmpty,
    #[error("this can only be read")]
    ReadOnly,
    #[error("this may not be done")]
    NotPermitted,
    #[error("this makes no sense")]
    Invalid,
    #[error("the name is too long")]
    NameTooLong,
    #[error("folders would lie too deep in each other")]
    TooDeep,
    #[error("too many files are open")]
    TooManyOpen,
    /// A cap was hit: the compilation ends.
    #[error(transparent)]
    Stop(#[from] Stop),
}

type Result<T> = std::result::Result<T, FileError>;

/// A file or a folder.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Folder(Arc<Folder>),
    File(Arc<File>),
}

/// A folder.
#[derive(Debug)]
pub(crate) struct Folder {
    id: u64,
    /// Larger than that of the folder it lies in; how deep it lies, or more if it was moved up.
    depth: u32,
    /// Whether it is the guest's own.
    counts: bool,
    entries: Mutex<BTreeMap<Box<str>, Node>>,
    /// Where what is made in it counts, if it can be changed.
    space: Option<Arc<Space>>,
}

/// A file.
#[derive(Debug)]
pub(crate) struct File {
    id: u64,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Fixed(Arc<[u8]>),
    Written { bytes: Mutex<Vec<u8>>, space: Arc<Space> },
}

/// What all that was written has in common.
#[derive(Debug)]
struct Space {
    quota: Quota,
    next_id: Arc<AtomicU64>,
}

/// Gives out numbers: one tree has one of these.
#[derive(Debug, Clone, Default)]
struct Numbers(Arc<AtomicU64>);

impl Numbers {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic ends the compilation with all its files.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Node {
    /// What is the same for the same file or folder and for no other.
    pub(crate) fn id(&self) -> u64 {
        match self {
            Self::Folder(folder) => folder.id,
            Self::File(file) => file.id,
        }
    }

    /// The size in bytes; of a folder 0.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Folder(_) => 0,
            Self::File(file) => file.size(),
        }
    }

    /// Whether it can be changed.
    pub(crate) fn is_writable(&self) -> bool {
        match self {
            Self::Folder(folder) => folder.space.is_some(),
            Self::File(file) => matches!(file.content, Content::Written { .. }),
        }
    }
}

impl Folder {
    fn space(&self) -> Result<&Arc<Space>> {
        self.space.as_ref().ok_or(FileError::ReadOnly)
    }

    /// What lies in it under this name.
    pub(crate) fn get(&self, name: &str) -> Option<Node> {
        lock(&self.entries).get(name).cloned()
    }

    /// What lies in it, by name.
    pub(crate) fn list(&self) -> Vec<(Box<str>, Node)> {
        lock(&self.entries).iter().map(|(name, node)| (name.clone(), node.clone())).collect()
    }

    /// Makes an empty file in it.
    pub(crate) fn make_file(&self, name: &str) -> Result<Arc<File>> {
        let space = self.space()?;
        let make = || {
            let content = Content::Written { bytes: Mutex::default(), space: Arc::clone(space) };
            Arc::new(File { id: space.next_id.fetch_add(1, Ordering::Relaxed), content })
        };
        self.insert(name, space, make, Node::File)
    }

    /// Makes a folder in it.
    pub(crate) fn make_folder(&self, name: &str) -> Result<Arc<Self>> {
        let space = self.space()?;
        if self.depth >= MAX_DEPTH {
            return Err(FileError::TooDeep);
        }
        let make = || {
            let id = space.next_id.fetch_add(1, Ordering::Relaxed);
            let space = Some(Arc::clone(space));
            Arc::new(Self { id, depth: self.depth + 1, counts: true, entries: Mutex::default(), space })
        };
        self.insert(name, space, make, Node::Folder)
    }

    fn insert<T>(
        &self,
        name: &str,
        space: &Space,
        make: impl FnOnce() -> Arc<T>,
        node: fn(Arc<T>) -> Node,
    ) -> Result<Arc<T>> {
        if name.len() > MAX_NAME {
            return Err(FileError::NameTooLong);
        }
        if name.contains('\0') {
            return Err(FileError::Invalid);
        }
        match lock(&self.entries).entry(name.into()) {
            Entry::Occupied(_) => Err(FileError::Exists),
            Entry::Vacant(place) => {
                space.quota.take_node()?;
                let new = make();
                place.insert(node(Arc::clone(&new)));
                Ok(new)
            }
        }
    }

    /// Removes a file.
    pub(crate) fn remove_file(&self, name: &str) -> Result<()> {
        self.space()?;
        let mut entries = lock(&self.entries);
        match entries.get(name) {
            None => Err(FileError::NotFound),
            Some(Node::Folder(_)) => Err(FileError::IsFolder),
            Some(Node::File(_)) => {
                entries.remove(name);
                Ok(())
            }
        }
    }

    /// Removes an empty folder.
    pub(crate) fn remove_folder(&self, name: &str) -> Result<()> {
        self.space()?;
        let mut entries = lock(&self.entries);
        match entries.get(name) {
            None => Err(FileError::NotFound),
            Some(Node::File(_)) => Err(FileError::NotFolder),
            Some(Node::Folder(folder)) if !lock(&folder.entries).is_empty() => Err(FileError::NotEmpty),
            Some(Node::Folder(_)) => {
                entries.remove(name);
                Ok(())
            }
        }
    }

    /// Moves what lies here under a name to another folder, or to another name, in place of what is there.
    ///
    /// A folder is never moved further down than it was made: then none can get into itself, and what lies in it is no deeper than
    /// folders may be.
    pub(crate) fn rename(&self, name: &str, to: &Self, new_name: &str) -> Result<()> {
        self.space()?;
        to.space()?;
        if new_name.len() > MAX_NAME {
            return Err(FileError::NameTooLong);
        }
        if new_name.contains('\0') {
            return Err(FileError::Invalid);
        }
        let node = self.get(name).ok_or(FileError::NotFound)?;
        let there = to.get(new_name);
        if there.as_ref().is_some_and(|there| there.id() == node.id()) {
            return Ok(());
        }
        if matches!(node, Node::Folder(_)) && to.depth > self.depth {
            return Err(FileError::NotPermitted);
        }
        match (&node, there) {
            (_, None) | (Node::File(_), Some(Node::File(_))) => {}
            (Node::File(_), Some(Node::Folder(_))) => return Err(FileError::IsFolder),
            (Node::Folder(_), Some(Node::File(_))) => return Err(FileError::NotFolder),
            (Node::Folder(_), Some(Node::Folder(_))) => to.remove_folder(new_name)?,
        }
        lock(&self.entries).remove(name);
        lock(&to.entries).insert(new_name.into(), node);
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(space) = self.space.as_ref().filter(|_| self.counts) {
            space.quota.give_node();
        }
    }
}

impl File {
    /// The size in bytes.
    pub(crate) fn size(&self) -> u64 {
        match &self.content {
            Content::Fixed(bytes) => bytes.len() as u64,
            Content::Written { bytes, .. } => lock(bytes).len() as u64,
        }
    }

    /// At most so many bytes from there on, and whether they reach the end.
    pub(crate) fn read(&self, at: u64, most: u64) -> (Vec<u8>, bool) {
        let part = |bytes: &[u8]| {
            let from = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
            let most = usize::try_from(most).unwrap_or(usize::MAX).min(bytes.len() - from);
            (bytes[from..from + most].to_vec(), from + most == bytes.len())
        };
        match &self.content {
            Content::Fixed(bytes) => part(bytes),
            Content::Written { bytes, .. } => part(&lock(bytes)),
        }
    }

    fn written(&self) -> Result<(MutexGuard<'_, Vec<u8>>, &Quota)> {
        match &self.content {
            Content::Fixed(_) => Err(FileError::ReadOnly),
            Content::Written { bytes, space } => Ok((lock(bytes), &space.quota)),
        }
    }

    /// Writes from there on, or at the end; what lies between is zeroes.
    pub(crate) fn write(&self, at: Option<u64>, new: &[u8]) -> Result<()> {
        let (mut bytes, quota) = self.written()?;
        let at = at.unwrap_or(bytes.len() as u64);
        let end = at.checked_add(new.len() as u64).ok_or(FileError::Invalid)?;
        if new.is_empty() {
            return Ok(());
        }
        let size = end.max(bytes.len() as u64);
        resize(&mut bytes, quota, size)?;
        let at = usize::try_from(at).map_err(|_| FileError::Invalid)?;
        bytes[at..at + new.len()].copy_from_slice(new);
        Ok(())
    }

    /// Cuts it off, or lengthens it with zeroes.
    pub(crate) fn set_size(&self, size: u64) -> Result<()> {
        let (mut bytes, quota) = self.written()?;
        resize(&mut bytes, quota, size)
    }

    /// Its bytes, for good: it is empty afterwards.
    fn take(&self) -> Vec<u8> {
        match &self.content {
            Content::Fixed(bytes) => bytes.to_vec(),
            Content::Written { bytes, .. } => std::mem::take(&mut *lock(bytes)),
        }
    }
}

fn resize(bytes: &mut Vec<u8>, quota: &Quota, size: u64) -> Result<()> {
    let old = bytes.len() as u64;
    if size <= old {
        bytes.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        quota.give(old - size);
        return Ok(());
    }
    quota.take(size - old)?;
    let size = usize::try_from(size).map_err(|_| FileError::Invalid)?;
    if size > bytes.capacity() {
        // Twice what there is, as ever, but never room for more than could be written.
        let spare = bytes.len().min(usize::try_from(quota.left()).unwrap_or(usize::MAX));
        bytes.reserve_exact(size - bytes.len() + spare);
    }
    bytes.resize(size, 0);
    Ok(())
}

impl Drop for File {
    fn drop(&mut self) {
        if let Content::Written { bytes, space } = &mut self.content {
            let bytes = bytes.get_mut().unwrap_or_else(PoisonError::into_inner);
            space.quota.give(bytes.len() as u64);
            space.quota.give_node();
        }
    }
}

/// A whole tree: folders of a compiler under one root, which has nothing else.
#[derive(Debug)]
pub(crate) struct Tree {
    root: Arc<Folder>,
    numbers: Numbers,
    space: Arc<Space>,
}

impl Tree {
    pub(crate) fn new(quota: Quota) -> Self {
        let numbers = Numbers::default();
        let root = Arc::new(Folder {
            id: numbers.next(),
            depth: 0,
            counts: false,
            entries: Mutex::default(),
            space: None,
        });
        let space = Arc::new(Space { quota, next_id: Arc::clone(&numbers.0) });
        Self { root, numbers, space }
    }

    pub(crate) fn quota(&self) -> &Quota {
        &self.space.quota
    }

    pub(crate) fn root(&self) -> &Arc<Folder> {
        &self.root
    }

    /// A folder that the guest can only read, made with those on the way.
    pub(crate) fn read_only_folder(&self, path: &str) -> Arc<Folder> {
        let mut folder = Arc::clone(&self.root);
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let mut entries = lock(&folder.entries);
            let made = || {
                let (id, depth) = (self.numbers.next(), folder.depth + 1);
                Node::Folder(Arc::new(Folder {
                    id,
                    depth,
                    counts: false,
                    entries: Mutex::default(),
                    space: None,
                }))
            };
            let next = entries.entry(name.into()).or_insert_with(made).clone();
            drop(entries);
            // A file in the way was put there by the host, which has checked its paths.
            let Node::Folder(next) = next else { break };
            folder = next;
        }
        folder
    }

    /// A folder that the guest can write to, made with those on the way. It counts for nothing, as the guest did not make it.
    pub(crate) fn writable_folder(&self, path: &str) {
        let mut folder = Arc::clone(&self.root);
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let mut entries = lock(&folder.entries);
            let made = || {
                let (id, space) = (self.numbers.next(), Some(Arc::clone(&self.space)));
                let depth = folder.depth + 1;
                Node::Folder(Arc::new(Folder { id, depth, counts: false, entries: Mutex::default(), space }))
            };
            let next = entries.entry(name.into()).or_insert_with(made).clone();
            drop(entries);
            let Node::Folder(next) = next else { break };
            folder = next;
        }
    }

    /// Puts a file that the guest can only read.
    pub(crate) fn put(&self, folder: &str, path: &str, bytes: &Arc<[u8]>) {
        let (parents, name) = path.rsplit_once('/').unwrap_or(("", path));
        let folder = self.read_only_folder(&format!("{folder}/{parents}"));
        let file = File { id: self.numbers.next(), content: Content::Fixed(Arc::clone(bytes)) };
        lock(&folder.entries).insert(name.into(), Node::File(Arc::new(file)));
    }

    /// Takes all files out of a folder under the root: their paths within it and their bytes, by path.
    pub(crate) fn take_files(&self, name: &str) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        let mut folders = Vec::from_iter(self.root.get(name).map(|node| (String::new(), node)));
        while let Some((path, node)) = folders.pop() {
            match node {
                Node::File(file) => files.push((path, file.take())),
                Node::Folder(folder) => folders.extend(folder.list().into_iter().map(|(name, node)| {
                    let path = if path.is_empty() { name.to_string() } else { format!("{path}/{name}") };
                    (path, node)
                })),
            }
        }
        files.sort_unstable();
        files
    }
}

//! `wasi:filesystem` over the tree in `files/`.
//!
//! All times are that of the frozen clock; links there are none. A guest without files (a compiler of the contract) has no folder to begin
//! with, so nothing else here is ever reached by it.

use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::{HasSelf, Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream};

use self::bindings::wasi::filesystem::{preopens, types};
use self::types::{
    Advice, Datetime, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode, Filesize,
    MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use super::clocks;
use super::streams::{Reader, Writer};
use crate::files::{File, FileError, Folder, Node, Place, walk};
use crate::guest::Guest;

#[allow(clippy::pedantic, missing_docs, reason = "generated from the WIT")]
mod bindings {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "wasi:filesystem/imports",
        imports: { default: trappable },
        trappable_error_type: {
            "wasi:filesystem/types.error-code" => crate::files::FileError,
        },
        with: {
            "wasi:io/error": wasmtime_wasi::p2::bindings::sync::io::error,
            "wasi:io/poll": wasmtime_wasi::p2::bindings::sync::io::poll,
            "wasi:io/streams": wasmtime_wasi::p2::bindings::sync::io::streams,
            "wasi:clocks/wall-clock": wasmtime_wasi::p2::bindings::sync::clocks::wall_clock,
            "wasi:filesystem/types.descriptor": super::Descriptor,
            "wasi:filesystem/types.directory-entry-stream": super::Entries,
        },
    });
}

/// The most that one call reads, in bytes.
const MAX_READ: u64 = 1 << 20;

/// What a guest has open.
#[derive(Debug, Clone)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Descriptor {
    node: Node,
    flags: DescriptorFlags,
}

/// What is left of a folder that a guest lists.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Entries(std::vec::IntoIter<(Box<str>, Node)>);

type Answer<T> = std::result::Result<T, FileError>;

/// Gives guests the interfaces of files.
pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    types::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)?;
    preopens::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)
}

impl preopens::Host for Guest {
    fn get_directories(&mut self) -> Result<Vec<(Resource<Descriptor>, String)>> {
        let Some(files) = &self.files else { return Ok(Vec::new()) };
        let node = Node::Folder(Arc::clone(files.tree.root()));
        let root = Descriptor { node, flags: DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY };
        Ok(vec![(self.resources.push(root)?, "/".to_owned())])
    }
}

fn code_of(error: &FileError) -> Option<ErrorCode> {
    Some(match error {
        FileError::NotFound => ErrorCode::NoEntry,
        FileError::Exists => ErrorCode::Exist,
        FileError::NotFolder => ErrorCode::NotDirectory,
        FileError::IsFolder => ErrorCode::IsDirectory,
        FileError::NotEmpty => ErrorCode::NotEmpty,
        FileError::ReadOnly => ErrorCode::ReadOnly,
        FileError::NotPermitted => ErrorCode::NotPermitted,
        FileError::Invalid => ErrorCode::Invalid,
        FileError::NameTooLong => ErrorCode::NameTooLong,
        FileError::TooDeep => ErrorCode::TooManyLinks,
        FileError::TooManyOpen => ErrorCode::InsufficientMemory,
        FileError::Stop(_) => return None,
    })
}

const fn kind_of(node: &Node) -> DescriptorType {
    match node {
        Node::Folder(_) => DescriptorType::Directory,
        Node::File(_) => DescriptorType::RegularFile,
    }
}

fn stat_of(node: &Node) -> DescriptorStat {
    let now = Some(Datetime { seconds: clocks::NOW, nanoseconds: 0 });
    DescriptorStat {
        type_: kind_of(node),
        link_count: 1,
        size: node.size(),
        data_access_timestamp: now,
        data_modification_timestamp: now,
        status_change_timestamp: now,
    }
}

fn hash_of(node: &Node) -> MetadataHashValue {
    MetadataHashValue { lower: node.id(), upper: node.size() }
}

fn get<'a, T: Send + 'static>(resources: &'a ResourceTable, resource: &Resource<T>) -> Answer<&'a T> {
    // The guest's handles lead to what is in the table, so it is there.
    resources.get(resource).map_err(|_| FileError::Invalid)
}

impl Guest {
    fn open_node(&self, descriptor: &Resource<Descriptor>) -> Answer<Node> {
        Ok(get(&self.resources, descriptor)?.node.clone())
    }

    fn file(&self, descriptor: &Resource<Descriptor>, right: DescriptorFlags) -> Answer<Arc<File>> {
        let Descriptor { node, flags } = get(&self.resources, descriptor)?;
        match node {
            Node::Folder(_) => Err(FileError::IsFolder),
            Node::File(_) if !flags.contains(right) => Err(FileError::NotPermitted),
            Node::File(file) => Ok(Arc::clone(file)),
        }
    }

    fn folder(&self, descriptor: &Resource<Descriptor>) -> Answer<Arc<Folder>> {
        match self.open_node(descriptor)? {
            Node::Folder(folder) => Ok(folder),
            Node::File(_) => Err(FileError::NotFolder),
        }
    }

    /// Follows a path, which takes as long as the path is.
    fn place(&mut self, from: &Resource<Descriptor>, path: &str) -> Answer<Place> {
        self.charge(path.len() as u64)?;
        walk(&self.folder(from)?, path)
    }

    fn push<T: Send + 'static>(&mut self, it: T) -> Answer<Resource<T>> {
        self.resources.push(it).map_err(|_| FileError::TooManyOpen)
    }
}

impl types::Host for Guest {
    fn convert_error_code(&mut self, error: FileError) -> Result<ErrorCode> {
        match (code_of(&error), error) {
            (Some(code), _) => Ok(code),
            (None, FileError::Stop(stop)) => Err(stop.into()),
            (None, other) => Err(other.into()),
        }
    }

    fn filesystem_error_code(&mut self, error: Resource<wasmtime::Error>) -> Result<Option<ErrorCode>> {
        Ok(self.resources.get(&error)?.downcast_ref::<FileError>().and_then(code_of))
    }
}

impl types::HostDescriptor for Guest {
    fn read_via_stream(
        &mut self,
        it: Resource<Descriptor>,
        at: Filesize,
    ) -> Answer<Resource<DynInputStream>> {
        let file = self.file(&it, DescriptorFlags::READ)?;
        let stream: DynInputStream = Box::new(Reader { file, at });
        self.push(stream)
    }

    fn write_via_stream(
        &mut self,
        it: Resource<Descriptor>,
        at: Filesize,
    ) -> Answer<Resource<DynOutputStream>> {
        let file = self.file(&it, DescriptorFlags::WRITE)?;
        let stream: DynOutputStream = Box::new(Writer { file, at: Some(at) });
        self.push(stream)
    }

    fn append_via_stream(&mut self, it: Resource<Descriptor>) -> Answer<Resource<DynOutputStream>> {
        let file = self.file(&it, DescriptorFlags::WRITE)?;
        let stream: DynOutputStream = Box::new(Writer { file, at: None });
        self.push(stream)
    }

    fn advise(&mut self, _: Resource<Descriptor>, _: Filesize, _: Filesize, _: Advice) -> Answer<()> {
        Ok(())
    }

    fn sync_data(&mut self, _: Resource<Descriptor>) -> Answer<()> {
        Ok(())
    }

    fn get_flags(&mut self, it: Resource<Descriptor>) -> Answer<DescriptorFlags> {
        Ok(get(&self.resources, &it)?.flags)
    }

    fn get_type(&mut self, it: Resource<Descriptor>) -> Answer<DescriptorType> {
        Ok(kind_of(&self.open_node(&it)?))
    }

    fn set_size(&mut self, it: Resource<Descriptor>, size: Filesize) -> Answer<()> {
        let file = self.file(&it, DescriptorFlags::WRITE)?;
        // What it takes to lengthen it; more than there may be fails before anything is done.
        self.charge(size.saturating_sub(file.size()).min(self.writable_bytes()))?;
        file.set_size(size)
    }

    fn set_times(&mut self, it: Resource<Descriptor>, _: NewTimestamp, _: NewTimestamp) -> Answer<()> {
        if self.open_node(&it)?.is_writable() { Ok(()) } else { Err(FileError::ReadOnly) }
    }

    fn read(&mut self, it: Resource<Descriptor>, most: Filesize, at: Filesize) -> Answer<(Vec<u8>, bool)> {
        let file = self.file(&it, DescriptorFlags::READ)?;
        let (bytes, ended) = file.read(at, most.min(MAX_READ));
        self.charge(bytes.len() as u64)?;
        Ok((bytes, ended))
    }

    fn write(&mut self, it: Resource<Descriptor>, bytes: Vec<u8>, at: Filesize) -> Answer<Filesize> {
        let file = self.file(&it, DescriptorFlags::WRITE)?;
        let gap = at.saturating_sub(file.size()).min(self.writable_bytes());
        self.charge((bytes.len() as u64).saturating_add(gap))?;
        file.write(Some(at), &bytes)?;
        Ok(bytes.len() as u64)
    }

    fn read_directory(&mut self, it: Resource<Descriptor>) -> Answer<Resource<Entries>> {
        let entries = self.folder(&it)?.list();
        self.charge(entries.len() as u64)?;
        self.push(Entries(entries.into_iter()))
    }

    fn sync(&mut self, _: Resource<Descriptor>) -> Answer<()> {
        Ok(())
    }

    fn create_directory_at(&mut self, it: Resource<Descriptor>, path: String) -> Answer<()> {
        let place = self.place(&it, &path)?;
        if matches!(place, Place::Folder(_)) {
            return Err(FileError::Exists);
        }
        let (folder, name) = place.entry()?;
        // What is there is there, whether or not another could be made.
        if folder.get(name).is_some() {
            return Err(FileError::Exists);
        }
        folder.make_folder(name).map(drop)
    }

    fn stat(&mut self, it: Resource<Descriptor>) -> Answer<DescriptorStat> {
        Ok(stat_of(&self.open_node(&it)?))
    }

    fn stat_at(&mut self, it: Resource<Descriptor>, _: PathFlags, path: String) -> Answer<DescriptorStat> {
        Ok(stat_of(&self.place(&it, &path)?.node()?))
    }

    fn set_times_at(
        &mut self,
        it: Resource<Descriptor>,
        _: PathFlags,
        path: String,
        _: NewTimestamp,
        _: NewTimestamp,
    ) -> Answer<()> {
        let node = self.place(&it, &path)?.node()?;
        if node.is_writable() { Ok(()) } else { Err(FileError::ReadOnly) }
    }

    fn link_at(
        &mut self,
        _: Resource<Descriptor>,
        _: PathFlags,
        _: String,
        _: Resource<Descriptor>,
        _: String,
    ) -> Answer<()> {
        Err(FileError::NotPermitted)
    }

    fn open_at(
        &mut self,
        it: Resource<Descriptor>,
        _: PathFlags,
        path: String,
        open: OpenFlags,
        flags: DescriptorFlags,
    ) -> Answer<Resource<Descriptor>> {
        let place = self.place(&it, &path)?;
        let node = match place.node() {
            Err(FileError::NotFound) if open.contains(OpenFlags::CREATE) => {
                if open.contains(OpenFlags::DIRECTORY) {
                    return Err(FileError::Invalid);
                }
                let (folder, name) = place.file_entry()?;
                Node::File(folder.make_file(name)?)
            }
            Ok(_) if open.contains(OpenFlags::CREATE | OpenFlags::EXCLUSIVE) => {
                return Err(FileError::Exists);
            }
            other => other?,
        };
        let writes = flags.contains(DescriptorFlags::WRITE);
        match &node {
            Node::File(_) if open.contains(OpenFlags::DIRECTORY) => return Err(FileError::NotFolder),
            Node::Folder(_) if writes || open.contains(OpenFlags::TRUNCATE) => {
                return Err(FileError::IsFolder);
            }
            Node::File(file) => {
                if (writes || open.contains(OpenFlags::TRUNCATE)) && !node.is_writable() {
                    return Err(FileError::ReadOnly);
                }
                if open.contains(OpenFlags::TRUNCATE) {
                    file.set_size(0)?;
                }
            }
            Node::Folder(_) => {}
        }
        self.push(Descriptor { node, flags })
    }

    fn readlink_at(&mut self, it: Resource<Descriptor>, path: String) -> Answer<String> {
        // There are no links, so whatever is there is none.
        self.place(&it, &path)?.node()?;
        Err(FileError::Invalid)
    }

    fn remove_directory_at(&mut self, it: Resource<Descriptor>, path: String) -> Answer<()> {
        let place = self.place(&it, &path)?;
        let (folder, name) = place.entry()?;
        folder.remove_folder(name)
    }

    fn rename_at(
        &mut self,
        it: Resource<Descriptor>,
        path: String,
        other: Resource<Descriptor>,
        new_path: String,
    ) -> Answer<()> {
        let (from, to) = (self.place(&it, &path)?, self.place(&other, &new_path)?);
        let ((folder, name), (new_folder, new_name)) = (from.entry()?, to.entry()?);
        folder.rename(name, new_folder, new_name)
    }

    fn symlink_at(&mut self, _: Resource<Descriptor>, _: String, _: String) -> Answer<()> {
        Err(FileError::NotPermitted)
    }

    fn unlink_file_at(&mut self, it: Resource<Descriptor>, path: String) -> Answer<()> {
        let place = self.place(&it, &path)?;
        let (folder, name) = place.file_entry()?;
        folder.remove_file(name)
    }

    fn is_same_object(&mut self, it: Resource<Descriptor>, other: Resource<Descriptor>) -> Result<bool> {
        Ok(self.resources.get(&it)?.node.id() == self.resources.get(&other)?.node.id())
    }

    fn metadata_hash(&mut self, it: Resource<Descriptor>) -> Answer<MetadataHashValue> {
        Ok(hash_of(&self.open_node(&it)?))
    }

    fn metadata_hash_at(
        &mut self,
        it: Resource<Descriptor>,
        _: PathFlags,
        path: String,
    ) -> Answer<MetadataHashValue> {
        Ok(hash_of(&self.place(&it, &path)?.node()?))
    }

    fn drop(&mut self, it: Resource<Descriptor>) -> Result<()> {
        self.resources.delete(it)?;
        Ok(())
    }
}

impl types::HostDirectoryEntryStream for Guest {
    fn read_directory_entry(&mut self, it: Resource<Entries>) -> Answer<Option<DirectoryEntry>> {
        let entries = self.resources.get_mut(&it).map_err(|_| FileError::Invalid)?;
        Ok(entries.0.next().map(|(name, node)| DirectoryEntry { type_: kind_of(&node), name: name.into() }))
    }

    fn drop(&mut self, it: Resource<Entries>) -> Result<()> {
        self.resources.delete(it)?;
        Ok(())
    }
}

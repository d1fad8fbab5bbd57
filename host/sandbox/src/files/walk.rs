//! Paths: from a folder to what one says, and never out of it.

use std::sync::Arc;

use super::{FileError, Folder, Node, Result};

/// The longest path, in bytes.
const MAX_PATH: usize = 4096;

/// What a path leads to.
#[derive(Debug)]
pub(crate) enum Place {
    /// A name in a folder, which need not be there.
    Entry {
        folder: Arc<Folder>,
        name: String,
        /// Whether it was written as that of a folder, with a `/` at its end.
        of_folder: bool,
    },
    /// A folder that has no name from here, such as `.`.
    Folder(Arc<Folder>),
}

impl Place {
    /// What is there.
    pub(crate) fn node(&self) -> Result<Node> {
        match self {
            Self::Folder(folder) => Ok(Node::Folder(Arc::clone(folder))),
            Self::Entry { folder, name, of_folder } => match folder.get(name) {
                None => Err(FileError::NotFound),
                Some(Node::File(_)) if *of_folder => Err(FileError::NotFolder),
                Some(node) => Ok(node),
            },
        }
    }

    /// The folder and the name in it, for who wants to make or remove something.
    pub(crate) fn entry(&self) -> Result<(&Arc<Folder>, &str)> {
        match self {
            Self::Entry { folder, name, .. } => Ok((folder, name)),
            Self::Folder(_) => Err(FileError::Invalid),
        }
    }

    /// The same for who makes or removes a file.
    pub(crate) fn file_entry(&self) -> Result<(&Arc<Folder>, &str)> {
        match self {
            Self::Entry { of_folder: true, .. } => Err(FileError::NotFolder),
            _ => self.entry(),
        }
    }
}

/// Follows a path from a folder.
pub(crate) fn walk(from: &Arc<Folder>, path: &str) -> Result<Place> {
    if path.is_empty() {
        return Err(FileError::NotFound);
    }
    if path.len() > MAX_PATH {
        return Err(FileError::NameTooLong);
    }
    if path.starts_with('/') {
        return Err(FileError::NotPermitted);
    }
    let mut above: Vec<Arc<Folder>> = Vec::new();
    let mut here = Arc::clone(from);
    let mut name: Option<&str> = None;
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if let Some(name) = name.take() {
            let next = match here.get(name) {
                Some(Node::Folder(folder)) => folder,
                Some(Node::File(_)) => return Err(FileError::NotFolder),
                None => return Err(FileError::NotFound),
            };
            above.push(std::mem::replace(&mut here, next));
        }
        if part == ".." {
            here = above.pop().ok_or(FileError::NotPermitted)?;
        } else {
            name = Some(part);
        }
    }
    let of_folder = path.ends_with('/') || path.ends_with("/.");
    Ok(match name {
        Some(name) => Place::Entry { folder: here, name: name.to_owned(), of_folder },
        None => Place::Folder(here),
    })
}

//! Opening a module's folder, from which everything else of it is read.
//!
//! The path was freed of links when the module was added. Its author may have put a link in a place of it since then, to
//! read by way of prefab what only prefab may read: such a path is not followed.

use std::io;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

/// The folder at `root`, no part of which may be a link.
pub(crate) fn open(root: &Path) -> io::Result<Dir> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    loop {
        match openat2(CWD, root, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
            Ok(folder) => return Ok(Dir::from_std_file(folder.into())),
            // The kernel asks for another try where folders were renamed meanwhile.
            Err(Errno::AGAIN | Errno::INTR) => {}
            // Kernels before Linux 5.6, and some that only act like Linux: the same, with a gap between looking and opening.
            Err(Errno::NOSYS) if root.canonicalize()? == root => {
                return Dir::open_ambient_dir(root, ambient_authority());
            }
            Err(Errno::LOOP | Errno::NOSYS) => return Err(link()),
            Err(error) => return Err(error.into()),
        }
    }
}

fn link() -> io::Error {
    io::Error::other("there is a link in its path now: add the module again with `prefab module add`")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_folder_that_has_become_a_link_is_not_opened() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("a/module")).unwrap();
        fs::create_dir_all(root.join("b/module")).unwrap();
        assert!(open(&root.join("a/module")).is_ok());
        fs::remove_dir(root.join("a/module")).unwrap();
        symlink(root.join("b/module"), root.join("a/module")).unwrap();
        assert!(open(&root.join("a/module")).unwrap_err().to_string().contains("prefab module add"));
        // Nor if a folder above it has.
        symlink(root.join("b"), root.join("c")).unwrap();
        assert!(open(&root.join("c/module")).is_err());
        assert_eq!(open(&root.join("gone")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}

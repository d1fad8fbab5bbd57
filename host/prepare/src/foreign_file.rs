//! Reading whole a file that somebody else may have put there: a vendor, an author of a module.
//!
//! It may be a pipe that nobody writes to, a device without end, or larger than it says. Files of a module's sources are read by
//! [`snapshot`](crate::snapshot), which asks more of them.

use std::io::{self, Read as _};

use rustix::fs::OFlags;

/// For opening such a file: not to wait for the writer of a pipe.
pub(crate) fn open_flags() -> i32 {
    i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0)
}

/// The bytes of an open file, which was opened with [`open_flags`], if it is a file and has at most `most` bytes.
pub(crate) fn read(file: std::fs::File, most: u64) -> io::Result<Vec<u8>> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(most)).unwrap_or(0));
    if metadata.len() <= most {
        file.take(most + 1).read_to_end(&mut bytes)?;
    }
    if metadata.len() > most || bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {most} bytes")));
    }
    Ok(bytes)
}

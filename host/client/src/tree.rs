//! Files as they are sent: a tar in zstd, in a file without a name.

use std::fs::File;
use std::io::{self, Seek as _};
use std::path::Path;

use tar::{Builder, Header};

use crate::connection::ClientError;

/// Fast: sources are packed once and sent once.
const LEVEL: i32 = 3;

/// Packs files for sending. `from` is where they came from, for the error.
pub(crate) fn pack<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    from: &Path,
) -> Result<File, ClientError> {
    pack_into_file(files).map_err(|source| ClientError::Write { path: from.to_owned(), source })
}

fn pack_into_file<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> io::Result<File> {
    let encoder = zstd::Encoder::new(tempfile::tempfile()?, LEVEL)?;
    let mut tar = Builder::new(encoder);
    for (path, bytes) in files {
        let mut header = Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        tar.append_data(&mut header, path, bytes)?;
    }
    let mut file = tar.into_inner()?.finish()?;
    file.rewind()?;
    Ok(file)
}

//! How modules see each other's files: the signature that the host makes of a module for a command-line compiler is an archive of the
//! files that it shares. So a header that did not change recompiles nobody.

use std::sync::Arc;

use prefab_model::{ArtifactPaths, ModulePath};
use serde::{Deserialize, Serialize};

/// What an archive begins with.
const HEAD: &[u8] = b"prefab shared files 1\n";

#[derive(Serialize, Deserialize)]
struct Archived<'a> {
    path: &'a str,
    #[serde(borrow)]
    bytes: &'a [u8],
}

/// The files as one archive, in their order.
pub(super) fn pack<'a>(files: impl Iterator<Item = (&'a ModulePath, &'a [u8])>) -> Vec<u8> {
    let files: Vec<_> = files.map(|(path, bytes)| Archived { path: path.as_str(), bytes }).collect();
    postcard::to_extend(&files, HEAD.to_vec()).unwrap_or_default()
}

/// The files of an archive. What is none, as another compiler of the same name may have left it, has no files.
pub(super) fn unpack(archive: &[u8]) -> Option<Vec<(ModulePath, Arc<[u8]>)>> {
    let archived: Vec<Archived<'_>> = postcard::from_bytes(archive.strip_prefix(HEAD)?).ok()?;
    let mut paths = ArtifactPaths::default();
    archived
        .into_iter()
        .map(|Archived { path, bytes }| {
            let path: ModulePath = path.parse().ok()?;
            paths.insert(&path).ok()?;
            Some((path, bytes.into()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn files_come_out_as_they_went_in() {
        let path: ModulePath = "include/a.h".parse().unwrap();
        let archive = pack([(&path, &b"int a;"[..])].into_iter());
        let files = unpack(&archive).unwrap();
        assert_eq!((&files[0].0, &*files[0].1), (&path, &b"int a;"[..]));
        assert!(unpack(&pack(std::iter::empty())).unwrap().is_empty());
    }

    #[test]
    fn what_is_no_archive_has_no_files() {
        let twice: ModulePath = "a".parse().unwrap();
        let twice = pack([(&twice, &b""[..]), (&twice, &b""[..])].into_iter());
        for bytes in [
            &b""[..],
            b"signature",
            &twice,
            &[HEAD, b"\x01\x02../\x00"].concat(),
            &[HEAD, &[0xff; 9]].concat(),
        ] {
            assert!(unpack(bytes).is_none(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = unpack(&[HEAD, &bytes].concat());
        }
    }
}

//! A release in one file: a tar of an OCI image layout, with the same manifest and digests that a registry has of it.
//!
//! Nothing is unpacked to disk. An entry is one of three kinds by its exact name, blobs are checked against the digest that is their
//! name, and everything is capped before it is read, so that a hostile file costs no more than an honest one may.

use std::collections::HashMap;
use std::io::{self, Read, Write};

use oci_client::annotations::ORG_OPENCONTAINERS_IMAGE_REF_NAME;
use oci_client::manifest::{OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE};
use prefab_model::Release;
use serde::Deserialize;
use serde_json::json;

use crate::artifact::{ARTIFACT_TYPE, Artifact, ArtifactError, Described, MAX_OCI_MANIFEST};
use crate::digest::ManifestDigest;
use crate::package::{MAX_FILE, MAX_FILES, MAX_MANIFEST, Package, PackageError};

const LAYOUT: &str = "oci-layout";
const INDEX: &str = "index.json";
const BLOBS: &str = "blobs/sha256/";
/// The largest `oci-layout` or `index.json`, in bytes.
const MAX_SMALL: u64 = 1 << 20;
/// The entries that a packed release may have.
const MAX_ENTRIES: usize = 2_000;
/// The largest packed release, in bytes: files, manifests, and some for the tar itself.
const MAX_PACKED: u64 = MAX_FILES + MAX_MANIFEST + MAX_OCI_MANIFEST + (16 << 20);

/// Why a file is not a packed release.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// It could not be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// An entry that does not belong there.
    #[error("it is not a release that was packed: it has {0}")]
    Entry(String),
    /// Something is missing.
    #[error("it is not a release that was packed, or not all of it: it has no {0}")]
    Missing(String),
    /// The index is not one.
    #[error("its index.json cannot be read: {0}")]
    Index(String),
    /// A blob is not what its name says.
    #[error("its blob {name} is not what it was: its digest is {found}. Get the file again")]
    Digest {
        /// What it is called.
        name: ManifestDigest,
        /// What it is.
        found: ManifestDigest,
    },
    /// What is in it is not a release.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
}

/// A release that was packed, or unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packed {
    /// The digest that a registry has of the same release.
    pub digest: ManifestDigest,
}

/// Writes a release as one file. The same release gives the same bytes, on any machine and at any time.
///
/// # Errors
/// [`LayoutError`] if it is not a release, or cannot be written.
pub fn pack(package: &Package, to: impl Write) -> Result<Packed, LayoutError> {
    let release =
        Release::parse(package.manifest()).map_err(PackageError::from).map_err(ArtifactError::from)?;
    let artifact = Artifact::of(package, &release)?;
    let index = json!({
        "schemaVersion": 2,
        "mediaType": OCI_IMAGE_INDEX_MEDIA_TYPE,
        "manifests": [{
            "mediaType": OCI_IMAGE_MEDIA_TYPE,
            "digest": artifact.digest.to_string(),
            "size": artifact.manifest.len(),
            "artifactType": ARTIFACT_TYPE,
            "annotations": { ORG_OPENCONTAINERS_IMAGE_REF_NAME: artifact.version },
        }],
    });
    let mut tar = tar::Builder::new(to);
    append(&mut tar, LAYOUT, br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    append(&mut tar, INDEX, index.to_string().as_bytes())?;
    append(&mut tar, &blob_name(artifact.digest), &artifact.manifest)?;
    for blob in &artifact.blobs {
        append(&mut tar, &blob_name(blob.digest), blob.bytes)?;
    }
    tar.into_inner()?.flush()?;
    Ok(Packed { digest: artifact.digest })
}

fn blob_name(digest: ManifestDigest) -> String {
    format!("{BLOBS}{}", digest.hex())
}

fn append(tar: &mut tar::Builder<impl Write>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_path(name)?;
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    tar.append(&header, bytes)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    manifests: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    digest: String,
}

/// Reads a release that was packed: by this program, or by any that writes OCI image layouts.
///
/// # Errors
/// [`LayoutError`] if it is not one, or not as it was.
pub fn unpack(from: impl Read) -> Result<(Package, Release, Packed), LayoutError> {
    let Contents { index, mut blobs } = Contents::read(from)?;
    let index: Index =
        serde_json::from_slice(&index).map_err(|error| LayoutError::Index(error.to_string()))?;
    let [entry] = &index.manifests[..] else {
        let releases = index.manifests.len();
        return Err(LayoutError::Index(format!("it has {releases} releases, where one is expected")));
    };
    let digest: ManifestDigest =
        entry.digest.parse().map_err(|error| LayoutError::Index(format!("{error}")))?;
    let missing = |digest| LayoutError::Missing(blob_name(digest));
    let manifest = blobs.get(&digest).ok_or_else(|| missing(digest))?;
    let described = Described::read(manifest)?;
    let (package, release) = described.package(|named| {
        // Two layers may be the same blob.
        let bytes = blobs.get_mut(&named.digest).ok_or_else(|| missing(named.digest))?.clone();
        if bytes.len() as u64 == named.size {
            Ok(bytes)
        } else {
            Err(LayoutError::Entry(format!(
                "a blob {} of {} bytes, and its manifest says {}",
                named.digest,
                bytes.len(),
                named.size
            )))
        }
    })?;
    Ok((package, release, Packed { digest }))
}

/// What the tar has, each blob being what its name says.
struct Contents {
    index: Vec<u8>,
    blobs: HashMap<ManifestDigest, Vec<u8>>,
}

impl Contents {
    fn read(from: impl Read) -> Result<Self, LayoutError> {
        let mut layout = None;
        let mut index = None;
        let mut blobs = HashMap::new();
        let mut tar = tar::Archive::new(from.take(MAX_PACKED));
        // Raw: a name that is continued in another entry would be read whole, whatever its length.
        for (number, entry) in tar.entries()?.raw(true).enumerate() {
            let mut entry = entry?;
            if number == MAX_ENTRIES {
                return Err(LayoutError::Entry(format!("more than {MAX_ENTRIES} entries")));
            }
            let name = entry.path_bytes();
            let name = String::from_utf8(name.into_owned())
                .map_err(|_| LayoutError::Entry("an entry whose name is not text".to_owned()))?;
            let name = name.strip_prefix("./").unwrap_or(&name).to_owned();
            let kind = entry.header().entry_type();
            if kind.is_dir() && matches!(name.trim_end_matches('/'), "" | "." | "blobs" | "blobs/sha256") {
                continue;
            }
            if !kind.is_file() {
                return Err(LayoutError::Entry(format!("an entry {name:?} that is not a file")));
            }
            let twice = || LayoutError::Entry(format!("two entries {name:?}"));
            if name == LAYOUT {
                if layout.replace(read(&mut entry, &name, MAX_SMALL)?).is_some() {
                    return Err(twice());
                }
            } else if name == INDEX {
                if index.replace(read(&mut entry, &name, MAX_SMALL)?).is_some() {
                    return Err(twice());
                }
            } else if let Some(digest) = name.strip_prefix(BLOBS).and_then(ManifestDigest::from_hex) {
                let bytes = read(&mut entry, &name, MAX_FILE)?;
                let found = ManifestDigest::of(&bytes);
                if found != digest {
                    return Err(LayoutError::Digest { name: digest, found });
                }
                if blobs.insert(digest, bytes).is_some() {
                    return Err(twice());
                }
            } else {
                return Err(LayoutError::Entry(format!("an entry {name:?}")));
            }
        }
        layout.ok_or_else(|| LayoutError::Missing(LAYOUT.to_owned()))?;
        let index = index.ok_or_else(|| LayoutError::Missing(INDEX.to_owned()))?;
        Ok(Self { index, blobs })
    }
}

fn read(entry: &mut tar::Entry<'_, impl Read>, name: &str, most: u64) -> Result<Vec<u8>, LayoutError> {
    let size = entry.header().entry_size()?;
    if size > most {
        return Err(LayoutError::Entry(format!("an entry {name:?} of {size} bytes, and {most} is the most")));
    }
    // Grown as it is read: the size is only what the file says.
    let mut bytes = Vec::new();
    entry.take(most).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == size { Ok(bytes) } else { Err(LayoutError::Missing(format!("end of {name:?}"))) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::package::tests::package;

    fn packed(package: &Package) -> Vec<u8> {
        let mut bytes = Vec::new();
        pack(package, &mut bytes).unwrap();
        bytes
    }

    fn sample() -> Package {
        package(&[("a.wasm", b"\0asm"), ("lib/b.wasm", b"\0asm2")], Some("untrusted comment: x\n"))
    }

    /// The entries of a packed release, to be changed and packed again.
    fn entries(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut tar = tar::Archive::new(bytes);
        let entries = tar.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (String::from_utf8(entry.path_bytes().into_owned()).unwrap(), bytes)
        });
        entries.collect()
    }

    fn told(entries: &[(String, Vec<u8>)]) -> String {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, bytes) in entries {
            let mut header = tar::Header::new_ustar();
            // `set_path` would not write some of these.
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            header.set_entry_type(tar::EntryType::Regular);
            header.set_cksum();
            tar.append(&header, &bytes[..]).unwrap();
        }
        unpack(&tar.into_inner().unwrap()[..]).unwrap_err().to_string()
    }

    #[test]
    fn a_file_with_anything_else_in_it_is_refused() {
        let good = entries(&packed(&sample()));
        for name in [
            "../../etc/passwd",
            "/etc/passwd",
            "blobs/sha256/../../x",
            "blobs/sha256/xx",
            "release.toml",
            "a\nb",
        ] {
            let mut bad = good.clone();
            bad.push((name.to_owned(), b"x".to_vec()));
            assert!(told(&bad).contains("it has an entry"), "{name}");
        }
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad.push(good[at].clone());
            assert!(told(&bad).contains("two entries"), "{at}");
            let mut bad = good.clone();
            bad.remove(at);
            assert!(told(&bad).contains("it has no "), "{at}: {}", told(&bad));
        }
        for at in 2..good.len() {
            let mut bad = good.clone();
            bad[at].1[0] ^= 1;
            assert!(told(&bad).contains("is not what it was"), "{at}");
        }
    }

    #[test]
    fn what_is_not_a_file_is_refused_and_sizes_are_not_believed() {
        for (kind, name) in [
            (tar::EntryType::Symlink, "oci-layout"),
            (tar::EntryType::Link, "index.json"),
            (tar::EntryType::GNULongName, "oci-layout"),
            (tar::EntryType::GNUSparse, "oci-layout"),
            (tar::EntryType::XHeader, "oci-layout"),
            (tar::EntryType::Char, "oci-layout"),
            (tar::EntryType::Directory, "etc"),
        ] {
            let mut tar = tar::Builder::new(Vec::new());
            let mut header = tar::Header::new_ustar();
            header.set_path(name).unwrap();
            header.set_size(0);
            header.set_entry_type(kind);
            header.set_cksum();
            tar.append(&header, io::empty()).unwrap();
            let told = unpack(&tar.into_inner().unwrap()[..]).unwrap_err().to_string();
            assert!(told.contains("that is not a file"), "{kind:?}: {told}");
        }
        for (size, expected) in [(1_u64 << 40, "is the most"), (200 << 20, "it has no end of")] {
            let mut header = tar::Header::new_ustar();
            header.set_path(blob_name(ManifestDigest::of(b""))).unwrap();
            header.set_size(size);
            header.set_entry_type(tar::EntryType::Regular);
            header.set_cksum();
            let mut bytes = header.as_bytes().to_vec();
            bytes.extend([0; 512]);
            let told = unpack(&bytes[..]).unwrap_err().to_string();
            assert!(told.contains(expected), "{told}");
        }
    }

    fn any_package() -> impl Strategy<Value = Package> {
        let file = ("[a-z]{1,8}(/[a-z]{1,8})?", prop::collection::vec(any::<u8>(), 1..2000));
        (prop::collection::btree_map(file.0, file.1, 1..6), prop::option::of("[ -~]{1,200}")).prop_filter_map(
            "a file may not be the folder of another",
            |(files, signature)| {
                let names: Vec<&String> = files.keys().collect();
                let nested = |a: &String| names.iter().any(|b| b.starts_with(&format!("{a}/")));
                if names.iter().any(|name| nested(name)) {
                    return None;
                }
                let files: Vec<(&str, &[u8])> =
                    files.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
                Some(package(&files, signature.as_deref()))
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked_and_packs_to_the_same_bytes(package in any_package()) {
            let bytes = packed(&package);
            let (again, _, unpacked) = unpack(&bytes[..]).unwrap();
            prop_assert_eq!(&again, &package);
            prop_assert_eq!(packed(&again), bytes);
            prop_assert_eq!(pack(&again, io::sink()).unwrap(), unpacked);
        }

        #[test]
        fn a_changed_byte_is_noticed_or_does_not_matter(at in any::<prop::sample::Index>(), with in 1_u8..) {
            let package = sample();
            let mut bytes = packed(&package);
            let at = at.index(bytes.len());
            bytes[at] ^= with;
            if let Ok((again, ..)) = unpack(&bytes[..]) {
                prop_assert_eq!(again, package);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert!(unpack(&bytes[..]).is_err());
        }
    }
}

//! Bundles: what a store reads as one, be it whole, damaged or made by hand.

use std::fs;
use std::sync::LazyLock;

use prefab_model::{Artifact, BundleDigest, Bytes};
use prefab_store::{BundleLimits, Store};
use tempfile::TempDir;

const LIMITS: BundleLimits = BundleLimits { bytes: Bytes(1 << 20), artifacts: 64 };

/// What a tar archive counts in.
const BLOCK: usize = 512;

/// The first byte says whether the rest is a bundle as it is stored, the archive in it, or that with its checksums to be set right.
pub(crate) fn take(input: &[u8]) {
    let Some((kind, rest)) = input.split_first() else { return };
    match kind {
        b's' => read(rest),
        b'c' => read(&compressed(&with_checksums(rest))),
        _ => read(&compressed(rest)),
    }
}

fn read(stored: &[u8]) {
    static SCENE: LazyLock<(TempDir, Store)> = LazyLock::new(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(&folder.path().join("state")).expect("a store");
        (folder, store)
    });
    let (folder, store) = &*SCENE;
    let blobs = store.blobs();
    blobs.put_component(stored.to_vec()).expect("a blob can be written");
    let digest = BundleDigest::of(stored);
    let listed = blobs.list_bundle(&digest, LIMITS);
    let bundle = blobs.read_bundle(&digest, LIMITS);
    let sources = blobs.read_sources(&digest, LIMITS);
    let into = tempfile::tempdir_in(folder).expect("a temporary folder");
    let extracted = blobs.extract(&[digest], &into.path().join("out"), LIMITS);
    let beside = fs::read_dir(into.path()).expect("a folder can be listed").count();
    assert!(beside <= 1, "something was put beside the folder");
    fs::remove_file(blob(folder, &digest)).expect("a blob can be removed");

    if let Ok(bundle) = bundle {
        assert!(bundle.artifacts.len() as u64 <= LIMITS.artifacts);
        assert!(
            bundle.artifacts.iter().map(|artifact| artifact.bytes.len() as u64).sum::<u64>()
                <= LIMITS.bytes.0
        );
        assert_eq!(listed.expect("what can be read can be listed").len(), bundle.artifacts.len());
        assert!(sources.is_ok() && extracted.is_ok());
        // What was read makes a bundle that reads as the same.
        let digest = blobs.put_bundle(&bundle.artifacts).expect("a bundle can be written").0;
        assert_eq!(blobs.read_bundle(&digest, LIMITS).expect("a bundle of ours"), bundle);
        fs::remove_file(blob(folder, &digest)).expect("a blob can be removed");
    } else {
        assert!(extracted.is_err());
    }
}

fn blob(folder: &TempDir, digest: &BundleDigest) -> std::path::PathBuf {
    let hex = digest.hex();
    folder.path().join("state/blobs").join(&hex[..2]).join(hex)
}

fn compressed(archive: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(archive, 1).expect("zstd takes any bytes")
}

/// Every block that looks like a header gets the checksum that fits, so that what is in it is read.
pub(super) fn with_checksums(archive: &[u8]) -> Vec<u8> {
    let mut archive = archive.to_vec();
    for block in archive.chunks_exact_mut(BLOCK) {
        if block[257..262] == *b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
    archive
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let artifact = |path: &str, bytes: &[u8]| Artifact {
        path: path.parse().expect("a path"),
        media_type: "text/plain".to_owned(),
        bytes: bytes.to_vec(),
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(folder.path()).expect("a store");
    let long = format!("{}/b.js", "a".repeat(200));
    let bundles = [
        vec![],
        vec![artifact("a.js", b"let a")],
        vec![
            artifact("a.js", b"let a"),
            artifact("a.js.map", b"{}"),
            artifact(&long, &[b'x'; 2000]),
            artifact("z/e", b""),
        ],
    ];
    let mut seeds = Vec::new();
    for artifacts in bundles {
        let digest = store.blobs().put_bundle(&artifacts).expect("a bundle can be written").0;
        let hex = digest.hex();
        let stored = fs::read(folder.path().join("blobs").join(&hex[..2]).join(hex)).expect("a blob");
        let archive = zstd::stream::decode_all(&stored[..]).expect("a bundle of ours");
        for (kind, bytes) in [(b's', &stored), (b't', &archive), (b'c', &archive), (b'c', &archive)] {
            seeds.push([&[kind], &bytes[..]].concat());
        }
    }
    seeds
}

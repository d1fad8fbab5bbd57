//! Blobs: what comes out is what went in, or an error that names it.

use std::fs;
use std::path::{Path, PathBuf};

use prefab_model::*;
use prefab_store::*;
use proptest::prelude::*;
use tempfile::TempDir;

const LIMITS: BundleLimits = BundleLimits { bytes: Bytes(1 << 20), artifacts: 100 };

fn open() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    (folder, store)
}

fn artifact(path: &str, bytes: &[u8]) -> Artifact {
    Artifact { path: path.parse().unwrap(), media_type: "text/plain".into(), bytes: bytes.into() }
}

/// The only file among the blobs.
fn blob(folder: &TempDir) -> PathBuf {
    let only =
        |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).next().unwrap();
    only(&only(&folder.path().join("blobs")))
}

#[test]
fn a_bundle_is_listed_read_and_extracted() {
    let (folder, store) = open();
    let long = "folder/".repeat(40) + "file.js";
    let artifacts = [artifact("z.js", b"z"), artifact(&long, b""), artifact("a/b.css", &[0; 3000])];
    let (digest, size) = store.blobs().put_bundle(&artifacts).unwrap();
    assert_eq!(fs::metadata(blob(&folder)).unwrap().len(), size);
    assert!(store.blobs().has_bundle(&digest).unwrap());
    let mut sorted = artifacts.to_vec();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(store.blobs().read_bundle(&digest, LIMITS).unwrap().artifacts, sorted);
    let infos = store.blobs().list_bundle(&digest, LIMITS).unwrap();
    assert_eq!((infos[0].path.as_str(), infos[0].size), ("a/b.css", 3000));
    let into = folder.path().join("out");
    assert_eq!(store.blobs().extract(&[digest], &into, LIMITS).unwrap(), infos);
    for artifact in &artifacts {
        assert_eq!(fs::read(into.join(artifact.path.as_str())).unwrap(), artifact.bytes);
    }
    let again = store.blobs().extract(&[digest], &into, LIMITS);
    assert!(matches!(again, Err(StoreError::FolderNotEmpty { .. })));
}

#[test]
fn an_empty_bundle_is_a_bundle() {
    let (folder, store) = open();
    let (digest, _) = store.blobs().put_bundle(&[]).unwrap();
    assert_eq!(store.blobs().read_bundle(&digest, LIMITS).unwrap().artifacts, []);
    assert_eq!(store.blobs().extract(&[digest], &folder.path().join("out"), LIMITS).unwrap(), []);
}

#[test]
fn bundles_with_a_path_in_common_do_not_go_into_one_folder() {
    let (folder, store) = open();
    let digests =
        ["a/x.js", "a/X.js"].map(|path| store.blobs().put_bundle(&[artifact(path, b"")]).unwrap().0);
    let error = store.blobs().extract(&digests, &folder.path().join("out"), LIMITS).unwrap_err();
    assert!(matches!(error, StoreError::RefusedBundle { .. }), "{error}");
}

#[test]
fn the_order_and_the_thread_make_no_difference_to_the_digest() {
    let (_folder, store) = open();
    let artifacts = [artifact("a", &[1; 9999]), artifact("b", b"2")];
    let mut turned = artifacts.clone();
    turned.reverse();
    let (digest, _) = store.blobs().put_bundle(&artifacts).unwrap();
    let other = std::thread::scope(|scope| scope.spawn(|| store.blobs().put_bundle(&turned)).join());
    assert_eq!(other.unwrap().unwrap().0, digest);
}

#[test]
fn a_bundle_of_more_than_is_allowed_is_refused() {
    let (_folder, store) = open();
    let (digest, _) = store.blobs().put_bundle(&[artifact("a", &[0; 100]), artifact("b", b"")]).unwrap();
    for limits in [BundleLimits { bytes: Bytes(99), ..LIMITS }, BundleLimits { artifacts: 1, ..LIMITS }] {
        let error = store.blobs().read_bundle(&digest, limits).unwrap_err();
        assert!(matches!(error, StoreError::RefusedBundle { .. }), "{error}");
    }
}

#[test]
fn a_flipped_bit_anywhere_is_found_and_named_and_storing_again_puts_it_right() {
    let (folder, store) = open();
    let artifacts = [artifact("a.js", b"export const a = 1;")];
    let (digest, size) = store.blobs().put_bundle(&artifacts).unwrap();
    let file = blob(&folder);
    for at in 0..usize::try_from(size).unwrap() {
        let mut bytes = fs::read(&file).unwrap();
        bytes[at] ^= 4;
        fs::write(&file, &bytes).unwrap();
        let error = store.blobs().read_bundle(&digest, LIMITS).unwrap_err();
        assert!(matches!(error, StoreError::CorruptBlob { .. }), "{error}");
        assert!(error.to_string().contains(&digest.to_string()), "{error}");
        assert_eq!(store.blobs().put_bundle(&artifacts).unwrap().0, digest);
    }
    assert_eq!(store.blobs().read_bundle(&digest, LIMITS).unwrap().artifacts, artifacts);
}

#[test]
fn a_missing_blob_is_named_with_what_to_do() {
    let (folder, store) = open();
    let digest = store.blobs().put_component(b"\0asm".to_vec()).unwrap();
    assert_eq!(store.blobs().component(&digest).unwrap(), b"\0asm");
    fs::write(blob(&folder), b"\0asn").unwrap();
    assert!(matches!(store.blobs().component(&digest), Err(StoreError::CorruptBlob { .. })));
    fs::remove_file(blob(&folder)).unwrap();
    let error = store.blobs().component(&digest).unwrap_err().to_string();
    assert!(error.contains(&digest.to_string()) && error.contains("install the release again"), "{error}");
    assert!(!store.blobs().has_bundle(&BundleDigest::of(b"")).unwrap());
}

#[test]
fn many_threads_may_store_and_flush_at_a_time() {
    let (_folder, store) = open();
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let blobs = store.blobs();
            scope.spawn(move || {
                for number in 0..20_u8 {
                    // The same one from all threads, and one of each.
                    let shared = [artifact("shared", &[number])];
                    let own = [artifact("own", &[thread, number])];
                    let (shared, _) = blobs.put_bundle(&shared).unwrap();
                    let (own, _) = blobs.put_bundle(&own).unwrap();
                    blobs.sync().unwrap();
                    blobs.read_bundle(&shared, LIMITS).unwrap();
                    assert_eq!(blobs.read_bundle(&own, LIMITS).unwrap().artifacts[0].bytes, [thread, number]);
                }
            });
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_artifacts_come_back_as_they_went_in(
        files in prop::collection::btree_map("[a-z]{1,3}/[a-zé]{1,150}\\.js", prop::collection::vec(any::<u8>(), 0..2000), 0..10),
    ) {
        let (_folder, store) = open();
        let artifacts: Vec<Artifact> = files.iter().map(|(path, bytes)| artifact(path, bytes)).collect();
        let mut paths = ArtifactPaths::default();
        prop_assume!(artifacts.iter().all(|artifact| paths.insert(&artifact.path).is_ok()));
        let (digest, _) = store.blobs().put_bundle(&artifacts).unwrap();
        let read = store.blobs().read_bundle(&digest, LIMITS).unwrap();
        prop_assert_eq!(read.artifacts, artifacts);
    }
}

#[test]
fn sources_may_have_paths_that_differ_only_in_case() {
    let (_folder, store) = open();
    let files = [artifact("A.ts", b"1"), artifact("a.ts", b"2")];
    let digest = store.blobs().put_sources(&files).unwrap();
    assert_eq!(store.blobs().read_sources(&digest, LIMITS).unwrap(), files);
    assert!(matches!(store.blobs().read_bundle(&digest, LIMITS), Err(StoreError::RefusedBundle { .. })));
    let lost = store.blobs().read_sources(&BundleDigest::of(b"lost"), LIMITS).unwrap_err();
    assert!(lost.to_string().contains("the archive of sources blake3:"), "{lost}");
}

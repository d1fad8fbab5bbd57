//! Bundles that somebody made by hand: none of them panics, takes more than its cap, or leaves its folder.

use proptest::prelude::*;
use tar::{EntryType, Header};

use super::*;

const LIMITS: BundleLimits = BundleLimits { bytes: Bytes(1 << 16), artifacts: 8 };

/// An archive of raw entries: name as it is, type, link target, bytes.
fn archive(entries: &[(&[u8], EntryType, &str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, kind, link, bytes) in entries {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o4755);
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn compressed(archive: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(archive, 1).unwrap()
}

fn index(entries: &[(&str, u64)]) -> Vec<u8> {
    let entries: Vec<_> = entries
        .iter()
        .map(|(path, size)| serde_json::json!({ "path": path, "media_type": "text/plain", "size": size }))
        .collect();
    serde_json::to_vec(&entries).unwrap()
}

#[track_caller]
fn assert_refused(stored: &[u8], told: &str) {
    match unpack(stored, LIMITS) {
        Err(Stop::Refused(reason)) => assert!(reason.contains(told), "{told}: {reason}"),
        other => panic!("{told}: {other:?}"),
    }
}

#[test]
fn a_path_that_leaves_the_folder_is_refused_in_the_index() {
    for path in ["../a", "/etc/passwd", "a/../../b", "a\\..\\b", "C:\\a", "a\0", "", ".", "CON"] {
        let bundle = archive(&[
            (INDEX.as_bytes(), EntryType::Regular, "", &index(&[(path, 1)])),
            (b"a", EntryType::Regular, "", b"x"),
        ]);
        assert_refused(&compressed(&bundle), "path");
    }
}

#[test]
fn a_name_that_differs_from_the_index_is_refused() {
    for name in [&b"../a"[..], b"/a", b"b", b"a/", b""] {
        let bundle = archive(&[
            (INDEX.as_bytes(), EntryType::Regular, "", &index(&[("a", 1)])),
            (name, EntryType::Regular, "", b"x"),
        ]);
        assert_refused(&compressed(&bundle), "not as the index says");
    }
}

#[test]
fn links_devices_and_other_special_entries_are_refused() {
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Char,
        EntryType::Block,
        EntryType::Fifo,
        EntryType::Directory,
        EntryType::Continuous,
        EntryType::GNUSparse,
        EntryType::GNULongLink,
        EntryType::XHeader,
        EntryType::XGlobalHeader,
    ] {
        let bundle = archive(&[
            (INDEX.as_bytes(), EntryType::Regular, "", &index(&[("a", 0)])),
            (b"a", kind, "/etc/passwd", b""),
        ]);
        assert_refused(&compressed(&bundle), "not a plain file");
    }
}

#[test]
fn paths_that_meet_are_refused() {
    for (first, second) in [("a", "a"), ("a", "A"), ("a", "a/b"), ("a/b", "a")] {
        let bundle = archive(&[
            (INDEX.as_bytes(), EntryType::Regular, "", &index(&[(first, 1), (second, 1)])),
            (first.as_bytes(), EntryType::Regular, "", b"x"),
            (second.as_bytes(), EntryType::Regular, "", b"y"),
        ]);
        assert_refused(&compressed(&bundle), "meets another");
    }
}

#[test]
fn a_bundle_with_more_than_its_index_says_or_less_is_refused() {
    let listed: (&[u8], _, _, &[u8]) = (INDEX.as_bytes(), EntryType::Regular, "", &index(&[("a", 1)]));
    let a: (&[u8], _, _, &[u8]) = (b"a", EntryType::Regular, "", b"x");
    assert!(unpack(&compressed(&archive(&[listed, a])), LIMITS).is_ok());
    assert_refused(&compressed(&archive(&[listed, a, a])), "more than the index");
    assert_refused(&compressed(&archive(&[listed])), "cut off");
    assert_refused(&compressed(&archive(&[a])), "no index");
    assert_refused(&compressed(&archive(&[])), "cut off");
    let long = index(&[("a", 2)]);
    assert_refused(
        &compressed(&archive(&[(INDEX.as_bytes(), EntryType::Regular, "", &long), a])),
        "index says",
    );
}

#[test]
fn a_bomb_is_refused_before_it_is_unpacked() {
    let huge = index(&[("a", u64::MAX), ("b", u64::MAX)]);
    let entry: (&[u8], _, _, &[u8]) = (INDEX.as_bytes(), EntryType::Regular, "", &huge);
    assert_refused(&compressed(&archive(&[entry])), "more than the");
    let many: Vec<(String, u64)> = (0..9).map(|number| (format!("f{number}"), 0)).collect();
    let many: Vec<(&str, u64)> = many.iter().map(|(path, size)| (path.as_str(), *size)).collect();
    assert_refused(
        &compressed(&archive(&[(INDEX.as_bytes(), EntryType::Regular, "", &index(&many))])),
        "9 artifacts",
    );
    // A gigabyte of zeros, where the archive's index or a long name should be: neither is read to its end.
    let zeros = vec![b' '; 64 << 20];
    for kind in [EntryType::Regular, EntryType::GNULongName, EntryType::XHeader] {
        let bomb = archive(&[(INDEX.as_bytes(), kind, "", &zeros)]);
        assert!(unpack(&compressed(&bomb), LIMITS).is_err());
        let listed: (&[u8], _, _, &[u8]) = (INDEX.as_bytes(), EntryType::Regular, "", &index(&[("a", 1)]));
        let bomb = archive(&[listed, (b"a", kind, "", &zeros)]);
        assert!(unpack(&compressed(&bomb), LIMITS).is_err());
    }
}

#[test]
fn a_window_that_takes_much_memory_is_refused() {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.include_contentsize(false).unwrap();
    let listed: (&[u8], _, _, &[u8]) = (INDEX.as_bytes(), EntryType::Regular, "", &index(&[]));
    io::Write::write_all(&mut encoder, &archive(&[listed])).unwrap();
    io::Write::flush(&mut encoder).unwrap();
    io::Write::write_all(&mut encoder, &vec![0; 1 << 20]).unwrap();
    assert!(unpack(&encoder.finish().unwrap(), LIMITS).is_err());
}

#[test]
fn every_truncation_is_found() {
    let artifact = |path: &str, bytes: &[u8]| Artifact {
        path: path.parse().unwrap(),
        media_type: "text/plain".into(),
        bytes: bytes.into(),
    };
    let stored = pack(&[artifact("a", b"x"), artifact(&"b".repeat(200), b"y")]).unwrap();
    for end in 0..stored.len() {
        let cut = unpack(&stored[..end], LIMITS);
        // Without the frame's last bytes, all artifacts may be there by then.
        assert!(cut.is_err() || cut.is_ok_and(|bundle| bundle.artifacts.len() == 2), "{end}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let _ = unpack(&bytes, LIMITS);
        let _ = unpack(&compressed(&bytes), LIMITS);
        let _ = list(&compressed(&bytes), LIMITS);
    }

    #[test]
    fn a_changed_archive_never_makes_it_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bundle = archive(&[
            (INDEX.as_bytes(), EntryType::Regular, "", &index(&[("a", 1), ("b", 2)])),
            (b"a", EntryType::Regular, "", b"x"),
            (b"b", EntryType::Regular, "", b"yz"),
        ]);
        for (at, byte) in changes {
            let at = at.index(bundle.len());
            bundle[at] = byte;
        }
        if let Ok(bundle) = unpack(&compressed(&bundle), LIMITS) {
            prop_assert!(bundle.artifacts.iter().map(|artifact| artifact.bytes.len()).sum::<usize>() <= 1 << 16);
        }
    }
}

//! Releases on their way: packed files, the OCI manifests in them and in registries, and signatures.

use std::io::Write as _;

use fastrand::Rng;
use prefab_model::{ModulePath, PublicKey, Release};
use prefab_ship::{Claims, ManifestDigest, Package, PackageError, Signature, pack, unpack};

use super::bundles::with_checksums;
use crate::mutate;

const TOML: &str = "version = \"1.0.0\"\nupgrades-from = \"*\"\n[[compiler]]\nname = \"c\"\ncomponent = \"c.wasm\"\n\
    digest = \"blake3:ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f\"\nfiles = [\"**\"]\n";
/// What has that digest.
const COMPONENT: &[u8] = b"hello";
/// What minisign made of a text of its own.
const KEY: &str = "RWQq2EYyVm8/Or2wendh9eb6ziBgaxv49QiDwMKLDrP1cQ6DZGwZ+oHI";
const SIGNED: &str = "hi there\n";
const SIGNATURE: &str = "untrusted comment: signature from minisign secret key\n\
    RUQq2EYyVm8/Ot8RydZNo9kTPN/J+MivRXNS7TTCzpEWifgLYgqmTac5/B329xqJ4e1NvoxP2QTqGCaXKYmC3aSZLPMdFtNRHAM=\n\
    trusted comment: timestamp:1795684281\tfile:t.txt\thashed\n\
    q7iSeaOnkBqP2p/cc3OaPRVQRH3G9v52wQu6DuVJzO2/QQF3Ogu1kxhaSfrujv4CC3S7e14xtkoSBn4Yjp6BBQ==\n";

/// The first byte says whether the rest is a packed file, an OCI manifest, or a signature.
pub(crate) fn take(input: &[u8]) {
    let Some((kind, rest)) = input.split_first() else { return };
    match kind {
        b'm' => read(&around(rest)),
        b's' => check(&String::from_utf8_lossy(rest)),
        _ => read(&with_checksums(rest)),
    }
}

/// What can be read is a release whose files are what it says, and packs to what reads as the same.
fn read(packed: &[u8]) {
    let Ok((package, release, _)) = unpack(packed) else { return };
    for entry in &release.compilers {
        let bytes = package.file(&entry.component).expect("a compiler that the manifest names");
        assert_eq!(prefab_model::CompilerDigest::of(bytes), entry.digest);
    }
    let mut again = Vec::new();
    pack(&package, &mut again).expect("what was read can be packed");
    assert_eq!(unpack(&again[..]).expect("a file of ours").0, package);
}

/// One that holds claims what was claimed when it was made.
fn check(signature: &str) {
    let release = Release::parse(TOML).expect("a release");
    let key: PublicKey = KEY.parse().expect("a key");
    let Ok(signature) = Signature::parse(signature) else { return };
    if let Ok(claims) = signature.check(&key, SIGNED, &release) {
        assert_eq!(claims, Claims { signed: Some(1_795_684_281), ..Claims::default() });
    }
}

/// A packed file with this OCI manifest, and the blobs that a good one has.
fn around(manifest: &[u8]) -> Vec<u8> {
    let digest = ManifestDigest::of(manifest);
    let index = format!("{{\"manifests\": [{{\"digest\": \"{digest}\"}}]}}");
    let mut tar = tar::Builder::new(Vec::new());
    let mut put = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes).expect("a tar in memory");
    };
    put("oci-layout", b"{}");
    put("index.json", index.as_bytes());
    for blob in [manifest, TOML.as_bytes(), COMPONENT, SIGNATURE.as_bytes()] {
        put(&format!("blobs/sha256/{}", ManifestDigest::of(blob).hex()), blob);
    }
    tar.into_inner().expect("a tar in memory")
}

fn good(signature: Option<&str>) -> Vec<u8> {
    let find = |_: &ModulePath| -> Result<_, PackageError> { Ok(COMPONENT.to_vec()) };
    let (package, _) =
        Package::gather(TOML.to_owned(), signature.map(str::to_owned), find).expect("a release");
    let mut packed = Vec::new();
    pack(&package, &mut packed).expect("a release can be packed");
    packed
}

/// The OCI manifest of a packed file: the one entry that is JSON and has layers.
fn manifest(packed: &[u8]) -> Vec<u8> {
    let mut tar = tar::Archive::new(packed);
    for entry in tar.entries().expect("a file of ours") {
        let mut bytes = Vec::new();
        std::io::copy(&mut entry.expect("a file of ours"), bytes.by_ref()).expect("a file of ours");
        if bytes.starts_with(b"{") && bytes.windows(8).any(|part| part == b"\"layers\"") {
            return bytes;
        }
    }
    panic!("a packed file has a manifest")
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let (signed, unsigned) = (good(Some(SIGNATURE)), good(None));
    let kinds = [
        (b'p', signed.clone()),
        (b'p', unsigned.clone()),
        (b'm', manifest(&signed)),
        (b'm', manifest(&unsigned)),
        (b's', SIGNATURE.as_bytes().to_vec()),
    ];
    kinds.into_iter().map(|(kind, bytes)| [&[kind], &bytes[..]].concat()).collect()
}

pub(crate) fn mutate(rng: &mut Rng, seeds: &[Vec<u8>], which: usize) -> Vec<u8> {
    if seeds[which].starts_with(b"p") {
        mutate::bytes(rng, seeds, which)
    } else {
        mutate::text(rng, seeds, which)
    }
}

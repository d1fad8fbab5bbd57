//! A release as an OCI artifact: one manifest, `release.toml` as its configuration, a layer for each file and one for the signature.
//!
//! The same release always gives the same bytes, and so the same digest, wherever it is packed or pushed.

use std::collections::{BTreeMap, BTreeSet};

use oci_client::annotations::{ORG_OPENCONTAINERS_IMAGE_TITLE, ORG_OPENCONTAINERS_IMAGE_VERSION};
use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest};
use prefab_model::{ModulePath, Release};

use crate::digest::ManifestDigest;
use crate::package::{MAX_FILE, MAX_FILES, MAX_MANIFEST, MAX_SIGNATURE, Package, PackageError};

/// What kind of artifact a release is.
pub const ARTIFACT_TYPE: &str = "application/vnd.prefab.release.v1";
/// The configuration: the text of `release.toml`.
pub const CONFIG_TYPE: &str = "application/vnd.prefab.release.config.v1+toml";
/// A layer that is a compiler.
pub const COMPONENT_TYPE: &str = "application/wasm";
/// A layer that is a file of another kind.
pub(crate) const FILE_TYPE: &str = "application/octet-stream";
/// The layer with the signature over `release.toml`.
pub const SIGNATURE_TYPE: &str = "application/vnd.prefab.signature.v1+minisig";

const SIGNATURE_TITLE: &str = "release.toml.minisig";
/// The largest OCI manifest, in bytes: what registries take.
pub(crate) const MAX_OCI_MANIFEST: u64 = 4 << 20;
/// The layers that a release may have.
const MAX_LAYERS: usize = 1_000;

/// Why an OCI manifest does not describe a release.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// Not JSON of that kind.
    #[error("its OCI manifest cannot be read: {0}")]
    Json(String),
    /// Something else than a release.
    #[error("it is not a release of prefab but {0:?}: is it the right repository?")]
    Kind(String),
    /// A list of several manifests.
    #[error("it is a list of several manifests: name one of them by its digest")]
    Index,
    /// Too much of something.
    #[error("its OCI manifest says {what}, and {most} is the most")]
    TooMuch {
        /// What, in words.
        what: String,
        /// The most.
        most: u64,
    },
    /// A digest that is not SHA-256.
    #[error("its OCI manifest has a digest {0:?}, where `sha256:` and 64 digits are expected")]
    Digest(String),
    /// A path that leads out of the folder, or that some file system cannot have.
    #[error("its OCI manifest has a layer that cannot be a file: {0}")]
    Title(String),
    /// Two layers want to be the same file.
    #[error("its OCI manifest has two layers for {0}")]
    Twice(String),
    /// Something that a blob has and its manifest does not say, or the other way round.
    #[error("its {0} is not text in UTF-8")]
    NotText(&'static str),
    /// It is not a release.
    #[error(transparent)]
    Package(#[from] PackageError),
}

/// A blob, by digest.
pub(crate) struct Blob<'a> {
    pub(crate) digest: ManifestDigest,
    pub(crate) bytes: &'a [u8],
}

/// A release as OCI sees it.
pub(crate) struct Artifact<'a> {
    pub(crate) manifest: Vec<u8>,
    pub(crate) digest: ManifestDigest,
    /// Configuration and layers, each once, in the order of the manifest.
    pub(crate) blobs: Vec<Blob<'a>>,
    pub(crate) version: String,
}

impl<'a> Artifact<'a> {
    pub(crate) fn of(package: &'a Package, release: &Release) -> Result<Self, ArtifactError> {
        let mut blobs: Vec<Blob<'a>> = Vec::new();
        let mut describe = |bytes: &'a [u8], media_type: &str, title: &str| {
            let digest = ManifestDigest::of(bytes);
            if !blobs.iter().any(|blob| blob.digest == digest) {
                blobs.push(Blob { digest, bytes });
            }
            OciDescriptor {
                media_type: media_type.to_owned(),
                digest: digest.to_string(),
                // Bounded by what a package may have.
                size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
                annotations: Some(BTreeMap::from([(
                    ORG_OPENCONTAINERS_IMAGE_TITLE.to_owned(),
                    title.to_owned(),
                )])),
                ..OciDescriptor::default()
            }
        };
        let config = describe(package.manifest().as_bytes(), CONFIG_TYPE, "release.toml");
        let mut layers = Vec::new();
        for file in package.files() {
            let media_type = if file.path.extension() == Some("wasm") { COMPONENT_TYPE } else { FILE_TYPE };
            layers.push(describe(&file.bytes, media_type, file.path.as_str()));
        }
        if let Some(signature) = package.signature() {
            layers.push(describe(signature.as_bytes(), SIGNATURE_TYPE, SIGNATURE_TITLE));
        }
        let version = release.version.to_string();
        let manifest = OciImageManifest {
            media_type: Some(OCI_IMAGE_MEDIA_TYPE.to_owned()),
            artifact_type: Some(ARTIFACT_TYPE.to_owned()),
            config,
            layers,
            annotations: Some(BTreeMap::from([(
                ORG_OPENCONTAINERS_IMAGE_VERSION.to_owned(),
                version.clone(),
            )])),
            ..OciImageManifest::default()
        };
        let manifest =
            serde_json::to_vec(&manifest).map_err(|error| ArtifactError::Json(error.to_string()))?;
        // What is shipped must be what can be taken in.
        Described::read(&manifest)?;
        Ok(Self { digest: ManifestDigest::of(&manifest), manifest, blobs, version })
    }
}

/// A blob that an OCI manifest names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) digest: ManifestDigest,
    pub(crate) size: u64,
}

/// What an OCI manifest says of a release: checked, and within its caps.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Described {
    config: Named,
    files: BTreeMap<ModulePath, Named>,
    signature: Option<Named>,
}

impl Described {
    pub(crate) fn read(manifest: &[u8]) -> Result<Self, ArtifactError> {
        let size = manifest.len() as u64;
        if size > MAX_OCI_MANIFEST {
            return Err(too_much(format!("{size} bytes"), MAX_OCI_MANIFEST));
        }
        let json: serde_json::Value =
            serde_json::from_slice(manifest).map_err(|error| ArtifactError::Json(error.to_string()))?;
        if json.get("manifests").is_some() {
            return Err(ArtifactError::Index);
        }
        let manifest: OciImageManifest =
            serde_json::from_value(json).map_err(|error| ArtifactError::Json(error.to_string()))?;
        if manifest.schema_version != 2 {
            return Err(ArtifactError::Json(format!("its schema version is {}", manifest.schema_version)));
        }
        let kind = manifest.artifact_type.as_deref().unwrap_or(&manifest.config.media_type);
        if kind != ARTIFACT_TYPE || manifest.config.media_type != CONFIG_TYPE {
            return Err(ArtifactError::Kind(shortened(kind)));
        }
        let layers = manifest.layers.len();
        if layers > MAX_LAYERS {
            return Err(too_much(format!("{layers} layers"), MAX_LAYERS as u64));
        }
        let config = named(&manifest.config, MAX_MANIFEST)?;
        let mut described = Self { config, files: BTreeMap::new(), signature: None };
        let mut folded = BTreeSet::new();
        let mut together = 0_u64;
        for layer in &manifest.layers {
            let title = layer.annotations.iter().flatten();
            let title = title.filter(|(key, _)| *key == ORG_OPENCONTAINERS_IMAGE_TITLE);
            let title = title.map(|(_, title)| title.as_str()).next();
            match (layer.media_type.as_str(), title) {
                (SIGNATURE_TYPE, _) => {
                    let signature = named(layer, MAX_SIGNATURE)?;
                    if described.signature.replace(signature).is_some() {
                        return Err(ArtifactError::Twice(SIGNATURE_TITLE.to_owned()));
                    }
                }
                (COMPONENT_TYPE | FILE_TYPE, Some(title)) => {
                    let path: ModulePath = title.parse().map_err(|error: prefab_model::InvalidPath| {
                        ArtifactError::Title(error.to_string())
                    })?;
                    let layer = named(layer, MAX_FILE)?;
                    together = together.saturating_add(layer.size);
                    if together > MAX_FILES {
                        return Err(too_much(format!("{together} bytes together"), MAX_FILES));
                    }
                    if !folded.insert(path.as_str().to_lowercase()) {
                        return Err(ArtifactError::Twice(path.to_string()));
                    }
                    described.files.insert(path, layer);
                }
                // Whatever else a later version may ship is not fetched.
                _ => {}
            }
        }
        Ok(described)
    }

    /// Puts the release together from its blobs. Only those that the release needs are asked for, each of them of the size that the
    /// manifest says and checked against its digest.
    pub(crate) fn package<E: From<ArtifactError>>(
        &self,
        mut blob: impl FnMut(&Named) -> Result<Vec<u8>, E>,
    ) -> Result<(Package, Release), E> {
        let text = |bytes, what| String::from_utf8(bytes).map_err(|_| ArtifactError::NotText(what));
        let manifest = text(blob(&self.config)?, "release.toml")?;
        let signature = match &self.signature {
            Some(signature) => Some(text(blob(signature)?, "signature")?),
            None => None,
        };
        let mut failed = None;
        let gathered = Package::gather(manifest, signature, |path| {
            let missing = || ArtifactError::from(PackageError::Missing(path.clone()));
            let named = self.files.get(path).ok_or_else(missing)?;
            blob(named).map_err(|error| {
                failed = Some(error);
                missing()
            })
        });
        gathered.map_err(|error| failed.unwrap_or_else(|| error.into()))
    }

    /// All bytes that there are to fetch.
    pub(crate) fn size(&self) -> u64 {
        let all = self.files.values().chain(&self.signature).chain([&self.config]);
        all.map(|named| named.size).sum()
    }
}

fn named(descriptor: &OciDescriptor, most: u64) -> Result<Named, ArtifactError> {
    let digest =
        descriptor.digest.parse().map_err(|_| ArtifactError::Digest(shortened(&descriptor.digest)))?;
    match u64::try_from(descriptor.size) {
        Ok(size) if size <= most => Ok(Named { digest, size }),
        _ => Err(too_much(format!("{} bytes for one blob", descriptor.size), most)),
    }
}

fn too_much(what: String, most: u64) -> ArtifactError {
    ArtifactError::TooMuch { what, most }
}

fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::tests::package;

    fn manifest(change: impl FnOnce(&mut serde_json::Value)) -> Result<Described, ArtifactError> {
        let package = package(&[("a.wasm", b"1"), ("b.wasm", b"2")], Some("signed"));
        let release = Release::parse(package.manifest()).unwrap();
        let artifact = Artifact::of(&package, &release).unwrap();
        let mut json = serde_json::from_slice(&artifact.manifest).unwrap();
        change(&mut json);
        Described::read(&serde_json::to_vec(&json).unwrap())
    }

    #[test]
    fn a_manifest_that_wants_too_much_or_another_place_is_refused() {
        const TITLE: &str = "org.opencontainers.image.title";
        manifest(|_| {}).unwrap();
        let told = |change: fn(&mut serde_json::Value)| manifest(change).unwrap_err().to_string();
        for (change, expected) in [
            (
                (|json| json["layers"][0]["size"] = (1_u64 << 40).into()) as fn(&mut serde_json::Value),
                "bytes for one blob",
            ),
            (|json| json["layers"][0]["size"] = (-1).into(), "bytes for one blob"),
            (|json| json["config"]["size"] = (2 << 20).into(), "bytes for one blob"),
            (|json| json["layers"][2]["size"] = (1 << 20).into(), "bytes for one blob"),
            (|json| json["layers"][0]["annotations"][TITLE] = "../a.wasm".into(), "cannot be a file"),
            (|json| json["layers"][0]["annotations"][TITLE] = "/etc/passwd".into(), "cannot be a file"),
            (|json| json["layers"][0]["annotations"][TITLE] = "B.wasm".into(), "two layers for"),
            (|json| json["layers"][0]["digest"] = "sha512:00".into(), "are expected"),
            (|json| json["layers"][0]["digest"] = "sha256:../../x".into(), "are expected"),
            (
                |json| json["artifactType"] = "application/vnd.cncf.helm.config.v1+json".into(),
                "not a release of prefab",
            ),
            (|json| json["config"]["mediaType"] = "application/json".into(), "not a release of prefab"),
            (|json| json["manifests"] = serde_json::json!([]), "several manifests"),
            (|json| json["schemaVersion"] = 1.into(), "schema version"),
            (
                |json| {
                    let layer = json["layers"][0].clone();
                    json["layers"] = vec![layer; 1_001].into();
                },
                "1001 layers",
            ),
            (
                |json| {
                    let layer = json["layers"][2].clone();
                    json["layers"].as_array_mut().unwrap().push(layer);
                },
                "two layers for",
            ),
            (
                |json| {
                    for number in 0..5 {
                        let mut layer = json["layers"][0].clone();
                        layer["size"] = (256 << 20).into();
                        layer["annotations"][TITLE] = format!("{number}.wasm").into();
                        json["layers"].as_array_mut().unwrap().push(layer);
                    }
                },
                "bytes together",
            ),
        ] {
            let told = told(change);
            assert!(told.contains(expected), "{expected}: {told}");
        }
    }

    #[test]
    fn layers_of_kinds_that_are_not_known_are_left_alone() {
        let described = manifest(|json| {
            let sbom = serde_json::json!({"mediaType": "application/spdx+json", "digest": format!("sha256:{}", "0".repeat(64)), "size": 1});
            json["layers"].as_array_mut().unwrap().push(sbom);
        });
        assert_eq!(described.unwrap(), manifest(|_| {}).unwrap());
    }
}

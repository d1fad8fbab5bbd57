//! How releases travel from a vendor to an operator: in one file, through an OCI registry, and with the signatures by which
//! they are known.
//!
//! A [`Package`] is a release in memory. [`layout`](pack) writes it as one file and reads it back, [`Registry`] sends it and fetches
//! it, [`sign`] and [`Signature`] say who made it. Whether a release is taken in is not decided here but in `prefab-prepare`; here it is
//! only found out whether everything is what its digest says. Whatever comes from outside is capped in number and size before it is read.

mod access;
mod artifact;
mod challenge;
mod digest;
mod layout;
mod package;
mod place;
mod reach;
mod registry;
mod sign;
mod transport;

pub use access::{Credentials, CredentialsError, stored_credentials};
pub use artifact::{ARTIFACT_TYPE, ArtifactError, COMPONENT_TYPE, CONFIG_TYPE, SIGNATURE_TYPE};
pub use digest::{InvalidManifestDigest, ManifestDigest};
pub use layout::{LayoutError, Packed, pack, unpack};
pub use package::{MAX_FILE, MAX_FILES, MAX_MANIFEST, MAX_SIGNATURE, Package, PackageError, PackedFile};
pub use place::{InvalidPlace, Place, SCHEME};
pub use registry::{Access, PlainHttp, Pulled, Registry, RegistryError, Transfer};
pub use sign::{BadSignature, Claims, KeyError, SecretKey, Signature, generate};

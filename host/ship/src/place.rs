//! Where a release lies in a registry: `oci://HOST/REPOSITORY:TAG`, or `@sha256:…` for one that cannot be another tomorrow.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use oci_client::Reference;
use semver::Version;

use crate::digest::ManifestDigest;

/// What tells a place in a registry from a file or a folder.
pub const SCHEME: &str = "oci://";

/// A text that is not a place in a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPlace {
    /// Not of that form.
    #[error(
        "{0:?} is not a place in a registry: expected oci://HOST/REPOSITORY:TAG or oci://HOST/REPOSITORY@sha256:…"
    )]
    Form(String),
    /// Without a host: which one is meant is not guessed.
    #[error("{0:?} does not say which registry: write oci://HOST/REPOSITORY, such as oci://docker.io/{1}")]
    Host(String, String),
    /// A digest of another kind.
    #[error("{0:?} has a digest that is not SHA-256")]
    Digest(String),
}

/// A repository in a registry, with a tag or a digest if one was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    reference: Reference,
    tag: Option<String>,
    digest: Option<ManifestDigest>,
}

impl Place {
    /// The host, with its port, that is talked to.
    pub fn registry(&self) -> &str {
        self.reference.resolve_registry()
    }

    /// The repository there.
    pub fn repository(&self) -> &str {
        self.reference.repository()
    }

    /// The tag, if one was written.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one was written.
    pub fn digest(&self) -> Option<ManifestDigest> {
        self.digest
    }

    /// Whether the registry is on this machine, by its name.
    pub fn is_loopback(&self) -> bool {
        let host = self.registry();
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// The tag to push a release of this version under: what was written, or else the version. A tag has no `+`.
    pub fn tag_for(&self, version: &Version) -> String {
        self.tag.clone().unwrap_or_else(|| version.to_string().replace('+', "_"))
    }

    /// The same place by a digest.
    #[must_use]
    pub fn pinned(&self, digest: ManifestDigest) -> Self {
        Self { digest: Some(digest), ..self.clone() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.reference.registry(), self.reference.repository())?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Place {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let form = || InvalidPlace::Form(text.chars().take(300).collect());
        let written = text.strip_prefix(SCHEME).unwrap_or(text);
        let reference: Reference = written.parse().map_err(|_| form())?;
        let digest = match reference.digest() {
            None => None,
            Some(digest) => {
                Some(digest.parse().map_err(|_| InvalidPlace::Digest(text.chars().take(300).collect()))?)
            }
        };
        // The library puts in a host and a tag where there is none.
        let (name, _) = written.split_once('@').unwrap_or((written, ""));
        let (host, rest) = name.split_once('/').unwrap_or(("", name));
        if !(host.contains(['.', ':']) || host == "localhost") {
            return Err(InvalidPlace::Host(text.to_owned(), name.to_owned()));
        }
        let tag = rest.contains(':').then(|| reference.tag().map(str::to_owned)).flatten();
        Ok(Self { reference, tag, digest })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for text in [
            "oci://localhost:5000/acme/platform:11.9.0".to_owned(),
            "oci://registry.example.com/platform".to_owned(),
            format!("oci://docker.io/acme/platform:11.9.0@{digest}"),
            format!("oci://127.0.0.1:5000/platform@{digest}"),
        ] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), text);
        }
        let place: Place = "localhost:5000/platform".parse().unwrap();
        assert_eq!((place.tag(), place.digest()), (None, None));
        assert_eq!(place.tag_for(&"11.9.0-rc.1+b2".parse().unwrap()), "11.9.0-rc.1_b2");
        assert!(place.is_loopback() && !"oci://localhost.evil.com/x".parse::<Place>().unwrap().is_loopback());
    }

    #[test]
    fn what_is_no_place_or_leaves_one_to_guess_is_refused() {
        for text in [
            "",
            "oci://",
            "platform",
            "acme/platform:1",
            "oci://acme/platform",
            "oci://host.example/UPPER",
            "oci://host.example/../x",
            "oci://user:pw@host.example/x",
            "http://host.example/x",
            "oci://host.example/x@sha256:00",
            "oci://host.example/x:a b",
        ] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
        let sha512 = format!("oci://host.example/x@sha512:{}", "0".repeat(128));
        assert!(matches!(sha512.parse::<Place>(), Err(InvalidPlace::Digest(_))));
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(text in "(oci://)?[a-z.:/@0-9]{0,60}") {
            if let Ok(place) = text.parse::<Place>() {
                prop_assert_eq!(place.to_string().parse(), Ok(place));
            }
        }
    }
}

//! Sending a release to an OCI registry, and fetching one.
//!
//! The transport is our own, on `ureq`, and not that of `oci-client`, whose types are used all the same: it reads manifests, tokens and
//! errors whole, however long they are, and follows redirects to anywhere. What comes of a registry is hostile here.

use ureq::Body;
use ureq::http::{Method, Response, StatusCode, header};

use oci_client::manifest::OCI_IMAGE_MEDIA_TYPE;
use prefab_model::Release;

use crate::access::Credentials;
use crate::artifact::{Artifact, ArtifactError, Described, MAX_OCI_MANIFEST, Named};
use crate::digest::ManifestDigest;
use crate::package::{Package, PackageError};
use crate::place::Place;
use crate::transport::{Asked, Sent, Transport};

/// Why a release could not be sent or fetched.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No connection, or one that broke.
    #[error("cannot reach the registry {registry}: is its name right, and does it run?{hint}")]
    Unreached {
        /// The registry.
        registry: String,
        /// What may help besides.
        hint: &'static str,
        /// Why.
        #[source]
        source: Box<ureq::Error>,
    },
    /// It wants to know who asks.
    #[error(
        "the registry {registry} wants to know who asks: give --username, and the password in PREFAB_REGISTRY_PASSWORD or \
         with --password-stdin; or log in with `docker login`"
    )]
    Anonymous {
        /// The registry.
        registry: String,
    },
    /// It does not take who asks.
    #[error(
        "the registry {registry} does not let {username} do this: is the password right, and the repository?"
    )]
    Credentials {
        /// The registry.
        registry: String,
        /// Who asks.
        username: String,
    },
    /// It will not do it.
    #[error("the registry {registry} refuses it with status {status}{said}")]
    Refused {
        /// The registry.
        registry: String,
        /// The status of HTTP.
        status: u16,
        /// What it says.
        said: String,
    },
    /// It does not do what a registry does.
    #[error("the registry {registry} cannot be used: {what}")]
    Broken {
        /// The registry.
        registry: String,
        /// What is wrong.
        what: String,
    },
    /// There is no such release.
    #[error("there is no {0}: has it been pushed, under this tag?")]
    NotThere(Box<Place>),
    /// Neither a tag nor a digest was written.
    #[error("say which one is meant: {0}:TAG or {0}@sha256:…")]
    Which(Box<Place>),
    /// What came is not what was asked for.
    #[error("{place} is not what it was: its digest is {found}, and {expected} was asked for. Do not use it")]
    Digest {
        /// What was asked for.
        place: Box<Place>,
        /// The digest that it has.
        expected: ManifestDigest,
        /// The digest of what came.
        found: ManifestDigest,
    },
    /// Without TLS, to another machine.
    #[error(
        "{0} is not on this machine: without TLS, everybody on the way can read the password and change the release. \
         If that is all right, say --plain-http=anywhere"
    )]
    Plain(Box<Place>),
    /// The certificates that were given are none.
    #[error("the certificates cannot be used: {0}")]
    Roots(String),
    /// What is there is not a release.
    #[error("what is at {place} cannot be used")]
    Artifact {
        /// Where.
        place: Box<Place>,
        /// Why.
        #[source]
        source: ArtifactError,
    },
}

impl From<ArtifactError> for Failed {
    fn from(error: ArtifactError) -> Self {
        Self::Artifact(error)
    }
}

impl From<RegistryError> for Failed {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error)
    }
}

/// Putting a release together fails for either reason.
enum Failed {
    Artifact(ArtifactError),
    Registry(RegistryError),
}

/// Whether to do without TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PlainHttp {
    /// No.
    #[default]
    Never,
    /// For a registry on this machine.
    Loopback,
    /// For any registry.
    Anywhere,
}

/// How to get into a registry.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Who asks.
    pub credentials: Option<Credentials>,
    /// Whether to do without TLS.
    pub plain_http: PlainHttp,
    /// Certificates, in PEM, that are trusted instead of those of the public web.
    pub roots: Option<Vec<u8>>,
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Transfer {
    /// Bytes that are through, or were there.
    pub done: u64,
    /// All bytes.
    pub total: u64,
}

/// What was fetched.
#[derive(Debug)]
pub struct Pulled {
    /// The release.
    pub package: Package,
    /// What its manifest says.
    pub release: Release,
    /// Its digest in the registry.
    pub digest: ManifestDigest,
}

/// What is to be sent or fetched at one place.
pub struct Registry {
    place: Place,
    transport: Transport,
}

/// What is asked of the registry, so that its token allows no more.
#[derive(Clone, Copy)]
enum Right {
    Pull,
    Push,
}

impl Registry {
    /// For fetching.
    pub fn to_pull(place: &Place, access: &Access) -> Result<Self, RegistryError> {
        Self::new(place, access, Right::Pull)
    }

    /// For sending.
    pub fn to_push(place: &Place, access: &Access) -> Result<Self, RegistryError> {
        Self::new(place, access, Right::Push)
    }

    fn new(place: &Place, access: &Access, right: Right) -> Result<Self, RegistryError> {
        let plain = match access.plain_http {
            PlainHttp::Never => false,
            PlainHttp::Loopback if !place.is_loopback() => {
                return Err(RegistryError::Plain(place.clone().into()));
            }
            PlainHttp::Loopback | PlainHttp::Anywhere => true,
        };
        let actions = match right {
            Right::Pull => "pull",
            Right::Push => "pull,push",
        };
        let scope = format!("repository:{}:{actions}", place.repository());
        let (credentials, roots) = (access.credentials.clone(), access.roots.as_deref());
        let hint = match (plain, place.is_loopback()) {
            (true, _) => "",
            (false, true) => {
                " If it does without TLS, --plain-http says so; a certificate of your own is named with --ca-file"
            }
            (false, false) => " A certificate of your own is named with --ca-file",
        };
        let transport = Transport::new(place.registry(), plain, credentials, scope, roots, hint)?;
        Ok(Self { place: place.clone(), transport })
    }

    /// Sends a release, under the tag that was written or else its version. What the registry has already is not sent again, and the manifest
    /// goes last, so that nobody finds half a release.
    pub fn push(
        &self,
        package: &Package,
        progress: &mut dyn FnMut(Transfer),
    ) -> Result<(Place, ManifestDigest), RegistryError> {
        let release = Release::parse(package.manifest())
            .map_err(|error| self.artifact(ArtifactError::from(PackageError::from(error))))?;
        let artifact = Artifact::of(package, &release).map_err(|error| self.artifact(error))?;
        let total = artifact.blobs.iter().map(|blob| blob.bytes.len() as u64).sum();
        let mut done = 0;
        for blob in &artifact.blobs {
            progress(Transfer { done, total });
            if !self.has(blob.digest)? {
                self.upload(blob.digest, blob.bytes, &mut |sent| {
                    progress(Transfer { done: done + sent, total });
                })?;
            }
            done += blob.bytes.len() as u64;
        }
        let tag = self.place.tag_for(&release.version);
        let uri = self.transport.uri(&format!("{}/manifests/{tag}", self.path()))?;
        let body = Sent { bytes: &artifact.manifest, tell: &mut |_| {} };
        let header = Some((header::CONTENT_TYPE, OCI_IMAGE_MEDIA_TYPE));
        let asked = Asked { method: Method::PUT, uri, header, body: Some(body) };
        self.there(self.transport.ask(asked, &[StatusCode::CREATED])?)?;
        progress(Transfer { done: total, total });
        let pushed = format!("{}/{}:{tag}", self.place.registry(), self.place.repository());
        let pushed = pushed.parse().map_err(|error| self.transport.broken(format!("{error}")))?;
        Ok((pushed, artifact.digest))
    }

    /// Fetches a release: first its manifest, which says how much there is of what, then what this release needs. Everything is checked
    /// against its digest.
    pub fn pull(&self, progress: &mut dyn FnMut(Transfer)) -> Result<Pulled, RegistryError> {
        let which = match (self.place.digest(), self.place.tag()) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.to_owned(),
            (None, None) => return Err(RegistryError::Which(self.place.clone().into())),
        };
        let uri = self.transport.uri(&format!("{}/manifests/{which}", self.path()))?;
        let accept = concat!(
            "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json;q=0.5, ",
            "application/vnd.docker.distribution.manifest.v2+json;q=0.1"
        );
        let header = Some((header::ACCEPT, accept));
        let asked = Asked { method: Method::GET, uri, header, body: None };
        let response = self.there(self.transport.ask(asked, &[StatusCode::OK])?)?;
        let manifest = self.transport.body(response, MAX_OCI_MANIFEST, &mut |_| {})?;
        let digest = ManifestDigest::of(&manifest);
        if let Some(expected) = self.place.digest().filter(|expected| *expected != digest) {
            return Err(RegistryError::Digest { place: self.place.clone().into(), expected, found: digest });
        }
        let described = Described::read(&manifest).map_err(|error| self.artifact(error))?;
        let total = described.size();
        let mut done = 0;
        let fetched = described.package(|named| {
            let bytes = self.download(named, &mut |read| progress(Transfer { done: done + read, total }))?;
            done += named.size;
            Ok::<_, Failed>(bytes)
        });
        match fetched {
            Ok((package, release)) => Ok(Pulled { package, release, digest }),
            Err(Failed::Registry(error)) => Err(error),
            Err(Failed::Artifact(error)) => Err(self.artifact(error)),
        }
    }

    fn path(&self) -> String {
        format!("/v2/{}", self.place.repository())
    }

    fn has(&self, digest: ManifestDigest) -> Result<bool, RegistryError> {
        let uri = self.transport.uri(&format!("{}/blobs/{digest}", self.path()))?;
        let asked = Asked { method: Method::HEAD, uri, header: None, body: None };
        Ok(self.transport.ask(asked, &[StatusCode::OK])?.status() == StatusCode::OK)
    }

    fn upload(
        &self,
        digest: ManifestDigest,
        bytes: &[u8],
        tell: &mut dyn FnMut(u64),
    ) -> Result<(), RegistryError> {
        let uri = self.transport.uri(&format!("{}/blobs/uploads/", self.path()))?;
        let nothing = Sent { bytes: b"", tell: &mut |_| {} };
        let asked = Asked { method: Method::POST, uri: uri.clone(), header: None, body: Some(nothing) };
        let begun = self.there(self.transport.ask(asked, &[StatusCode::ACCEPTED])?)?;
        let location = begun.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
        let location = location.ok_or_else(|| {
            self.transport.broken("it does not say where to send what is uploaded".to_owned())
        })?;
        let place = self.transport.named(&uri, location)?.to_string();
        let with = if place.contains('?') { '&' } else { '?' };
        let uri = self.transport.named(&uri, &format!("{place}{with}digest={digest}"))?;
        let header = Some((header::CONTENT_TYPE, "application/octet-stream"));
        let asked = Asked { method: Method::PUT, uri, header, body: Some(Sent { bytes, tell }) };
        self.there(self.transport.ask(asked, &[StatusCode::CREATED])?)?;
        Ok(())
    }

    fn download(&self, named: &Named, tell: &mut dyn FnMut(u64)) -> Result<Vec<u8>, RegistryError> {
        let uri = self.transport.uri(&format!("{}/blobs/{}", self.path(), named.digest))?;
        let asked = Asked { method: Method::GET, uri, header: None, body: None };
        let response = self.there(self.transport.ask(asked, &[StatusCode::OK])?)?;
        let bytes = self.transport.body(response, named.size, tell)?;
        let found = ManifestDigest::of(&bytes);
        if found != named.digest {
            let (place, expected) = (self.place.clone().into(), named.digest);
            return Err(RegistryError::Digest { place, expected, found });
        }
        Ok(bytes)
    }

    /// What is not there is the release that was asked for, or part of it.
    fn there(&self, response: Response<Body>) -> Result<Response<Body>, RegistryError> {
        if response.status() == StatusCode::NOT_FOUND {
            Err(RegistryError::NotThere(self.place.clone().into()))
        } else {
            Ok(response)
        }
    }

    fn artifact(&self, source: ArtifactError) -> RegistryError {
        RegistryError::Artifact { place: self.place.clone().into(), source }
    }
}

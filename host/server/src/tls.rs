//! TLS: the certificate and its key are two files in PEM, and are read again when they change or on SIGHUP; connections that there are
//! go on as they began.
//!
//! TLS 1.2 and 1.3, HTTP/1.1. Who speaks plain HTTP on such a port is told so, and nothing else.

mod validity;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, ServerConfig};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{interval, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a client may take to agree on keys.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// More than any chain of certificates has.
const MOST: u64 = 1 << 20;
/// The first byte of every TLS connection: a record of the handshake.
const HANDSHAKE_RECORD: u8 = 22;
/// What who speaks plain HTTP is answered.
const PLAIN: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\ncontent-length: 45\r\n\r\n\
This port speaks HTTPS: ask with https://...\n";

/// The certificate with its chain, and the key: files in PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The server's certificate, then those that lead to the root.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// Why these files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no certificate where one should be.
    #[error("there is no certificate in {}: it takes PEM, with a part that begins with -----BEGIN CERTIFICATE-----", .0.display())]
    NoCertificate(PathBuf),
    /// There is no key where one should be.
    #[error("there is no private key in {}: it takes PEM, with a part such as -----BEGIN PRIVATE KEY-----, without a passphrase", .0.display())]
    NoKey(PathBuf),
    /// The PEM is damaged.
    #[error("{} is damaged PEM: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The key is another certificate's.
    #[error("the key in {} does not belong to the first certificate in {}: the server's own certificate must come first", files.key.display(), files.certificate.display())]
    Mismatch {
        /// The files.
        files: TlsFiles,
    },
    /// TLS cannot be done with these.
    #[error("the certificate in {} cannot be used with the key in {}", files.certificate.display(), files.key.display())]
    Unusable {
        /// The files.
        files: TlsFiles,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// The process has no cryptography.
    #[error("cannot do TLS")]
    Provider(#[source] rustls::Error),
}

/// Makes ring the cryptography of everything in this process that does TLS. To be called early; again is fine.
pub fn install_cryptography() {
    // It can only be that this was done before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// What connections are taken with.
#[derive(Clone)]
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    current: Arc<Current>,
}

impl Tls {
    /// Reads the files, and says in the log if the certificate is not valid now.
    pub(crate) fn open(files: &TlsFiles) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let stamp = Stamp::of(files);
        let key = read(files, &provider)?;
        let current = Arc::new(Current {
            files: files.clone(),
            provider: Arc::clone(&provider),
            key: RwLock::new((stamp, key)),
        });
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(&current) as _;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(TlsError::Provider)?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: Arc::new(config).into(), current })
    }

    /// Agrees on keys with a client, within a bounded time. None if it did not come to that.
    pub(crate) async fn accept(&self, mut stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        let agreed = timeout(HANDSHAKE, async {
            let mut first = [0];
            if stream.peek(&mut first).await? == 1 && first[0] != HANDSHAKE_RECORD {
                refuse_plain(&mut stream).await?;
                return Ok(None);
            }
            self.acceptor.accept(stream).await.map(Some)
        });
        match agreed.await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "no TLS came about");
                None
            }
            Err(_) => {
                tracing::debug!("no TLS came about in time");
                None
            }
        }
    }

    /// Reads the files again when they change, and on SIGHUP, for ever. What cannot be used is said, and the certificate before it stays.
    pub(crate) async fn follow(self) {
        let mut hang_up = match signal(SignalKind::hangup()) {
            Ok(signal) => signal,
            Err(error) => {
                tracing::error!(%error, "cannot listen for SIGHUP: a new certificate takes a new start");
                return;
            }
        };
        let mut look = interval(LOOK);
        let mut refused = None;
        loop {
            let asked = tokio::select! {
                _ = look.tick() => false,
                signal = hang_up.recv() => signal.is_some(),
            };
            let current = Arc::clone(&self.current);
            // Files are read where that may block.
            let read = tokio::task::spawn_blocking(move || current.read_again(asked)).await;
            match read {
                Ok(Some((_, Ok(())))) => {
                    refused = None;
                    tracing::info!("the certificate was read again");
                }
                Ok(Some((stamp, Err(error)))) if asked || refused != Some(stamp) => {
                    refused = Some(stamp);
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "the certificate that was in use stays in use"
                    );
                }
                Ok(Some((_, Err(_))) | None) => {}
                Err(error) => tracing::error!(%error, "cannot read the certificate again"),
            }
        }
    }
}

/// The certificate in use, with its key.
struct Current {
    files: TlsFiles,
    provider: Arc<CryptoProvider>,
    key: RwLock<(Stamp, Arc<CertifiedKey>)>,
}

impl Current {
    /// Takes what is in the files now, if they have changed or `always`. None if there was nothing to do.
    fn read_again(&self, always: bool) -> Option<(Stamp, Result<(), TlsError>)> {
        // Before the files are read: one that changes meanwhile is read again.
        let stamp = Stamp::of(&self.files);
        if !always && self.key.read().unwrap_or_else(PoisonError::into_inner).0 == stamp {
            return None;
        }
        let taken = read(&self.files, &self.provider).map(|key| {
            *self.key.write().unwrap_or_else(PoisonError::into_inner) = (stamp, key);
        });
        Some((stamp, taken))
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.key.read().unwrap_or_else(PoisonError::into_inner).1))
    }
}

impl std::fmt::Debug for Current {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Current").field("files", &self.files).finish_non_exhaustive()
    }
}

/// By what it is seen that the files have changed.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp([Option<(SystemTime, u64, u64)>; 2]);

impl Stamp {
    fn of(files: &TlsFiles) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self([&files.certificate, &files.key].map(|path| {
            let file = fs::metadata(path).ok()?;
            Some((file.modified().ok()?, file.len(), file.ino()))
        }))
    }
}

fn read(files: &TlsFiles, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TlsError> {
    let damaged = |path: &Path, error: &rustls::pki_types::pem::Error| TlsError::Damaged {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let text = read_file(&files.certificate)?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| damaged(&files.certificate, &error))?;
    let Some(first) = chain.first() else { return Err(TlsError::NoCertificate(files.certificate.clone())) };
    warn_if_not_valid(&files.certificate, first);
    let key = match PrivateKeyDer::from_pem_slice(&read_file(&files.key)?) {
        Ok(key) => key,
        Err(rustls::pki_types::pem::Error::NoItemsFound) => return Err(TlsError::NoKey(files.key.clone())),
        Err(error) => return Err(damaged(&files.key, &error)),
    };
    match CertifiedKey::from_der(chain, key, provider) {
        Ok(key) => Ok(Arc::new(key)),
        Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            Err(TlsError::Mismatch { files: files.clone() })
        }
        Err(source) => Err(TlsError::Unusable { files: files.clone(), source }),
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, TlsError> {
    use io::Read as _;
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(MOST).read_to_end(&mut bytes))
        .map_err(|source| TlsError::Read { path: path.to_owned(), source })?;
    Ok(bytes)
}

fn warn_if_not_valid(path: &Path, certificate: &CertificateDer<'_>) {
    let Some((begins, ends)) = validity::of(certificate) else { return };
    let (path, now) = (path.display(), OffsetDateTime::now_utc());
    if ends < now {
        tracing::warn!(%path, ended = %ends, "the certificate has expired: clients will refuse it");
    } else if begins > now {
        tracing::warn!(%path, %begins, "the certificate is not valid yet: clients will refuse it");
    }
}

/// Says to who speaks plain HTTP what to speak.
async fn refuse_plain(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(PLAIN).await?;
    stream.shutdown().await?;
    // What was sent is read, within the time for the handshake: a connection that is closed on unread bytes is reset, and the answer lost.
    let (mut rest, mut read) = ([0; 4096], 0);
    while read < 1 << 20 {
        match stream.read(&mut rest).await? {
            0 => break,
            more => read += more,
        }
    }
    Ok(())
}

/// Browsers that were here once are to come back by TLS only.
pub(crate) fn strict(router: Router) -> Router {
    router.layer(from_fn(async |request: Request, next: Next| {
        let mut response = next.run(request).await;
        let year = HeaderValue::from_static("max-age=31536000");
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, year);
        response
    }))
}

//! Asking an issuer for its two documents: where its keys are, and the keys.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::Agent;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::keys::PublicKey;

/// How long asking may take, connecting included.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most bytes of a document.
const MOST: u64 = 256 << 10;

/// Why an issuer cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// It is not an address that can be trusted.
    #[error(
        "the issuer {0:?} cannot be used: it must be an https:// address without a query (http:// only for 127.0.0.1, [::1] and localhost)"
    )]
    Issuer(String),
    /// The root certificate cannot be read.
    #[error("cannot read a certificate in {}", path.display())]
    Root {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It did not answer, or not as an issuer does.
    #[error("cannot read {address}")]
    Ask {
        /// What was asked for.
        address: String,
        /// Why.
        #[source]
        source: Box<ureq::Error>,
    },
    /// What it answered is about something else.
    #[error("the document at {address} is not that of this issuer: {reason}")]
    Document {
        /// What was asked for.
        address: String,
        /// What is wrong.
        reason: String,
    },
}

pub(super) struct Fetcher {
    agent: Agent,
    issuer: String,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

impl Fetcher {
    pub(super) fn new(issuer: &str, root: Option<&Path>) -> Result<Self, OidcError> {
        if !is_issuer(issuer) {
            return Err(OidcError::Issuer(issuer.to_owned()));
        }
        let mut config = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            // Whoever is asked answers: nobody else is asked in their place.
            .max_redirects(0)
            .max_redirects_will_error(true);
        if let Some(path) = root {
            let failed = |source| OidcError::Root { path: path.to_owned(), source };
            let text = fs::read(path).map_err(|error| failed(error.into()))?;
            let root = Certificate::from_pem(&text).map_err(|error| failed(error.into()))?;
            config = config
                .tls_config(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&[root])).build());
        }
        Ok(Self { agent: config.build().into(), issuer: issuer.to_owned() })
    }

    /// The keys with their names that can be used. Blocks, for a bounded time.
    pub(super) fn keys(&self) -> Result<Vec<(String, PublicKey)>, OidcError> {
        let address = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let discovery: Discovery = self.ask(&address)?;
        let wrong = |reason: String| OidcError::Document { address: address.clone(), reason };
        if discovery.issuer != self.issuer {
            return Err(wrong(format!("it names {:?}", discovery.issuer)));
        }
        if !is_trustworthy(&discovery.jwks_uri, self.issuer.starts_with("http:")) {
            return Err(wrong(format!("its keys are at {:?}, which is not https://", discovery.jwks_uri)));
        }
        let set: KeySet = self.ask(&discovery.jwks_uri)?;
        // Keys of other kinds are for others.
        Ok(set.keys.iter().filter_map(PublicKey::read).collect())
    }

    fn ask<T: DeserializeOwned>(&self, address: &str) -> Result<T, OidcError> {
        let failed = |error| OidcError::Ask { address: address.to_owned(), source: Box::new(error) };
        let mut answer = self.agent.get(address).call().map_err(failed)?;
        let text = answer.body_mut().with_config().limit(MOST).read_to_vec().map_err(failed)?;
        serde_json::from_slice(&text)
            .map_err(|error| OidcError::Document { address: address.to_owned(), reason: error.to_string() })
    }
}

/// Whether an issuer is one whom nobody on the way can answer for.
fn is_issuer(address: &str) -> bool {
    is_trustworthy(address, true) && !address.contains(['?', '#'])
}

/// Whether nobody on the way can answer instead. Plain HTTP is for this machine, and only for an issuer that is on it.
fn is_trustworthy(address: &str, plain: bool) -> bool {
    let Ok(uri) = address.parse::<Uri>() else { return false };
    let here = matches!(uri.host(), Some("127.0.0.1" | "[::1]" | "localhost"));
    let scheme = uri.scheme_str().unwrap_or_default();
    let named = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    (scheme == "https" || (scheme == "http" && here && plain)) && !named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_issuers_whom_nobody_can_stand_in_for_are_asked() {
        for address in
            ["https://id.example", "https://id.example/realms/a", "http://127.0.0.1:8080", "http://[::1]:1"]
        {
            assert!(is_issuer(address), "{address}");
        }
        for address in [
            "",
            "id.example",
            "http://id.example",
            "file:///etc/passwd",
            "https://a@b",
            "https://a?b",
            "http://127.0.0.1.example",
        ] {
            assert!(!is_issuer(address), "{address}");
        }
    }

    #[test]
    fn keys_may_be_elsewhere_but_not_in_the_clear() {
        assert!(is_trustworthy("https://keys.example/a?p=b", false));
        assert!(
            !is_trustworthy("http://127.0.0.1/keys", false),
            "not by the word of an issuer that is elsewhere"
        );
        assert!(!is_trustworthy("http://keys.example/", true));
    }
}

//! One server and one token: requests, answers, and what went wrong with them.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use prefab_prepare::Held;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::http::{Request, Response, StatusCode};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, AsSendBody, Body, SendBody};
use url::Url;

use crate::address::ServerUrl;

/// How long it may take until the server can be spoken to.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest answer that is kept in memory, in bytes: a report of a million modules fits.
const ANSWER: u64 = 1 << 30;
/// The longest problem document that is read.
const PROBLEM: u64 = 1 << 20;

/// How to reach a server.
#[derive(Debug, Clone)]
pub struct ConnectionOptions {
    /// Where it is.
    pub server: ServerUrl,
    /// The token that is shown.
    pub token: String,
    /// Certificates in PEM, one of which signed the server's, instead of those that are known everywhere.
    pub roots: Option<PathBuf>,
}

/// What a server says of a request that it did not do: a problem document (RFC 9457).
#[derive(Debug, Clone, Deserialize)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The name of the reason, for programs.
    pub code: String,
    /// The reason, for people.
    pub detail: String,
    /// Who holds the environment, if that is it.
    pub holder: Option<Box<Held>>,
}

/// Why something could not be done on a server.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server cannot be reached, or does not speak.
    #[error("cannot reach the server at {server}")]
    Unreachable {
        /// Where it should be.
        server: ServerUrl,
        /// Why not.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The server is there and does not do it.
    #[error("{}", problem.detail)]
    Refused {
        /// What it says.
        problem: Problem,
        /// Who holds the environment.
        #[source]
        holder: Option<Box<Held>>,
    },
    /// Something that is not a prefab server answered, or one of another version.
    #[error(
        "{server} answered with what this prefab does not understand ({what}): is it a prefab server of this version?"
    )]
    Strange {
        /// Who answered.
        server: ServerUrl,
        /// What is strange about it.
        what: String,
    },
    /// What was to be sent could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What was received could not be kept.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The folder is not a module.
    #[error(transparent)]
    Module(#[from] prefab_prepare::ModulesError),
    /// The folder has no release.
    #[error(transparent)]
    Release(#[from] prefab_prepare::ReleasesError),
    /// A run ended without saying how.
    #[error("preparation {preparation} broke off on the server: {}", detail.as_deref().unwrap_or("its log says why"))]
    BrokeOff {
        /// Which one.
        preparation: prefab_model::PreparationId,
        /// What is known of it.
        detail: Option<String>,
    },
    /// It is not to be had from a server.
    #[error("{0}")]
    NotThere(&'static str),
}

/// One server, spoken to with one token.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    agent: Agent,
    server: ServerUrl,
    authorization: Arc<str>,
}

impl Connection {
    /// # Errors
    /// The root certificates cannot be read.
    pub(crate) fn new(options: &ConnectionOptions) -> Result<Self, ClientError> {
        let mut tls = TlsConfig::builder();
        if let Some(path) = &options.roots {
            let roots =
                read_roots(path).map_err(|source| ClientError::Read { path: path.clone(), source })?;
            tls = tls.root_certs(RootCerts::Specific(Arc::new(roots)));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A server does not send callers elsewhere, and the token is for nobody else.
            .max_redirects(0)
            .timeout_connect(Some(CONNECT))
            .user_agent(concat!("prefab/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.build())
            .build();
        Ok(Self {
            agent: config.new_agent(),
            server: options.server.clone(),
            authorization: format!("Bearer {}", options.token.trim()).into(),
        })
    }

    pub(crate) fn url<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> Url {
        self.server.under_api(parts)
    }

    pub(crate) fn get<T: DeserializeOwned>(&self, url: &Url) -> Result<T, ClientError> {
        self.answer(self.send("GET", url, &[], ())?)
    }

    pub(crate) fn delete(&self, url: &Url) -> Result<(), ClientError> {
        self.send("DELETE", url, &[], ()).map(drop)
    }

    /// Sends JSON.
    pub(crate) fn tell<T: DeserializeOwned>(
        &self,
        method: &'static str,
        url: &Url,
        body: &impl serde::Serialize,
    ) -> Result<T, ClientError> {
        let text = serde_json::to_vec(body).map_err(|error| self.strange(&error))?;
        self.answer(self.send(method, url, &[("content-type", "application/json")], &text[..])?)
    }

    /// Sends a tree.
    pub(crate) fn send_tree<T: DeserializeOwned>(
        &self,
        method: &'static str,
        url: &Url,
        tree: File,
    ) -> Result<T, ClientError> {
        let body = SendBody::from_owned_reader(tree);
        self.answer(self.send(method, url, &[("content-type", "application/x-tar")], body)?)
    }

    /// The bytes of an answer, as they come.
    pub(crate) fn open(&self, url: &Url, headers: &[(&str, &str)]) -> Result<impl Read + use<>, ClientError> {
        Ok(self.send("GET", url, headers, ())?.into_body().into_reader())
    }

    /// Sends a request, and returns the answer if it is not a refusal.
    fn send(
        &self,
        method: &'static str,
        url: &Url,
        headers: &[(&str, &str)],
        body: impl AsSendBody,
    ) -> Result<Response<Body>, ClientError> {
        let unreachable =
            |source| ClientError::Unreachable { server: self.server.clone(), source: Box::new(source) };
        let mut request =
            Request::builder().method(method).uri(url.as_str()).header("authorization", &*self.authorization);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).map_err(|error| self.strange(&error))?;
        let answer = self.agent.run(request).map_err(unreachable)?;
        if answer.status().is_success() { Ok(answer) } else { Err(self.refusal(answer)) }
    }

    fn refusal(&self, answer: Response<Body>) -> ClientError {
        let status = answer.status();
        let text = answer.into_body().with_config().limit(PROBLEM).read_to_vec();
        let problem = text.ok().and_then(|text| serde_json::from_slice::<Problem>(&text).ok());
        match problem {
            Some(mut problem) => {
                let holder = problem.holder.take();
                ClientError::Refused { problem, holder }
            }
            None => self.strange(&format!("the status {status}")),
        }
    }

    fn answer<T: DeserializeOwned>(&self, answer: Response<Body>) -> Result<T, ClientError> {
        let empty = answer.status() == StatusCode::NO_CONTENT;
        let reader = BufReader::new(answer.into_body().into_with_config().limit(ANSWER).reader());
        if empty {
            return serde_json::from_value(serde_json::Value::Null).map_err(|error| self.strange(&error));
        }
        serde_json::from_reader(reader).map_err(|error| self.strange(&error))
    }

    pub(crate) fn strange(&self, what: &dyn Display) -> ClientError {
        ClientError::Strange { server: self.server.clone(), what: what.to_string() }
    }
}

fn read_roots(path: &PathBuf) -> io::Result<Vec<Certificate<'static>>> {
    let text = std::fs::read(path)?;
    let roots: Vec<_> = parse_pem(&text)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate.to_owned()),
            _ => None,
        })
        .collect();
    if roots.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "there is no certificate in PEM in it"));
    }
    Ok(roots)
}

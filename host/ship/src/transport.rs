//! HTTP as registries speak it: one request at a time, every answer capped, redirects followed by our own rules, and credentials sent to
//! nobody but the registry that they are for.

use std::fmt::Write as _;
use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use oci_client::errors::OciEnvelope;
use serde::Deserialize;
use ureq::http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body, SendBody};

use crate::access::Credentials;
use crate::challenge::Challenge;
use crate::reach::Reach;
use crate::registry::RegistryError;

/// How long a connection, or a single read or write, may take.
const STALL: Duration = Duration::from_mins(1);
/// How long an answer may keep us waiting: some registries look at what was sent first.
const ANSWER: Duration = Duration::from_mins(5);
/// The redirects that are followed for one request.
const MAX_REDIRECTS: u32 = 3;
/// What is read of an answer that says what is wrong, and of one with a token.
const MAX_SMALL: u64 = 64 << 10;
/// What is shown of what a registry says is wrong, in characters.
const MAX_SHOWN: usize = 300;
/// The least that a transfer must do, in bytes a second: one that trickles is given up.
const SLOWEST: u64 = 4 << 10;

/// What is sent with a request, and told as it goes.
pub(crate) struct Sent<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) tell: &'a mut dyn FnMut(u64),
}

/// A request.
pub(crate) struct Asked<'a> {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    /// `Accept` or `Content-Type`.
    pub(crate) header: Option<(header::HeaderName, &'static str)>,
    pub(crate) body: Option<Sent<'a>>,
}

/// Connections to one registry.
pub(crate) struct Transport {
    agent: Agent,
    /// `https` or `http`, and the host with its port.
    scheme: &'static str,
    registry: String,
    credentials: Option<Credentials>,
    /// The scope of the tokens to ask for.
    scope: String,
    /// What may help where it cannot be reached.
    hint: &'static str,
    /// The `Authorization` that the registry took.
    authorization: Mutex<Option<String>>,
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Transport {
    pub(crate) fn new(
        registry: &str,
        plain: bool,
        credentials: Option<Credentials>,
        scope: String,
        roots: Option<&[u8]>,
        hint: &'static str,
    ) -> Result<Self, RegistryError> {
        let mut tls = TlsConfig::builder();
        if let Some(pem) = roots {
            let certificates: Vec<Certificate<'static>> = parse_pem(pem)
                .filter_map(|item| match item {
                    Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
                    Ok(_) => None,
                    Err(error) => Some(Err(RegistryError::Roots(error.to_string()))),
                })
                .collect::<Result<_, _>>()?;
            if certificates.is_empty() {
                return Err(RegistryError::Roots("there is none in it".to_owned()));
            }
            tls = tls.root_certs(RootCerts::from(certificates));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .https_only(!plain)
            .tls_config(tls.build())
            .user_agent(concat!("prefab/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(STALL))
            .timeout_connect(Some(STALL))
            .timeout_per_read(Some(STALL))
            .timeout_per_write(Some(STALL))
            .timeout_recv_response(Some(ANSWER))
            .build();
        Ok(Self {
            agent: Agent::with_parts(config, DefaultConnector::default(), Reach::new(registry)),
            scheme: if plain { "http" } else { "https" },
            registry: registry.to_owned(),
            credentials,
            scope,
            hint,
            authorization: Mutex::default(),
        })
    }

    /// An address at the registry.
    pub(crate) fn uri(&self, path: &str) -> Result<Uri, RegistryError> {
        self.absolute(&format!("{}://{}{path}", self.scheme, self.registry))
    }

    /// An address that the registry named: absolute, or a path at the registry.
    pub(crate) fn named(&self, at: &Uri, named: &str) -> Result<Uri, RegistryError> {
        if named.starts_with('/') && !named.starts_with("//") {
            let (scheme, authority) =
                (at.scheme_str().unwrap_or(self.scheme), at.authority().map_or("", |a| a.as_str()));
            return self.absolute(&format!("{scheme}://{authority}{named}"));
        }
        let uri = self.absolute(named)?;
        // Once in the clear would be enough to give it all away.
        let fine = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => self.scheme == "http",
            _ => false,
        };
        if fine && uri.authority().is_some_and(|authority| !authority.as_str().contains('@')) {
            Ok(uri)
        } else {
            Err(self.broken(format!("it sends us to {}, where we do not go", shown(named))))
        }
    }

    fn absolute(&self, text: &str) -> Result<Uri, RegistryError> {
        text.parse().map_err(|_| self.broken(format!("it sends us to {}, which is no address", shown(text))))
    }

    /// A registry that does not do what registries do.
    pub(crate) fn broken(&self, what: String) -> RegistryError {
        RegistryError::Broken { registry: self.registry.clone(), what }
    }

    /// Asks, with what the registry wants to know of who asks, and follows where it sends us. An answer that is not among `expected` is
    /// an error, but for 404, which is the caller's to explain.
    pub(crate) fn ask(
        &self,
        mut asked: Asked<'_>,
        expected: &[StatusCode],
    ) -> Result<Response<Body>, RegistryError> {
        let mut redirects = 0;
        let mut challenged = false;
        loop {
            let mut response = self.once(&mut asked)?;
            let status = response.status();
            if expected.contains(&status) || status == StatusCode::NOT_FOUND {
                return Ok(response);
            }
            if status == StatusCode::UNAUTHORIZED && self.is_ours(&asked.uri) && !challenged {
                challenged = true;
                self.answer(response.headers())?;
                continue;
            }
            let location = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
            if let Some(to) = location.filter(|_| status.is_redirection() && asked.body.is_none()) {
                redirects += 1;
                if redirects > MAX_REDIRECTS {
                    return Err(self.broken("it sends us from one place to the next".to_owned()));
                }
                asked.uri = self.named(&asked.uri, to)?;
                continue;
            }
            return Err(self.refused(status, &mut response));
        }
    }

    fn once(&self, asked: &mut Asked<'_>) -> Result<Response<Body>, RegistryError> {
        let mut request = Request::builder().method(asked.method.clone()).uri(asked.uri.clone());
        if let Some((name, value)) = &asked.header {
            request = request.header(name, *value);
        }
        if self.is_ours(&asked.uri)
            && let Some(authorization) = &*self.authorization.lock().unwrap_or_else(PoisonError::into_inner)
        {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let unsent = |error: ureq::http::Error| self.broken(error.to_string());
        let sent = match &mut asked.body {
            None => self.agent.run(request.body(()).map_err(unsent)?),
            Some(body) => {
                let length = body.bytes.len();
                let mut reader = Told { bytes: body.bytes, done: 0, tell: body.tell };
                let request = request
                    .header(header::CONTENT_LENGTH, length)
                    .body(SendBody::from_reader(&mut reader))
                    .map_err(unsent)?;
                self.agent.run(request)
            }
        };
        sent.map_err(|error| self.unreached(error))
    }

    /// Whether that is the registry itself, which credentials are for.
    fn is_ours(&self, uri: &Uri) -> bool {
        uri.scheme_str() == Some(self.scheme)
            && uri.authority().is_some_and(|authority| authority.as_str() == self.registry)
    }

    /// Finds what the registry asks for with 401.
    fn answer(&self, headers: &HeaderMap) -> Result<(), RegistryError> {
        let challenges = headers.get_all(header::WWW_AUTHENTICATE).iter();
        let mut challenges: Vec<Challenge> =
            challenges.filter_map(|value| Challenge::read(value.to_str().ok()?)).collect();
        // A token is for this repository only.
        challenges.sort_by_key(|challenge| *challenge == Challenge::Basic);
        let authorization = match challenges.into_iter().next() {
            None => return Err(self.broken("it asks who we are in a way that is not known".to_owned())),
            Some(Challenge::Basic) => match &self.credentials {
                Some(credentials) => credentials.basic(),
                None => return Err(self.unauthorised()),
            },
            Some(Challenge::Bearer { realm, service }) => format!("Bearer {}", self.token(&realm, service)?),
        };
        *self.authorization.lock().unwrap_or_else(PoisonError::into_inner) = Some(authorization);
        Ok(())
    }

    fn token(&self, realm: &str, service: Option<String>) -> Result<String, RegistryError> {
        let realm = self.named(&self.uri("/")?, realm)?.to_string();
        let with = if realm.contains('?') { '&' } else { '?' };
        let service = service.map(|service| format!("&service={}", encoded(&service)));
        let address =
            format!("{realm}{with}scope={}{}", encoded(&self.scope), service.as_deref().unwrap_or_default());
        let mut request = Request::builder().method(Method::GET).uri(self.absolute(&address)?);
        if let Some(credentials) = &self.credentials {
            request = request.header(header::AUTHORIZATION, credentials.basic());
        }
        let request = request.body(()).map_err(|error| self.broken(error.to_string()))?;
        let mut response = self.agent.run(request).map_err(|error| self.unreached(error))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(self.unauthorised()),
            status => return Err(self.refused(status, &mut response)),
        }
        let text = response
            .body_mut()
            .with_config()
            .limit(MAX_SMALL)
            .read_to_vec()
            .map_err(|error| self.unreached(error))?;
        let token: Option<Token> = serde_json::from_slice(&text).ok();
        token
            .and_then(|token| token.token.or(token.access_token))
            .filter(|token| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()))
            .ok_or_else(|| self.broken("it gives a token that is none".to_owned()))
    }

    /// Reads an answer whole, if it has at most so many bytes.
    pub(crate) fn body(
        &self,
        response: Response<Body>,
        most: u64,
        tell: &mut dyn FnMut(u64),
    ) -> Result<Vec<u8>, RegistryError> {
        let began = std::time::Instant::now();
        let too_long =
            || self.broken(format!("it sends more than the {most} bytes that it said it would, or may"));
        if response.body().content_length().is_some_and(|length| length > most) {
            return Err(too_long());
        }
        // One more than may be, so that more than that is seen.
        let mut reader = response.into_body().into_with_config().limit(most.saturating_add(2)).reader();
        let mut bytes = Vec::new();
        let mut part = vec![0; 64 << 10];
        loop {
            match reader.read(&mut part) {
                Ok(0) => return Ok(bytes),
                Ok(read) => {
                    bytes.extend_from_slice(&part[..read]);
                    tell(bytes.len() as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.unreached(ureq::Error::Io(error))),
            }
            if bytes.len() as u64 > most {
                return Err(too_long());
            }
            let due = began.elapsed().saturating_sub(STALL).as_secs().saturating_mul(SLOWEST);
            if (bytes.len() as u64) < due {
                return Err(self.broken(format!("it sends less than {SLOWEST} bytes a second")));
            }
        }
    }

    fn unauthorised(&self) -> RegistryError {
        match &self.credentials {
            None => RegistryError::Anonymous { registry: self.registry.clone() },
            Some(credentials) => RegistryError::Credentials {
                registry: self.registry.clone(),
                username: credentials.username.clone(),
            },
        }
    }

    fn unreached(&self, source: ureq::Error) -> RegistryError {
        let (registry, hint) = (self.registry.clone(), self.hint);
        RegistryError::Unreached { registry, hint, source: Box::new(source) }
    }

    fn refused(&self, status: StatusCode, response: &mut Response<Body>) -> RegistryError {
        if status == StatusCode::UNAUTHORIZED {
            return self.unauthorised();
        }
        let text = response.body_mut().with_config().limit(MAX_SMALL).read_to_vec().unwrap_or_default();
        let said = match serde_json::from_slice::<OciEnvelope>(&text) {
            Ok(envelope) => envelope
                .errors
                .iter()
                .map(|error| error.message.as_str())
                .find(|message| !message.is_empty())
                .unwrap_or_default()
                .to_owned(),
            Err(_) => String::new(),
        };
        let said = if said.is_empty() { String::new() } else { format!(": {}", shown(&said)) };
        RegistryError::Refused { registry: self.registry.clone(), status: status.as_u16(), said }
    }
}

fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect::<String>().escape_debug().to_string()
}

/// Percent-encoding of a value in a query.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/,".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Bytes that are sent, and told as they go.
struct Told<'a> {
    bytes: &'a [u8],
    done: usize,
    tell: &'a mut dyn FnMut(u64),
}

impl Read for Told<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.bytes.get(self.done..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.done += length;
        (self.tell)(self.done as u64);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transport(plain: bool) -> Transport {
        Transport::new("registry.example:5000", plain, None, String::new(), None, "").unwrap()
    }

    #[test]
    fn we_are_not_sent_into_the_clear_or_to_what_is_no_address() {
        let https = transport(false);
        let at = https.uri("/v2/").unwrap();
        assert_eq!(https.named(&at, "/x?y=1").unwrap().to_string(), "https://registry.example:5000/x?y=1");
        assert_eq!(https.named(&at, "https://cdn.example/x").unwrap().to_string(), "https://cdn.example/x");
        for to in [
            "http://cdn.example/x",
            "//cdn.example/x",
            "file:///etc/passwd",
            "ftp://x/y",
            "x",
            "",
            "https://u:p@cdn.example/x",
        ] {
            assert!(https.named(&at, to).is_err(), "{to}");
        }
        assert!(transport(true).named(&at, "http://cdn.example/x").is_ok());
    }

    #[test]
    fn credentials_are_for_the_registry_alone() {
        let https = transport(false);
        for (address, ours) in [
            ("https://registry.example:5000/x", true),
            ("http://registry.example:5000/x", false),
            ("https://registry.example/x", false),
            ("https://registry.example:5000.evil.example/x", false),
            ("https://evil.example/registry.example:5000", false),
        ] {
            assert_eq!(https.is_ours(&address.parse().unwrap()), ours, "{address}");
        }
    }

    #[test]
    fn certificates_that_are_none_are_refused() {
        for pem in [&b""[..], b"x", b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"] {
            assert!(Transport::new("x.example", false, None, String::new(), Some(pem), "").is_err());
        }
    }
}

//! How `object_store` speaks HTTP and signs its requests: with the client (reqwest) and the cryptography (ring) that the rest of
//! the program has.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use http_body_util::BodyExt as _;
use object_store::client::{
    ClientConfigKey, CryptoProvider, DigestAlgorithm, DigestContext, HmacContext, HttpClient, HttpConnector,
    HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService, Signer,
    SigningAlgorithm,
};
use object_store::{ClientOptions, Error, Result};
use ring::{digest, hmac};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// How long nothing may arrive: also while the largest blob is on its way up.
const SILENCE: Duration = Duration::from_mins(2);
/// How long one request may take with its body, up or down: the largest on a slow line.
const REQUEST: Duration = Duration::from_mins(5);

/// Makes clients.
#[derive(Debug)]
pub(super) struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> Result<HttpClient> {
        let plain =
            options.get_config_value(&ClientConfigKey::AllowHttp).is_some_and(|allow| allow == "true");
        let client = reqwest::Client::builder()
            .https_only(!plain)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .timeout(REQUEST)
            .build()
            .map_err(|error| Error::Generic { store: "S3", source: Box::new(error) })?;
        Ok(HttpClient::new(Client(client)))
    }
}

#[derive(Debug)]
struct Client(reqwest::Client);

impl HttpService for Client {
    fn call<'a, 'answer>(
        &'a self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = std::result::Result<HttpResponse, HttpError>> + Send + 'answer>>
    where
        'a: 'answer,
        Self: 'answer,
    {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let url = reqwest::Url::parse(&parts.uri.to_string())
                .map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
            let mut request = reqwest::Request::new(parts.method, url);
            *request.headers_mut() = parts.headers;
            *request.body_mut() = Some(body.collect().await?.to_bytes().into());
            let answer = self.0.execute(request).await.map_err(failed)?;
            Ok(taken(answer))
        })
    }
}

fn taken(answer: reqwest::Response) -> HttpResponse {
    let (parts, body) = http::Response::<reqwest::Body>::from(answer).into_parts();
    HttpResponse::from_parts(parts, HttpResponseBody::new(body.map_err(failed)))
}

/// The kind says whether it is worth trying again.
fn failed(error: reqwest::Error) -> HttpError {
    let kind = if error.is_timeout() {
        HttpErrorKind::Timeout
    } else if error.is_connect() {
        HttpErrorKind::Connect
    } else if error.is_decode() {
        HttpErrorKind::Decode
    } else {
        // What breaks off in the middle is a store that is going away: whatever is asked here may be asked twice.
        HttpErrorKind::Interrupted
    };
    // The address is in what `object_store` says.
    HttpError::new(kind, error.without_url())
}

/// What requests are signed with.
#[derive(Debug)]
pub(super) struct Ring;

impl CryptoProvider for Ring {
    fn digest(&self, algorithm: DigestAlgorithm) -> Result<Box<dyn DigestContext>> {
        match algorithm {
            DigestAlgorithm::Sha256 => Ok(Box::new(Digest(digest::Context::new(&digest::SHA256), None))),
            other => Err(not_supported(&other)),
        }
    }

    fn hmac(&self, algorithm: DigestAlgorithm, secret: &[u8]) -> Result<Box<dyn HmacContext>> {
        match algorithm {
            DigestAlgorithm::Sha256 => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                Ok(Box::new(Hmac(hmac::Context::with_key(&key), None)))
            }
            other => Err(not_supported(&other)),
        }
    }

    /// Only stores of other vendors sign so.
    fn sign(&self, algorithm: SigningAlgorithm, _: &[u8]) -> Result<Box<dyn Signer>> {
        Err(not_supported(&algorithm))
    }
}

fn not_supported(algorithm: &dyn std::fmt::Debug) -> Error {
    Error::NotSupported { source: format!("{algorithm:?} is not built in").into() }
}

struct Digest(digest::Context, Option<digest::Digest>);

impl DigestContext for Digest {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finish(&mut self) -> Result<&[u8]> {
        let digest = self.0.clone().finish();
        Ok(digest::Digest::as_ref(self.1.insert(digest)))
    }
}

struct Hmac(hmac::Context, Option<hmac::Tag>);

impl HmacContext for Hmac {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finish(&mut self) -> Result<&[u8]> {
        let tag = self.0.clone().sign();
        Ok(hmac::Tag::as_ref(self.1.insert(tag)))
    }
}

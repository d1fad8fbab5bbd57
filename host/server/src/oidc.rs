//! Callers whom an OpenID Connect issuer vouches for: a signed token (JWT) says who they are, for which tenant, and with which scope.
//!
//! Only asymmetric signatures count, each key for the one algorithm of its kind. A token gives rights in exactly one tenant, never of the whole
//! server, and no more than the issuer says; what is missing or cannot be read is no right. The keys are looked after in `oidc/keys.rs`.

mod fetch;
mod keys;

use std::path::PathBuf;

use jsonwebtoken::{Validation, decode, decode_header};
use serde_json::Value;
use time::OffsetDateTime;

use self::fetch::Fetcher;
pub use self::fetch::OidcError;
use self::keys::Keys;
use crate::names::TenantName;
use crate::problem::Problem;
use crate::token::{Scope, Token, TokenId};

/// More than any such token has.
const LONGEST: usize = 16 << 10;
/// How far the issuer's clock may be from this one's, in seconds.
const LEEWAY: u64 = 30;
/// The most characters of a subject: OpenID Connect allows no more.
const SUBJECT: usize = 255;

/// Whom to believe, and where in a token the rights are.
#[derive(Debug, Clone)]
pub struct OidcOptions {
    /// The issuer, as its tokens name it.
    pub issuer: String,
    /// Whom tokens must be for.
    pub audience: String,
    /// The root of the issuer's certificate, in PEM; those that browsers trust without it.
    pub root: Option<PathBuf>,
    /// Where the tenant's name is.
    pub tenant_claim: Claim,
    /// Where the scope is.
    pub scope_claim: Claim,
}

/// Where something is in a token: the name of a claim, or a JSON pointer to a part of one (`/prefab/tenant`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim(String);

impl From<&str> for Claim {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl Claim {
    fn text<'a>(&self, claims: &'a Value) -> Option<&'a str> {
        let found = if self.0.starts_with('/') { claims.pointer(&self.0) } else { claims.get(&self.0) };
        found?.as_str()
    }
}

/// Checks tokens.
pub(crate) struct Oidc {
    options: OidcOptions,
    keys: Keys,
}

impl Oidc {
    /// Nothing is fetched yet.
    pub(crate) fn open(options: &OidcOptions) -> Result<Self, OidcError> {
        let fetcher = Fetcher::new(&options.issuer, options.root.as_deref())?;
        Ok(Self { options: options.clone(), keys: Keys::new(fetcher) })
    }

    /// Fetches the issuer's keys, and says in the log if that fails. Blocks.
    pub(crate) fn prepare(&self) {
        self.keys.prepare();
    }

    /// Whether this looks like a token of an issuer. Nothing is said about whether it is good.
    pub(crate) fn is_meant(text: &str) -> bool {
        text.len() <= LONGEST && text.bytes().filter(|byte| *byte == b'.').count() == 2
    }

    /// What a token is good for, now. May fetch the issuer's keys: blocks.
    ///
    /// # Errors
    /// A problem with the status 401 that does not say what is wrong: that is in the log.
    pub(crate) fn check(&self, text: &str) -> Result<Token, Problem> {
        match self.vouched(text) {
            Ok(token) => Ok(token),
            Err(Refused::Busy) => {
                let detail = "the issuer's keys are being fetched: try again";
                Err(Problem::new(axum::http::StatusCode::SERVICE_UNAVAILABLE, "busy", detail).after(1))
            }
            Err(Refused::Not(why)) => {
                tracing::debug!(%why, "a token of an issuer was refused");
                Err(Problem::unauthenticated())
            }
        }
    }

    fn vouched(&self, text: &str) -> Result<Token, Refused> {
        let not = |why: &str| Refused::Not(why.to_owned());
        let header = decode_header(text).map_err(|error| Refused::Not(error.to_string()))?;
        if header.crit.is_some() {
            return Err(not("it has a critical extension"));
        }
        let kid = header.kid.ok_or_else(|| not("it names no key"))?;
        let key = self.keys.get(&kid)?;
        // The algorithm is the key's. What the token says of it must be the same.
        let mut validation = Validation::new(key.algorithm);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&self.options.issuer]);
        validation.set_audience(&[&self.options.audience]);
        let claims = decode::<Value>(text, &key.key, &validation)
            .map_err(|error| Refused::Not(error.to_string()))?
            .claims;
        self.rights(&claims)
            .ok_or_else(|| not("it does not say for which tenant, with which scope, or who it is"))
    }

    fn rights(&self, claims: &Value) -> Option<Token> {
        let tenant: TenantName = self.options.tenant_claim.text(claims)?.parse().ok()?;
        let scope: Scope = self.options.scope_claim.text(claims)?.parse().ok()?;
        let subject = claims.get("sub")?.as_str()?;
        if subject.is_empty() || subject.len() > SUBJECT || subject.chars().any(char::is_control) {
            return None;
        }
        let instant = |name: &str| OffsetDateTime::from_unix_timestamp(claims.get(name)?.as_i64()?).ok();
        let expires_at = Some(instant("exp")?);
        let created_at = instant("iat").unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let name = format!("{subject}@{}", self.options.issuer);
        let id = number(&[&name, tenant.as_str(), scope.as_str()]);
        Some(Token { id, name, tenant: Some(tenant), scope, created_at, expires_at, revoked_at: None })
    }
}

/// Why a token is not good.
enum Refused {
    /// It cannot be told now: too many wait to be told.
    Busy,
    Not(String),
}

/// A number for what is kept by token, such as idempotency keys: the same for the same caller with the same rights, and none of a token in the
/// database, since those are positive.
fn number(parts: &[&str]) -> TokenId {
    let mut hash = blake3::Hasher::new();
    for part in parts {
        hash.update(part.as_bytes()).update(&[0]);
    }
    let mut first = [0; 8];
    hash.finalize_xof().fill(&mut first);
    TokenId(i64::from_le_bytes(first) | i64::MIN)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn oidc(tenant_claim: &str, scope_claim: &str) -> Oidc {
        let options = OidcOptions {
            issuer: "http://127.0.0.1:1".to_owned(),
            audience: "prefab".to_owned(),
            root: None,
            tenant_claim: tenant_claim.into(),
            scope_claim: scope_claim.into(),
        };
        Oidc::open(&options).unwrap()
    }

    #[test]
    fn rights_are_what_the_claims_say_and_nothing_else() {
        let oidc = oidc("/prefab/tenant", "/prefab/scope");
        let good =
            json!({"sub": "ann", "exp": 2_000_000_000, "prefab": {"tenant": "acme", "scope": "operate"}});
        let token = oidc.rights(&good).unwrap();
        assert_eq!((token.name.as_str(), token.scope), ("ann@http://127.0.0.1:1", Scope::Operate));
        assert_eq!(token.tenant.unwrap().as_str(), "acme");
        assert!(token.id.0 < 0);
        for (pointer, value) in [
            ("/sub", json!("")),
            ("/sub", json!("a\nb")),
            ("/sub", json!(7)),
            ("/prefab/tenant", json!(null)),
            ("/prefab/tenant", json!("../acme")),
            ("/prefab/tenant", json!(["acme"])),
            ("/prefab/scope", json!("admin")),
            ("/prefab/scope", json!("read operate")),
            ("/prefab", json!("acme")),
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(pointer).unwrap() = value;
            assert!(oidc.rights(&bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn claims_of_other_names_are_found() {
        let oidc = oidc("https://example.org/tenant", "/roles/0");
        let claims = json!({"sub": "ann", "exp": 2_000_000_000, "https://example.org/tenant": "acme", "roles": ["read"]});
        assert_eq!(oidc.rights(&claims).unwrap().scope, Scope::Read);
    }
}

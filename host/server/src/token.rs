//! Tokens: what a caller shows, and what it may do with it.
//!
//! The secret is 256 random bits and is shown once, when it is made. Only its hash is kept, and callers are looked up by that, so that
//! nothing that is compared depends on what is stored.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::names::TenantName;

/// What every secret begins with, so that scanners of source code find those that were committed.
const PREFIX: &str = "prefab_";
/// The bytes of a secret.
const BYTES: usize = 32;

/// What a token lets its holder do. Each includes those before it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// See.
    Read,
    /// Prepare, publish, change modules and configuration.
    Operate,
    /// Make and remove environments, releases and tokens; of the whole server, tenants too.
    Administer,
}

impl Scope {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Administer => "administer",
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Read, Self::Operate, Self::Administer]
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| format!("{text:?} is not a scope: use read, operate or administer"))
    }
}

/// The number of a token.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(transparent)]
pub struct TokenId(pub i64);

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The hash under which a token is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash(pub(crate) [u8; 32]);

/// What the holder of a token shows. It is never kept, nor printed by `Debug`.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// If the operating system has no random bytes.
    pub fn new() -> std::io::Result<Self> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        Ok(Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// What a caller shows; nothing if it cannot be a secret.
    pub fn shown(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        (bytes.len() == BYTES).then(|| Self(text.to_owned()))
    }

    /// The text to show once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it. A plain hash does: there is nothing to guess in 256 random bits.
    pub fn hash(&self) -> TokenHash {
        TokenHash(*blake3::hash(self.0.as_bytes()).as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A token as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Token {
    /// Its number.
    pub id: TokenId,
    /// What it is for, for people.
    pub name: String,
    /// The tenant it is for; none for the whole server.
    pub tenant: Option<TenantName>,
    /// What it lets its holder do.
    pub scope: Scope,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it ends by itself.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// When it was revoked.
    #[serde(with = "time::serde::rfc3339::option")]
    pub revoked_at: Option<OffsetDateTime>,
}

impl Token {
    /// Whether it can be used at this time.
    pub fn is_good(&self, now: OffsetDateTime) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_256_bits_and_is_never_printed() {
        let secret = Secret::new().unwrap();
        assert_eq!(secret.reveal().len(), PREFIX.len() + 43);
        assert!(!format!("{secret:?}").contains(&secret.reveal()[8..]));
        assert!(Secret::shown(secret.reveal()).unwrap().hash() == secret.hash());
        assert!(Secret::new().unwrap().hash() != secret.hash());
        for text in ["", "prefab_", "prefab_abc", &secret.reveal()[1..], &format!("{}A", secret.reveal())] {
            assert!(Secret::shown(text).is_none(), "{text}");
        }
    }
}

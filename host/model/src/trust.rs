//! Whom an environment or a server trusts to make releases: keys, and what was revoked.
//!
//! Only what is written down; what follows from it for a release is decided in `prefab-prepare`.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, Time, UtcOffset};

use crate::{CompilerDigest, ReleaseDigest, SyntaxError};

/// A text that is not what it should be; the message says what is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTrust {
    /// Not a key.
    #[error(
        "{0:?} is not a public key: expected the 56 characters beginning with `RW` that `prefab release keygen` prints"
    )]
    Key(String),
    /// Not the id of a key.
    #[error("{0:?} is not the id of a key: expected 16 hexadecimal digits")]
    KeyId(String),
    /// Neither the id of a key nor a digest.
    #[error(
        "{0:?} cannot be revoked: expected the id of a key (16 hexadecimal digits), or the digest of a release or of a compiler (`blake3:` and 64)"
    )]
    Revoked(String),
    /// Not a time.
    #[error(
        "{0:?} is not a time: expected a day, such as 2027-01-31, or a time, such as 2027-01-31T12:00:00Z"
    )]
    Until(String),
    /// Not a name.
    #[error("{0:?} cannot be the name of a key: expected 1 to 100 printable characters")]
    Name(String),
}

/// What names a key in short: 8 bytes that were drawn when it was made, shown as minisign shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// The id with these bytes, in the order in which keys and signatures have them.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", u64::from_le_bytes(self.0))
    }
}

impl FromStr for KeyId {
    type Err = InvalidTrust;

    fn from_str(text: &str) -> Result<Self, InvalidTrust> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match u64::from_str_radix(text, 16) {
            Ok(number) if digits => Ok(Self(number.to_le_bytes())),
            _ => Err(InvalidTrust::KeyId(text.to_owned())),
        }
    }
}

/// The public half of a key that signs releases: Ed25519, in the form of minisign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; Self::LENGTH]);

impl PublicKey {
    /// `Ed`, the id, and the point.
    const LENGTH: usize = 2 + 8 + 32;

    /// Its bytes, in the form of minisign.
    pub const fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// What names it in short.
    pub fn id(&self) -> KeyId {
        let mut id = [0; 8];
        id.copy_from_slice(&self.0[2..10]);
        KeyId(id)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl FromStr for PublicKey {
    type Err = InvalidTrust;

    fn from_str(text: &str) -> Result<Self, InvalidTrust> {
        let invalid = || InvalidTrust::Key(text.chars().take(80).collect());
        // Longer ones are not worth decoding.
        let bytes = if text.len() > 64 { None } else { STANDARD.decode(text).ok() };
        let bytes: [u8; Self::LENGTH] = bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(invalid)?;
        if bytes.starts_with(b"Ed") { Ok(Self(bytes)) } else { Err(invalid()) }
    }
}

/// The moment from which something does not hold any more. A day is meant to its end, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Until(OffsetDateTime);

impl Until {
    /// Whether it is over at this time.
    pub fn is_over(self, now: OffsetDateTime) -> bool {
        now >= self.0
    }
}

impl From<OffsetDateTime> for Until {
    fn from(time: OffsetDateTime) -> Self {
        // Whole seconds, so that what is shown reads back as what it was.
        Self(time.to_offset(UtcOffset::UTC).replace_nanosecond(0).unwrap_or(time))
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Until {
    type Err = InvalidTrust;

    fn from_str(text: &str) -> Result<Self, InvalidTrust> {
        if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
            // A year that Rfc3339 cannot write in UTC is of no use.
            return match time.checked_to_offset(UtcOffset::UTC) {
                Some(utc) if (0..=9999).contains(&utc.year()) => Ok(utc.into()),
                _ => Err(InvalidTrust::Until(text.to_owned())),
            };
        }
        Date::parse(text, format_description!("[year]-[month]-[day]"))
            .ok()
            .and_then(Date::next_day)
            .filter(|day| (0..=9999).contains(&day.year()))
            .map(|day| Self(day.with_time(Time::MIDNIGHT).assume_utc()))
            .ok_or_else(|| InvalidTrust::Until(text.chars().take(80).collect()))
    }
}

/// Something that is not to be used any more, whoever has signed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Revoked {
    /// All that this key has signed.
    Key(KeyId),
    /// The release, or the compiler, with this digest.
    Digest([u8; 32]),
}

impl Revoked {
    /// Whether this release is meant by its own digest.
    pub fn is_release(&self, digest: &ReleaseDigest) -> bool {
        matches!(self, Self::Digest(revoked) if revoked == digest.as_bytes())
    }

    /// Whether this compiler is meant.
    pub fn is_compiler(&self, digest: &CompilerDigest) -> bool {
        matches!(self, Self::Digest(revoked) if revoked == digest.as_bytes())
    }
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => id.fmt(f),
            Self::Digest(digest) => ReleaseDigest::from_bytes(*digest).fmt(f),
        }
    }
}

impl FromStr for Revoked {
    type Err = InvalidTrust;

    fn from_str(text: &str) -> Result<Self, InvalidTrust> {
        let digest = || Some(Self::Digest(*text.parse::<ReleaseDigest>().ok()?.as_bytes()));
        text.parse()
            .map(Self::Key)
            .ok()
            .or_else(digest)
            .ok_or_else(|| InvalidTrust::Revoked(text.chars().take(100).collect()))
    }
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

as_text!(KeyId, PublicKey, Until, Revoked);

/// What people call a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct KeyName(String);

impl KeyName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for KeyName {
    type Err = InvalidTrust;

    fn from_str(text: &str) -> Result<Self, InvalidTrust> {
        if text.is_empty() || text.len() > 100 || text.chars().any(char::is_control) || text.trim() != text {
            return Err(InvalidTrust::Name(text.chars().take(100).collect()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for KeyName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A key that is trusted to sign releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TrustedKey {
    /// What people call it.
    pub name: KeyName,
    /// Its public half.
    pub key: PublicKey,
    /// From when on nothing that it has signed is taken in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Until>,
}

/// Something that was revoked, with the reason if somebody gave one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Revocation {
    /// What.
    pub what: Revoked,
    /// Why, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// The keys that are trusted, and what was revoked: `[trust]` of `prefab.toml`, and the whole of a server's `trust.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Trust {
    /// The keys.
    pub keys: Vec<TrustedKey>,
    /// What was revoked.
    pub revoked: Vec<Revocation>,
}

impl Trust {
    /// Reads a file that says nothing else: `[[trust.keys]]` and `[[trust.revoked]]`, as `prefab.toml` has them.
    ///
    /// # Errors
    /// [`SyntaxError`], with line and column.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            #[serde(default)]
            trust: Trust,
        }
        let file: File = toml::from_str(text).map_err(|error| SyntaxError::new(text, &error))?;
        Ok(file.trust)
    }

    /// Adds what another file says.
    pub fn add(&mut self, other: Self) {
        self.keys.extend(other.keys);
        self.revoked.extend(other.revoked);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    /// The key that minisign's author signs with.
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

    #[test]
    fn a_key_has_the_id_that_minisign_shows() {
        let key: PublicKey = KEY.parse().unwrap();
        assert_eq!((key.to_string().as_str(), key.id().to_string().as_str()), (KEY, "E7620F1842B4E81F"));
        assert_eq!("e7620f1842b4e81f".parse(), Ok(key.id()));
        for text in ["", "RWQ", &KEY[1..], &format!("{KEY}="), &KEY.replace("RWQ", "RXQ"), &"RW".repeat(1000)]
        {
            assert!(text.parse::<PublicKey>().is_err(), "{text}");
        }
        for text in ["", "+762F1842B4E81F0", "E7620F1842B4E81", "E7620F1842B4E81F0"] {
            assert!(text.parse::<KeyId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_day_is_meant_to_its_end() {
        let until: Until = "2027-01-31".parse().unwrap();
        assert!(!until.is_over(datetime!(2027-01-31 23:59:59 UTC)));
        assert!(until.is_over(datetime!(2027-02-01 00:00 UTC)));
        assert_eq!("2027-02-01T01:00:00+01:00".parse(), Ok(until));
        for text in ["", "2027", "2027-02-30", "tomorrow", "9999-12-31", "9999-12-31T23:00:00-23:00"] {
            assert!(text.parse::<Until>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_trusted_is_read() {
        let digest = ReleaseDigest::of(b"x");
        let trust = Trust::parse(&format!(
            "[[trust.keys]]\nname = \"acme\"\nkey = \"{KEY}\"\nnot-after = \"2027-01-31\"\n\
             [[trust.revoked]]\nwhat = \"E7620F1842B4E81F\"\nwhy = \"stolen\"\n[[trust.revoked]]\nwhat = \"{digest}\"\n"
        ))
        .unwrap();
        assert_eq!(trust.keys[0].name.as_str(), "acme");
        assert_eq!(trust.revoked[0].what, Revoked::Key(trust.keys[0].key.id()));
        assert!(trust.revoked[1].what.is_release(&digest));
        for text in [
            "[trust]\nkey = 1",
            "[[trust.keys]]\nname = \"a\"",
            "[[trust.revoked]]\nwhat = \"x\"",
            "name = \"a\"",
        ] {
            assert!(Trust::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(text in "[-0-9A-Za-z:+/.]{0,60}") {
            if let Ok(until) = text.parse::<Until>() { prop_assert_eq!(until.to_string().parse(), Ok(until)); }
            if let Ok(id) = text.parse::<KeyId>() { prop_assert_eq!(id.to_string().parse(), Ok(id)); }
            if let Ok(key) = text.parse::<PublicKey>() { prop_assert_eq!(key.to_string().parse(), Ok(key)); }
        }
    }
}

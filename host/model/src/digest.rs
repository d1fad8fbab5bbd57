//! Identities: 32-byte BLAKE3 digests, one newtype for each thing that is identified by its content.
//!
//! How a compilation key is put together is in `compilation.rs`; here is only the hashing that keeps fields apart.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that should be a digest and is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a digest: expected `blake3:` and 64 hexadecimal digits")]
pub struct InvalidDigest {
    text: String,
}

macro_rules! digest {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Shown and parsed as `blake3:` and 64 hexadecimal digits.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The digest of these bytes.
            pub fn of(bytes: &[u8]) -> Self {
                Self(*blake3::hash(bytes).as_bytes())
            }

            /// The digest with these 32 bytes.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The 64 hexadecimal digits, without the name of the algorithm: for file names.
            pub fn hex(&self) -> String {
                blake3::Hash::from_bytes(self.0).to_hex().to_string()
            }
        }

        impl From<blake3::Hash> for $name {
            fn from(hash: blake3::Hash) -> Self {
                Self(*hash.as_bytes())
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = InvalidDigest;

            fn try_from(bytes: &[u8]) -> Result<Self, InvalidDigest> {
                let bytes = bytes
                    .try_into()
                    .map_err(|_| InvalidDigest { text: format!("{} bytes", bytes.len()) })?;
                Ok(Self(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "blake3:{}", self.hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), &self.hex()[..12])
            }
        }

        impl FromStr for $name {
            type Err = InvalidDigest;

            fn from_str(text: &str) -> Result<Self, InvalidDigest> {
                text.strip_prefix("blake3:")
                    .and_then(|hex| blake3::Hash::from_hex(hex).ok())
                    .map(Self::from)
                    .ok_or_else(|| InvalidDigest { text: text.to_owned() })
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    self.0.serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = String::deserialize(deserializer)?;
                    text.parse().map_err(serde::de::Error::custom)
                } else {
                    <[u8; 32]>::deserialize(deserializer).map(Self)
                }
            }
        }
    };
}

digest! {
    /// The source of a module as one compiler sees it: the paths and contents of the files it takes.
    SourceDigest
}
digest! {
    /// A compiler, by the bytes of its component.
    CompilerDigest
}
digest! {
    /// Everything that a compilation's result depends on.
    CompilationKey
}
digest! {
    /// The bytes of a signature.
    SignatureDigest
}
digest! {
    /// A bundle, by the bytes that are stored.
    BundleDigest
}
digest! {
    /// A release, by the bytes of its manifest (which names its compilers by digest).
    ReleaseDigest
}

/// Hashes a sequence of fields so that no two different sequences run into each other: each field is preceded by its
/// length, and the whole by the name of what is hashed.
pub struct KeyHasher(blake3::Hasher);

impl KeyHasher {
    /// Starts a hash for `domain`, such as `prefab compilation key 1`.
    pub fn new(domain: &str) -> Self {
        let mut hasher = Self(blake3::Hasher::new());
        hasher.field(domain.as_bytes());
        hasher
    }

    /// Adds one field.
    pub fn field(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds a number, as a field of its own.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.field(&number.to_le_bytes())
    }

    /// The digest of the fields so far.
    pub fn finish<D: From<blake3::Hash>>(&self) -> D {
        D::from(self.0.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_what_it_shows() {
        let digest = SourceDigest::of(b"x");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        let json = serde_json::to_string(&digest).unwrap();
        assert_eq!(serde_json::from_str::<SourceDigest>(&json).unwrap(), digest);
    }

    #[test]
    fn a_digest_of_another_algorithm_or_length_is_refused() {
        for text in ["", "sha256:00", "blake3:", "blake3:zz", &"0".repeat(64)] {
            assert!(text.parse::<SourceDigest>().is_err(), "{text}");
        }
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        let a: SourceDigest = KeyHasher::new("t").field(b"ab").field(b"c").finish();
        let b: SourceDigest = KeyHasher::new("t").field(b"a").field(b"bc").finish();
        assert_ne!(a, b);
    }
}

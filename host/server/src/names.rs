//! What tenants and environments are called: in addresses, in the database, and as folders in the data directory.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The most characters a name may have.
const MOST: usize = 63;

/// A text that is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{}\" cannot be the name of {what}: use at most {MOST} of a-z, 0-9 and -, beginning and ending with a letter or digit",
    name.escape_debug()
)]
pub struct InvalidName {
    name: String,
    what: &'static str,
}

fn check(name: &str, what: &'static str) -> Result<Box<str>, InvalidName> {
    let valid = !name.is_empty()
        && name.len() <= MOST
        && !name.starts_with('-')
        && !name.ends_with('-')
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if valid { Ok(name.into()) } else { Err(InvalidName { name: name.to_owned(), what }) }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
        pub struct $name(Box<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(name: &str) -> Result<Self, InvalidName> {
                check(name, $what).map(Self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A tenant's name: at most 63 of a-z, 0-9 and `-`.
    TenantName,
    "a tenant"
);
name!(
    /// An environment's name, unique within its tenant: at most 63 of a-z, 0-9 and `-`.
    EnvironmentName,
    "an environment"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_safe_as_a_folder_and_in_an_address() {
        for name in ["a", "acme", "acme-2", "0", &"a".repeat(63)] {
            assert!(name.parse::<TenantName>().is_ok(), "{name}");
        }
        for name in ["", "-a", "a-", "A", "a/b", "..", ".a", "a b", "ä", "a\0", &"a".repeat(64)] {
            assert!(name.parse::<TenantName>().is_err(), "{name}");
        }
    }
}

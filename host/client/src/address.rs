//! Where an environment is: the address of a server, and the name of an environment on it.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// Why something is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// Not that of a server.
    #[error("{0} is not the address of a server: it looks like https://prefab.example:7420")]
    Url(String),
    /// Not the name of an environment on a server.
    #[error("{0} does not name an environment on a server: it looks like TENANT/ENVIRONMENT")]
    Environment(String),
}

/// The address of a server: `http` or `https`, with nothing behind the port but a path under which the server lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl(Url);

impl ServerUrl {
    /// Whether a token that is sent there can be read on the way to another machine.
    pub fn is_exposed(&self) -> bool {
        let here = match self.0.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        self.0.scheme() == "http" && !here
    }

    /// The address of something under the API, whose parts are given as they are and escaped here.
    pub(crate) fn under_api<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(parts);
        }
        url
    }
}

impl FromStr for ServerUrl {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = || InvalidAddress::Url(text.to_owned());
        let url: Url = text.parse().map_err(|_| invalid())?;
        let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        let fine =
            matches!(url.scheme(), "http" | "https") && url.has_host() && plain && url.password().is_none();
        if fine { Ok(Self(url)) } else { Err(invalid()) }
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// An environment on a server: `TENANT/ENVIRONMENT`. Whether there is such a one, the server knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerEnvironment {
    /// Whose it is.
    pub tenant: String,
    /// Its name.
    pub environment: String,
}

impl FromStr for ServerEnvironment {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        match text.split_once('/') {
            Some((tenant, name)) if !tenant.is_empty() && !name.is_empty() && !name.contains('/') => {
                Ok(Self { tenant: tenant.to_owned(), environment: name.to_owned() })
            }
            _ => Err(InvalidAddress::Environment(text.to_owned())),
        }
    }
}

impl fmt::Display for ServerEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.environment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_an_address_are_escaped_and_cannot_leave_the_api() {
        let server: ServerUrl = "https://prefab.example:7420/below/".parse().unwrap();
        let url = server.under_api(["tenants", "a/../b", "..", "@x/y?z"]);
        assert_eq!(url.path(), "/below/api/v1/tenants/a%2F..%2Fb/@x%2Fy%3Fz");
        assert_eq!(server.to_string(), "https://prefab.example:7420/below");
    }

    #[test]
    fn only_addresses_of_servers_are_taken() {
        for text in ["prefab.example", "ftp://a", "http://", "http://a/?x", "http://u:p@a", "http://a/#x"] {
            assert!(text.parse::<ServerUrl>().is_err(), "{text}");
        }
        for (text, exposed) in [
            ("http://127.0.0.1:7420", false),
            ("http://[::1]:7420", false),
            ("http://localhost", false),
            ("http://prefab.example", true),
            ("https://prefab.example", false),
        ] {
            assert_eq!(text.parse::<ServerUrl>().unwrap().is_exposed(), exposed, "{text}");
        }
    }

    #[test]
    fn an_environment_has_a_tenant_and_a_name() {
        assert_eq!("acme/shop".parse::<ServerEnvironment>().unwrap().to_string(), "acme/shop");
        for text in ["", "acme", "acme/", "/shop", "a/b/c"] {
            assert!(text.parse::<ServerEnvironment>().is_err(), "{text}");
        }
    }
}

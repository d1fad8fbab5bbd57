//! Where a registry may send us. It names other places to go to (redirects, upload locations, where tokens are given), and a hostile one
//! could name what only this machine can reach: the metadata service of a cloud, a router, a database on loopback.
//!
//! The operator named the registry, so that may be anywhere. Any other host must be in a network at least as public as the registry's
//! own address. Names are resolved once and the connection is made to the very addresses that were looked at.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// How far an address is seen from, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Range {
    /// Only this machine.
    Loopback,
    /// The network of an organisation.
    Private,
    /// Everybody.
    Public,
}

/// How far this address is seen from; nothing for those that nobody is to be sent to: a link's own, where clouds keep their metadata
/// services, and those that are no single host's.
pub(crate) fn range(address: IpAddr) -> Option<Range> {
    match address {
        IpAddr::V4(address) => range_4(address),
        IpAddr::V6(address) => range_6(address),
    }
}

fn range_4(address: Ipv4Addr) -> Option<Range> {
    let [a, b, ..] = address.octets();
    if address.is_loopback() {
        Some(Range::Loopback)
    } else if address.is_link_local() || address.is_broadcast() || a == 0 || a >= 224 {
        None
    } else if address.is_private()
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (18..20).contains(&b))
    {
        Some(Range::Private)
    } else {
        Some(Range::Public)
    }
}

fn range_6(address: Ipv6Addr) -> Option<Range> {
    // An IPv4 address in the clothes of IPv6 is what it is: mapped, or behind NAT64.
    if let Some(address) = address.to_ipv4_mapped() {
        return range_4(address);
    }
    if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = address.segments() {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        return range_4(Ipv4Addr::new(a, b, c, d));
    }
    // In a network of its own, and what AWS has its metadata service at.
    let nobodys = address.segments()[..2] == [0xfd00, 0x0ec2]
        || address.is_unicast_link_local()
        || address.is_multicast()
        || address.is_unspecified();
    if address.is_loopback() {
        Some(Range::Loopback)
    } else if nobodys {
        None
    } else if address.is_unique_local() || address.segments()[0] & 0xffc0 == 0xfec0 {
        Some(Range::Private)
    } else {
        Some(Range::Public)
    }
}

/// Finds the addresses of hosts, and leaves out those that the registry may not send us to.
#[derive(Clone)]
pub(crate) struct Reach {
    /// The authority of the registry that the operator named.
    registry: Arc<str>,
    /// The most public of the addresses that it had: one that adds loopback to its own does not get there.
    own: Arc<Mutex<Option<Range>>>,
}

impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reach({})", self.registry)
    }
}

impl Reach {
    pub(crate) fn new(registry: &str) -> Self {
        Self { registry: registry.into(), own: Arc::default() }
    }
}

impl Resolver for Reach {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if uri.authority().is_some_and(|authority| authority.as_str() == &*self.registry) {
            *own = found.iter().filter_map(|address| range(address.ip())).chain(*own).max();
            return Ok(found);
        }
        let least = own.unwrap_or(Range::Public);
        let mut allowed = self.empty();
        for address in found.iter().filter(|address| range(address.ip()).is_some_and(|range| range >= least))
        {
            allowed.push(*address);
        }
        if allowed.is_empty() {
            let host = uri.host().unwrap_or_default();
            return Err(ureq::Error::Io(std::io::Error::new(
                std::io::ErrorKind::PermissionDenied,
                format!(
                    "the registry sends us to {host}, which is in a more private network than the registry itself"
                ),
            )));
        }
        Ok(allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_as_public_as_it_is() {
        for (address, expected) in [
            ("127.0.0.1", Some(Range::Loopback)),
            ("::1", Some(Range::Loopback)),
            ("::ffff:127.0.0.1", Some(Range::Loopback)),
            ("10.1.2.3", Some(Range::Private)),
            ("172.16.0.1", Some(Range::Private)),
            ("192.168.1.1", Some(Range::Private)),
            ("100.64.0.1", Some(Range::Private)),
            ("fd12:3456::1", Some(Range::Private)),
            ("64:ff9b::a00:1", Some(Range::Private)),
            ("169.254.169.254", None),
            ("::ffff:169.254.169.254", None),
            ("64:ff9b::a9fe:a9fe", None),
            ("fe80::1", None),
            ("fd00:ec2::254", None),
            ("0.0.0.0", None),
            ("::", None),
            ("224.0.0.1", None),
            ("255.255.255.255", None),
            ("93.184.216.34", Some(Range::Public)),
            ("2606:2800:220:1::1", Some(Range::Public)),
        ] {
            assert_eq!(range(address.parse().unwrap()), expected, "{address}");
        }
    }
}

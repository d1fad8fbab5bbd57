//! Addresses within the console and the API.

use std::fmt::Write as _;

use prefab_model::ModuleName;

use crate::access::Place;
use crate::names::{EnvironmentName, TenantName};

/// A text as a part of an address.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The same for a path of several parts.
fn encode_path(path: &str) -> String {
    path.split('/').map(encode).collect::<Vec<_>>().join("/")
}

/// An environment, for addresses below it.
#[derive(Debug, Clone)]
pub(super) struct Links {
    tenant: TenantName,
    environment: EnvironmentName,
}

impl Links {
    pub(super) fn of<S>(at: &Place<S>) -> Self {
        Self { tenant: at.tenant.clone(), environment: at.environment.clone() }
    }

    pub(super) fn environment(&self) -> &EnvironmentName {
        &self.environment
    }

    /// The page of the environment, or what lies below it.
    pub(super) fn to(&self, rest: &str) -> String {
        format!("/console/tenants/{}/environments/{}{rest}", self.tenant, self.environment)
    }

    pub(super) fn module(&self, module: &ModuleName) -> String {
        self.to(&format!("/modules/{}", encode(module.as_str())))
    }

    pub(super) fn view(&self, module: &ModuleName, path: &str) -> String {
        format!("{}/view/{}", self.module(module), encode_path(path))
    }

    pub(super) fn download(&self, module: &ModuleName, path: &str) -> String {
        format!("{}/download/{}", self.module(module), encode_path(path))
    }

    /// The environment in the API, or what lies below it.
    pub(super) fn api(&self, rest: &str) -> String {
        format!("/tenants/{}/environments/{}{rest}", self.tenant, self.environment)
    }

    pub(super) fn api_artifact(&self, module: &ModuleName, path: &str) -> String {
        self.api(&format!("/modules/{}/artifacts/{}", encode(module.as_str()), encode_path(path)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_ends_the_part_of_the_address_that_it_is_in() {
        assert_eq!(encode("@a/b#c?d e\"<ü"), "%40a%2Fb%23c%3Fd%20e%22%3C%C3%BC");
        assert_eq!(encode_path("dist/a b.js"), "dist/a%20b.js");
    }
}

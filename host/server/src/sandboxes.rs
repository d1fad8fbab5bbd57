//! Where compilers run: in workers that no other tenant's compilation was ever in.
//!
//! A sandbox has worker processes of its own and keeps them for further compilations. So each tenant has one, for as long as
//! anything of it runs. It also keeps the native code of the tenant's own compilers apart, so that nobody can tell by the time it takes
//! whether another tenant has the same; that of releases which are shared is made once. Without walls between processes one sandbox for all
//! does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use prefab_prepare::{Isolation, Sandbox, SandboxError, open_sandbox, open_sandbox_of};

use crate::names::TenantName;

/// The sandboxes of all tenants.
pub(crate) struct Sandboxes {
    isolation: Isolation,
    /// For what is no tenant's.
    own: Arc<Sandbox>,
    of: Mutex<HashMap<TenantName, Weak<Sandbox>>>,
}

impl Sandboxes {
    pub(crate) fn open(isolation: Isolation) -> Result<Self, SandboxError> {
        let own = Arc::new(open_sandbox(isolation.clone())?);
        Ok(Self { isolation, own, of: Mutex::default() })
    }

    /// The one of a tenant, or without a tenant that of the server. Blocks.
    pub(crate) fn of(&self, tenant: Option<&TenantName>) -> Result<Arc<Sandbox>, SandboxError> {
        let Some(tenant) = tenant.filter(|_| !matches!(self.isolation, Isolation::InProcess)) else {
            return Ok(Arc::clone(&self.own));
        };
        let mut open = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sandbox) = open.get(tenant).and_then(Weak::upgrade) {
            return Ok(sandbox);
        }
        open.retain(|_, sandbox| sandbox.strong_count() > 0);
        let sandbox = Arc::new(open_sandbox_of(tenant.as_str(), self.isolation.clone())?);
        open.insert(tenant.clone(), Arc::downgrade(&sandbox));
        Ok(sandbox)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_tenants_share_a_sandbox_that_has_workers() {
        let walled = Sandboxes::open(Isolation::process()).unwrap();
        let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
        let first = walled.of(Some(&a)).unwrap();
        assert!(Arc::ptr_eq(&first, &walled.of(Some(&a)).unwrap()));
        assert!(!Arc::ptr_eq(&first, &walled.of(Some(&b)).unwrap()));
        assert!(!Arc::ptr_eq(&first, &walled.of(None).unwrap()));
        let open = Sandboxes::open(Isolation::InProcess).unwrap();
        assert!(Arc::ptr_eq(&open.of(Some(&a)).unwrap(), &open.of(Some(&b)).unwrap()));
    }
}

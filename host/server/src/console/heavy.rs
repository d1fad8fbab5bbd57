//! Room for pages that take long to make, since they go through all modules of an environment: a few at a time of each tenant, so that no
//! tenant waits for another one. Others wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::names::TenantName;

/// So many at a time of each tenant.
const AT_A_TIME: usize = 2;

/// The room of all tenants. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Heavy(Arc<Mutex<HashMap<TenantName, Arc<Semaphore>>>>);

impl Heavy {
    /// Waits for room. It is taken until what is returned is dropped: by the work itself, which goes on when the caller hangs up.
    pub(super) async fn room(&self, tenant: &TenantName) -> Result<OwnedSemaphorePermit, AcquireError> {
        let room = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Of those that are not here, nobody waits or works.
            all.retain(|other, room| other == tenant || Arc::strong_count(room) > 1);
            Arc::clone(all.entry(tenant.clone()).or_insert_with(|| Arc::new(Semaphore::new(AT_A_TIME))))
        };
        room.acquire_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_tenant_waits_for_another_one() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let heavy = Heavy::default();
            let (a, b): (TenantName, TenantName) = ("a".parse().unwrap(), "b".parse().unwrap());
            let first = heavy.room(&a).await.unwrap();
            let _second = heavy.room(&a).await.unwrap();
            let third = tokio::spawn({
                let (heavy, a) = (heavy.clone(), a.clone());
                async move { heavy.room(&a).await.map(drop) }
            });
            let _other = heavy.room(&b).await.unwrap();
            tokio::task::yield_now().await;
            assert!(!third.is_finished());
            drop(first);
            third.await.unwrap().unwrap();
        });
    }
}

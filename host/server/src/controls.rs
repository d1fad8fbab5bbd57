//! Who tells a preparation what to do takes turns with others who do: one at a time for each environment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::names::{EnvironmentName, TenantName};

/// The turns of all environments.
#[derive(Default)]
pub(crate) struct Controls(Mutex<HashMap<(TenantName, EnvironmentName), Arc<Turn>>>);

/// The turn of one environment.
#[derive(Default)]
pub(crate) struct Turn(Mutex<()>);

impl Controls {
    /// The turn of an environment that is there.
    pub(crate) fn of(&self, tenant: &TenantName, environment: &EnvironmentName) -> Arc<Turn> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry((tenant.clone(), environment.clone())).or_default())
    }
}

impl Turn {
    /// Waits for it. Blocks.
    pub(crate) fn lock(&self) -> MutexGuard<'_, ()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

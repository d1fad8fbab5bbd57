//! Environments that are open: opening one takes milliseconds, and asking it something takes less.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use prefab_prepare::{Environment, EnvironmentError};

use crate::names::{EnvironmentName, TenantName};
use crate::problem::Problem;

/// So many stay open that nobody uses.
const IDLE: usize = 64;

type Key = (TenantName, EnvironmentName);

/// The environments that are open, by tenant and name.
#[derive(Default)]
pub(crate) struct Environments {
    open: Mutex<HashMap<Key, Open>>,
}

struct Open {
    environment: Arc<Environment>,
    /// Of its configuration: somebody may change it behind the server's back, with an editor or with `prefab config set`.
    stamp: Stamp,
}

type Stamp = (SystemTime, u64);

impl Environments {
    /// The environment in `folder`, which trusts and revokes what these files say besides its own configuration.
    pub(crate) fn get(
        &self,
        tenant: &TenantName,
        name: &EnvironmentName,
        folder: &Path,
        trust: impl FnOnce() -> Vec<PathBuf>,
    ) -> Result<Arc<Environment>, Problem> {
        let key = (tenant.clone(), name.clone());
        let Some(stamp) = stamp(folder) else {
            self.forget(tenant, name);
            return Err(Problem::not_found());
        };
        let known =
            self.lock().get(&key).filter(|open| open.stamp == stamp).map(|open| open.environment.clone());
        if let Some(environment) = known {
            return Ok(environment);
        }
        // Not while the map is locked: opening waits for whoever else opens the same environment.
        let environment = match Environment::open(folder) {
            Ok(environment) => Arc::new(environment.trusting(trust())),
            Err(EnvironmentError::NotFound(_)) => return Err(Problem::not_found()),
            Err(error) => return Err(error.into()),
        };
        let mut open = self.lock();
        if open.len() >= IDLE {
            open.retain(|_, open| Arc::strong_count(&open.environment) > 1);
        }
        open.insert(key, Open { environment: environment.clone(), stamp });
        Ok(environment)
    }

    /// Lets go of one that is removed.
    pub(crate) fn forget(&self, tenant: &TenantName, name: &EnvironmentName) {
        self.lock().remove(&(tenant.clone(), name.clone()));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamp(folder: &Path) -> Option<Stamp> {
    let config = fs::metadata(folder.join("prefab.toml")).ok()?;
    Some((config.modified().ok()?, config.len()))
}

//! How much is kept for a tenant: bytes, environments, modules.
//!
//! Bytes are counted by walking the tenant's folder, and listing what its environments have in an object store, which takes long where
//! there is much: so a count is used for a while, the longer the longer it took, and what is sent meanwhile is added to it. Whoever
//! would be refused is counted anew.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prefab_model::Bytes;
use prefab_prepare::{HeldBack, module_count};

use crate::api::environment_names;
use crate::names::{EnvironmentName, TenantName};
use crate::problem::Problem;
use crate::quotas::{Quotas, Usage};
use crate::server::Server;

/// A count is used for so long at least.
const FRESH: Duration = Duration::from_secs(10);
/// Or for so many times as long as it took.
const TIMES: u32 = 50;
/// One that was made just now is not made again.
const JUST: Duration = Duration::from_secs(1);

/// What was counted.
#[derive(Default)]
pub(crate) struct Kept {
    bytes: Mutex<HashMap<TenantName, Counted>>,
    modules: Mutex<HashMap<TenantName, Modules>>,
}

/// How many modules each environment has, and when all were counted.
#[derive(Clone)]
struct Modules {
    at: Instant,
    of: HashMap<EnvironmentName, u64>,
}

/// Modules may come and go behind the server's back: they are counted anew after so long.
const MODULES: Duration = Duration::from_mins(1);

#[derive(Clone, Copy)]
struct Counted {
    bytes: u64,
    /// Of these, those in an object store.
    elsewhere: u64,
    at: Instant,
    took: Duration,
}

impl Counted {
    fn is_fresh(&self) -> bool {
        self.at.elapsed() < FRESH.max(self.took * TIMES)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes of all files in a folder; none if it is not there. What goes away meanwhile is not counted.
pub(crate) fn bytes_in(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0_u64;
    let mut folders = vec![folder.to_owned()];
    let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if gone(&error) => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) => bytes = bytes.saturating_add(metadata.len()),
                Err(error) if gone(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(bytes)
}

impl Server {
    /// What a tenant may have. Blocks, as all here.
    pub(crate) fn quotas(&self, tenant: &TenantName) -> Result<std::sync::Arc<Quotas>, Problem> {
        Ok(self.shares().quotas(self.data().db(), tenant)?)
    }

    /// Bytes that are kept for a tenant, by a count that is fresh enough.
    fn stored(&self, tenant: &TenantName, fresh: impl Fn(&Counted) -> bool) -> Result<u64, Problem> {
        if let Some(counted) = lock(&self.kept().bytes).get(tenant).filter(|counted| fresh(counted)) {
            return Ok(counted.bytes);
        }
        let at = Instant::now();
        let here = bytes_in(&self.data().tenant(tenant))?;
        let elsewhere = self.elsewhere(tenant).unwrap_or_else(|problem| {
            tracing::warn!(%tenant, ?problem, "cannot count what is in the object store: it is taken for what it was");
            lock(&self.kept().bytes).get(tenant).map_or(0, |counted| counted.elsewhere)
        });
        let bytes = here.saturating_add(elsewhere);
        let counted = Counted { bytes, elsewhere, at: Instant::now(), took: at.elapsed() };
        lock(&self.kept().bytes).insert(tenant.clone(), counted);
        Ok(bytes)
    }

    /// Bytes that a tenant's environments have in an object store.
    fn elsewhere(&self, tenant: &TenantName) -> Result<u64, Problem> {
        environment_names(self, tenant).into_iter().try_fold(0_u64, |sum, name| {
            Ok(sum.saturating_add(self.environment(tenant, &name)?.bytes_elsewhere()?))
        })
    }

    /// Refuses so many bytes more if the tenant's quota has no room for them; adds them to what is counted otherwise.
    pub(crate) fn bytes_more(&self, tenant: &TenantName, more: u64) -> Result<(), Problem> {
        let quotas = self.quotas(tenant)?;
        if quotas.storage.is_none() {
            return Ok(());
        }
        let stored = self.stored(tenant, Counted::is_fresh)?;
        if quotas.bytes_more(stored, more).is_err() {
            self.stored(tenant, |counted| counted.at.elapsed() < JUST)?;
        }
        // Looked at and added to in one, so that two do not both have the last room.
        let mut counts = lock(&self.kept().bytes);
        let counted = counts.entry(tenant.clone()).or_insert(Counted {
            bytes: stored,
            elsewhere: 0,
            at: Instant::now(),
            took: Duration::ZERO,
        });
        quotas.bytes_more(counted.bytes, more)?;
        counted.bytes = counted.bytes.saturating_add(more);
        Ok(())
    }

    /// Keeps a tenant from compiling while it stores more than it may.
    pub(crate) fn heed_storage(&self, tenant: &TenantName) -> Result<(), Problem> {
        let share = self.shares().of(self.data().db(), tenant)?;
        let over = match self.quotas(tenant)?.storage {
            Some(quota) => {
                let used = self.stored(tenant, Counted::is_fresh)?;
                (used > quota).then_some(HeldBack::Storage { used: Bytes(used), quota: Bytes(quota) })
            }
            None => None,
        };
        share.bar(over);
        Ok(())
    }

    /// Modules of all environments of a tenant. Those of this one are counted anew.
    pub(crate) fn modules_of(
        &self,
        tenant: &TenantName,
        anew: Option<&EnvironmentName>,
    ) -> Result<u64, Problem> {
        let known = lock(&self.kept().modules).get(tenant).filter(|it| it.at.elapsed() < MODULES).cloned();
        let mut known = known.unwrap_or_else(|| Modules { at: Instant::now(), of: HashMap::new() });
        let names = environment_names(self, tenant);
        known.of.retain(|name, _| names.binary_search(name).is_ok() && Some(name) != anew);
        for name in names {
            if let Entry::Vacant(unknown) = known.of.entry(name) {
                let modules = module_count(&*self.environment(tenant, unknown.key())?)?;
                unknown.insert(modules);
            }
        }
        let modules = known.of.values().sum();
        lock(&self.kept().modules).insert(tenant.clone(), known);
        Ok(modules)
    }

    /// The modules of this environment are others now.
    pub(crate) fn modules_changed(&self, tenant: &TenantName, environment: &EnvironmentName) {
        if let Some(known) = lock(&self.kept().modules).get_mut(tenant) {
            known.of.remove(environment);
        }
    }

    /// Refuses a module more in this environment if the tenant's quota has no room for it.
    pub(crate) fn module_more(
        &self,
        tenant: &TenantName,
        environment: &EnvironmentName,
    ) -> Result<(), Problem> {
        let quotas = self.quotas(tenant)?;
        if quotas.modules.is_none() {
            return Ok(());
        }
        quotas.module_more(self.modules_of(tenant, Some(environment))?)
    }

    /// What a tenant has now.
    pub(crate) fn usage(&self, tenant: &TenantName) -> Result<Usage, Problem> {
        let share = self.shares().of(self.data().db(), tenant)?;
        let standing = share.standing();
        let names = environment_names(self, tenant);
        Ok(Usage {
            running: standing.running,
            waiting: standing.waiting,
            memory: standing.memory,
            fuel_today: prefab_model::Fuel(standing.fuel),
            storage: self.stored(tenant, Counted::is_fresh)?,
            environments: names.len() as u64,
            modules: self.modules_of(tenant, None)?,
            held_back: share.held_back(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_counted_and_what_links_lead_to_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        fs::write(other.path().join("large"), [0; 1000]).unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/x"), [0; 10]).unwrap();
        fs::write(folder.path().join("y"), [0; 5]).unwrap();
        let before = bytes_in(folder.path()).unwrap();
        std::os::unix::fs::symlink(other.path(), folder.path().join("link")).unwrap();
        let link = other.path().as_os_str().len() as u64;
        assert_eq!((before, bytes_in(folder.path()).unwrap()), (15, 15 + link));
        assert_eq!(bytes_in(&folder.path().join("none")).unwrap(), 0);
    }
}

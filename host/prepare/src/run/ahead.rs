//! Looking up modules ahead of the threads that work on them, many at a time: with a million modules, what the ledger knows of each is
//! asked for in thousands of looks instead of millions.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use prefab_model::ModuleName;
use prefab_store::{Standing, Store, StoreError};

use super::roster::{Index, Roster};

/// So many modules are looked up at a time.
const AHEAD: usize = 64;

/// What was looked up longer ago than this is looked up again: where modules take long, one look more costs nothing.
const FRESH: Duration = Duration::from_secs(1);

/// The modules of one pass in their order, looked up as the pass comes to them.
pub(super) struct Ahead<'a> {
    store: &'a Store,
    roster: &'a Roster,
    order: &'a [Index],
    /// Whether what was seen of their files is needed too.
    snapshots: bool,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    /// Those that nobody has taken yet, by place in the order.
    waiting: HashMap<usize, (Instant, Standing)>,
    /// The place up to which modules were looked up.
    until: usize,
}

impl<'a> Ahead<'a> {
    pub(super) fn new(store: &'a Store, roster: &'a Roster, order: &'a [Index], snapshots: bool) -> Self {
        Self { store, roster, order, snapshots, found: Mutex::default() }
    }

    /// How the module at this place in the order stands. Each place is asked for once, the places one after the other, but for
    /// some that jump the queue.
    pub(super) fn take(&self, place: usize) -> Result<Standing, StoreError> {
        // Whoever comes meanwhile waits for the same look, which is for them too.
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if place >= found.until + AHEAD {
            drop(found);
            let index = self.order.get(place);
            return index.map_or_else(
                || Ok(Standing::default()),
                |index| standing(self.store, self.roster.name(*index), self.snapshots),
            );
        }
        if place >= found.until {
            let from = found.until;
            let until = self.order.len().min((place + 1).max(from + AHEAD));
            let names =
                self.order.get(from..until).unwrap_or_default().iter().map(|at| self.roster.name(*at));
            let standings = self.store.standings(names, self.snapshots)?;
            let now = Instant::now();
            found.waiting.extend((from..).zip(standings.into_iter().map(|standing| (now, standing))));
            found.until = until;
        }
        let taken = found.waiting.remove(&place);
        drop(found);
        match (taken, self.order.get(place)) {
            (Some((looked, standing)), _) if looked.elapsed() < FRESH => Ok(standing),
            (_, Some(index)) => standing(self.store, self.roster.name(*index), self.snapshots),
            (_, None) => Ok(Standing::default()),
        }
    }
}

/// How one module stands.
pub(super) fn standing(store: &Store, module: &ModuleName, snapshots: bool) -> Result<Standing, StoreError> {
    Ok(store.standings([module], snapshots)?.pop().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::thread;

    use prefab_model::ModuleManifest;
    use prefab_store::{ModuleKind, ModuleRow};

    use super::*;

    fn row(number: u32) -> ModuleRow {
        let manifest = ModuleManifest::parse(&format!("name = \"m{number}\"")).unwrap();
        ModuleRow { root: "somewhere".into(), kind: ModuleKind::Native, manifest, added_at: 0 }
    }

    #[test]
    fn every_place_is_given_its_module_whoever_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        store.put_modules((0..200).map(row)).unwrap();
        let roster = Roster { names: (0..200).map(|number| row(number).manifest.name).collect() };
        let order: Vec<Index> = (0..200).rev().collect();
        let ahead = Ahead::new(&store, &roster, &order, false);
        let next = std::sync::atomic::AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    loop {
                        let place = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        let Some(index) = order.get(place) else { break };
                        assert_eq!(ahead.take(place).unwrap().row, Some(row(*index)));
                    }
                });
            }
        });
        assert!(ahead.found.lock().unwrap().waiting.is_empty());
    }

    #[test]
    fn what_was_looked_up_long_ago_is_looked_up_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        store.put_modules((0..2).map(row)).unwrap();
        let roster = Roster { names: (0..2).map(|number| row(number).manifest.name).collect() };
        let ahead = Ahead::new(&store, &roster, &[0, 1], false);
        ahead.take(0).unwrap();
        store.remove_module(&row(1).manifest.name).unwrap();
        let long_ago = Instant::now().checked_sub(FRESH).unwrap();
        ahead.found.lock().unwrap().waiting.get_mut(&1).unwrap().0 = long_ago;
        assert_eq!(ahead.take(1).unwrap().row, None);
    }
}

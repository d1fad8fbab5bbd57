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

    /// How the module at this place in the order stands. Each place is asked for once, the places one after the other.
    pub(super) fn take(&self, place: usize) -> Result<Standing, StoreError> {
        // Whoever comes meanwhile waits for the same look, which is for them too.
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
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

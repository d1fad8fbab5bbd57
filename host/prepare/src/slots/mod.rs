//! Slots that many preparations share: a compilation runs in one, and whose is next is decided by weights (`fair.rs`).
//!
//! A server has one [`Slots`] and a [`Share`] for each tenant, which comes along with the [`Stop`] of all that the tenant runs. Here is
//! only the waiting. Without a share nothing of this happens.
//!
//! What is paused gives its slot up, though not its memory, and waits for one again before it goes on. What only looks things up
//! takes none.

mod fair;

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prefab_model::{Bytes, Fuel, Usage};
use prefab_sandbox::Control;
use serde::{Deserialize, Serialize};

use crate::run::Stop;
use fair::{Fair, Member, Ticket};
pub use fair::{Standing, Terms};

/// How often whoever waits for a slot looks whether it is to stop: as often as what runs does.
const LOOK: Duration = Duration::from_millis(50);

/// So many compilations run at a time, whoever they belong to. Clones are the same slots.
#[derive(Debug, Clone)]
pub struct Slots(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    fair: Fair,
    /// Those who wait, each on a bell of its own.
    bells: HashMap<Ticket, Arc<Condvar>>,
    given: HashSet<Ticket>,
    /// Who is given nothing, and why.
    barred: HashMap<Member, HeldBack>,
}

impl Slots {
    /// So many.
    pub fn new(slots: NonZeroUsize) -> Self {
        let state = State {
            fair: Fair::new(slots),
            bells: HashMap::new(),
            given: HashSet::new(),
            barred: HashMap::new(),
        };
        Self(Arc::new(Shared { began: Instant::now(), state: Mutex::new(state) }))
    }

    /// A further tenant's part in them.
    pub fn share(&self, terms: Terms) -> Share {
        let member = self.0.lock().fair.join(terms);
        Share { slots: Arc::clone(&self.0), member, impatient: false }
    }

    /// Another day has begun: no fuel is used yet.
    pub fn new_day(&self) {
        self.0.change(Fair::new_day);
    }
}

impl State {
    fn held_back(&self, member: Member) -> Option<HeldBack> {
        if let Some(reason) = self.barred.get(&member) {
            return Some(*reason);
        }
        let (used, quota) = (self.fair.standing(member).fuel, self.fair.terms(member).fuel?);
        (used >= quota).then_some(HeldBack::Fuel { used: Fuel(used), quota: Fuel(quota) })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked meanwhile did so before or after a change, never in its middle.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something, and gives the slots out that are free then.
    fn change<T>(&self, change: impl FnOnce(&mut Fair, Duration) -> T) -> T {
        let mut state = self.lock();
        let changed = change(&mut state.fair, self.began.elapsed());
        self.give(&mut state);
        changed
    }

    fn give(&self, state: &mut State) {
        while let Some(ticket) = state.fair.give(self.began.elapsed()) {
            state.given.insert(ticket);
            if let Some(bell) = state.bells.get(&ticket) {
                bell.notify_one();
            }
        }
    }
}

/// Why a tenant is given no slot although there may be free ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "reason")]
pub enum HeldBack {
    /// It has used the fuel that it may use a day: it goes on when the next begins, in UTC, or the quota is raised.
    Fuel {
        /// What it has used today.
        used: Fuel,
        /// What it may use.
        quota: Fuel,
    },
    /// It stores more than it may: it goes on when something is removed, or the quota is raised.
    Storage {
        /// What it stores.
        used: Bytes,
        /// What it may store.
        quota: Bytes,
    },
}

/// What one tenant has of the slots. Clones are the same share.
#[derive(Debug, Clone)]
pub struct Share {
    slots: Arc<Shared>,
    member: Member,
    impatient: bool,
}

impl Share {
    /// The same for what somebody waits for: where nothing is given out for want of a quota, it is stopped instead of waiting for
    /// the next day.
    #[must_use]
    pub fn impatient(&self) -> Self {
        Self { impatient: true, ..self.clone() }
    }

    /// Changes what it may have, from now on.
    pub fn set_terms(&self, terms: Terms) {
        self.slots.change(|fair, now| fair.set_terms(self.member, now, terms));
    }

    /// Says how much fuel was used today, from what is remembered.
    pub fn set_fuel(&self, used: Fuel) {
        self.slots.change(|fair, now| fair.set_fuel(self.member, now, used.0));
    }

    /// Gives nothing more out for this reason; or, without one, gives out again.
    pub fn bar(&self, reason: Option<HeldBack>) {
        let mut state = self.slots.lock();
        state.fair.bar(self.member, self.slots.began.elapsed(), reason.is_some());
        match reason {
            Some(reason) => drop(state.barred.insert(self.member, reason)),
            None => drop(state.barred.remove(&self.member)),
        }
        self.slots.give(&mut state);
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        self.slots.lock().fair.standing(self.member)
    }

    /// Why nothing is given out, if nothing is until another day begins or somebody does something.
    pub fn held_back(&self) -> Option<HeldBack> {
        self.slots.lock().held_back(self.member)
    }

    /// How many slots there are.
    pub(crate) fn slots(&self) -> NonZeroUsize {
        self.slots.lock().fair.slots()
    }

    /// How many threads do so many at a time: where that is all slots, one more, so that while a thread is between two compilations
    /// another stands in line for it. Otherwise whoever compiles longest would have the most.
    pub(crate) fn threads(&self, jobs: usize) -> usize {
        if jobs >= self.slots().get() { jobs + 1 } else { jobs }
    }

    /// Waits for a slot, for a compilation that may have so much memory; nothing if it is to stop.
    fn take(&self, memory: Bytes, stop: &Stop) -> Option<Taken> {
        let taken = Taken(Arc::new(Place {
            share: self.clone(),
            memory: memory.0,
            control: stop.control().clone(),
            has: AtomicBool::new(false),
        }));
        if taken.0.enter(self.impatient, &|| stop.is_asked()) {
            return Some(taken);
        }
        if self.impatient && self.held_back().is_some() {
            stop.now();
        }
        None
    }
}

/// A compilation's turn: at once for what shares with nobody.
pub(crate) struct Turn {
    taken: Option<Taken>,
    control: Control,
}

impl Turn {
    /// Waits until it is this compilation's turn, which may have so much memory; nothing if it is to stop.
    pub(crate) fn wait(memory: Bytes, stop: &Stop) -> Option<Self> {
        let Some(share) = stop.share() else {
            return Some(Self { taken: None, control: stop.control().clone() });
        };
        let taken = share.take(memory, stop)?;
        Some(Self { control: taken.control(), taken: Some(taken) })
    }

    /// The control for the compilation.
    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    /// It is over, and used this, of so much fuel at the most.
    pub(crate) fn end(self, usage: &Usage, most: Fuel) {
        if let Some(taken) = self.taken {
            taken.end(burnt(usage, most));
        }
    }
}

/// What counts as used: one that had to be killed does not say, and is not to be had for nothing. A second stands for a billion, which
/// is about what is used in one.
fn burnt(usage: &Usage, most: Fuel) -> Fuel {
    let by_time = u64::try_from(usage.time.as_nanos()).unwrap_or(u64::MAX);
    usage.fuel.unwrap_or(Fuel(by_time.min(most.0)))
}

/// A slot, until it is dropped.
struct Taken(Arc<Place>);

struct Place {
    share: Share,
    memory: u64,
    control: Control,
    has: AtomicBool,
}

impl Taken {
    /// The control for the compilation: it leaves the slot to others for as long as it is paused.
    fn control(&self) -> Control {
        let place = Arc::clone(&self.0);
        self.0.control.around_waits(move |wait| {
            place.leave(0);
            wait();
            // One that is to let what runs end is asked to stop as well: this one runs.
            place.enter(false, &|| false);
        })
    }

    /// Gives it back, with what was used.
    fn end(self, used: Fuel) {
        self.0.leave(used.0);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.leave(0);
    }
}

impl Place {
    /// Waits for the slot. Says whether it has it, rather than being cancelled, asked to give up, or impatient.
    fn enter(&self, impatient: bool, gives_up: &dyn Fn() -> bool) -> bool {
        let (slots, member) = (&self.share.slots, self.share.member);
        let bell = Arc::new(Condvar::new());
        let mut state = slots.lock();
        loop {
            let ticket = state.fair.arrive(member, slots.began.elapsed(), self.memory);
            state.bells.insert(ticket, Arc::clone(&bell));
            slots.give(&mut state);
            let stopped = || self.control.is_cancelled() || gives_up();
            let held_back = |state: &State| impatient && state.held_back(member).is_some();
            while !state.given.contains(&ticket)
                && !stopped()
                && !held_back(&state)
                && !self.control.is_paused()
            {
                (state, _) = bell.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner);
            }
            state.bells.remove(&ticket);
            if state.given.remove(&ticket) {
                self.has.store(true, Ordering::Relaxed);
                return true;
            }
            state.fair.withdraw(member, slots.began.elapsed(), ticket);
            slots.give(&mut state);
            if stopped() || held_back(&state) {
                return false;
            }
            drop(state);
            self.control.wait();
            state = slots.lock();
        }
    }

    fn leave(&self, used: u64) {
        let had = self.has.swap(false, Ordering::Relaxed);
        if had || used > 0 {
            self.share.slots.change(|fair, now| {
                fair.burn(self.share.member, now, used);
                if had {
                    fair.end(self.share.member, now, self.memory);
                }
            });
        }
    }
}

#[cfg(test)]
#[path = "waiting_tests.rs"]
mod tests;

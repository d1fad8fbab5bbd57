//! Whose compilation is next: weighted fair queueing over tenants, as a state machine without threads, clocks or locks.
//!
//! Work is time in a slot: that is what others wait for. Each tenant has a virtual time, which is the work it was given divided by its
//! weight; a free slot goes to the tenant that waits and has the least. One that could not take a slot, since nothing of it waited
//! or it was at a bound of its own, is put at the virtual time of the others once it can: it has neither gained nor lost by that.
//! Work is charged while it is done, so that nobody has to know beforehand how long a compilation takes.

use std::collections::{BTreeSet, VecDeque};
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

/// What a tenant may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Its share of the slots, relative to the weights of the others.
    pub weight: NonZeroU32,
    /// How many slots at a time; none for all.
    pub slots: Option<NonZeroUsize>,
    /// The memory that its compilations may have together, in bytes; none for no bound. A single one that may have more runs alone.
    pub memory: Option<u64>,
    /// The fuel that it may use a day; none for no bound.
    pub fuel: Option<u64>,
}

impl Default for Terms {
    fn default() -> Self {
        Self { weight: NonZeroU32::MIN, slots: None, memory: None, fuel: None }
    }
}

/// A tenant, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Member(usize);

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Ticket(u64);

/// How a tenant stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Compilations that wait for a slot.
    pub waiting: usize,
    /// Compilations that have one.
    pub running: usize,
    /// The memory that those may have together, in bytes.
    pub memory: u64,
    /// The fuel used today.
    pub fuel: u64,
}

/// Virtual time is in nanoseconds of a tenant of weight 1, times this, so that dividing by a weight loses nothing that matters.
const SCALE: u128 = 1 << 20;

/// The queue.
#[derive(Debug)]
pub(super) struct Fair {
    slots: NonZeroUsize,
    taken: usize,
    members: Vec<Queue>,
    /// Those of which something waits.
    waiting: BTreeSet<usize>,
    /// The virtual time of whoever was last given a slot, when it was given it.
    reached: u128,
    next: u64,
}

#[derive(Debug)]
struct Queue {
    terms: Terms,
    /// Whether it is to be given nothing for now, for a reason that is not known here.
    barred: bool,
    virtual_time: u128,
    /// Up to when its work is charged.
    charged: Duration,
    running: usize,
    memory: u64,
    fuel: u64,
    waiting: VecDeque<(Ticket, u64)>,
}

impl Queue {
    fn is_spent(&self) -> bool {
        self.terms.fuel.is_some_and(|most| self.fuel >= most)
    }

    /// Whether the first that waits may have a slot if one is free.
    fn may_go(&self) -> bool {
        let Some((_, memory)) = self.waiting.front() else { return false };
        let fits = |most: u64| self.running == 0 || self.memory.saturating_add(*memory) <= most;
        !self.barred
            && !self.is_spent()
            && self.terms.slots.is_none_or(|most| self.running < most.get())
            && self.terms.memory.is_none_or(fits)
    }

    fn charge(&mut self, now: Duration) {
        let work = now.saturating_sub(self.charged).as_nanos() * self.running as u128;
        self.virtual_time += work * SCALE / u128::from(self.terms.weight.get());
        self.charged = self.charged.max(now);
    }
}

impl Fair {
    pub(super) fn new(slots: NonZeroUsize) -> Self {
        let (members, waiting) = (Vec::new(), BTreeSet::new());
        Self { slots, taken: 0, members, waiting, reached: 0, next: 0 }
    }

    pub(super) fn slots(&self) -> NonZeroUsize {
        self.slots
    }

    /// A further tenant.
    pub(super) fn join(&mut self, terms: Terms) -> Member {
        self.members.push(Queue {
            terms,
            barred: false,
            virtual_time: self.reached,
            charged: Duration::ZERO,
            running: 0,
            memory: 0,
            fuel: 0,
            waiting: VecDeque::new(),
        });
        Member(self.members.len() - 1)
    }

    /// Changes something about a tenant. If that lets it take a slot, it begins where the others are.
    fn change<T>(&mut self, of: Member, now: Duration, change: impl FnOnce(&mut Queue) -> T) -> T {
        let queue = &mut self.members[of.0];
        queue.charge(now);
        let could = queue.may_go();
        let changed = change(queue);
        if !could && queue.may_go() {
            queue.virtual_time = queue.virtual_time.max(self.reached);
        }
        if queue.waiting.is_empty() {
            self.waiting.remove(&of.0)
        } else {
            self.waiting.insert(of.0)
        };
        changed
    }

    pub(super) fn set_terms(&mut self, of: Member, now: Duration, terms: Terms) {
        self.change(of, now, |queue| queue.terms = terms);
    }

    /// Gives a tenant nothing until it is told otherwise.
    pub(super) fn bar(&mut self, of: Member, now: Duration, barred: bool) {
        self.change(of, now, |queue| queue.barred = barred);
    }

    /// Says how much fuel a tenant has used today.
    pub(super) fn set_fuel(&mut self, of: Member, now: Duration, fuel: u64) {
        self.change(of, now, |queue| queue.fuel = fuel);
    }

    /// A tenant has used fuel.
    pub(super) fn burn(&mut self, of: Member, now: Duration, fuel: u64) {
        self.change(of, now, |queue| queue.fuel = queue.fuel.saturating_add(fuel));
    }

    /// Another day: nobody has used fuel yet.
    pub(super) fn new_day(&mut self, now: Duration) {
        for number in 0..self.members.len() {
            self.set_fuel(Member(number), now, 0);
        }
    }

    /// A compilation waits that may have so much memory.
    pub(super) fn arrive(&mut self, of: Member, now: Duration, memory: u64) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.change(of, now, |queue| queue.waiting.push_back((ticket, memory)));
        ticket
    }

    /// It does not wait any more.
    pub(super) fn withdraw(&mut self, of: Member, now: Duration, ticket: Ticket) {
        self.change(of, now, |queue| queue.waiting.retain(|(other, _)| *other != ticket));
    }

    /// Gives a free slot to whoever is next; nothing if there is none, or nobody who may have it.
    pub(super) fn give(&mut self, now: Duration) -> Option<Ticket> {
        if self.taken >= self.slots.get() {
            return None;
        }
        for number in &self.waiting {
            self.members[*number].charge(now);
        }
        let may_go = self.waiting.iter().filter(|number| self.members[**number].may_go());
        let next = *may_go.min_by_key(|number| {
            let queue = &self.members[**number];
            (queue.virtual_time, queue.running, queue.waiting.front().map(|(ticket, _)| *ticket))
        })?;
        self.reached = self.reached.max(self.members[next].virtual_time);
        self.taken += 1;
        self.change(Member(next), now, |queue| {
            let (ticket, memory) = queue.waiting.pop_front()?;
            queue.running += 1;
            queue.memory = queue.memory.saturating_add(memory);
            Some(ticket)
        })
    }

    /// A compilation that had a slot and so much memory gives them back.
    pub(super) fn end(&mut self, of: Member, now: Duration, memory: u64) {
        self.taken = self.taken.saturating_sub(1);
        self.change(of, now, |queue| {
            queue.running = queue.running.saturating_sub(1);
            queue.memory = queue.memory.saturating_sub(memory);
        });
    }

    pub(super) fn standing(&self, of: Member) -> Standing {
        let queue = &self.members[of.0];
        let (running, memory, fuel) = (queue.running, queue.memory, queue.fuel);
        Standing { waiting: queue.waiting.len(), running, memory, fuel }
    }

    pub(super) fn terms(&self, of: Member) -> Terms {
        self.members[of.0].terms
    }
}

#[cfg(test)]
#[path = "fair_tests.rs"]
mod tests;

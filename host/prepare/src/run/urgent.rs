//! Modules that somebody wants first, of a preparation that runs already.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prefab_model::ModuleName;

/// So many are remembered: the latest.
const MOST: usize = 10_000;

/// What was asked for so far. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Urgent(Arc<Asked>);

#[derive(Debug, Default)]
struct Asked {
    /// How often something was asked for, so that whoever looks need not take the lock.
    times: AtomicU64,
    modules: Mutex<VecDeque<ModuleName>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Urgent {
    pub(super) fn ask(&self, modules: Vec<ModuleName>) {
        let mut asked = lock(&self.0.modules);
        asked.extend(modules);
        let surplus = asked.len().saturating_sub(MOST);
        asked.drain(..surplus);
        self.0.times.fetch_add(1, Ordering::Release);
    }

    /// All modules, if something was asked for since `seen`, which is then up to date.
    pub(super) fn since(&self, seen: &mut u64) -> Option<Vec<ModuleName>> {
        let times = self.0.times.load(Ordering::Acquire);
        if times == *seen {
            return None;
        }
        *seen = times;
        Some(lock(&self.0.modules).iter().cloned().collect())
    }
}

/// The places of an order, each given once: one after the other, but for those that jump the queue.
#[derive(Debug)]
pub(super) struct Places(Mutex<Queue>);

#[derive(Debug)]
struct Queue {
    next: usize,
    all: usize,
    jumps: VecDeque<usize>,
    /// Those at or after `next` that were given.
    jumped: HashSet<usize>,
}

impl Places {
    pub(super) fn new(all: usize) -> Self {
        Self(Mutex::new(Queue { next: 0, all, jumps: VecDeque::new(), jumped: HashSet::new() }))
    }

    /// Lets these go first, in this order. Those that were given are given no more.
    pub(super) fn jump(&self, places: Vec<usize>) {
        lock(&self.0).jumps = places.into();
    }

    /// The next place; none when all were given.
    pub(super) fn next(&self) -> Option<usize> {
        let mut queue = lock(&self.0);
        while let Some(place) = queue.jumps.pop_front() {
            if (queue.next..queue.all).contains(&place) && queue.jumped.insert(place) {
                return Some(place);
            }
        }
        while queue.next < queue.all {
            let place = queue.next;
            queue.next += 1;
            if !queue.jumped.remove(&place) {
                return Some(place);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn those_that_jump_the_queue_go_first_and_none_twice() {
        let places = Places::new(5);
        assert_eq!(places.next(), Some(0));
        places.jump(vec![3, 0, 9, 3]);
        let rest: Vec<usize> = std::iter::from_fn(|| places.next()).collect();
        assert_eq!(rest, [3, 1, 2, 4]);
    }

    #[test]
    fn what_was_asked_for_is_told_once_for_each_time() {
        let (urgent, mut seen) = (Urgent::default(), 0);
        assert_eq!(urgent.since(&mut seen), None);
        let module: ModuleName = "cart".parse().unwrap();
        urgent.ask(vec![module.clone()]);
        assert_eq!(urgent.since(&mut seen), Some(vec![module]));
        assert_eq!(urgent.since(&mut seen), None);
        urgent.ask((0..=MOST).map(|number| format!("m{number}").parse().unwrap()).collect());
        let all = urgent.since(&mut seen).unwrap();
        assert_eq!((all.len(), all[0].as_str()), (MOST, "m1"));
    }

    proptest! {
        #[test]
        fn every_place_is_given_once_whoever_jumps_when(
            all in 0_usize..50,
            jumps in prop::collection::vec((0_usize..10, prop::collection::vec(0_usize..60, 0..10)), 0..10),
        ) {
            let places = Places::new(all);
            let mut given = Vec::new();
            for (some, jump) in jumps {
                given.extend((0..some).filter_map(|_| places.next()));
                places.jump(jump);
            }
            given.extend(std::iter::from_fn(|| places.next()));
            given.sort_unstable();
            prop_assert_eq!(given, (0..all).collect::<Vec<_>>());
        }
    }
}

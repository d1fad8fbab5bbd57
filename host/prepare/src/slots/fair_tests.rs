//! What must hold of the queue whoever comes when, tried with tenants that are simulated.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

/// A machine on which compilations take the time that they are said to take.
struct Machine {
    fair: Fair,
    now: Duration,
    members: Vec<Member>,
    /// By ticket: whose it is, and how long it will take.
    lengths: HashMap<Ticket, (usize, Duration)>,
    /// When each ends, and whose it is.
    running: Vec<(Duration, usize)>,
    /// Time in slots, by tenant.
    work: Vec<Duration>,
    given: Vec<usize>,
}

impl Machine {
    fn new(slots: usize, weights: &[u32]) -> Self {
        let mut fair = Fair::new(NonZeroUsize::new(slots).unwrap());
        let terms = |weight: &u32| Terms { weight: NonZeroU32::new(*weight).unwrap(), ..Terms::default() };
        let members = weights.iter().map(|weight| fair.join(terms(weight))).collect();
        Self {
            fair,
            now: Duration::ZERO,
            members,
            lengths: HashMap::new(),
            running: Vec::new(),
            work: vec![Duration::ZERO; weights.len()],
            given: Vec::new(),
        }
    }

    fn arrive(&mut self, whose: usize, milliseconds: u64) {
        let ticket = self.fair.arrive(self.members[whose], self.now, 0);
        self.lengths.insert(ticket, (whose, Duration::from_millis(milliseconds)));
    }

    fn give(&mut self) {
        while let Some(ticket) = self.fair.give(self.now) {
            let (whose, length) = self.lengths.remove(&ticket).unwrap();
            self.running.push((self.now + length, whose));
            self.work[whose] += length;
            self.given.push(whose);
        }
    }

    /// Goes on to the next end. Returns whose it was.
    fn step(&mut self) -> Option<usize> {
        self.give();
        let next = (0..self.running.len()).min_by_key(|at| self.running[*at])?;
        let (end, whose) = self.running.swap_remove(next);
        self.now = end;
        self.fair.end(self.members[whose], self.now, 0);
        Some(whose)
    }
}

const LONGEST: u64 = 50;

proptest! {
    #[test]
    fn those_who_always_wait_get_work_in_proportion_to_their_weights(
        slots in 1_usize..5,
        weights in prop::collection::vec(1_u32..8, 2..5),
        lengths in prop::collection::vec(1_u64..=LONGEST, 64),
    ) {
        let mut machine = Machine::new(slots, &weights);
        let mut lengths = lengths.into_iter().cycle();
        for whose in 0..weights.len() {
            for _ in 0..=slots {
                machine.arrive(whose, lengths.next().unwrap());
            }
        }
        for _ in 0..2000 {
            let whose = machine.step().unwrap();
            machine.arrive(whose, lengths.next().unwrap());
        }
        let share = |at: usize| machine.work[at].as_secs_f64() * 1000.0 / f64::from(weights[at]);
        let most = LONGEST as f64 * (2 * slots + 2) as f64;
        for (a, b) in (0..weights.len()).flat_map(|a| (0..a).map(move |b| (a, b))) {
            prop_assert!((share(a) - share(b)).abs() <= most, "{} {} of {weights:?}", share(a), share(b));
        }
    }

    #[test]
    fn no_slot_is_free_while_somebody_waits(
        slots in 1_usize..4,
        arrivals in prop::collection::vec((0_usize..3, 1_u64..=LONGEST), 1..100),
    ) {
        let mut machine = Machine::new(slots, &[1, 2, 3]);
        let all = arrivals.len();
        for (whose, length) in arrivals {
            machine.arrive(whose, length);
            machine.give();
            let waiting: usize = machine.members.iter().map(|one| machine.fair.standing(*one).waiting).sum();
            prop_assert!(waiting == 0 || machine.running.len() == slots);
        }
        let mut ended = 0;
        while machine.step().is_some() {
            ended += 1;
            machine.give();
            let waiting: usize = machine.members.iter().map(|one| machine.fair.standing(*one).waiting).sum();
            prop_assert!(waiting == 0 || machine.running.len() == slots);
        }
        prop_assert_eq!(ended, all, "all have come to their end");
        prop_assert_eq!(machine.fair.taken, 0);
    }

    #[test]
    fn whoever_comes_new_is_given_the_next_slot_but_for_those_who_came_new_as_well(
        slots in 1_usize..4,
        before in 1_usize..300,
        others in 1_usize..4,
    ) {
        let mut machine = Machine::new(slots, &vec![1; others + 1]);
        for whose in 0..others {
            for _ in 0..400 {
                machine.arrive(whose, 10);
            }
        }
        for _ in 0..before {
            machine.step();
        }
        machine.give();
        machine.arrive(others, 10);
        let given = machine.given.len();
        while !machine.given[given..].contains(&others) {
            machine.step().unwrap();
            machine.give();
        }
        let waited = machine.given[given..].iter().position(|whose| *whose == others).unwrap();
        prop_assert!(waited <= others, "{waited} compilations of others went before");
    }

    #[test]
    fn who_was_idle_gains_no_credit(slots in 1_usize..4, idle in 100_usize..1000, lengths in prop::collection::vec(1_u64..=LONGEST, 32)) {
        let mut machine = Machine::new(slots, &[1, 1]);
        let mut lengths = lengths.into_iter().cycle();
        for _ in 0..=slots {
            machine.arrive(0, lengths.next().unwrap());
        }
        for _ in 0..idle {
            let whose = machine.step().unwrap();
            machine.arrive(whose, lengths.next().unwrap());
        }
        for _ in 0..=slots {
            machine.arrive(1, lengths.next().unwrap());
        }
        let before = machine.work.clone();
        for _ in 0..500 {
            let whose = machine.step().unwrap();
            machine.arrive(whose, lengths.next().unwrap());
        }
        let [first, second] = [0, 1].map(|at| (machine.work[at].as_secs_f64() - before[at].as_secs_f64()) * 1000.0);
        let most = LONGEST as f64 * (2 * slots + 2) as f64;
        prop_assert!((first - second).abs() <= most, "{first} {second}");
    }

    #[test]
    fn whatever_comes_in_whatever_order_bounds_are_kept_and_nothing_is_left(
        steps in prop::collection::vec((0_u8..7, 0_usize..3, 0_u64..200), 1..200),
    ) {
        let mut fair = Fair::new(NonZeroUsize::new(2).unwrap());
        let terms = Terms { slots: NonZeroUsize::new(1), memory: Some(100), fuel: Some(500), ..Terms::default() };
        let members = [terms, Terms::default(), Terms { slots: None, ..terms }].map(|terms| fair.join(terms));
        let mut now = Duration::ZERO;
        let (mut waiting, mut running) = (Vec::new(), Vec::new());
        for (what, whose, amount) in steps {
            now += Duration::from_millis(amount);
            let member = members[whose];
            match what {
                0 | 1 => waiting.push((fair.arrive(member, now, amount), member, amount)),
                2 if !waiting.is_empty() => {
                    let (ticket, member, _) = waiting.swap_remove(whose % waiting.len());
                    fair.withdraw(member, now, ticket);
                }
                3 | 4 if !running.is_empty() => {
                    let (member, memory) = running.swap_remove(whose % running.len());
                    fair.end(member, now, memory);
                    fair.burn(member, now, amount);
                }
                5 => fair.bar(member, now, amount > 100),
                6 => fair.new_day(now),
                _ => {}
            }
            while let Some(ticket) = fair.give(now) {
                let at = waiting.iter().position(|(other, ..)| *other == ticket).unwrap();
                let (_, member, memory) = waiting.remove(at);
                prop_assert!(!fair.members[member.0].is_spent() && !fair.members[member.0].barred);
                running.push((member, memory));
                let standing = fair.standing(member);
                let terms = fair.terms(member);
                prop_assert!(terms.slots.is_none_or(|most| standing.running <= most.get()));
                prop_assert!(terms.memory.is_none_or(|most| standing.running == 1 || standing.memory <= most));
            }
            prop_assert!(running.len() <= 2);
        }
        for (ticket, member, _) in waiting {
            fair.withdraw(member, now, ticket);
        }
        for (member, memory) in running {
            fair.end(member, now, memory);
        }
        for member in members {
            let Standing { waiting, running, memory, .. } = fair.standing(member);
            prop_assert_eq!((waiting, running, memory, fair.taken), (0, 0, 0, 0));
        }
    }
}

#[test]
fn who_is_at_a_bound_does_not_hold_back_the_others_when_they_come() {
    let mut machine = Machine::new(2, &[1, 1, 1]);
    let one = Terms { slots: NonZeroUsize::new(1), ..Terms::default() };
    machine.fair.set_terms(machine.members[0], Duration::ZERO, one);
    for _ in 0..2000 {
        machine.arrive(0, 10);
        machine.arrive(1, 1);
    }
    while machine.given.len() < 1000 {
        machine.step();
    }
    let before = machine.work[1];
    for _ in 0..2000 {
        machine.arrive(2, 1);
    }
    let given = machine.given.len();
    while machine.given.len() < given + 1000 {
        machine.step();
    }
    // The second has had far more than the first, which could not take more: the third does not go before it for that.
    let (second, third) = (machine.work[1].saturating_sub(before), machine.work[2]);
    assert!(second * 2 > third, "{second:?} {third:?}");
}

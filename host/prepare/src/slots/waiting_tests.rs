//! What must hold of those who wait for a slot when they are paused, stopped or cancelled.

use std::sync::mpsc;
use std::thread;

use super::*;

/// Nothing that is waited for takes longer.
const PATIENCE: Duration = Duration::from_mins(2);
/// Long enough for whoever could go on to have done so, were it not kept.
const MOMENT: Duration = Duration::from_millis(200);

fn slots(number: usize) -> Slots {
    Slots::new(NonZeroUsize::new(number).unwrap())
}

fn until(so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < end, "it does not come to be");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_slot_is_free_again_when_it_is_dropped_and_its_fuel_is_counted() {
    let share = slots(1).share(Terms::default());
    let stop = Stop::new();
    drop(share.take(Bytes(5), &stop).unwrap());
    share.take(Bytes(5), &stop).unwrap().end(Fuel(7));
    let standing = share.standing();
    assert_eq!(standing, Standing { waiting: 0, running: 0, memory: 0, fuel: 7 });
}

#[test]
fn whoever_waits_goes_away_when_it_is_asked_to_stop_and_leaves_nothing() {
    for ask in [Stop::now, Stop::finish_running, Stop::call_off] {
        let share = slots(1).share(Terms::default());
        let taken = share.take(Bytes(0), &Stop::new()).unwrap();
        let stop = Stop::new();
        thread::scope(|scope| {
            let waits = scope.spawn(|| share.take(Bytes(0), &stop).is_none());
            until(|| share.standing().waiting == 1);
            ask(&stop);
            assert!(waits.join().unwrap());
        });
        assert_eq!((share.standing().waiting, share.standing().running), (0, 1));
        drop(taken);
        assert!(share.take(Bytes(0), &Stop::new()).is_some());
    }
}

#[test]
fn what_is_paused_leaves_its_slot_to_others_and_takes_one_again_before_it_goes_on() {
    let slots = slots(1);
    let [paused, other] = [slots.share(Terms::default()), slots.share(Terms::default())];
    let stop = Stop::new();
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        let compilation = scope.spawn(|| {
            let taken = paused.take(Bytes(0), &stop).unwrap();
            stop.pause();
            tell.send("pauses").unwrap();
            taken.control().wait();
            tell.send("goes on").unwrap();
            assert_eq!(paused.standing().running, 1);
        });
        assert_eq!(told.recv_timeout(PATIENCE), Ok("pauses"));
        let taken = other.take(Bytes(0), &Stop::new()).unwrap();
        stop.resume();
        until(|| paused.standing().waiting == 1);
        assert!(told.try_recv().is_err(), "it has no slot yet");
        drop(taken);
        assert_eq!(told.recv_timeout(PATIENCE), Ok("goes on"));
        compilation.join().unwrap();
    });
    assert_eq!(paused.standing().running, 0);
    assert!(other.take(Bytes(0), &Stop::new()).is_some());
}

#[test]
fn what_is_paused_can_be_cancelled_without_a_slot() {
    let share = slots(1).share(Terms::default());
    let stop = Stop::new();
    thread::scope(|scope| {
        let compilation = scope.spawn(|| {
            let taken = share.take(Bytes(0), &stop).unwrap();
            stop.pause();
            taken.control().wait();
        });
        until(|| stop.is_paused() && share.standing().running == 0);
        let taken = share.take(Bytes(0), &Stop::new()).unwrap();
        stop.now();
        compilation.join().unwrap();
        drop(taken);
    });
    assert_eq!(share.standing(), Standing::default());
}

#[test]
fn whoever_waits_and_is_paused_does_not_stand_in_line() {
    let share = slots(1).share(Terms::default());
    let (stop, first) = (Stop::new(), share.take(Bytes(0), &Stop::new()).unwrap());
    thread::scope(|scope| {
        let waits = scope.spawn(|| share.take(Bytes(0), &stop).is_some());
        until(|| share.standing().waiting == 1);
        stop.pause();
        until(|| share.standing().waiting == 0);
        drop(first);
        assert_eq!(share.standing().running, 0, "a slot that nobody can use is not given");
        stop.resume();
        assert!(waits.join().unwrap());
    });
}

#[test]
fn whoever_has_used_the_fuel_of_the_day_waits_for_the_next_or_for_more() {
    let slots = slots(1);
    let terms = |fuel| Terms { fuel: Some(fuel), ..Terms::default() };
    let share = slots.share(terms(10));
    let stop = Stop::new();
    share.take(Bytes(0), &stop).unwrap().end(Fuel(12));
    assert_eq!(share.held_back(), Some(HeldBack::Fuel { used: Fuel(12), quota: Fuel(10) }));
    for goes_on in [
        |_: &Share, slots: &Slots| slots.new_day(),
        |share: &Share, _: &Slots| {
            share.set_terms(Terms { fuel: Some(100), ..Terms::default() });
        },
    ] {
        thread::scope(|scope| {
            let waits = scope.spawn(|| share.take(Bytes(0), &stop).unwrap().end(Fuel(12)));
            until(|| share.standing().waiting == 1);
            thread::sleep(MOMENT);
            assert!(!waits.is_finished());
            goes_on(&share, &slots);
            waits.join().unwrap();
        });
    }
}

#[test]
fn what_somebody_waits_for_is_stopped_rather_than_held_back() {
    let share = slots(1).share(Terms { fuel: Some(10), ..Terms::default() });
    let stop = Stop::new();
    share.impatient().take(Bytes(0), &stop).unwrap().end(Fuel(10));
    assert!(!stop.is_asked(), "there was some left");
    assert!(share.impatient().take(Bytes(0), &stop).is_none());
    assert!(stop.is_asked());
    assert_eq!(share.standing().waiting, 0);
}

//! Processes that contend for a seat, and share nothing but a register.

use std::time::Duration;

use quorate::adapters::register::{Outcome, Seat, SeatConfig, SeatStep, Silence, Tag, create_seat};
use quorate::{ClusterId, Event, Lease, StepDown, Term, Timestamp};
use quorate_sim::{RegisterProfile, SeatScenario};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::bench::at;

const GROUP: ClusterId = ClusterId(3);
const LENGTH: u64 = 15_000;
/// So long a contender waits at most once the seat is free.
const DELAY: u64 = LENGTH / 16;

struct Register {
    bytes: Vec<u8>,
    tag: u64,
}

impl Register {
    fn new() -> Self {
        Register { bytes: create_seat(GROUP), tag: 1 }
    }

    fn found(&self) -> Outcome {
        Outcome::Found { tag: Tag::from(self.tag), bytes: self.bytes.clone() }
    }

    fn swap(&mut self, tag: &Tag, bytes: Vec<u8>) -> Outcome {
        if *tag != Tag::from(self.tag) {
            return Outcome::Refused;
        }
        (self.tag, self.bytes) = (self.tag + 1, bytes);
        Outcome::Swapped(Tag::from(self.tag))
    }
}

struct Contender {
    seat: Seat<u64>,
    events: Vec<Event<u64>>,
}

impl Contender {
    fn new(name: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(name);
        Contender { seat: Seat::new(SeatConfig::new(name, GROUP), &mut rng).unwrap(), events: Vec::new() }
    }

    /// Lets time pass until `end`, in steps of ten milliseconds, on a register whose calls take no time.
    fn run(&mut self, register: &mut Register, from: u64, end: u64) {
        for now in (from..=end).step_by(10) {
            let mut steps = Vec::new();
            self.seat.tick(at(now), &mut steps);
            self.carry_out(steps, register, now);
        }
    }

    fn carry_out(&mut self, steps: Vec<SeatStep<u64>>, register: &mut Register, now: u64) {
        let mut steps = std::collections::VecDeque::from(steps);
        while let Some(step) = steps.pop_front() {
            let outcome = match step {
                SeatStep::Read => register.found(),
                SeatStep::Swap { tag, bytes } => register.swap(&tag, bytes),
                SeatStep::Event(event) => {
                    self.events.push(event);
                    continue;
                }
                SeatStep::Remember(_) | SeatStep::Silent(_) => continue,
            };
            let mut next = Vec::new();
            self.seat.complete(outcome, at(now), &mut next);
            steps.extend(next);
        }
    }

    fn lease(&self) -> Option<Lease> {
        self.seat.lease()
    }
}

/// The swap with which a contender that has looked at `register`, which is free, takes the seat at `now`.
fn take(contender: &mut Contender, register: &Register, now: u64) -> (Tag, Vec<u8>) {
    let mut steps = Vec::new();
    contender.seat.tick(at(now), &mut steps);
    contender.seat.complete(register.found(), at(now), &mut steps);
    match steps.pop() {
        Some(SeatStep::Swap { tag, bytes }) => (tag, bytes),
        other => panic!("no swap: {other:?}"),
    }
}

#[test]
fn one_of_many_holds_the_seat_and_another_follows_when_it_is_gone() {
    let mut register = Register::new();
    let mut contenders = [1, 2, 3].map(Contender::new);
    for now in (0..60_000).step_by(10) {
        contenders.iter_mut().for_each(|contender| contender.run(&mut register, now, now));
    }
    let first = contenders.iter().position(|contender| contender.lease().is_some()).unwrap();
    let elected = contenders.iter().flat_map(|contender| &contender.events);
    assert_eq!(elected.filter(|event| matches!(event, Event::Elected { .. })).count(), 1);
    let until = contenders[first].lease().unwrap().until;
    // The holder is gone. The others have seen its last renewal a look later at most.
    let mut now = 60_000;
    while contenders.iter().enumerate().all(|(id, contender)| id == first || contender.lease().is_none()) {
        for (id, contender) in contenders.iter_mut().enumerate().filter(|(id, _)| *id != first) {
            contender.run(&mut register, now, now);
            assert!(contender.lease().is_none() || at(now) >= until, "{id} holds the seat too early");
        }
        now += 10;
    }
    assert!(now < 60_000 + LENGTH + 2_000 + DELAY, "only at {now}");
    let second = contenders.iter().enumerate().find(|(id, c)| *id != first && c.lease().is_some()).unwrap().1;
    assert_eq!(second.lease().unwrap().term, Term(2));
}

/// The others begin to count once they have read what was written, which is later than the write was begun.
#[test]
fn a_lease_counts_from_when_its_write_was_begun() {
    let (mut register, mut one) = (Register::new(), Contender::new(1));
    let (tag, bytes) = take(&mut one, &register, 0);
    let outcome = register.swap(&tag, bytes);
    one.seat.complete(outcome, at(4_000), &mut Vec::new());
    let until = one.lease().unwrap().until;
    assert!(until < at(LENGTH), "{until}");
    assert!(until > at(LENGTH - 100), "{until}");
}

#[test]
fn a_write_that_ends_after_its_length_gives_no_lease() {
    let (mut register, mut one) = (Register::new(), Contender::new(1));
    let (tag, bytes) = take(&mut one, &register, 0);
    let outcome = register.swap(&tag, bytes);
    let mut steps = Vec::new();
    one.seat.complete(outcome, at(LENGTH), &mut steps);
    assert_eq!(one.lease(), None);
    assert!(!steps.iter().any(|step| matches!(step, SeatStep::Event(Event::Elected { .. }))), "{steps:?}");
}

/// A renewal that is late does not bring back a leadership that is over: its term is over, too.
#[test]
fn a_term_that_was_left_is_not_led_again() {
    let (mut register, mut one) = (Register::new(), Contender::new(1));
    one.run(&mut register, 0, 2_000);
    let first = one.lease().unwrap();
    // A renewal is begun, and its outcome comes when the lease is over.
    let mut steps = Vec::new();
    let renewal = (first.until.since_origin().as_millis() as u64) - 9_000;
    one.seat.tick(at(renewal), &mut steps);
    let Some(SeatStep::Swap { tag, bytes }) = steps.pop() else { panic!("no renewal: {steps:?}") };
    let outcome = register.swap(&tag, bytes);
    let end = renewal + 9_500;
    one.seat.complete(outcome, at(end), &mut steps);
    let lapsed = Event::SteppedDown { term: first.term, reason: StepDown::LeaseLapsed };
    assert!(steps.contains(&SeatStep::Event(lapsed)), "{steps:?}");
    assert_eq!(one.lease(), None);
    one.run(&mut register, end, end + 3_000);
    assert_eq!(one.lease().map(|lease| lease.term), Some(Term(2)));
}

#[test]
fn an_outcome_that_nobody_knows_is_found_out_by_a_read() {
    for was_done in [false, true] {
        let (mut register, mut one) = (Register::new(), Contender::new(1));
        let (tag, bytes) = take(&mut one, &register, 0);
        if was_done {
            register.swap(&tag, bytes);
        }
        let mut steps = Vec::new();
        one.seat.complete(Outcome::Unknown, at(DELAY + 10), &mut steps);
        assert_eq!((&steps[..], one.lease()), (&[SeatStep::Read][..], None));
        one.seat.complete(register.found(), at(DELAY + 20), &mut steps);
        assert_eq!(one.lease().is_some(), was_done);
    }
}

/// A holder that finds that another has taken its seat lets its lease run out, and writes nothing.
#[test]
fn what_another_has_taken_is_not_taken_back() {
    let (mut register, mut one, mut two) = (Register::new(), Contender::new(1), Contender::new(2));
    one.run(&mut register, 0, 2_000);
    let first = one.lease().unwrap();
    // By a clock that runs far too fast, the seat is free.
    two.run(&mut register, 2_000, 4_000);
    two.run(&mut register, 4_000 + LENGTH, 4_000 + LENGTH + 2_000);
    assert_eq!(two.lease().map(|lease| lease.term), Some(Term(2)));
    let held = register.bytes.clone();
    one.run(&mut register, 2_010, 15_500);
    assert_eq!((register.bytes == held, one.lease()), (true, None));
    assert!(first.until < at(15_500));
}

#[test]
fn whoever_resigns_stops_first_and_the_seat_is_free_at_once() {
    let (mut register, mut one, mut two) = (Register::new(), Contender::new(1), Contender::new(2));
    one.run(&mut register, 0, 2_000);
    two.run(&mut register, 0, 2_000);
    let Lease { term, .. } = one.lease().unwrap();
    let mut steps = Vec::new();
    one.seat.resign(at(2_500), &mut steps);
    assert_eq!(one.lease(), None);
    let reason = StepDown::Resigned { successor: None };
    assert_eq!(steps[0], SeatStep::Event(Event::SteppedDown { term, reason }));
    assert!(steps.iter().any(|step| matches!(step, SeatStep::Swap { .. })), "{steps:?}");
    one.carry_out(steps, &mut register, 2_500);
    two.run(&mut register, 2_500, 2_500 + 2_000 + DELAY);
    assert_eq!(two.lease().map(|lease| lease.term), Some(Term(2)));
}

/// Otherwise it would hold a lease of a seat that is free.
#[test]
fn whoever_resigns_while_it_takes_the_seat_never_holds_it() {
    let (mut register, mut one) = (Register::new(), Contender::new(1));
    let (tag, bytes) = take(&mut one, &register, 0);
    let mut steps = Vec::new();
    one.seat.resign(at(DELAY + 10), &mut steps);
    assert_eq!(steps, [], "a call is under way");
    let outcome = register.swap(&tag, bytes);
    one.seat.complete(outcome, at(DELAY + 20), &mut steps);
    assert_eq!(one.lease(), None);
    assert!(matches!(&steps[..], [SeatStep::Remember(2), SeatStep::Swap { .. }]), "{steps:?}");
}

#[test]
fn a_register_that_is_missing_or_another_one_is_reported_and_not_written() {
    let outcomes = [
        (Outcome::Missing, Silence::Missing),
        (Outcome::Failed, Silence::Unreachable),
        (
            Outcome::Found { tag: Tag::from(1), bytes: create_seat(ClusterId(4)) },
            Silence::Unreadable(quorate::adapters::register::ContentError::OtherCluster {
                found: ClusterId(4),
            }),
        ),
    ];
    for (outcome, reason) in outcomes {
        let mut one = Contender::new(1);
        let mut steps = Vec::new();
        for now in (0..60_000).step_by(10) {
            one.seat.tick(at(now), &mut steps);
            one.seat.complete(outcome.clone(), at(now), &mut steps);
        }
        assert_eq!(one.seat.status().silence, Some(reason));
        assert!(!steps.iter().any(|step| matches!(step, SeatStep::Swap { .. })), "{steps:?}");
        let reads = steps.iter().filter(|step| matches!(step, SeatStep::Read)).count();
        assert!(reads <= 31, "{reads} reads in a minute");
        // A host that sleeps until then does not spin.
        one.seat.tick(at(60_000), &mut steps);
        one.seat.complete(outcome, at(60_000), &mut steps);
        assert!(one.seat.deadline() > Timestamp::ORIGIN);
    }
}

/// Nobody knows whether the renewal was done, and then there is no such object for a while.
#[test]
fn a_holder_that_does_not_find_its_register_looks_again_and_renews() {
    let (mut register, mut one) = (Register::new(), Contender::new(1));
    one.run(&mut register, 0, 2_000);
    let first = one.lease().unwrap();
    let mut steps = Vec::new();
    one.seat.tick(at(7_000), &mut steps);
    assert!(matches!(steps.pop(), Some(SeatStep::Swap { .. })));
    one.seat.complete(Outcome::Unknown, at(7_010), &mut steps);
    one.seat.complete(Outcome::Missing, at(7_020), &mut steps);
    assert!(one.seat.deadline() > at(7_020), "a host that sleeps until then does not spin");
    one.run(&mut register, 7_030, 12_000);
    let second = one.lease().unwrap();
    assert!(second.term == first.term && second.until > first.until, "{first:?}, then {second:?}");
}

/// A violation panics with the command that shows it.
#[test]
fn contenders_never_break_what_is_promised() {
    let names = ["base", "stale", "unknown", "erratic", "hunt"];
    for profile in RegisterProfile::ALL.into_iter().filter(|profile| names.contains(&profile.name)) {
        let (mut elections, seeds) = (0, 60);
        for seed in 1..=seeds {
            let contenders = 2 + seed as usize % 4;
            let scenario = SeatScenario { seed, profile, contenders, seconds: 300 };
            let outcome = scenario.outcome(false);
            if let Some(violation) = outcome.violation {
                panic!("{profile}: {violation}\n{}", scenario.replay());
            }
            elections += outcome.elections;
        }
        assert!(elections > seeds * 5, "{profile}: {elections} elections");
    }
    assert!(Duration::from_millis(LENGTH) == SeatConfig::new(1_u64, GROUP).length);
}

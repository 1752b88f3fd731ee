//! Calls that are late, on a caller that a test answers by hand.

use std::sync::{Arc, Mutex};
use std::vec;

use rand_xoshiro::rand_core::SeedableRng;

use super::super::status::{Silence, Tag};
use super::*;
use crate::config::Config;
use crate::diagnosis::Diagnosis;
use crate::hard_state::HardState;
use crate::types::{ClusterId, Nanos};

/// What the agent was told, and what it asks for next.
#[derive(Default)]
struct Script {
    told: Vec<Outcome>,
    next: Vec<Step<u8>>,
    /// The calls that have begun, and how many were cancelled.
    begun: Vec<u64>,
    cancelled: usize,
    silence: Option<Silence<u8>>,
}

#[derive(Clone, Default)]
struct Scripted(Arc<Mutex<Script>>);

impl Scripted {
    fn with<T>(&self, act: impl FnOnce(&mut Script) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }
}

impl Spokesman<u8> for Scripted {
    fn ask(&mut self, _: &Election<u8, JitterRng>, _: Message<u8>, _: Timestamp, _: &mut Vec<Step<u8>>) {}

    fn complete(&mut self, outcome: Outcome, _: Timestamp, out: &mut Vec<Step<u8>>) {
        self.with(|script| {
            script.told.push(outcome);
            out.append(&mut script.next);
        });
    }

    fn tick(&mut self, _: &Election<u8, JitterRng>, _: Timestamp, out: &mut Vec<Step<u8>>) {
        self.with(|script| out.append(&mut script.next));
    }

    fn deadline(&self) -> Timestamp {
        at(1_000_000)
    }

    fn record_position(
        &mut self,
        _: &Election<u8, JitterRng>,
        _: Position,
        _: Timestamp,
        _: &mut Vec<Step<u8>>,
    ) {
    }

    fn status(&self) -> RegisterStatus<u8> {
        RegisterStatus {
            silence: self.with(|script| script.silence.clone()),
            last_seen: None,
            sequence: None,
            bound: None,
            calls: Default::default(),
        }
    }
}

impl Caller for Scripted {
    fn begin(&mut self, call: Call) {
        self.with(|script| script.begun.push(call.number));
    }

    fn cancel(&mut self) {
        self.with(|script| script.cancelled += 1);
    }
}

fn at(millis: u64) -> Timestamp {
    Timestamp::ORIGIN.after(Nanos(millis * 1_000_000))
}

/// An attendant whose calls may take 100 ms, its script, and a node.
fn attendant() -> (Attendant<u8>, Scripted, Election<u8, JitterRng>) {
    let script = Scripted::default();
    let (agent, caller) = (Box::new(script.clone()), Box::new(script.clone()));
    let millis = Duration::from_millis;
    let attendant = Attendant::new(9, agent, caller, (millis(300), millis(100)), None);
    let first = HardState::bootstrap(ClusterId(1), [1, 2, 9]).unwrap();
    let rng = JitterRng::seed_from_u64(1);
    (attendant, script, Election::new(Config::new(1), first, at(0), rng).unwrap())
}

fn swap() -> Step<u8> {
    Step::Swap { tag: Tag::from(1), bytes: vec![1] }
}

fn ended(number: u64, outcome: Outcome) -> Called {
    Called { number, outcome: Some(outcome) }
}

#[test]
fn a_call_that_takes_too_long_is_unknown_and_what_comes_of_it_later_is_dropped() {
    let (mut attendant, script, node) = attendant();
    script.with(|script| script.next = vec![swap()]);
    attendant.tick(&node, at(0));
    assert_eq!(attendant.deadline(), at(100));
    attendant.tick(&node, at(99));
    assert_eq!(script.with(|script| (script.told.len(), script.cancelled)), (0, 0));
    script.with(|script| script.next = vec![Step::Read]);
    attendant.tick(&node, at(100));
    assert_eq!(script.with(|script| (script.told.clone(), script.cancelled)), (vec![Outcome::Unknown], 1));
    // The read waits until the swap has ended, whatever came of it.
    assert_eq!(script.with(|script| script.begun.clone()), [1]);
    attendant.complete(ended(1, Outcome::Swapped(Tag::from(2))), at(150));
    assert_eq!(script.with(|script| (script.told.len(), script.begun.clone())), (1, vec![1, 2]));
    attendant.complete(ended(2, Outcome::Missing), at(160));
    assert_eq!(script.with(|script| script.told.clone()), [Outcome::Unknown, Outcome::Missing]);
}

#[test]
fn a_call_behind_one_that_hangs_is_never_begun_and_has_failed_for_certain() {
    let (mut attendant, script, node) = attendant();
    script.with(|script| script.next = vec![Step::Read]);
    attendant.tick(&node, at(0));
    for round in 1..=10 {
        script.with(|script| script.next = vec![swap()]);
        attendant.tick(&node, at(100 * round));
    }
    assert_eq!(
        script.with(|script| (script.told.clone(), script.begun.clone())),
        (vec![Outcome::Failed; 10], vec![1])
    );
    // The call that ends at last makes room for the one that waits now.
    attendant.complete(Called { number: 1, outcome: None }, at(1_050));
    assert_eq!(script.with(|script| script.begun.clone()), [1, 2]);
    assert!(attendant.is_calling());
}

#[test]
fn where_a_quorum_is_missing_the_status_says_why_the_voter_is_silent() {
    let (attendant, script, node) = attendant();
    script.with(|script| script.silence = Some(Silence::Missing));
    for (problem, is_told) in [(Problem::NoQuorum, true), (Problem::SilentMembers, false)] {
        let mut status = node.status();
        status.diagnosis = Some(Diagnosis::new(problem, Duration::from_secs(9)));
        attendant.show(&mut status);
        let cause = status.diagnosis.and_then(|diagnosis| diagnosis.cause);
        assert_eq!(cause.is_some_and(|cause| cause.contains("there is no register")), is_told);
    }
}

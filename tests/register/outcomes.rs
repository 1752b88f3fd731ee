//! Calls that fail, and calls whose outcome nobody knows. Rules 10.8 and 10.9.

use quorate::adapters::register::{Outcome, RegisterEvent, Silence, Step};
use quorate::message::Phase;

use crate::bench::{A, B, Machine, Register, is_granted, says_anything, swap_in};

/// A machine that has asked for the vote of term 1, and the swap that its agent wants.
fn candidate(register: &Register) -> (Machine, Vec<Step<u64>>) {
    let mut a = Machine::new(A);
    let request = a.request(Phase::Real, 1, 0);
    a.ask(request, 0);
    let swap = a.complete(register.found(), 10);
    (a, swap)
}

/// Rule 10.8: a connection that breaks, or a client library that repeats a call by itself.
#[test]
fn a_write_that_was_done_after_all_is_recognized() {
    for outcome in [Outcome::Unknown, Outcome::Refused] {
        let mut register = Register::signed();
        let (mut a, swap) = candidate(&register);
        let (tag, bytes) = swap_in(&swap);
        register.swap(&tag, bytes);
        let read = a.complete(outcome, 20);
        assert_eq!(read, [Step::Read]);
        let sequence = register.inspect().sequence;
        let said = a.complete(register.found(), 30);
        assert!(says_anything(&said), "{said:?}");
        assert_eq!(register.inspect().sequence, sequence, "and is not made twice");
    }
}

/// Rule 10.8: an outcome that nobody knows is no success.
#[test]
fn a_write_that_was_not_done_is_not_taken_for_one() {
    let mut register = Register::signed();
    let (mut a, _lost) = candidate(&register);
    let read = a.complete(Outcome::Unknown, 20);
    assert_eq!(read, [Step::Read]);
    let again = a.complete(register.found(), 30);
    assert!(!says_anything(&again), "{again:?}");
    // The request is answered anew, on what is there.
    assert!(is_granted(&a.carry_out(again, &mut register, 30)));
}

/// Rule 10.9: after three attempts the node has to ask again.
#[test]
fn an_agent_that_loses_every_race_gives_up() {
    let mut register = Register::signed();
    let (mut a, mut steps) = candidate(&register);
    let mut swaps = 0;
    while steps.iter().any(|step| matches!(step, Step::Swap { .. })) {
        // B has forgotten, and asks: R writes, and is as free as before.
        let mut b = Machine::new(B);
        let request = b.recovery_request(0);
        b.answer(request, &mut register, 0);
        swaps += 1;
        assert_eq!(a.complete(Outcome::Refused, 20), [Step::Read]);
        steps = a.complete(register.found(), 30);
    }
    assert!(swaps == 4 && !says_anything(&steps), "{swaps} attempts, then {steps:?}");
}

#[test]
fn a_call_that_failed_is_dropped_and_reported_once() {
    let mut register = Register::signed();
    let (mut a, _swap) = candidate(&register);
    let failed = a.complete(Outcome::Failed, 20);
    assert_eq!(failed, [Step::Event(RegisterEvent::Silent(Some(Silence::Unreachable)))]);
    let request = a.request(Phase::Real, 1, 30);
    a.ask(request, 30);
    assert_eq!(a.complete(Outcome::Failed, 40), []);
    // The next call that is answered ends the silence.
    let request = a.request(Phase::Real, 1, 50);
    assert!(is_granted(&a.answer(request, &mut register, 50)));
    assert_eq!(a.events, [RegisterEvent::Silent(None)]);
}

#[test]
fn an_outcome_without_a_call_changes_nothing() {
    let (register, mut a) = (Register::signed(), Machine::new(A));
    let before = a.agent.status();
    for outcome in [register.found(), Outcome::Missing, Outcome::Refused, Outcome::Unknown, Outcome::Failed] {
        assert_eq!(a.complete(outcome, 10), []);
    }
    assert_eq!(a.agent.status(), before);
}

/// Rule 10.2: a candidate that repeats its request while the register is called needs the next call for what it asks then. A new round
/// of pre-votes is another request: it does not count what was granted in an earlier one.
#[test]
fn a_request_that_is_repeated_while_it_is_answered_takes_no_second_call() {
    let mut register = Register::signed();
    let mut a = Machine::new(A);
    let steps = a.tick(0);
    a.carry_out(steps, &mut register, 0);
    let (request, next_round) = (a.request(Phase::Pre, 0, 0), a.request(Phase::Pre, 0, 250));
    for (repeated, calls_again) in [(request.clone(), false), (next_round, true)] {
        assert_eq!(a.ask(request.clone(), 0), [Step::Read]);
        assert_eq!(a.ask(repeated, 250), []);
        let steps = a.complete(register.found(), 300);
        assert!(says_anything(&steps), "{steps:?}");
        assert_eq!(steps.contains(&Step::Read), calls_again, "{steps:?}");
        a.carry_out(steps, &mut register, 300);
    }
    let request = a.request(Phase::Real, 1, 300);
    let (tag, bytes) = swap_in(&a.ask(request, 300));
    let repeated = a.request(Phase::Real, 1, 550);
    assert_eq!(a.ask(repeated, 550), []);
    let steps = a.complete(register.swap(&tag, bytes), 600);
    assert!(
        says_anything(&steps) && !steps.iter().any(|step| matches!(step, Step::Swap { .. })),
        "{steps:?}"
    );
}

//! How an agent knows until when the voter is bound. Rules 10.1 to 10.6.

use std::time::Duration;

use quorate::adapters::register::{AgentConfig, Step, Use};
use quorate::message::{Answer, Denial, Phase};
use quorate::{Nanos, PromiseHolder, Term};

use crate::bench::{
    A, B, CLUSTER, LIMIT, Machine, R, Register, answer_of, at, is_granted, says_anything, swap_in,
};

/// Rules 10.1 and 10.9: A and B ask for the vote of one term, on the same content.
#[test]
fn of_two_candidates_of_one_term_one_gets_the_vote() {
    let (mut register, mut a, mut b) = (Register::signed(), Machine::new(A), Machine::new(B));
    for machine in [&mut a, &mut b] {
        let look = machine.tick(0);
        machine.carry_out(look, &mut register, 0);
    }
    // Both agents have seen the same content, and ask for a swap.
    let of_a = {
        let request = a.request(Phase::Real, 1, 5);
        a.ask(request, 5)
    };
    let of_b = {
        let request = b.request(Phase::Real, 1, 5);
        b.ask(request, 5)
    };
    assert_eq!(swap_in(&of_a).0, swap_in(&of_b).0, "both would replace one content");
    assert!(is_granted(&a.carry_out(of_a, &mut register, 5)));
    let bound = Denial::Bound { to: Some(PromiseHolder { id: A, term: Term(1) }), remaining: Nanos(0) };
    let said = b.carry_out(of_b, &mut register, 5);
    let Answer::Denied(Denial::Bound { to, .. }) = answer_of(&said) else { panic!("{said:?}") };
    assert_eq!(Denial::Bound { to, remaining: Nanos(0) }, bound);
    assert_eq!(register.inspect().state.voted_for, Some(A));
}

/// Rule 10.2.
#[test]
fn the_voter_says_nothing_before_its_write_is_known_to_be_done() {
    let (mut register, mut a) = (Register::signed(), Machine::new(A));
    let request = a.request(Phase::Real, 1, 0);
    let read = a.ask(request, 0);
    assert!(!says_anything(&read));
    let swap = a.complete(register.found(), 10);
    assert!(!says_anything(&swap), "{swap:?}");
    let (tag, bytes) = swap_in(&swap);
    let outcome = register.swap(&tag, bytes);
    let said = a.complete(outcome, 20);
    // Rule 10.7: A counts on the promise from when it asked.
    assert!(
        said.iter().any(|step| matches!(step, Step::Deliver(message) if message.header().sent_at == at(0))),
        "{said:?}"
    );
}

/// Rule 10.2: a leader that was cut off must not have acknowledged what the voter does not hold any more.
#[test]
fn an_acknowledgement_rests_on_a_write_although_nothing_changes() {
    let (mut register, mut a) = (Register::signed(), Machine::new(A));
    let heartbeat = a.heartbeat(1, 1_200, 0);
    assert!(is_granted(&a.answer(heartbeat, &mut register, 0)));
    let before = register.inspect();
    // A release grants nothing, and is acknowledged by a write all the same.
    for now in [2_000, 2_100] {
        let release = a.heartbeat(1, 0, now);
        let steps = a.ask(release, now);
        assert!(!says_anything(&steps), "{steps:?}");
        assert_eq!(answer_of(&a.carry_out(steps, &mut register, now)), Answer::Granted(Nanos::ZERO));
    }
    assert_eq!(register.inspect().sequence, before.sequence + 2);
    assert_eq!(register.inspect().promised.unwrap().1, Duration::ZERO);
}

/// Rule 10.3: the agent of B knows of a promise by its write alone.
#[test]
fn a_promise_is_written_although_one_in_force_is_as_long() {
    let (mut register, mut a) = (Register::signed(), Machine::new(A));
    let request = a.request(Phase::Real, 1, 0);
    a.answer(request, &mut register, 0);
    let first = register.inspect();
    let again = a.request(Phase::Real, 1, 5);
    assert!(is_granted(&a.answer(again, &mut register, 5)));
    let second = register.inspect();
    assert_eq!((second.sequence, second.state), (first.sequence + 1, first.state));
}

/// Rule 10.4: the length is counted from the return of the call that has shown the content first, by the clock of the
/// agent, and one resolution more.
#[test]
fn a_promise_to_another_node_lasts_from_when_it_was_first_seen() {
    let (mut register, mut a, mut b) = (Register::signed(), Machine::new(A), Machine::new(B));
    let request = a.request(Phase::Real, 1, 0);
    a.answer(request, &mut register, 0);
    // The read begins at 500 and returns at 700.
    assert_eq!(b.tick(500).len(), 1);
    b.complete(register.found(), 700);
    let end = 700 + LIMIT;
    for (now, granted) in [(end, false), (end + 1, true)] {
        let request = b.request(Phase::Real, 2, now);
        assert_eq!(is_granted(&b.answer(request, &mut register, now)), granted, "at {now}");
    }
}

/// Rule 10.4: A has its promise renewed while B watches.
#[test]
fn a_content_that_differs_begins_the_watch_anew() {
    let (mut register, mut a, mut b) = (Register::signed(), Machine::new(A), Machine::new(B));
    let look = |machine: &mut Machine, register: &mut Register, now| {
        let steps = machine.tick(now);
        machine.carry_out(steps, register, now)
    };
    let request = a.request(Phase::Real, 1, 0);
    a.answer(request, &mut register, 0);
    look(&mut b, &mut register, 1_000);
    look(&mut b, &mut register, 2_000);
    assert_eq!(b.agent.status().bound.map(|(to, _)| to), Some(A));
    let first_end = b.agent.status().bound.unwrap().1;
    let renewed = a.heartbeat(1, 1_200, 2_500);
    a.answer(renewed, &mut register, 2_500);
    look(&mut b, &mut register, 3_000);
    let second_end = b.agent.status().bound.unwrap().1;
    assert_eq!(second_end.saturating_duration_since(first_end), Duration::from_millis(2_000));
}

/// Rule 10.4: an agent that was started again has watched nothing.
#[test]
fn an_agent_that_was_started_again_waits_for_a_promise_that_may_be_over() {
    let (mut register, mut a) = (Register::signed(), Machine::new(A));
    let request = a.request(Phase::Real, 1, 0);
    a.answer(request, &mut register, 0);
    let mut b = Machine::new(B);
    let request = b.request(Phase::Real, 2, 60_000);
    assert!(
        !is_granted(&b.answer(request, &mut register, 60_000)),
        "a minute later, and it has seen nothing"
    );
    let request = b.request(Phase::Real, 2, 60_001 + LIMIT);
    assert!(is_granted(&b.answer(request, &mut register, 60_001 + LIMIT)));
}

/// Rule 10.5.
#[test]
fn a_promise_to_the_own_node_stands_in_its_way_by_no_means() {
    let (mut register, mut a) = (Register::signed(), Machine::new(A));
    let request = a.request(Phase::Real, 1, 0);
    a.answer(request, &mut register, 0);
    let mut again = Machine::new(A);
    let request = again.request(Phase::Real, 2, 10);
    assert!(is_granted(&again.answer(request, &mut register, 10)));
}

/// Rule 10.6: the agent of B signs while A counts on the voter.
#[test]
fn a_write_that_grants_nothing_says_what_is_left_of_a_promise() {
    let (mut register, mut a) = (Register::new(), Machine::new(A));
    let request = a.request(Phase::Real, 1, 0);
    a.answer(request, &mut register, 0);
    let mut b = Machine::new(B);
    let read = b.tick(400);
    assert_eq!(read.len(), 1);
    let swap = b.complete(register.found(), 500);
    let (tag, bytes) = swap_in(&swap);
    register.swap(&tag, bytes);
    let held = register.inspect();
    assert_eq!(held.signatures, [A, B]);
    let (holder, length) = held.promised.unwrap();
    assert_eq!(holder, PromiseHolder { id: A, term: Term(1) });
    assert!(
        length >= Duration::from_millis(LIMIT),
        "nothing of it has passed since B has seen it: {length:?}"
    );
}

/// Rule 10.6 with 2.2: a shorter grant does not shorten a promise.
#[test]
fn a_later_promise_does_not_shorten_an_earlier_one() {
    let (mut register, mut a) = (Register::signed(), Machine::new(A));
    let request = a.request(Phase::Real, 1, 0);
    a.answer(request, &mut register, 0);
    // The limit of this agent is lower.
    let mut config = AgentConfig::new(A, R, CLUSTER, Use::Always { look: Duration::from_secs(1) });
    config.timing.promise_limit = config.timing.promise;
    let promise = config.timing.promise.into();
    let mut short = Machine::with(config);
    let request = short.request(Phase::Real, 1, 100);
    assert_eq!(answer_of(&short.answer(request, &mut register, 100)), Answer::Granted(promise));
    let left = register.inspect().promised.unwrap().1;
    assert!(left >= Duration::from_millis(LIMIT), "{left:?}");
}

//! What the register may hold, and what it is when the voter is silent. Rules 10.10 to 10.12, and 10.15.

use std::time::Duration;

use quorate::adapters::register::{
    self, AgentConfig, ContentError, CreateError, Outcome, Reads, RegisterEvent, Silence, Step, Use, inspect,
};
use quorate::message::{Answer, Body, Denial, Phase};
use quorate::{ClusterId, HardState, Position};

use crate::bench::{A, B, CLUSTER, Machine, R, Register, answer_of, at, first, is_granted, says_anything};

/// Rule 10.10: the agent reads once, is silent, and never writes.
fn silence_over(outcome: Outcome) -> Silence<u64> {
    let mut a = Machine::new(A);
    let request = a.request(Phase::Real, 1, 0);
    a.ask(request, 0);
    let steps = a.complete(outcome, 10);
    let [Step::Event(RegisterEvent::Silent(Some(reason)))] = &steps[..] else { panic!("{steps:?}") };
    assert_eq!(a.silence().as_ref(), Some(reason));
    reason.clone()
}

fn silence_over_bytes(bytes: Vec<u8>) -> Silence<u64> {
    silence_over(Outcome::Found { tag: 1.into(), bytes })
}

/// Rule 10.10.
#[test]
fn a_register_that_is_missing_is_never_created_by_an_agent() {
    assert_eq!(silence_over(Outcome::Missing), Silence::Missing);
}

/// Rule 10.10.
#[test]
fn whatever_is_not_the_content_of_this_voter_is_refused_by_name() {
    let bytes = Register::signed().bytes;
    let of = |error| Silence::Unreadable(error);
    assert_eq!(silence_over_bytes(Vec::new()), of(ContentError::Foreign));
    assert_eq!(silence_over_bytes(b"something else, and long enough".to_vec()), of(ContentError::Foreign));
    assert_eq!(
        silence_over_bytes(vec![0; register::MAX_CONTENT + 1]),
        of(ContentError::TooLong { length: register::MAX_CONTENT + 1 })
    );
    for place in 8..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1;
        assert_eq!(silence_over_bytes(damaged), of(ContentError::Checksum), "byte {place}");
    }
    for length in 16..bytes.len() {
        assert_eq!(silence_over_bytes(bytes[..length].to_vec()), of(ContentError::Checksum));
    }
    let other = HardState::bootstrap(ClusterId(8), [A, B, R]).unwrap();
    assert_eq!(
        silence_over_bytes(register::create(&other, R).unwrap()),
        of(ContentError::OtherCluster { found: ClusterId(8) })
    );
    assert_eq!(
        silence_over_bytes(register::create(&first(), B).unwrap()),
        of(ContentError::OtherVoter { found: "2".into() })
    );
    let narrow = HardState::bootstrap(CLUSTER, [1_u32, 2, 9]).unwrap();
    assert_eq!(
        silence_over_bytes(register::create(&narrow, 9).unwrap()),
        of(ContentError::IdType { stored: "u32".into() })
    );
}

#[test]
fn a_register_begins_with_a_voter_that_has_taken_part_in_nothing() {
    let mut begun = first();
    begun.term = quorate::Term(1);
    assert_eq!(register::create(&begun, R), Err(CreateError::NotFirst));
    let blank = HardState::blank(CLUSTER, [A, B, R], Duration::from_secs(1_700_000_000)).unwrap();
    assert_eq!(register::create(&blank, R), Err(CreateError::NotFirst));
    assert_eq!(register::create(&first(), 5), Err(CreateError::NotAVoter));
    let joining = register::create(&HardState::joining(CLUSTER), R).unwrap();
    assert!(inspect::<u64>(&joining).unwrap().state.membership.members().is_empty());
}

/// Rule 10.11: a leader shows that the voter has forgotten what it had acknowledged.
#[test]
fn a_voter_that_has_forgotten_says_nothing_any_more_to_any_node() {
    let mut register = Register::signed();
    let mut a = Machine::new(A);
    let mut heartbeat = a.heartbeat(4, 1_200, 0);
    // It encloses no membership, so R must have acknowledged version (4, 2) before.
    heartbeat.modify(|header, _| {
        header.version = quorate::MembershipVersion { term: quorate::Term(4), number: 2 };
        header.committed = true;
    });
    assert_eq!(a.answer(heartbeat, &mut register, 0), []);
    assert!(register.inspect().is_lost && register.inspect().state.blank.is_none());
    assert_eq!(a.silence(), Some(Silence::Lost));
    for id in [A, B] {
        let mut machine = Machine::new(id);
        let request = machine.request(Phase::Real, 5, 100_000);
        assert_eq!(machine.answer(request, &mut register, 100_000), []);
        assert_eq!(machine.silence(), Some(Silence::Lost));
    }
}

/// Rule 10.11: what an agent has seen it remembers, also beyond a restart.
#[test]
fn a_copy_that_was_put_back_is_noticed_by_whoever_has_seen_more() {
    let mut register = Register::signed();
    let old = register.bytes.clone();
    let mut a = Machine::new(A);
    let request = a.request(Phase::Real, 1, 0);
    let mut steps = a.ask(request, 0);
    steps.extend(a.complete(register.found(), 0));
    let remembered = {
        a.carry_out(steps.split_off(1), &mut register, 0);
        register.inspect().sequence
    };
    (register.tag, register.bytes) = (register.tag + 1, old);
    let found = register.inspect().sequence;
    let config = AgentConfig::new(A, R, CLUSTER, Use::Always { look: Duration::from_secs(1) });
    let mut again = Machine::with(AgentConfig { known_sequence: remembered, ..config.clone() });
    for machine in [&mut a, &mut again] {
        let request = machine.request(Phase::Real, 2, 10_000);
        assert_eq!(machine.answer(request, &mut register, 10_000), []);
        assert_eq!(machine.silence(), Some(Silence::Older { known: remembered, found }));
    }
    // Where reads may be old, an older content is not used, and is no reason for an alarm.
    let stale = AgentConfig { known_sequence: remembered, reads: Reads::MayBeStale, ..config };
    let mut machine = Machine::with(stale);
    let request = machine.request(Phase::Real, 2, 10_000);
    assert_eq!(machine.answer(request, &mut register, 10_000), []);
    assert_eq!((machine.silence(), machine.events), (None, Vec::new()));
}

/// Rule 10.12: A and B have each a register of their own, under one id of its voter.
#[test]
fn with_two_registers_under_one_id_neither_says_anything() {
    for id in [A, B] {
        let (mut register, mut machine) = (Register::new(), Machine::new(id));
        for now in [0, 10_000, 20_000] {
            let request = machine.request(Phase::Real, 1, now);
            assert_eq!(machine.answer(request, &mut register, now), []);
        }
        assert_eq!(machine.silence(), Some(Silence::Unsigned(if id == A { B } else { A })));
        assert_eq!(register.inspect().signatures, [id]);
    }
}

/// Has `machine` record a position. Returns what came of that.
fn record(
    machine: &mut Machine,
    position: Position,
    register: &mut Register,
    now: u64,
) -> Option<RegisterEvent<u64>> {
    let mut steps = Vec::new();
    machine.agent.record_position(&machine.node, position, at(now), &mut steps);
    machine.carry_out(steps, register, now);
    machine.events.pop()
}

/// Rule 10.15: A acknowledges what A alone holds, and dies.
#[test]
fn a_recorded_position_is_required_of_every_later_candidate() {
    let (mut register, mut a, mut b) = (Register::signed(), Machine::new(A), Machine::new(B));
    let (reached, before) = (Position { term: 1, index: 40 }, Position { term: 1, index: 39 });
    let (recorded, refused) =
        (RegisterEvent::PositionRecorded(reached), RegisterEvent::PositionRefused(reached));
    let heartbeat = a.heartbeat(1, 1_200, 10);
    a.answer(heartbeat, &mut register, 10);
    assert_eq!(record(&mut a, reached, &mut register, 20), Some(refused.clone()), "it has no lease");
    b.lead(5_000);
    assert_eq!(record(&mut b, reached, &mut register, 5_000), Some(refused.clone()), "R follows A");
    a.lead(5_000);
    assert_eq!(record(&mut a, reached, &mut register, 5_000), Some(recorded));

    let mut answer = |position, now| {
        let mut request = b.request(Phase::Real, 2, now);
        request.modify(|_, body| {
            let Body::VoteRequest(vote) = body else { unreachable!("a request") };
            vote.position = position;
        });
        answer_of(&b.answer(request, &mut register, now))
    };
    assert_eq!(answer(before, 10_000), Answer::Denied(Denial::PositionBehind(reached)));
    assert!(matches!(answer(reached, 10_010), Answer::Granted(_)));
    // R has voted for B in a later term.
    a.lead(10_100);
    assert_eq!(record(&mut a, reached, &mut register, 10_100), Some(refused));
}

/// Rule 10.15: each quorum may do without a learner.
#[test]
fn a_voter_that_is_a_learner_still_records_no_position() {
    let mut register = Register::new();
    register.bytes = register::create(&HardState::joining(CLUSTER), R).unwrap();
    let mut a = Machine::new(A);
    let mut heartbeat = a.heartbeat(1, 1_200, 10);
    let version = quorate::MembershipVersion { term: quorate::Term(1), number: 2 };
    let members = quorate::Membership::new(version, vec![A], vec![R], 1).unwrap();
    heartbeat.modify(|header, body| {
        header.version = version;
        let Body::Heartbeat(beat) = body else { unreachable!("a heartbeat") };
        beat.membership = Some(Box::new(members));
    });
    assert!(is_granted(&a.answer(heartbeat, &mut register, 10)));
    a.lead(2_000);
    let reached = Position { term: 1, index: 40 };
    let refused = RegisterEvent::PositionRefused(reached);
    assert_eq!(record(&mut a, reached, &mut register, 2_000), Some(refused));
}

/// Rule 10.2, with 9.3: what a node is told that has forgotten is what R holds after it has asked.
#[test]
fn a_node_that_has_forgotten_is_told_after_a_write() {
    let (mut register, mut a) = (Register::signed(), Machine::new(A));
    let heartbeat = a.heartbeat(3, 1_200, 0);
    a.answer(heartbeat, &mut register, 0);
    let before = register.inspect();
    let mut b = Machine::new(B);
    let request = b.recovery_request(5);
    let steps = b.ask(request, 5);
    assert!(!says_anything(&steps));
    let said = b.carry_out(steps, &mut register, 5);
    assert!(
        matches!(&said[..], [told] if told.header().term.0 == 3 && matches!(told.body(), Body::RecoveryReply(_))),
        "{said:?}"
    );
    let after = register.inspect();
    assert_eq!((after.state, after.sequence), (before.state, before.sequence + 1));
    assert!(is_granted(&{
        let again = a.heartbeat(3, 1_200, 3_000);
        a.answer(again, &mut register, 3_000)
    }));
}

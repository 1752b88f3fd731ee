//! A node that is built without the feature `reconfiguration` changes no members, and follows the leader that does.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that overflows or panics has found something"
)]

use quorate::message::{Answer, Body, Header, Heartbeat, HeartbeatReply, Order, Round, VoteReply};
use quorate::{
    ClusterId, Config, ConfigError, Election, Event, Force, HardState, Input, Limits, Membership,
    MembershipVersion, Message, Nanos, Output, Position, Priority, Rejection, RoleKind, Target, Term,
    Timestamp,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

type Node = Election<u64, ChaCha8Rng>;

fn start(id: u64, saved: HardState<u64>) -> Result<Node, ConfigError> {
    Election::new(Config::new(id), saved, Timestamp::ORIGIN, ChaCha8Rng::seed_from_u64(id))
}

fn bootstrapped(id: u64) -> Node {
    start(id, HardState::bootstrap(ClusterId(7), [1, 2, 3]).expect("three nodes")).expect("a valid start")
}

/// What another node replies that grants all that it is asked for, and says whether it is `leaving`.
fn grant(message: &Message<u64>, leaving: bool) -> Message<u64> {
    let request_term = message.header().term;
    let body = match &message.body() {
        Body::VoteRequest(request) => {
            let answer = Answer::Granted(request.promise);
            Body::VoteReply(VoteReply { phase: request.phase, request_term, answer, membership: None })
        }
        Body::Heartbeat(heartbeat) => Body::HeartbeatReply(HeartbeatReply {
            request_term,
            answer: Answer::Granted(heartbeat.promise),
            position: Position::default(),
            priority: Priority::default(),
            ready: false,
            leaving,
            membership: None,
        }),
        other => panic!("no request: {other:?}"),
    };
    Message::new(message.header(), body)
}

/// Ticks `node` at its next deadline, and has the others grant what it asks for.
fn advance(node: &mut Node, leaving: bool) -> Vec<Output<u64>> {
    let now = node.deadline().expect("a node always has a deadline");
    let (mut outputs, mut seen) = (node.tick(now), Vec::new());
    while !outputs.is_empty() {
        for output in std::mem::take(&mut outputs) {
            if let Output::Send { to, message } = &output {
                node.receive_into(now, *to, &grant(message, leaving), &mut outputs);
            }
            seen.push(output);
        }
    }
    seen
}

fn leader() -> Node {
    let mut node = bootstrapped(1);
    for _ in 0..10 {
        advance(&mut node, false);
    }
    assert_eq!((node.role(), node.is_committed()), (RoleKind::Leader, true));
    node
}

#[test]
fn commands_that_change_members_are_refused_by_name() {
    for mut node in [leader(), bootstrapped(2)] {
        let before = node.clone();
        let target = Target::new([1, 2], []).expect("a valid target");
        let commands = [
            Input::Reconfigure { target, force: Force::IfNeeded },
            Input::Discovered(4),
            Input::Lost(3),
            Input::Leave,
        ];
        for command in commands {
            assert_eq!(node.step(command), [Output::Rejected(Rejection::ReconfigurationLeftOut)]);
            assert_eq!(node, before, "nothing has changed");
        }
    }
}

/// A group that has formed grows and shrinks by changes of its members (8.4).
#[test]
fn a_node_cannot_start_as_forming() {
    let limits = Limits { min_members: 2, max_members: 3 };
    let saved = HardState::forming(ClusterId(7), limits).expect("valid limits");
    assert_eq!(start(1, saved).err(), Some(ConfigError::FormingWithoutReconfiguration));
}

/// Rule 8.3: without the feature the wish waits for a leader that has it.
#[test]
fn a_leader_keeps_a_member_that_wants_to_leave() {
    let mut node = leader();
    let (version, term) = (node.membership().version(), node.term());
    for _ in 0..100 {
        let outputs = advance(&mut node, true);
        let writes = outputs.iter().filter(|output| matches!(output, Output::Persist(_)));
        assert_eq!(writes.count(), 0, "nothing is written");
    }
    assert_eq!((node.role(), node.term()), (RoleKind::Leader, term), "it leads on");
    assert_eq!((node.membership().version(), node.membership().voters()), (version, &[1, 2, 3][..]));
}

/// Rules 7.1, 7.2 and 8.3.
#[test]
fn a_node_follows_the_leader_that_changes_the_members() {
    let mut node = bootstrapped(2);
    let heartbeat = |node: &Node, number: u64, voters: Vec<u64>, committed| {
        let version = MembershipVersion { term: Term(1), number };
        let members = Membership::new(version, voters, vec![], 2).expect("a valid list");
        let header = Header {
            cluster: ClusterId(7),
            life: node.life(),
            term: Term(1),
            version,
            committed,
            round: Round(number),
            sent_at: Timestamp::ORIGIN,
        };
        let body = Body::Heartbeat(Heartbeat {
            promise: Nanos(150_000_000),
            rank: Some(0),
            order: Order::Follow,
            inherited: None,
            membership: Some(Box::new(members)),
        });
        Message::new(header, body)
    };
    let mut outputs = Vec::new();
    let added = heartbeat(&node, 2, vec![1, 2, 3], false);
    node.receive_into(Timestamp::ORIGIN, 1, &added, &mut outputs);
    let written = |outputs: &[Output<u64>]| match outputs.first() {
        Some(Output::Persist(state)) => state.membership.version().number,
        other => panic!("nothing is written first: {other:?}"),
    };
    assert_eq!(
        (written(&outputs), node.membership().version().number),
        (2, 2),
        "it holds the new membership"
    );
    let reply = outputs.iter().find_map(|output| match output {
        Output::Send { to: 1, message } => Some(message.header().version.number),
        _ => None,
    });
    assert_eq!(reply, Some(2), "it acknowledges the new membership");

    outputs.clear();
    let removed = heartbeat(&node, 3, vec![1, 3], true);
    node.receive_into(Timestamp::ORIGIN, 1, &removed, &mut outputs);
    assert_eq!(written(&outputs), 3);
    assert!(outputs.contains(&Output::Event(Event::Removed)), "it knows that it was removed: {outputs:?}");
    assert_eq!(
        node.deadline().filter(|&due| due > Timestamp::from(std::time::Duration::from_secs(60))),
        None
    );
}

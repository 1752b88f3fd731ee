//! Observability: the counters and the log lines of a node.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a test that panics has found something"
)]

use std::time::Duration;

use quorate::adapters::counters::ElectionCounters;
use quorate::adapters::trace::trace;
use quorate::message::{Answer, Body, Denial, Header, HeartbeatReply, Phase, Round, VoteReply};
use quorate::{
    ClusterId, Config, Diagnosis, Election, Event, HardState, Input, Life, MembershipVersion, Message, Nanos,
    Output, Position, Priority, Problem, StepDown, Term, Timestamp, Timing, Urgency,
};
use quorate_sim::Zero;
use tracing::Level;

use log::lines_of;

#[path = "endpoint/log.rs"]
mod log;

const CLUSTER: ClusterId = ClusterId(1);

fn at_ms(reading: u64) -> Timestamp {
    ms(reading).into()
}

fn ms(length: u64) -> Duration {
    Duration::from_millis(length)
}

/// Node 1 of three, with its counters. The voter 2 replies to everything after 3 ms; 3 is dead.
struct CountedNode {
    election: Election<u64, Zero>,
    counters: ElectionCounters,
}

impl CountedNode {
    fn new() -> Self {
        let timing = Timing { clock_drift_ppm: 0, clock_resolution: Duration::ZERO, ..Timing::lan() };
        let saved = HardState::bootstrap(CLUSTER, [1, 2, 3]).unwrap();
        let config = Config { timing, ..Config::new(1) };
        let election = Election::new(config, saved, at_ms(0), Zero).unwrap();
        CountedNode { election, counters: ElectionCounters::new(at_ms(0)) }
    }

    fn tick(&mut self, now: Timestamp) -> Vec<Output<u64>> {
        let out = self.election.tick(now);
        self.count(now, out)
    }

    fn step(&mut self, now: Timestamp, input: Input<u64>) -> Vec<Output<u64>> {
        let ticked = self.tick(now);
        self.counters.input(now, &input);
        let out = self.election.step(input);
        [ticked, self.count(now, out)].concat()
    }

    fn count(&mut self, now: Timestamp, out: Vec<Output<u64>>) -> Vec<Output<u64>> {
        out.iter().for_each(|output| self.counters.output(now, output));
        out
    }

    /// Lets node 2 reply to all messages, beginning at `now`, until there are no more. Returns the time.
    fn exchange(&mut self, mut now: Timestamp, mut out: Vec<Output<u64>>) -> Timestamp {
        while let Some(request) = out.iter().find_map(to_2) {
            now = now.saturating_add(ms(3));
            let message = grant(request);
            out = self.step(now, Input::Receive { from: 2, message });
        }
        now
    }
}

fn to_2(output: &Output<u64>) -> Option<&Message<u64>> {
    match output {
        Output::Send { to: 2, message } => Some(message),
        _ => None,
    }
}

fn grant(request: &Message<u64>) -> Message<u64> {
    let of = request.header().term;
    let body = match &request.body() {
        Body::VoteRequest(request) => Body::VoteReply(VoteReply {
            phase: request.phase,
            request_term: of,
            answer: Answer::Granted(request.promise),
            membership: None,
        }),
        Body::Heartbeat(heartbeat) => Body::HeartbeatReply(HeartbeatReply {
            request_term: of,
            answer: Answer::Granted(heartbeat.promise),
            position: Position::default(),
            priority: Priority::default(),
            ready: false,
            leaving: false,
            membership: None,
        }),
        _ => panic!("{request:?} is granted nothing"),
    };
    Message::new(request.header(), body)
}

#[test]
fn an_election_and_its_end_are_counted_and_timed() {
    let mut node = CountedNode::new();
    let out = node.tick(at_ms(10));
    let now = node.exchange(at_ms(10), out);
    let ElectionCounters { elections, leaders, memberships, writes, round_trips, .. } = node.counters.clone();
    assert_eq!((elections, leaders, memberships), (1, 1, 1));
    assert_eq!((writes, node.counters.term), (2, Term(1)), "the vote, the version");
    assert_eq!((round_trips.count, round_trips.longest, round_trips.total), (3, ms(3), ms(9)));
    // There are three exchanges: pre-vote, vote, and the heartbeat that commits. The node leads after the
    // second.
    assert_eq!(node.counters.leaderless(now), ms(16));
    node.step(now, Input::Resign { successor: None, urgency: Urgency::Now });
    assert_eq!(node.counters.ends.resigned, 1);
    assert_eq!(node.counters.leaderless(now.saturating_add(ms(5))), ms(21));
}

#[test]
fn denials_are_counted_by_reason_apart_from_rejections() {
    let mut node = CountedNode::new();
    let header = Header {
        cluster: CLUSTER,
        life: Life::NONE,
        term: Term(0),
        version: MembershipVersion { term: Term(0), number: 1 },
        committed: false,
        round: Round(1),
        sent_at: at_ms(0),
    };
    let reasons = [
        Denial::Bound { to: None, remaining: Nanos(1) },
        Denial::AlreadyVoted,
        Denial::AlreadyVoted,
        Denial::PositionBehind(Position { term: 0, index: 1 }),
    ];
    for denial in reasons {
        let reply = VoteReply {
            phase: Phase::Pre,
            request_term: Term(0),
            answer: Answer::Denied(denial),
            membership: None,
        };
        let message = Message::new(header, Body::VoteReply(reply));
        node.step(at_ms(1), Input::Receive { from: 2, message });
    }
    let denials = node.counters.denials;
    assert_eq!((denials.bound, denials.vote_gone, denials.position_behind), (1, 2, 1));
    node.step(at_ms(1), Input::Resign { successor: None, urgency: Urgency::Now });
    assert_eq!((node.counters.rejections, node.counters.received), (1, 4));
}

#[test]
fn each_transition_is_one_log_line_at_a_fitting_level() {
    let lapsed = Event::SteppedDown { term: Term(4), reason: StepDown::LeaseLapsed };
    let outputs = [
        Output::Event(Event::Elected { term: Term(4) }),
        Output::Persist(HardState::bootstrap(CLUSTER, [1]).unwrap()),
        Output::Event(lapsed),
        Output::Event(Event::LeaderChanged { leader: None }),
        Output::Event(Event::LeaderLost { leader: 2 }),
        Output::Event(Event::Diagnosed(Box::new(Diagnosis::new(Problem::NoQuorum, Duration::from_secs(3))))),
        Output::Event(Event::Diagnosed(Box::new(Diagnosis::new(
            Problem::StatePending,
            Duration::from_secs(3),
        )))),
        Output::Event(Event::SteppedDown { term: Term(4), reason: StepDown::Resigned { successor: None } }),
        Output::Event(Event::TwoLeaders { peer: 2, term: Term(5) }),
    ];
    let lines = lines_of(Level::INFO, || outputs.iter().for_each(|output| trace(1_u64, output)));
    assert_eq!(
        lines,
        [
            "INFO elected in term 4 node=1 term=4",
            "WARN stepped down from term 4: its lease lapsed node=1 term=4",
            "INFO no leader is known node=1",
            "WARN leader lost: node 2 is not heard node=1 leader=2",
            "WARN for 3 s: no leader, and no majority is heard: check that these nodes run, their addresses, keys and \
             firewalls node=1 problem=NoQuorum silent=[]",
            "ERROR for 3 s: a state waits to be durable, and nothing is sent meanwhile: look at the disk of this node node=1 \
             problem=StatePending silent=[]",
            "INFO stepped down from term 4: it resigned node=1 term=4",
            "ERROR node 2 claims to lead term 5, which another node leads node=1 peer=2 term=5",
        ]
    );
}

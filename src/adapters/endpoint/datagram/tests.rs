//! The datagrams of the page `guide::formats`, byte by byte.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use core::time::Duration;
use std::{format, vec};

use super::super::operator::{Change, ChangeKind, Command, Report, Ticket};
use super::*;
use crate::diagnosis::{Diagnosis, Problem, ReceivedDenial};
use crate::format_page::{self, vector};
use crate::io::{Lease, Urgency};
use crate::message::{Body, Denial, Header, Heartbeat, Order, Round};
use crate::reconfig::Target;
use crate::role::RoleKind;
use crate::status::{HeartbeatTiming, MemberProgress, MemberStatus, PromiseStatus, RecoveryStatus, Status};
use crate::types::{Leader, Life, MembershipVersion, Nanos, Position, Priority, PromiseHolder, Timestamp};

const GROUP: ClusterId = ClusterId(7);
const NONCE: Nonce = [1, 2, 3, 4, 5, 6, 7, 8];
const COOKIE: Cookie = [0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];

fn at(host: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, host], 7_100))
}

fn heartbeat() -> Message<u16> {
    let header = Header {
        cluster: GROUP,
        life: Life(1),
        term: Term(300),
        version: MembershipVersion { term: Term(2), number: 1 },
        committed: true,
        round: Round(5),
        sent_at: Timestamp::from(Duration::from_millis(1)),
    };
    let (promise, order) = (Nanos(128), Order::Follow);
    let body = Heartbeat { promise, rank: Some(0), order, inherited: None, membership: None };
    Message::new(header, Body::Heartbeat(body))
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A report in which nothing is left out that a node can say.
fn report() -> Report<u16> {
    let position = Position { term: 3, index: 9 };
    let version = MembershipVersion { term: Term(2), number: 1 };
    let holder = PromiseHolder { id: 2, term: Term(300) };
    let denial = Some(ReceivedDenial { from: 3, denial: Denial::StaleTerm });
    let diagnosis = Diagnosis {
        silent: vec![3],
        unaddressed: vec![4],
        unresolved: vec![5],
        unanswering: vec![6],
        too_long_for: vec![7],
        unusable: vec![8],
        unreadable: 9,
        denial,
        cause: Some("disk".into()),
        ..Diagnosis::new(Problem::SilentMembers, seconds(10))
    };
    let progress = MemberProgress {
        bound_for: seconds(1),
        position,
        priority: Priority(1),
        awaited_position: Some(position),
        acknowledged: true,
        leaving: false,
        rank: Some(0),
    };
    let recovery =
        RecoveryStatus { wait_left: seconds(1), heard: vec![1], blank: vec![2], missing: vec![3], quorum: 2 };
    let status = Status {
        id: 1,
        cluster: GROUP,
        life: Life(1),
        now: Timestamp::from(Duration::from_millis(1)),
        role: RoleKind::Leader,
        term: Term(300),
        voted_for: Some(1),
        leader: Some(Leader { id: 1, term: Term(300) }),
        lease: Some(Lease { term: Term(300), until: Timestamp::from(Duration::from_millis(1)) }),
        heartbeat_timing: Some(HeartbeatTiming { promise: seconds(2), heartbeat_interval: seconds(1) }),
        promise: Some(PromiseStatus { holder, remaining: seconds(1) }),
        quarantine_left: seconds(0),
        version,
        committed: true,
        target: Some(Target::new([1, 2], [3]).unwrap()),
        leaving: false,
        position,
        priority: Priority(1),
        recovery: Some(recovery),
        blank_voters: vec![2],
        pending_write: Some(seconds(1)),
        diagnosis: Some(diagnosis),
        quorum_reachable: true,
        quorum: 2,
        present_voters: 3,
        last_denial: denial,
        members: vec![MemberStatus {
            id: 2,
            voter: true,
            heard_ago: Some(seconds(1)),
            follower: Some(progress),
        }],
    };
    Report {
        status,
        wall_clock: seconds(300),
        addresses: vec![(2, at(2))],
        keys: vec![300],
        takes_commands: true,
        advertised: vec![(2, "http://b".parse().unwrap())],
    }
}

/// The datagrams of the page, as they are made from values, by the names of their vectors.
fn made() -> Vec<(&'static str, Vec<u8>)> {
    let (one, two) = (Sighting { address: at(2), age: Some(1_500) }, Sighting { address: at(3), age: None });
    let challenge = Challenge { from: 1_u16, to: 2, cookie: COOKIE };
    let leader = LeaderAddress {
        cluster: GROUP,
        id: 2,
        term: Term(300),
        address: Some(at(2)),
        advertised: Some("http://b".parse().unwrap()),
    };
    let own = OwnAddresses::default();
    let known = LeaderReport::new((1_u16, &own), Some(leader), at(9), at(1));
    let told = Advertisement {
        from: 1_u16,
        to: 2,
        version: 300,
        text: Some("http://a".parse().unwrap()),
        known: Some(5),
        wants_answer: true,
    };
    let command = |command| Asked::Command(Ticket(COOKIE), command);
    let seen = Some(Target::new([1, 2, 3], []).unwrap());
    let change = Change { addresses: vec![at(4)], seen, ..Change::new(4, ChangeKind::Add) };
    let resign = Command::Resign { successor: Some(2), urgency: Urgency::WhenReady };
    let request = |asked: &Asked<u16>| encode_request(GROUP, NONCE, asked, 48);
    let reply = |reply: &Reply<u16>| encode_reply(GROUP, NONCE, (1, reply));
    let made = [
        ("datagram/message", encode_message(1, 2, &[(2, one), (3, two)], &heartbeat())),
        ("datagram/question", Some(encode_question(GROUP, at(1), NONCE))),
        ("datagram/answer", encode_answer(GROUP, NONCE, 512, (1, &known))),
        ("datagram/announcement", encode_announcement(1_u16, GROUP)),
        ("datagram/challenge", encode_challenge(GROUP, &challenge)),
        ("datagram/echo", encode_echo(GROUP, &challenge)),
        ("datagram/referral", encode_referral(1_u16, GROUP, 2, &[one, two])),
        ("datagram/request-status", request(&Asked::Status)),
        ("datagram/request-change", request(&command(Command::Change(change)))),
        ("datagram/request-resign", request(&command(resign))),
        ("datagram/reply-report", reply(&Reply::Report(Box::new(report()), Ticket(COOKIE)))),
        ("datagram/reply-accepted", reply(&Reply::Accepted)),
        ("datagram/reply-refused", reply(&Reply::Refused(Refused::TooShort(300)))),
        ("datagram/advertisement", encode_advertisement(GROUP, &told)),
    ];
    made.into_iter().map(|(name, bytes)| (name, bytes.unwrap())).collect()
}

/// The bytes of a datagram that was decoded.
fn encode_again(datagram: Datagram<u16>) -> Vec<u8> {
    match datagram {
        Datagram::Message(Enveloped { from, to, addresses, message }) => {
            encode_message(from, to, &addresses, &message)
        }
        Datagram::Question { nonce, asked, .. } => Some(encode_question(GROUP, asked.unwrap(), nonce)),
        Datagram::Answer(nonce, report) => encode_answer(GROUP, nonce, 512, (1, &report)),
        Datagram::Announcement { from } => encode_announcement(from, GROUP),
        Datagram::Challenge(challenge) => encode_challenge(GROUP, &challenge),
        Datagram::Echo(challenge) => encode_echo(GROUP, &challenge),
        Datagram::Referral { from, leader, addresses } => encode_referral(from, GROUP, leader, &addresses),
        Datagram::Request { nonce, asked, length } => encode_request(GROUP, nonce, &asked, length),
        Datagram::Reply(nonce, reply) => encode_reply(GROUP, nonce, (1, &reply)),
        Datagram::Advertisement(told) => encode_advertisement(GROUP, &told),
    }
    .unwrap()
}

fn decoded(bytes: &[u8]) -> Datagram<u16> {
    decode(GROUP, bytes).unwrap_or_else(|_| core::panic!("{bytes:02x?} is no datagram"))
}

/// If this test fails, the format has changed: give it a new `VERSION`, and the page its new bytes.
#[test]
fn datagrams_are_the_bytes_of_the_page() {
    for (name, bytes) in made() {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x} ")).collect::<String>();
        assert_eq!(hex(&bytes), hex(&vector(name)), "{name}");
        assert_eq!(hex(&encode_again(decoded(&bytes))), hex(&bytes), "{name}");
        assert_eq!(bytes[2], VERSION, "{name}");
    }
    let names = made().into_iter().map(|(name, _)| name);
    format_page::assert_names("datagram", names.chain(["datagram/of-release-0.1"]));
}

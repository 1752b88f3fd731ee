//! What a program keeps in a configuration file, shows over HTTP or logs as JSON comes back as it was.
#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use quorate::message::Denial;
use quorate::{
    ClusterId, Config, Election, Event, Force, HardState, Ineligible, Input, Leader, Lease, Limits,
    MembershipVersion, Name, Output, Position, Priority, PromiseHolder, Rejection, RoleKind, StepDown,
    Target, Term, Timing, Unfit, Urgency,
};
use quorate_sim::{ManualNetwork, Zero};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{from_str, to_string};

const MS: Duration = Duration::from_millis(1);

/// It comes back as it was from text and from bytes that name no fields.
fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let text = to_string(value).unwrap();
    assert_eq!(from_str::<T>(&text).unwrap(), *value, "{text}");
    let bytes = postcard::to_allocvec(value).unwrap();
    assert_eq!(postcard::from_bytes::<T>(&bytes).unwrap(), *value);
}

#[test]
fn a_configuration_comes_back_from_a_file() {
    for timing in [Timing::lan(), Timing::wan(), Timing::tuned(25 * MS, 150 * MS)] {
        let position = Position { term: 4, index: 17 };
        comes_back(&Config { timing, priority: Priority(3), position, ..Config::new(7_u32) });
        comes_back(&timing);
    }
    comes_back(&Limits { min_members: 3, max_members: 5 });
}

/// A slip of the pen must not leave a length as it was.
#[test]
fn a_configuration_with_a_field_that_does_not_exist_is_refused() {
    let right = to_string(&Timing::lan()).unwrap();
    assert!(from_str::<Timing>(&right).is_ok());
    let more = right.replacen('{', "{\"stagers\": null,", 1);
    assert!(from_str::<Timing>(&more).unwrap_err().to_string().contains("unknown field `stagers`"));
    let config = to_string(&Config::new(7_u32)).unwrap().replacen('{', "{\"prioritee\": 1,", 1);
    assert!(from_str::<Config<u32>>(&config).unwrap_err().to_string().contains("unknown field `prioritee`"));
}

#[test]
fn a_name_comes_back_from_a_text_and_one_that_would_not_be_parsed_is_refused() {
    let name: Name<8> = "web-0".parse().unwrap();
    comes_back(&name);
    comes_back(&BTreeMap::from([(name, 1)]));
    assert_eq!(to_string(&name).unwrap(), r#""web-0""#);
    assert_eq!(postcard::to_allocvec(&name).unwrap(), b"\x05web-0");
    let escaped = serde_json::from_reader::<_, Name<8>>(&br#""web\u002d0""#[..]).unwrap();
    assert_eq!(escaped, name);
    assert_eq!(postcard::from_bytes::<Name<5>>(b"\x05web-0").unwrap().as_str(), "web-0", "with less room");
    for (wrong, why) in [
        (r#""""#, "must not be empty"),
        (r#""database-0""#, "at most 8 fit"),
        (r#""a b""#, "must not contain ' '"),
        (r#""a\u0000""#, r"must not contain '\0'"),
        ("7", "a name of at most 8 bytes"),
    ] {
        let error = from_str::<Name<8>>(wrong).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    for wrong in [&b"\0"[..], b"\x09database0", b"\x03a b", b"\x02a\0", b"\x02\xc3\xa9", b"\x02\xff\xff"] {
        assert!(postcard::from_bytes::<Name<8>>(wrong).is_err(), "{wrong:02x?}");
    }
}

#[test]
fn a_target_is_checked_as_it_comes_in() {
    let target = Target::new([1_u32, 2, 3], [4]).unwrap();
    comes_back(&target);
    assert_eq!(from_str::<Target<u32>>(r#"{"voters": [3, 1, 2], "learners": [4]}"#).unwrap(), target);
    for (wrong, why) in [
        (r#"{"voters": [], "learners": [4]}"#, "at least one voter"),
        (r#"{"voters": [1, 2, 1], "learners": []}"#, "listed twice"),
        (r#"{"voters": [1, 2], "learners": [2]}"#, "listed twice"),
    ] {
        let error = from_str::<Target<u32>>(wrong).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn a_status_comes_back_of_a_leader_of_a_follower_and_of_a_node_that_was_denied() {
    let mut network = ManualNetwork::new(
        3,
        Timing { clock_drift_ppm: 0, clock_resolution: Duration::ZERO, ..Timing::lan() },
    );
    network.elect(1);
    network.run(1_000 * MS);
    let target = Target::new([1, 2, 3], [4]).unwrap();
    let _ = network.step(1, Input::Reconfigure { target, force: Force::Never });
    let leader = network.node(1).status();
    assert!(leader.lease.is_some() && leader.heartbeat_timing.is_some() && leader.target.is_some());
    comes_back(&leader);
    let follower = network.node(2).status();
    assert!(follower.promise.is_some() && follower.voted_for == Some(1));
    comes_back(&follower);

    let mut network = ManualNetwork::new(3, Timing::lan());
    let _ = network.step(2, Input::SetPosition(Position { term: 0, index: 9 }));
    let _ = network.step(3, Input::Campaign);
    network.lose(|mail| mail.to == 1);
    network.deliver(|mail| mail.from == 3);
    network.deliver(|mail| mail.to == 3);
    let denied = network.node(3).status();
    assert!(denied.last_denial.is_some(), "2 is ahead of it");
    comes_back(&denied);
}

#[test]
fn events_come_back() {
    let leader = Leader { id: 2_u32, term: Term(7) };
    let version = MembershipVersion { term: Term(7), number: 2 };
    let position = Position { term: 4, index: 17 };
    for reason in
        [StepDown::LeaseLapsed, StepDown::NewLeader { leader }, StepDown::Resigned { successor: Some(3) }]
    {
        comes_back(&Event::SteppedDown { term: Term(6), reason });
    }
    for event in [
        Event::Elected { term: Term(7) },
        Event::LeaderChanged { leader: Some(leader) },
        Event::LeaderChanged { leader: None },
        Event::MembershipChanged { version, committed: true },
        Event::TargetReached { version },
        Event::TargetAbandoned,
        Event::Removed,
        Event::LeaveForgotten,
        Event::StateLost,
        Event::TwoProcesses { peer: 2 },
        Event::TooManyForming { peer: 2 },
        Event::ShortPromise {
            voter: 2,
            granted: Duration::from_millis(100),
            requested: Duration::from_millis(150),
        },
        Event::HandoverFailed { successor: None, reason: None },
        Event::NoSuccessor { unfit: vec![(2, quorate::Unfit::Unsteady)] },
        Event::Behind { peer: 2, position },
        Event::ForeignCluster { peer: 2, cluster: ClusterId(8) },
        Event::MembershipConflict { peer: 2 },
        Event::TwoLeaders { peer: 2, term: Term(7) },
        Event::TermTooFarAhead { peer: 2, term: Term(7) },
    ] {
        comes_back(&event);
    }
}

#[test]
fn what_goes_in_and_comes_out_comes_back() {
    let mut network = ManualNetwork::new(3, Timing::lan());
    network.elect(1);
    let target = Target::new([1, 2, 3, 4], []).unwrap();
    for input in [
        Input::Reconfigure { target, force: Force::IfNeeded },
        Input::Resign { successor: Some(2), urgency: Urgency::Now },
        Input::SetPosition(Position { term: 4, index: 17 }),
        Input::SetPriority(Priority(3)),
        Input::Campaign,
        Input::Discovered(4),
        Input::Lost(4),
        Input::Leave,
    ] {
        comes_back(&input);
        let outputs = network.step(1, input);
        comes_back(&outputs);
        for output in outputs {
            if let Output::Send { message, .. } = output {
                comes_back(&Input::Receive { from: 1, message });
            }
        }
    }
}

#[test]
fn rejections_come_back() {
    let silent = vec![2_u32, 3];
    for rejection in [
        Rejection::ClockWentBackwards { last: (2 * MS).into(), now: MS.into() },
        Rejection::NotLeader { leader: Some(Leader { id: 2, term: Term(7) }) },
        Rejection::CannotLead(Ineligible::StillForming { known: 2, min_members: 3 }),
        Rejection::Bound { holder: Some(PromiseHolder { id: 2, term: Term(7) }), remaining: MS },
        Rejection::QuorumUnreachable { silent, quorum: 2 },
        Rejection::NotAMember { id: 9 },
        Rejection::NoSuccessor { unfit: vec![(2, Unfit::Silent), (3, Unfit::NeverLeads)] },
        Rejection::UnfitSuccessor { successor: 2, reason: Unfit::Behind },
        Rejection::GroupFull { max_members: 5 },
    ] {
        comes_back(&rejection);
    }
}

#[test]
fn the_small_values_come_back() {
    for role in [RoleKind::Follower, RoleKind::PreCandidate, RoleKind::Candidate, RoleKind::Leader] {
        comes_back(&role);
    }
    comes_back(&Lease { term: Term(7), until: (150 * MS).into() });
    comes_back(&[Urgency::WhenReady, Urgency::Now]);
    comes_back(&[Force::Never, Force::IfNeeded]);
    comes_back(&Denial::Bound {
        to: Some(PromiseHolder { id: 2_u32, term: Term(7) }),
        remaining: quorate::Nanos(20),
    });
}

/// Writing asks less of an id than reading does: here one that is part of the program.
#[test]
fn what_is_only_written_may_have_ids_that_cannot_be_read_back() {
    let first = HardState::bootstrap(ClusterId(7), ["a", "b"]).unwrap();
    let node = Election::new(Config::new("a"), first.clone(), quorate::Timestamp::ORIGIN, Zero).unwrap();
    let text = to_string(&node.status()).unwrap();
    assert!(text.starts_with(r#"{"id":"a","cluster":7,"#), "{text}");
    let stored = to_string(&first).unwrap();
    assert!(stored.contains(r#""voters":["a","b"],"learners":[]"#), "{stored}");
}

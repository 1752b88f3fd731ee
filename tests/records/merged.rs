//! Records of several nodes on one line of time.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::time::Duration;

use quorate::adapters::record::{Deed, Merged, Records};
use serde_json::Value;

use super::virtual_group::{BEGAN, Clock, Id, records};

const SECOND: i64 = 1_000_000_000;

fn merge(records: &[Vec<u8>]) -> Merged<Id> {
    merge_seen(records).0
}

/// The merged records, and all that was seen, in words.
fn merge_seen(records: &[Vec<u8>]) -> (Merged<Id>, String) {
    let mut sources = Records::<Id>::new("A test");
    for (id, record) in (1..).zip(records) {
        let record = record.clone();
        sources = sources.source(format!("record {id}"), move || Ok(Cursor::new(record.clone())));
    }
    let mut words = String::new();
    let merged = sources.merge(|seen| words.push_str(&format!("{seen}\n"))).unwrap();
    (merged, words)
}

/// The messages of a picture: when each was sent, by which node, and when it arrived.
fn messages(merged: &Merged<Id>) -> BTreeMap<u64, (u64, u64, Vec<u64>)> {
    let picture: Value = serde_json::from_str(&merged.timeline.to_json()).unwrap();
    let mut messages = BTreeMap::new();
    let mut last = 0;
    for event in picture["events"].as_array().unwrap() {
        let (at, kind) = (event[0].as_u64().unwrap(), event[1].as_str().unwrap());
        assert!(at >= last, "in order");
        last = at;
        match kind {
            "m" => {
                let (id, from) = (event[2].as_u64().unwrap(), event[3].as_u64().unwrap());
                messages.insert(id, (at, from, Vec::new()));
            }
            "r" => messages.get_mut(&event[2].as_u64().unwrap()).unwrap().2.push(at),
            _ => {}
        }
    }
    messages
}

/// How long messages took from each node, in microseconds: the shortest and the longest time.
fn times(merged: &Merged<Id>) -> (u64, u64) {
    let all = messages(merged);
    let took = all.values().flat_map(|(sent, _, arrived)| arrived.iter().map(move |at| at - sent));
    let took: Vec<u64> = took.collect();
    (*took.iter().min().unwrap(), *took.iter().max().unwrap())
}

#[test]
fn three_processes_whose_clocks_are_seconds_apart_show_no_effect_before_its_cause() {
    let clocks = [0, 3 * SECOND, -7 * SECOND].map(|wall_ns| Clock { wall_ns, ppm: 0 });
    let merged = merge(&records(&clocks, 3_000));
    assert!(merged.failures.is_empty(), "{}", merged.summary());
    let moved: Vec<i64> = merged.processes.iter().map(|process| process.moved).collect();
    for (one, other) in [(0, 1), (1, 2), (0, 2)] {
        let apart = clocks[one].wall_ns + moved[one] - clocks[other].wall_ns - moved[other];
        assert!(apart.abs() < 1_000_000, "{one} and {other} are {apart} ns apart: {moved:?}");
    }
    let (shortest, longest) = times(&merged);
    assert!(shortest >= 500 && longest <= 2_500, "{shortest} to {longest} µs");
    let counts = merged.messages;
    assert!(counts.lost > 0 && counts.doubled > 0 && counts.unmatched == 0, "{counts}");
    // The last ones are under way when the records end.
    let under_way = counts.sent - counts.arrived - counts.lost;
    assert!(under_way <= 6, "{counts}");
    assert!(merged.summary().contains("moved by "), "{}", merged.summary());
}

#[test]
fn clocks_that_agree_are_not_moved() {
    let merged = merge(&records(&[Clock { wall_ns: 0, ppm: 0 }; 3], 3_000));
    assert!(merged.processes.iter().all(|process| (process.moved, process.drifted) == (0, 0)));
    assert_eq!(times(&merged), (1_000, 1_500));
    assert!(merged.summary().ends_with("no differences"), "{}", merged.summary());
}

#[test]
fn clocks_that_drift_apart_by_more_than_a_message_takes_show_no_effect_before_its_cause() {
    let clocks = [(0, 0), (SECOND, 900), (0, -900)].map(|(wall_ns, ppm)| Clock { wall_ns, ppm });
    let merged = merge(&records(&clocks, 20_000));
    assert!(merged.failures.is_empty(), "{}", merged.summary());
    // They are 36 ms apart in the end.
    let (_, longest) = times(&merged);
    assert!(longest < 6_000, "{longest} µs: {}", merged.summary());
    assert!(merged.processes.iter().any(|process| process.drifted > 0));
}

#[test]
fn a_record_that_is_missing_leaves_its_node_in_the_picture_and_its_messages_unmatched() {
    let records = records(&[Clock { wall_ns: 0, ppm: 0 }; 3], 1_000);
    let merged = merge(&records[..2]);
    let picture: Value = serde_json::from_str(&merged.timeline.to_json()).unwrap();
    assert_eq!(picture["nodes"], serde_json::json!(["1", "2", "3"]));
    assert!(merged.messages.unmatched > 0);
    assert_eq!(merged.failures.len(), 0);
}

#[test]
fn a_record_that_differs_is_drawn_up_to_there_and_named() {
    let mut records = records(&[Clock { wall_ns: 0, ppm: 0 }; 3], 1_000);
    let elected =
        records.iter().position(|record| String::from_utf8_lossy(record).contains("Elected")).unwrap();
    let text = String::from_utf8(records[elected].clone()).unwrap();
    records[elected] =
        text.replacen(r#"{"Elected":{"term":1}}"#, r#"{"Elected":{"term":9}}"#, 1).into_bytes();
    let merged = merge(&records);
    let [failure] = &merged.failures[..] else { panic!("{}", merged.summary()) };
    assert!(failure.to_string().starts_with(&format!("record {}: line ", elected + 1)), "{failure}");
    assert!(failure.to_string().contains("elected in term 9"), "{failure}");
    assert!(merged.timeline.to_json().contains("record #: line #"), "the picture says so");
}

#[test]
fn what_was_done_from_outside_is_drawn() {
    let mut record = records(&[Clock { wall_ns: 0, ppm: 0 }], 1_000).remove(0);
    // It was killed: nothing tells of its end.
    let end = record.iter().rposition(|&byte| byte == b'{').unwrap();
    let end = record[..end].iter().rposition(|&byte| byte == b'\n').unwrap() + 1;
    record.truncate(end);
    let wall = |millis: u64| Duration::from_nanos(BEGAN) + Duration::from_millis(millis);
    let records = Records::<Id>::new("Deeds")
        .source("record", move || Ok(Cursor::new(record.clone())))
        .deed(wall(2_000), Deed::Killed(1))
        .deed(wall(500), Deed::Frozen(1))
        .deed(wall(600), Deed::Thawed(1));
    let merged = records.merge(|_| {}).unwrap();
    let picture: Value = serde_json::from_str(&merged.timeline.to_json()).unwrap();
    let when = |wanted: &str| {
        let events = picture["events"].as_array().unwrap().iter();
        events.filter(|event| event[1] == wanted).map(|event| event[0].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((when("f"), when("h"), when("d")), (vec![500_000], vec![600_000], vec![2_000_000]));
}

#[test]
fn all_that_nodes_do_is_told_in_words() {
    let (_, words) = merge_seen(&records(&[Clock { wall_ns: 0, ppm: 0 }; 3], 500));
    for part in [
        "0.000000 node-1 starts as node 1 with term 0, no vote, membership 0.1 (release ",
        " -> 2: ",
        " <- 1: heartbeat of term 1",
        " ** elected in term 1",
        " ends: told",
        "persist term 1, vote for",
        " has written",
    ] {
        assert!(words.contains(part), "{part:?} is not in\n{words}");
    }
}

//! The engine as the page drives it: each deed does what it says, what cannot be done changes nothing, and the same deeds
//! give the same timeline.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails should panic"
)]

use proptest::prelude::*;
use quorate_playground::Group;
use serde_json::{Value, json};

const SECOND: u64 = 1_000_000;

/// A group, and all that it has told.
struct Run {
    group: Group,
    texts: Vec<String>,
    events: Vec<Value>,
}

impl Run {
    fn new(settings: &Value) -> Self {
        let group =
            Group::new(&settings.to_string()).unwrap_or_else(|sentence| panic!("{settings}: {sentence}"));
        Run { group, texts: Vec::new(), events: Vec::new() }
    }

    /// A group of five that has a leader.
    fn led() -> Self {
        let mut run = Run::new(&json!({}));
        run.pass(SECOND);
        run.leader();
        run
    }

    fn take(&mut self, chunk: &str) {
        let chunk: Value = serde_json::from_str(chunk).unwrap();
        self.texts
            .extend(chunk["texts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()));
        self.events.extend(chunk["events"].as_array().unwrap().iter().cloned());
    }

    /// Lets so many microseconds pass.
    fn pass(&mut self, micros: u64) {
        let until = self.group.now() + micros;
        let chunk = self.group.run(until, 100_000);
        self.take(&chunk);
        assert!(self.group.now() == until || self.verdict()["violation"].is_string());
    }

    /// Does a deed, after which it is told.
    fn act(&mut self, deed: Value) {
        let before = self.events.len();
        let chunk = self.group.act(&deed.to_string()).unwrap_or_else(|sentence| panic!("{deed}: {sentence}"));
        self.take(&chunk);
        assert!(self.events.len() > before, "{deed} leaves no trace");
    }

    /// Why a deed cannot be done, which changes nothing.
    fn refusal(&mut self, deed: &str) -> String {
        let mut before = self.group.clone();
        let Err(sentence) = self.group.act(deed) else { panic!("{deed} is done") };
        let mut after = self.group.clone();
        assert_eq!(after.run(60 * SECOND, 5_000), before.run(60 * SECOND, 5_000), "{deed} changes something");
        assert!(
            sentence.ends_with('.') && !sentence.starts_with(char::is_lowercase),
            "{deed}: no sentence: {sentence}"
        );
        sentence
    }

    fn verdict(&self) -> Value {
        serde_json::from_str(&self.group.verdict()).unwrap()
    }

    fn leader(&self) -> u64 {
        let verdict = self.verdict();
        verdict["leader"].as_u64().unwrap_or_else(|| panic!("nobody leads: {verdict}"))
    }

    /// A node that does not lead.
    fn follower(&self) -> u64 {
        u64::from(self.leader() == 0)
    }

    /// The events of this kind, about this node.
    fn events_of(&self, kind: &str, node: u64) -> usize {
        self.events.iter().filter(|event| event[1] == kind && event[2] == node).count()
    }

    /// What has been said of nodes, with numbers.
    fn words(&self) -> Vec<String> {
        let words = |event: &Value| {
            let mut numbers = event[4].as_array().unwrap().iter();
            let template = &self.texts[event[3].as_u64().unwrap() as usize];
            let symbol = |symbol: char| match symbol {
                '#' => numbers.next().unwrap().to_string(),
                _ => symbol.to_string(),
            };
            template.chars().map(symbol).collect()
        };
        self.events.iter().filter(|event| event[1] == "a" || event[1] == "o").map(words).collect()
    }

    fn says(&self, words: &str) -> bool {
        self.words().iter().any(|said| said.contains(words))
    }

    /// What the last event shows that told this key of the state of a node.
    fn state(&self, node: u64, key: &str) -> Value {
        let of_node = |event: &&Value| event[1] == "s" && event[2] == node && event[3].get(key).is_some();
        self.events.iter().rev().find(of_node).unwrap_or_else(|| panic!("node {node} has no {key}"))[3][key]
            .clone()
    }

    /// How many messages have arrived that were sent on this link from now on.
    fn arrivals_during(&mut self, from: u64, to: u64, micros: u64) -> usize {
        let before = self.events.len();
        self.pass(micros);
        let new = &self.events[before..];
        let is_sent = |event: &&Value| event[1] == "m" && event[3] == from && event[4] == to;
        let sent: Vec<&Value> = new.iter().filter(is_sent).map(|event| &event[2]).collect();
        new.iter().filter(|event| event[1] == "r" && sent.contains(&&event[2])).count()
    }
}

#[test]
fn a_process_is_killed_and_started_again() {
    let mut run = Run::led();
    let (leader, term) = (run.leader(), run.verdict()["term"].clone());
    run.act(json!({"do": "crash", "node": leader}));
    assert_eq!(run.events_of("d", leader), 1);
    assert_eq!(run.group.status(leader as usize), format!("Node {} does not run.", leader + 1));
    run.pass(SECOND);
    assert_ne!((run.leader(), &run.verdict()["term"]), (leader, &term));
    run.act(json!({"do": "restart", "node": leader}));
    run.pass(SECOND);
    assert_eq!(run.state(leader, "k"), run.leader());
    assert!(run.says("honours for"), "{:#?}", run.words());
}

#[test]
fn a_frozen_leader_is_replaced_and_follows_when_it_thaws() {
    let mut run = Run::led();
    let leader = run.leader();
    run.act(json!({"do": "freeze", "node": leader}));
    run.pass(SECOND);
    assert_ne!(run.leader(), leader);
    run.act(json!({"do": "thaw", "node": leader}));
    run.pass(SECOND);
    assert!(run.says("stepped down from term 1: its lease lapsed"), "{:#?}", run.words());
    assert_eq!((run.events_of("f", leader), run.events_of("h", leader)), (1, 1));
    assert_eq!(run.state(leader, "r"), "F");
}

#[test]
fn a_node_that_has_forgotten_comes_back() {
    let mut run = Run::led();
    let node = run.follower();
    run.act(json!({"do": "forget", "node": node}));
    run.act(json!({"do": "restart", "node": node}));
    assert_eq!((run.events_of("F", node), run.state(node, "r")), (1, "R".into()));
    run.pass(2 * SECOND);
    assert_eq!(run.state(node, "r"), "F");
    assert!(run.says("recovered in term 1"));
}

#[test]
fn links_are_cut_and_mended_one_way_and_both_ways() {
    let mut run = Run::led();
    let (leader, node) = (run.leader(), run.follower());
    assert!(run.arrivals_during(leader, node, SECOND) > 10);
    run.act(json!({"do": "cut", "from": leader, "to": node, "both": false}));
    assert_eq!(run.arrivals_during(leader, node, SECOND), 0);
    run.act(json!({"do": "mend", "from": leader, "to": node}));
    run.pass(SECOND);
    assert!(run.arrivals_during(leader, node, SECOND) > 10);
    run.act(json!({"do": "cut", "from": leader, "to": node, "both": true}));
    assert_eq!(
        (run.arrivals_during(leader, node, SECOND), run.arrivals_during(node, leader, SECOND)),
        (0, 0)
    );
}

#[test]
fn a_leader_that_is_isolated_or_in_a_minority_is_replaced_until_links_are_mended() {
    for deed in ["isolate", "partition"] {
        let mut run = Run::led();
        let leader = run.leader();
        let others: Vec<u64> = (0..5).filter(|&node| node != leader).collect();
        match deed {
            "isolate" => run.act(json!({"do": "isolate", "node": leader})),
            _ => run.act(json!({"do": "partition", "groups": [[leader, others[0]], others[1..].to_vec()]})),
        }
        run.pass(SECOND);
        let second = run.leader();
        assert!(second != leader && (deed == "isolate" || second != others[0]));
        assert_eq!(run.state(leader, "r"), "P");
        run.act(json!({"do": "heal"}));
        run.pass(SECOND);
        assert_eq!((run.leader(), run.state(leader, "r")), (second, "F".into()));
    }
}

#[test]
fn the_network_becomes_as_bad_as_it_is_told_to() {
    let count = |deed: Value, kind: &str| {
        let mut run = Run::led();
        run.act(deed);
        let before = run.events.len();
        run.pass(5 * SECOND);
        let new = &run.events[before..];
        let of_kind = |kind: &str| new.iter().filter(|event| event[1] == kind).count();
        of_kind(kind) * 100 / of_kind("m")
    };
    assert!((20..40).contains(&count(json!({"do": "loss", "ppm": 300_000}), "x")));
    assert!((120..140).contains(&count(json!({"do": "duplicates", "ppm": 300_000}), "r")));
    assert!((60..90).contains(&count(json!({"do": "late", "ppm": 300_000}), "r")));
    let mut run = Run::led();
    run.act(json!({"do": "delay", "us": [40_000, 40_000]}));
    run.pass(SECOND);
    let before = run.events.len();
    run.pass(SECOND);
    let sent = run.events[before..].iter().find(|event| event[1] == "m").unwrap();
    let arrived = run.events.iter().find(|event| event[1] == "r" && event[2] == sent[2]).unwrap();
    assert_eq!(arrived[0].as_u64().unwrap() - sent[0].as_u64().unwrap(), 40_000);
}

#[test]
fn old_messages_arrive_again() {
    let mut run = Run::led();
    run.pass(10 * SECOND);
    run.act(json!({"do": "old", "node": run.leader()}));
    let before = run.events.len();
    run.pass(SECOND);
    let is_old = |event: &&Value| {
        let sent = run.events[..before].iter().find(|sent| sent[1] == "m" && sent[2] == event[2]);
        event[1] == "r"
            && sent.is_some_and(|sent| sent[0].as_u64().unwrap() + SECOND < event[0].as_u64().unwrap())
    };
    assert!(run.events[before..].iter().filter(is_old).count() > 3);
    assert!(run.verdict()["violation"].is_null());
}

#[test]
fn a_clock_runs_at_another_rate_within_the_bound_and_beyond_it_only_if_that_is_wanted() {
    let mut run = Run::led();
    let node = run.leader();
    run.act(json!({"do": "clock", "node": node, "ppm": -200}));
    assert_eq!(run.events.iter().rfind(|event| event[1] == "c").unwrap()[3], -200);
    let sentence = run.refusal(&json!({"do": "clock", "node": node, "ppm": 100_000}).to_string());
    assert!(sentence.contains("more than 249 millionths"), "{sentence}");
    run.act(json!({"do": "clock", "node": node, "ppm": -400_000, "beyond": true}));
    assert_eq!(run.events.iter().rfind(|event| event[1] == "c").unwrap()[3], -400_000);
}

#[test]
fn beyond_the_bound_of_clocks_two_leases_are_found_and_the_run_ends() {
    let mut run = Run::led();
    let leader = run.leader();
    run.act(json!({"do": "clock", "node": leader, "ppm": -500_000, "beyond": true}));
    run.pass(200_000);
    run.act(json!({"do": "isolate", "node": leader}));
    run.pass(2 * SECOND);
    let violation = run.verdict()["violation"].as_str().unwrap().to_owned();
    assert!(violation.starts_with("TwoLeases"), "{violation}");
    assert!(run.says("broken: TwoLeases"));
    let ended = run.group.now();
    assert_eq!(run.group.run(10 * SECOND, 1_000).matches("[").count(), 2, "something happens after the end");
    assert_eq!(run.group.now(), ended);
    assert!(run.refusal(r#"{"do":"heal"}"#).contains("ended"));
}

#[test]
fn a_disk_is_slow_and_a_full_one_ends_no_write_until_there_is_room() {
    let mut run = Run::led();
    let node = run.follower();
    run.act(json!({"do": "disk", "node": node, "us": [70_000, 70_000]}));
    run.act(json!({"do": "crash", "node": run.leader()}));
    run.pass(2 * SECOND);
    let times = |kind: &str| -> Vec<u64> {
        let of_node = run.events.iter().filter(|event| event[1] == kind && event[2] == node);
        of_node.map(|event| event[0].as_u64().unwrap()).collect()
    };
    assert_eq!(times("W").last().unwrap() - times("w").last().unwrap(), 70_000);

    let mut run = Run::led();
    let node = run.follower();
    run.act(json!({"do": "fill", "node": node}));
    run.act(json!({"do": "crash", "node": run.leader()}));
    run.pass(10 * SECOND);
    assert_eq!(run.events_of("w", node), run.events_of("W", node) + 1);
    run.act(json!({"do": "empty", "node": node}));
    run.pass(SECOND);
    assert_eq!(run.events_of("w", node), run.events_of("W", node));
    assert_eq!(run.state(node, "k"), run.leader());
}

#[test]
fn leadership_is_handed_over_and_a_node_campaigns() {
    let mut run = Run::led();
    let node = run.follower();
    run.act(json!({"do": "resign", "node": run.leader(), "successor": node, "now": false}));
    run.pass(SECOND);
    assert_eq!(run.leader(), node);
    let next = run.follower();
    run.act(json!({"do": "resign", "node": node, "successor": next, "now": true}));
    run.pass(SECOND);
    assert_eq!(run.leader(), next);
    run.act(json!({"do": "resign", "node": next}));
    run.pass(SECOND);
    assert_ne!(run.leader(), next);

    let mut run = Run::new(&json!({"delay_us": [100, 100]}));
    run.pass(1);
    run.act(json!({"do": "campaign", "node": 4}));
    run.pass(SECOND);
    assert_eq!(run.leader(), 4);
}

#[test]
fn the_highest_priority_ends_up_leading_and_data_decide_which_node_may() {
    let mut run = Run::led();
    let node = run.follower();
    run.act(json!({"do": "priority", "node": node, "value": 9}));
    run.pass(10 * SECOND);
    assert_eq!((run.leader(), run.state(node, "y")), (node, 9.into()));

    let mut run = Run::led();
    let leader = run.leader();
    let others: Vec<u64> = (0..5).filter(|&node| node != leader).collect();
    for &node in &others[..3] {
        run.act(json!({"do": "position", "node": node, "index": 10}));
    }
    run.act(json!({"do": "crash", "node": leader}));
    run.pass(2 * SECOND);
    assert_ne!(run.leader(), others[3]);
    assert_eq!(run.state(others[0], "x"), "0.10");
}

#[test]
fn members_are_changed_and_a_node_leaves() {
    let mut run = Run::led();
    run.act(json!({"do": "restart", "node": 5}));
    run.act(json!({"do": "restart", "node": 6}));
    let leader = run.leader();
    run.act(json!({"do": "reconfigure", "node": leader, "voters": [0, 1, 2, 3, 4, 5], "learners": [6], "force": false}));
    run.pass(5 * SECOND);
    let members = run.state(leader, "m");
    assert_eq!((&members["v"], &members["l"]), (&json!([0, 1, 2, 3, 4, 5]), &json!([6])));
    assert_eq!((&members["q"], &members["c"]), (&json!(4), &json!(true)));
    let node = run.follower();
    run.act(json!({"do": "leave", "node": node}));
    run.pass(5 * SECOND);
    assert!(!run.state(leader, "m")["v"].as_array().unwrap().contains(&node.into()));
    assert!(run.says("removed from the group"));
}

#[test]
fn a_group_that_forms_itself_takes_up_nodes_and_gives_them_up() {
    let mut run = Run::new(&json!({"starts": "forming", "nodes": 5, "spares": 1}));
    run.pass(3 * SECOND);
    let leader = run.leader();
    let node = run.follower();
    run.act(json!({"do": "crash", "node": node}));
    run.act(json!({"do": "lost", "node": leader, "other": node}));
    run.pass(3 * SECOND);
    assert_eq!(run.state(leader, "m")["v"].as_array().unwrap().len(), 4);
    run.act(json!({"do": "restart", "node": 5}));
    run.act(json!({"do": "discovered", "node": leader, "other": 5}));
    run.pass(3 * SECOND);
    assert!(run.state(leader, "m")["v"].as_array().unwrap().contains(&5.into()));
}

#[test]
fn groups_of_1_to_25_nodes_of_every_kind_elect() {
    for nodes in (1..=25).step_by(3).chain([2, 3, 5, 9]) {
        for starts in ["bootstrapped", "forming", "blank"] {
            for memory in ["durable", "volatile"] {
                let mut run =
                    Run::new(&json!({"nodes": nodes, "starts": starts, "memory": memory, "seed": nodes}));
                run.pass(5 * SECOND);
                let leader = run.leader();
                assert!(run.verdict()["violation"].is_null());
                // Without storage a crash forgets.
                if nodes > 2 {
                    run.act(json!({"do": "crash", "node": leader}));
                    run.pass(5 * SECOND);
                    assert_ne!(run.leader(), leader, "{nodes} {starts} {memory}");
                    assert_eq!(run.events_of("F", leader), usize::from(memory == "volatile"));
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_done_is_refused_with_a_sentence_and_changes_nothing() {
    let mut run = Run::led();
    let (leader, node) = (run.leader(), run.follower());
    run.act(json!({"do": "freeze", "node": node}));
    let deeds = [
        json!({"do": "crash", "node": 7}),
        json!({"do": "crash", "node": 5}),
        json!({"do": "restart", "node": leader}),
        json!({"do": "freeze", "node": node}),
        json!({"do": "thaw", "node": leader}),
        json!({"do": "forget", "node": 6}),
        json!({"do": "cut", "from": 0, "to": 0}),
        json!({"do": "mend", "from": 0, "to": 99}),
        json!({"do": "isolate", "node": 7}),
        json!({"do": "partition", "groups": [[0, 1], [1, 2]]}),
        json!({"do": "partition", "groups": [[0, 77]]}),
        json!({"do": "loss", "ppm": 1_000_001}),
        json!({"do": "duplicates", "ppm": 1_000_001}),
        json!({"do": "late", "ppm": 2_000_000}),
        json!({"do": "delay", "us": [5, 4]}),
        json!({"do": "delay", "us": [0, 60_000_001]}),
        json!({"do": "old", "node": 100}),
        json!({"do": "clock", "node": leader, "ppm": -600_000, "beyond": true}),
        json!({"do": "clock", "node": 6, "ppm": 1}),
        json!({"do": "disk", "node": leader, "us": [9, 1]}),
        json!({"do": "empty", "node": leader}),
        json!({"do": "fill", "node": 8}),
        json!({"do": "campaign", "node": leader}),
        json!({"do": "campaign", "node": node}),
        json!({"do": "resign", "node": (leader + 2) % 5}),
        json!({"do": "resign", "node": leader, "successor": leader}),
        json!({"do": "resign", "node": leader, "successor": 12}),
        json!({"do": "priority", "node": 7, "value": 1}),
        json!({"do": "priority", "node": 0, "value": 256}),
        json!({"do": "position", "node": 0, "index": u64::MAX}),
        json!({"do": "discovered", "node": leader, "other": 5}),
        json!({"do": "lost", "node": leader, "other": leader}),
        json!({"do": "reconfigure", "node": leader, "voters": []}),
        json!({"do": "reconfigure", "node": leader, "voters": [0, 0]}),
        json!({"do": "leave", "node": 6}),
        json!({"do": "explode"}),
        json!({"do": "crash", "node": 0, "hard": true}),
        json!({"do": "crash", "node": -1}),
        json!({"do": "crash"}),
        json!([]),
        json!(null),
    ];
    for deed in deeds {
        run.refusal(&deed.to_string());
    }
    for text in
        ["", "{", "{\"do\":", &format!("{{\"do\":\"crash\",\"node\":{}}}", "0".repeat(20_000)), "\u{0}"]
    {
        run.refusal(text);
    }
    run.act(json!({"do": "fill", "node": leader}));
    run.refusal(&json!({"do": "fill", "node": leader}).to_string());
    run.act(json!({"do": "position", "node": leader, "index": 5}));
    run.refusal(&json!({"do": "position", "node": leader, "index": 4}).to_string());

    let mut forming = Run::new(&json!({"starts": "forming"}));
    forming.pass(1);
    assert!(forming.refusal(r#"{"do":"forget","node":0}"#).contains("forms"));
}

#[test]
fn settings_that_cannot_be_used_are_refused_with_a_sentence() {
    let settings = [
        json!({"nodes": 0}),
        json!({"nodes": 26}),
        json!({"nodes": -1}),
        json!({"nodes": "five"}),
        json!({"spares": 9}),
        json!({"seed": 1_u64 << 53}),
        json!({"promise_ms": 4}),
        json!({"promise_ms": 60_001}),
        json!({"tuned_from_ms": 151}),
        json!({"tuned_from_ms": 1}),
        json!({"delay_us": [5, 4]}),
        json!({"delay_us": [5]}),
        json!({"disk_us": [0, 60_000_001]}),
        json!({"loss": 1_000_001}),
        json!({"duplicates": 1_000_001}),
        json!({"drift_ppm": 500_001}),
        json!({"starts": "somehow"}),
        json!({"memory": "flash"}),
        json!({"colour": "red"}),
        json!([1]),
        json!(null),
    ];
    for settings in settings {
        let Err(sentence) = Group::new(&settings.to_string()) else { panic!("{settings} can be used") };
        assert!(
            sentence.ends_with('.') && sentence.starts_with(char::is_uppercase),
            "{settings}: {sentence}"
        );
    }
    for text in ["", "{", &" ".repeat(20_000)] {
        assert!(Group::new(text).is_err());
    }
    for settings in
        [json!({}), json!({"promise_ms": 5}), json!({"promise_ms": 60_000}), json!({"drift_ppm": 300_000})]
    {
        assert!(Group::new(&settings.to_string()).is_ok(), "{settings}");
    }
}

/// Some deeds, one after the other.
fn deeds(leader: u64) -> Vec<Value> {
    let other = (leader + 1) % 5;
    vec![
        json!({"do": "loss", "ppm": 50_000}),
        json!({"do": "disk", "node": other, "us": [1_000, 30_000]}),
        json!({"do": "crash", "node": leader}),
        json!({"do": "cut", "from": other, "to": (leader + 2) % 5}),
        json!({"do": "restart", "node": leader}),
        json!({"do": "old", "node": leader}),
        json!({"do": "clock", "node": other, "ppm": 100}),
        json!({"do": "forget", "node": other}),
        json!({"do": "restart", "node": other}),
        json!({"do": "heal"}),
    ]
}

/// The timeline of a run with these deeds at these times, in chunks of so many events each, or step by step.
fn timeline(settings: &Value, times: &[u64], most_events: u64) -> (Vec<String>, Vec<Value>, String) {
    let mut run = Run::new(settings);
    let go_on = |run: &mut Run, until: u64| {
        while run.group.now() < until && run.verdict()["violation"].is_null() {
            let chunk = run.group.run(until, most_events);
            run.take(&chunk);
        }
    };
    go_on(&mut run, SECOND);
    let leader = run.leader();
    for (deed, &at) in deeds(leader).into_iter().zip(times) {
        go_on(&mut run, SECOND + at);
        run.act(deed);
    }
    go_on(&mut run, 8 * SECOND);
    (run.texts, run.events, run.group.verdict())
}

#[test]
fn the_same_deeds_at_the_same_times_give_the_same_timeline_however_it_is_divided() {
    for seed in 0..6 {
        let settings = json!({"seed": seed, "delay_us": [500, 9_000], "loss": 1_000});
        let times: Vec<u64> = (0..10).map(|deed| deed * 313_337 + seed * 1_000).collect();
        let whole = timeline(&settings, &times, 100_000);
        assert!(whole.1.len() > 3_000);
        for most_events in [1, 7, 400] {
            assert!(
                timeline(&settings, &times, most_events) == whole,
                "seed {seed}, {most_events} events at once"
            );
        }
    }
}

#[test]
fn single_steps_are_the_same_run() {
    let mut whole = Run::new(&json!({}));
    whole.pass(SECOND);
    let mut steps = Run::new(&json!({}));
    while steps.group.now() < SECOND {
        let chunk = steps.group.step();
        steps.take(&chunk);
    }
    let shared = whole.events.len();
    assert_eq!(
        (&steps.texts[..whole.texts.len()], &steps.events[..shared]),
        (&whole.texts[..], &whole.events[..])
    );
}

#[test]
fn the_head_and_the_chunks_are_a_timeline() {
    let mut run = Run::led();
    run.act(json!({"do": "heal"}));
    let head: Value = serde_json::from_str(&run.group.head()).unwrap();
    assert_eq!((&head["timeline"], &head["source"]), (&json!(1), &json!("playground")));
    assert_eq!(head["nodes"], json!(["1", "2", "3", "4", "5", "6", "7"]));
    let times: Vec<u64> = run.events.iter().map(|event| event[0].as_u64().unwrap()).collect();
    assert!(times.is_sorted());
    // Each message says when it will arrive.
    assert!(
        run.events
            .iter()
            .filter(|event| event[1] == "m")
            .all(|event| event[7][0].as_u64() > event[0].as_u64())
    );
    // Each ordinary step says which rules acted.
    assert!(run.says("counts on the promise of node"));
}

/// Deeds, of which many can be done.
fn any_deed() -> impl Strategy<Value = Value> {
    const NAMES: [&str; 27] = [
        "crash",
        "restart",
        "freeze",
        "thaw",
        "forget",
        "cut",
        "mend",
        "isolate",
        "partition",
        "heal",
        "loss",
        "duplicates",
        "late",
        "delay",
        "old",
        "clock",
        "disk",
        "fill",
        "empty",
        "campaign",
        "resign",
        "priority",
        "position",
        "discovered",
        "lost",
        "reconfigure",
        "leave",
    ];
    (prop::sample::select(&NAMES[..]), 0..8_u64, 0..8_u64, any::<u32>(), any::<bool>()).prop_map(
        |(name, node, other, number, flag)| {
            let ppm = number % 1_200_000;
            match name {
                "cut" | "mend" => json!({"do": name, "from": node, "to": other, "both": flag}),
                "partition" => json!({"do": name, "groups": [[node], [other, number % 7]]}),
                "heal" => json!({"do": name}),
                "loss" | "duplicates" | "late" => json!({"do": name, "ppm": ppm}),
                "delay" => json!({"do": name, "us": [node, ppm / 10]}),
                "clock" => json!({"do": name, "node": node, "ppm": i64::from(ppm) - 600_000, "beyond": flag}),
                "disk" => json!({"do": name, "node": node, "us": [other, ppm / 10]}),
                "resign" => json!({"do": name, "node": node, "successor": flag.then_some(other), "now": number % 2 == 0}),
                "priority" => json!({"do": name, "node": node, "value": number % 4}),
                "position" => json!({"do": name, "node": node, "index": number % 10}),
                "discovered" | "lost" => json!({"do": name, "node": node, "other": other}),
                "reconfigure" => {
                    let voters: Vec<u64> = (0..7).filter(|bit| number >> bit & 1 == 1).collect();
                    let learners: Vec<u64> = (0..7).filter(|bit| number >> (8 + bit) & 1 == 1 && !voters.contains(bit)).collect();
                    json!({"do": name, "node": node, "voters": voters, "learners": learners, "force": flag})
                }
                _ => json!({"do": name, "node": node}),
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_deeds_in_any_order_do_not_panic_and_break_nothing_within_the_bounds(
        seed in any::<u32>(),
        starts in prop::sample::select(&["bootstrapped", "forming", "blank"][..]),
        memory in prop::sample::select(&["durable", "volatile"][..]),
        deeds in prop::collection::vec((any_deed(), 0..400_000_u64), 0..40),
    ) {
        let mut group = Group::new(&json!({"seed": seed, "starts": starts, "memory": memory, "spares": 2}).to_string()).unwrap();
        let mut is_beyond = false;
        for (deed, wait) in deeds {
            let done = group.act(&deed.to_string());
            is_beyond |= done.is_ok() && deed["do"] == "clock" && deed["beyond"] == true;
            let _ = group.run(group.now() + wait, 20_000);
            let verdict: Value = serde_json::from_str(&group.verdict()).unwrap();
            prop_assert!(verdict["violation"].is_null() || is_beyond, "{}: {}", verdict, deed);
        }
    }

    #[test]
    fn any_text_is_refused_or_done_and_does_not_panic(text in ".{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let lossy = String::from_utf8_lossy(&bytes).into_owned();
        let mut group = Group::new("{}").unwrap();
        for text in [&text, &lossy] {
            let _ = Group::new(text);
            let _ = group.act(text);
        }
        let _ = group.run(u64::MAX, 100);
        let _ = group.status(usize::MAX);
    }
}

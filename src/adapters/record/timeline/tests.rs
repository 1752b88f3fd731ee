#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has found something"
)]

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use rand_core::{Infallible, TryRng};
use serde_json::Value;

use super::*;
use crate::config::Config;
use crate::hard_state::HardState;
use crate::io::Force;
use crate::io::Urgency;
use crate::reconfig::Target;
use crate::types::{ClusterId, Position, Priority, Term};

/// The longest promise of all nodes.
const LIMIT: Duration = Duration::from_millis(450);

/// A generator that draws the least of everything.
#[derive(Clone)]
struct Least;

impl TryRng for Least {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill(0);
        Ok(())
    }
}

/// A group of nodes whose clocks show true time, with a network that takes a millisecond.
struct Group {
    now: Duration,
    nodes: Vec<Election<u64, Least>>,
    timeline: Timeline<u64>,
    /// The nodes that neither receive nor send.
    cut: Vec<u64>,
    /// Whether each message arrives twice.
    repeats: bool,
}

fn true_time(reading: Timestamp) -> Duration {
    reading.since_origin()
}

impl Group {
    fn new(size: u64) -> Self {
        let voters: Vec<u64> = (1..=size).collect();
        let first = HardState::bootstrap(ClusterId(7), voters.clone()).unwrap();
        Self::of(voters.iter().map(|&id| (Config::new(id), first.clone())).collect())
    }

    fn of(starts: Vec<(Config<u64>, HardState<u64>)>) -> Self {
        let ids: Vec<u64> = starts.iter().map(|(config, _)| config.id).collect();
        let mut timeline = Timeline::new(Source::Simulation, "A test", ids).with_ordinary_steps();
        let start = |(config, state)| Election::new(config, state, Timestamp::ORIGIN, Least).unwrap();
        let nodes: Vec<_> = starts.into_iter().map(start).collect();
        nodes.iter().for_each(|node| timeline.start(Duration::ZERO, node, true_time));
        Group { now: Duration::ZERO, nodes, timeline, cut: Vec::new(), repeats: false }
    }

    fn handle(&mut self, node: usize, input: Option<Input<u64>>) {
        let election = &mut self.nodes[node];
        let reading = Timestamp::from(self.now);
        let outputs = election.tick(reading);
        self.timeline.step(self.now, None, &outputs, election, true_time);
        let mut all = outputs;
        if let Some(input) = input {
            let outputs = election.step(input.clone());
            self.timeline.step(self.now, Some(&input), &outputs, election, true_time);
            all.extend(outputs);
        }
        let from = self.nodes[node].id();
        for output in all {
            let Output::Send { to, message } = output else { continue };
            let number = self.timeline.send(self.now, from, to, &message);
            if self.cut.contains(&from) || self.cut.contains(&to) {
                self.timeline.lose(self.now, number);
                continue;
            }
            let before = self.now;
            self.now += Duration::from_millis(1);
            self.timeline.receive(self.now, number);
            self.handle(to as usize - 1, Some(Input::Receive { from, message: message.clone() }));
            if self.repeats {
                self.timeline.receive(self.now, number);
                self.handle(to as usize - 1, Some(Input::Receive { from, message }));
            }
            self.now = self.now.max(before);
        }
    }

    /// Lets every node tick at its deadlines for so long.
    fn run(&mut self, length: Duration) {
        let end = self.now + length;
        loop {
            let due = |node: &Election<u64, Least>| node.deadline().map(true_time);
            let nodes = self.nodes.iter().enumerate();
            let next = nodes.filter_map(|(index, node)| Some((due(node)?, index))).min();
            let Some((at, index)) = next.filter(|&(at, _)| at <= end) else { break };
            self.now = self.now.max(at);
            self.handle(index, None);
        }
        self.now = self.now.max(end);
    }

    /// Starts a node again, from this state.
    fn restart(&mut self, config: Config<u64>, state: HardState<u64>) {
        let election = Election::new(config, state, Timestamp::from(self.now), Least).unwrap();
        self.timeline.end(self.now, config.id);
        self.timeline.start(self.now, &election, true_time);
        self.nodes[config.id as usize - 1] = election;
    }

    fn command(&mut self, node: u64, input: Input<u64>) {
        self.handle(node as usize - 1, Some(input));
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.timeline.to_json()).unwrap()
    }

    /// What the nodes did: the node, the words, and the rules.
    fn acts(&self) -> Vec<(u64, String, Vec<String>)> {
        let json = self.json();
        let act = |event: &Value| {
            let rules =
                event[5].as_array().unwrap().iter().map(|rule| rule.as_str().unwrap().into()).collect();
            (event[2].as_u64().unwrap(), text_of(&json, &event[3], &event[4]), rules)
        };
        let events = json["events"].as_array().unwrap();
        events.iter().filter(|event| event[1] == "a").map(act).collect()
    }

    /// The rules of the first act of this node that begins so.
    fn rules_of(&self, node: u64, words: &str) -> Vec<String> {
        self.shown(node, words).unwrap_or_else(|said| panic!("node {node} does not say {words}, but\n{said}"))
    }

    /// The same, or else all that the node did.
    fn shown(&self, node: u64, words: &str) -> Result<Vec<String>, String> {
        let acts: Vec<_> = self.acts().into_iter().filter(|&(index, ..)| index == node - 1).collect();
        let said = |(_, text, rules): &(u64, String, Vec<String>)| format!("{text} {rules:?}");
        let found = acts.iter().find(|(_, text, _)| text.starts_with(words));
        found.map(|act| act.2.clone()).ok_or_else(|| acts.iter().map(said).collect::<Vec<_>>().join("\n"))
    }
}

/// What a group of three does, or five if nodes 4 and 5 are named, and then what a node did, and by which rules.
type Case = (&'static str, fn(&mut Group), u64, &'static str, &'static [&'static str]);

const CASES: &[Case] = &[
    (
        "a lease is over",
        isolate_the_leader,
        1,
        "stepped down from term 1: its lease lapsed",
        &["3.3", "4.8", "5.2"],
    ),
    ("a deadline passes", isolate_the_leader, 2, "campaigns in term 2", &["4.3", "1.1"]),
    ("an early pre-vote", isolate_the_leader, 2, "asks for pre-votes before its deadline", &["4.9"]),
    (
        "a bound voter",
        isolate_the_leader,
        3,
        "denies node 2 its pre-vote: bound to node 1",
        &["4.2", "2.5", "2.1", "4.4"],
    ),
    (
        "a bound voter is counted",
        isolate_the_leader,
        2,
        "was denied the pre-vote of node 3: bound to",
        &["4.4", "4.9"],
    ),
    (
        "the former leader follows",
        let_the_leader_back,
        1,
        "follows node 2 in term 2",
        &["2.1", "2.4", "1.5", "1.2", "7.2"],
    ),
    (
        "data decide",
        put_node_2_behind,
        3,
        "denies node 2 its pre-vote: its data reach position 0.5",
        &["4.2", "4.4"],
    ),
    (
        "a higher term",
        raise_the_term_of_node_3,
        1,
        "asks for the votes of term 8, while it leads on",
        &["5.1"],
    ),
    ("a renewal", raise_the_term_of_node_3, 1, "elected in term 8", &["5.1", "3.4"]),
    (
        "a voter in a renewal",
        raise_the_term_of_node_3,
        2,
        "votes for node 1 in term 8",
        &["1.1", "2.1", "2.4", "5.1", "1.2"],
    ),
    ("a quarantine", raise_the_term_of_node_3, 3, "honours for", &["2.3", "1.6"]),
    ("a takeover", raise_a_priority, 1, "names node 3 its successor", &["6.1"]),
    ("a step", add_a_member, 1, "membership 1.2 is in force", &["8.1", "8.2"]),
    ("a step that is committed", add_a_member, 1, "membership 1.2 is committed", &["7.3"]),
    ("a target that is reached", add_a_member, 1, "target reached", &["8.2"]),
    ("a newcomer", add_a_member, 4, "follows node 1 in term 1", &["2.1", "2.4", "1.5", "1.2", "7.2"]),
    ("a member that leaves", let_node_3_leave, 1, "hears that node 3 wants to leave", &["3.1", "8.3"]),
    ("a member that has left", let_node_3_leave, 3, "removed from the group", &["8.3"]),
    ("a command to a follower", command_a_follower, 2, "is told to resign at once: refused", &[]),
    ("a wait", forget_node_3, 3, "has nothing stored, and waits", &["9.1", "9.2"]),
    ("a question", forget_node_3, 3, "asks what it may have forgotten", &["9.3"]),
    ("an answer", forget_node_3, 2, "tells node 3, which has forgotten, what it holds", &["9.3"]),
    ("a return", forget_node_3, 3, "recovered in term 1", &["9.4"]),
    ("founders", start_blank, 1, "hears that node 2 has nothing, either", &["9.6"]),
    ("a founding", start_blank, 1, "group founded in term", &["9.6", "9.8"]),
    (
        "a heartbeat that is repeated",
        repeat_messages,
        2,
        "ignores a request of node 1 that is older",
        &["2.7"],
    ),
    (
        "another life",
        meet_another_life,
        2,
        "denies node 1 its pre-vote: it belongs to a group of another life",
        &["1.7", "4.4"],
    ),
];

fn isolate_the_leader(group: &mut Group) {
    group.run(Duration::from_secs(1));
    group.cut = vec![1];
    group.run(Duration::from_secs(1));
}

fn let_the_leader_back(group: &mut Group) {
    isolate_the_leader(group);
    group.handle(0, None);
    group.cut.clear();
    group.run(Duration::from_secs(1));
}

fn put_node_2_behind(group: &mut Group) {
    group.run(Duration::from_secs(1));
    group.command(3, Input::SetPosition(Position { term: 0, index: 5 }));
    // The leader has not heard of it, and node 2 campaigns at once.
    group.cut = vec![1];
    group.run(Duration::from_millis(600));
    group.command(2, Input::Campaign);
    group.run(Duration::from_secs(1));
}

fn raise_the_term_of_node_3(group: &mut Group) {
    group.run(Duration::from_secs(1));
    let first = HardState::bootstrap(ClusterId(7), [1, 2, 3]).unwrap();
    let membership = group.nodes[2].membership().clone();
    group.restart(Config::new(3), HardState { term: Term(7), membership, promised: LIMIT, ..first });
    group.run(Duration::from_secs(1));
}

fn raise_a_priority(group: &mut Group) {
    group.run(Duration::from_secs(1));
    group.command(3, Input::SetPriority(Priority(9)));
    group.run(Duration::from_secs(7));
}

fn add_a_member(group: &mut Group) {
    group.run(Duration::from_secs(1));
    let election =
        Election::new(Config::new(4), HardState::joining(ClusterId(7)), Timestamp::from(group.now), Least);
    group.nodes.push(election.unwrap());
    group.timeline.start(group.now, &group.nodes[3], true_time);
    let target = Target::new([1, 2, 3, 4], []).unwrap();
    group.command(1, Input::Reconfigure { target, force: Force::Never });
    group.run(Duration::from_secs(2));
}

fn let_node_3_leave(group: &mut Group) {
    group.run(Duration::from_secs(1));
    group.command(3, Input::Leave);
    group.run(Duration::from_secs(2));
}

fn command_a_follower(group: &mut Group) {
    group.run(Duration::from_secs(1));
    group.command(2, Input::Resign { successor: None, urgency: Urgency::Now });
}

fn forget_node_3(group: &mut Group) {
    group.run(Duration::from_secs(1));
    let since_1970 = Duration::from_secs(1_700_000_000);
    let blank = HardState::blank(ClusterId(7), [1, 2, 3], since_1970).unwrap();
    group.restart(Config::new(3), blank);
    group.run(Duration::from_secs(2));
}

fn start_blank(group: &mut Group) {
    let since_1970 = Duration::from_secs(1_700_000_000);
    for id in 1..=3 {
        let blank = HardState::blank(ClusterId(7), [1, 2, 3], since_1970 + Duration::from_secs(id)).unwrap();
        group.restart(Config::new(id), blank);
    }
    group.run(Duration::from_secs(5));
}

fn repeat_messages(group: &mut Group) {
    group.run(Duration::from_secs(1));
    group.repeats = true;
    group.run(Duration::from_secs(1));
}

fn meet_another_life(group: &mut Group) {
    let other = HardState::bootstrap(ClusterId(7), [1, 2]).unwrap();
    group.restart(Config::new(1), other);
    group.run(Duration::from_secs(1));
}

#[test]
fn each_step_shows_the_rules_that_acted() {
    let mut wrong = Vec::new();
    for (title, play, node, words, rules) in CASES {
        let mut group = Group::new(3);
        play(&mut group);
        match group.shown(*node, words) {
            Ok(shown) if shown == *rules => {}
            Ok(shown) => wrong.push(format!("{title}: {words} by {shown:?}")),
            Err(said) => wrong.push(format!("{title}: node {node} does not say {words}, but\n{said}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_rule_that_acts_is_one_of_the_protocol() {
    let protocol = include_str!("../../../lib.rs");
    for (_, play, ..) in CASES {
        let mut group = Group::new(3);
        play(&mut group);
        for (node, words, rules) in group.acts() {
            for rule in rules {
                assert!(
                    protocol.contains(&format!("**{rule} ")),
                    "node {node} {words}: there is no rule {rule}"
                );
            }
        }
    }
}

fn text_of(json: &Value, index: &Value, numbers: &Value) -> String {
    let template = json["texts"][index.as_u64().unwrap() as usize].as_str().unwrap();
    let mut numbers = numbers.as_array().unwrap().iter();
    let mut text = String::new();
    for symbol in template.chars() {
        match symbol {
            '#' => text.push_str(&numbers.next().unwrap().to_string()),
            _ => text.push(symbol),
        }
    }
    text
}

#[test]
fn an_election_shows_the_rules_that_acted() {
    let mut group = Group::new(3);
    group.run(Duration::from_millis(100));
    assert_eq!(group.rules_of(1, "asks for pre-votes in term 0"), ["4.1", "4.2"]);
    assert_eq!(group.rules_of(2, "would vote for node 1"), ["4.2", "2.6"]);
    assert_eq!(group.rules_of(1, "has the pre-vote of node 2"), ["4.2"]);
    assert_eq!(group.rules_of(1, "campaigns in term 1"), ["4.3", "1.1"]);
    assert_eq!(
        group.rules_of(2, "votes for node 1 in term 1, and promises 450ms"),
        ["1.1", "2.1", "2.4", "1.2"]
    );
    assert_eq!(group.rules_of(1, "elected in term 1"), ["3.4", "3.2"]);
    assert_eq!(group.rules_of(1, "membership 1.1 is in force"), ["4.6"]);
    assert_eq!(group.rules_of(2, "follows node 1 in term 1"), ["2.1", "2.4", "1.5", "7.2"]);
    assert_eq!(group.rules_of(1, "membership 1.1 is committed"), ["7.3"]);
    assert_eq!(group.rules_of(1, "counts on the promise of node 2"), ["3.1", "3.2"]);
}

#[test]
fn no_text_can_end_the_element_of_the_page_that_it_is_in() {
    let mut timeline =
        Timeline::new(Source::Record, "</script><script>alert(1)", [1_u64]).with_command("<!-- <script>");
    timeline.note(Duration::ZERO, None, "</SCRIPT >");
    timeline.violate(Duration::ZERO, "<script>");
    let page = timeline.page();
    let (before, rest) = page.split_once(page::PLACE).unwrap();
    let (json, after) = rest.split_once("</script>").unwrap();
    assert!(!json.contains('<'));
    assert_eq!([before, page::PLACE, "</script>", after].concat(), page::VIEWER);
    let json: Value = serde_json::from_str(json).unwrap();
    assert_eq!(json["title"], "</script><script>alert(1)");
    assert_eq!(json["texts"][1], "</SCRIPT >");
}

#[test]
fn a_timeline_that_is_full_says_so_and_keeps_no_more() {
    let mut timeline = Timeline::new(Source::Record, "", [1_u64]).with_limit(3);
    for second in 0..1_000 {
        timeline.note(Duration::from_secs(second), Some(1), "here");
    }
    assert!(timeline.is_full());
    let json: Value = serde_json::from_str(&timeline.to_json()).unwrap();
    let events = json["events"].as_array().unwrap();
    assert_eq!((events.len(), &events[3][1], &events[3][2]), (4, &"o".into(), &(-1).into()));
    assert_eq!(
        text_of(&json, &events[3][3], &events[3][4]),
        "the timeline is full after 3 events: what follows is left out"
    );
    assert_eq!(json["end"], 999_000_000);
}

#[test]
fn chunks_together_are_the_whole() {
    let mut whole = Group::new(3);
    whole.run(Duration::from_secs(1));
    let mut parts = Group::new(3);
    let (mut texts, mut events) = (Vec::new(), Vec::new());
    for _ in 0..100 {
        let chunk: Value = serde_json::from_str(&parts.timeline.take_chunk()).unwrap();
        texts.extend(chunk["texts"].as_array().unwrap().clone());
        events.extend(chunk["events"].as_array().unwrap().clone());
        parts.run(Duration::from_millis(10));
    }
    let chunk: Value = serde_json::from_str(&parts.timeline.take_chunk()).unwrap();
    texts.extend(chunk["texts"].as_array().unwrap().clone());
    events.extend(chunk["events"].as_array().unwrap().clone());
    let json = whole.json();
    assert!(events.len() > 100);
    assert_eq!((&Value::from(texts), &Value::from(events)), (&json["texts"], &json["events"]));
}

#[test]
fn a_handover_shows_the_rules_that_acted() {
    let mut group = Group::new(3);
    group.run(Duration::from_secs(1));
    group.command(1, Input::Resign { successor: Some(2), urgency: Urgency::WhenReady });
    group.run(Duration::from_millis(300));
    assert_eq!(group.rules_of(1, "is told to resign in favour of node 2"), ["6.1"]);
    assert_eq!(group.rules_of(1, "names node 2 its successor"), ["6.1"]);
    assert_eq!(group.rules_of(2, "is to try whether it could take over"), ["2.1", "6.2"]);
    assert_eq!(group.rules_of(2, "asks whether it would win, in the name of its leader"), ["6.2"]);
    assert_eq!(group.rules_of(2, "reserves its vote of term 2 for itself"), ["4.10"]);
    assert_eq!(group.rules_of(1, "hears that node 2 is ready to take over"), ["3.1", "6.2", "6.3"]);
    assert_eq!(group.rules_of(1, "stepped down from term 1: it resigned"), ["6.3"]);
    assert_eq!(group.rules_of(2, "is released from its promise by node 1"), ["2.2", "6.3"]);
    assert_eq!(group.rules_of(2, "campaigns in term 2"), ["4.3", "1.1", "6.3"]);
    assert_eq!(group.rules_of(1, "votes for node 2 in term 2"), ["1.1", "2.1", "2.4", "6.3", "2.2", "1.2"]);
}

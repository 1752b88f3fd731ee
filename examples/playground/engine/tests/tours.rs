//! The guided tours of the page, run in the engine: what each step says is what happens.
//!
//! `page/tours.json` holds the tours. The field `expect` of a step, of which the page makes no use, says in a form that can
//! be tested what its text claims; [`Claims`] lists what it may hold. All of it is about the end of the step, or about what has
//! happened since the step began. A tour is gone through as `page/src/tours.ts` goes through it.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails should panic"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use quorate_playground::Group;
use serde::Deserialize;
use serde_json::{Value, json};

const TOURS: &str = include_str!("../../page/tours.json");
const RULES: &str = include_str!("../../../../src/lib.rs");
const NAMES: [&str; 8] =
    ["election", "drift", "failover", "handover", "partitions", "members", "amnesia", "single-server"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tour {
    name: String,
    title: String,
    about: String,
    settings: Value,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    text: String,
    #[serde(default)]
    deeds: Vec<Value>,
    run_ms: Option<u64>,
    until: Option<Until>,
    within_ms: Option<u64>,
    speed: f64,
    show: Show,
    expect: Claims,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Until {
    leader: Option<Value>,
    term: Option<u64>,
    committed: Option<bool>,
    role: Option<RoleOf>,
    said: Option<String>,
    message: Option<String>,
}

#[derive(Deserialize)]
struct RoleOf {
    node: Value,
    is: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Show {
    node: Option<Value>,
    rules: Vec<String>,
}

/// What a step claims.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Claims {
    /// A node holds a lease at the end: any (`true`), none (`false`), or that one.
    leader: Option<Value>,
    /// The highest term of all nodes is the `same` as before, or it `grows`.
    term: Option<String>,
    /// How many elections are won, renewals included.
    elections: Option<usize>,
    /// For at least and at most so many milliseconds no node holds a lease.
    unled_ms: Option<(u64, u64)>,
    /// All these rules act.
    rules: Vec<String>,
    /// Nodes do what is said in words that contain these.
    said: Vec<String>,
    /// No node does anything that is said in words that contain these.
    unsaid: Vec<String>,
    /// Messages are sent whose words contain these.
    messages: Vec<String>,
    /// The roles of nodes at the end, by their letters, or `down`, `lost` or `frozen`.
    roles: BTreeMap<String, String>,
    /// To which node nodes are bound at the end; `none`, or `forgotten` for promises from before a restart.
    bound: BTreeMap<String, Value>,
    /// The leader's membership at the end.
    voters: Option<Vec<usize>>,
    learners: Option<Vec<usize>>,
    committed: Option<bool>,
    /// How long the leader's lease lasts at the end, in milliseconds.
    lease_ms: Option<(u64, u64)>,
    /// The run breaks a promise, in words that contain this.
    violation: Option<String>,
}

/// The state of a node, as the timeline tells it.
#[derive(Clone, Debug)]
struct Node {
    phase: &'static str,
    role: String,
    term: u64,
    lease: Option<u64>,
    promise: Option<(Option<usize>, u64)>,
    members: Value,
}

/// What has happened since a step began.
#[derive(Default)]
struct Record {
    acts: Vec<(usize, String)>,
    rules: BTreeSet<String>,
    messages: Vec<String>,
    unled_ms: u64,
}

/// A tour under way: the counterpart of `TourRun` in `page/src/tours.ts`.
struct Run {
    group: Group,
    texts: Vec<String>,
    nodes: Vec<Node>,
    /// The latest leader, and the one before it.
    latest: Option<usize>,
    before: Option<usize>,
    led_at_beginning: Option<usize>,
    record: Record,
    ended: bool,
}

impl Run {
    fn new(settings: &Value) -> Self {
        let group =
            Group::new(&settings.to_string()).unwrap_or_else(|sentence| panic!("{settings}: {sentence}"));
        let head: Value = serde_json::from_str(&group.head()).unwrap();
        let nobody = Node {
            phase: "unstarted",
            role: "F".into(),
            term: 0,
            lease: None,
            promise: None,
            members: json!({"v": [], "l": [], "c": false}),
        };
        let nodes = vec![nobody; head["nodes"].as_array().unwrap().len()];
        let mut run = Run {
            group,
            texts: Vec::new(),
            nodes,
            latest: None,
            before: None,
            led_at_beginning: None,
            record: Record::default(),
            ended: false,
        };
        run.pass(0);
        run
    }

    fn now(&self) -> u64 {
        self.group.now()
    }

    /// Lets time pass until so many microseconds.
    fn pass(&mut self, until: u64) {
        let chunk = self.group.run(until, 100_000);
        self.take(&chunk);
        self.ended = self.now() < until;
    }

    fn take(&mut self, chunk: &str) {
        let chunk: Value = serde_json::from_str(chunk).unwrap();
        self.texts
            .extend(chunk["texts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()));
        for event in chunk["events"].as_array().unwrap() {
            self.read(event);
        }
    }

    fn read(&mut self, event: &Value) {
        let node = event[2].as_u64().unwrap_or(u64::MAX) as usize;
        match event[1].as_str().unwrap() {
            "u" => self.nodes[node].phase = "up",
            "d" => self.nodes[node].phase = "down",
            "F" => self.nodes[node].phase = "lost",
            "f" => self.nodes[node].phase = "frozen",
            "h" => self.nodes[node].phase = "up",
            "s" => {
                let (state, change) = (&mut self.nodes[node], event[3].as_object().unwrap());
                for (key, value) in change {
                    match key.as_str() {
                        "r" => state.role = value.as_str().unwrap().into(),
                        "t" => state.term = value.as_u64().unwrap(),
                        "e" => state.lease = value.as_u64(),
                        "m" => state.members = value.clone(),
                        "p" => {
                            state.promise = value.as_array().map(|pair| {
                                (pair[0].as_u64().map(|node| node as usize), pair[1].as_u64().unwrap())
                            });
                        }
                        _ => {}
                    }
                }
            }
            "a" => {
                let words = self.words(&event[3], &event[4]);
                self.record.acts.push((node, words));
                self.record
                    .rules
                    .extend(event[5].as_array().unwrap().iter().map(|rule| rule.as_str().unwrap().into()));
            }
            "m" => {
                let words = self.words(&event[5], &event[6]);
                self.record.messages.push(words);
            }
            _ => {}
        }
    }

    fn words(&self, text: &Value, numbers: &Value) -> String {
        let mut numbers = numbers.as_array().unwrap().iter();
        let mut words = String::new();
        for symbol in self.texts[text.as_u64().unwrap() as usize].chars() {
            match symbol {
                '#' => write!(words, "{}", numbers.next().unwrap()).unwrap(),
                _ => words.push(symbol),
            }
        }
        words
    }

    /// The node that holds a lease now.
    fn leader(&self) -> Option<usize> {
        let holds = |node: &Node| {
            node.role == "L"
                && ["up", "frozen"].contains(&node.phase)
                && node.lease.is_some_and(|end| end > self.now())
        };
        self.nodes.iter().position(holds)
    }

    fn highest_term(&self) -> u64 {
        self.nodes.iter().map(|node| node.term).max().unwrap()
    }

    fn notice_leader(&mut self) {
        let leader = self.leader();
        if leader.is_some() && leader != self.latest {
            (self.before, self.latest) = (self.latest, leader);
        }
    }

    /// The node that a word means now.
    fn node(&self, word: &Value) -> Option<usize> {
        if let Some(index) = word.as_u64() {
            return Some(index as usize);
        }
        let leader = self.leader();
        match word.as_str()? {
            "leader" => leader.or(self.latest),
            "former" => {
                if leader.is_none() {
                    self.latest
                } else {
                    self.before
                }
            }
            word => {
                let place = match word.strip_prefix("follower")? {
                    "" => 1,
                    place => place.trim().parse::<usize>().ok()?,
                };
                let leader = leader.or(self.latest)?;
                let voters = self.nodes[leader].members["v"].as_array().unwrap();
                let mut others = voters.iter().map(|voter| voter.as_u64().unwrap() as usize);
                others
                    .by_ref()
                    .filter(|&node| node != leader && self.nodes[node].phase == "up")
                    .nth(place - 1)
            }
        }
    }

    fn resolve(&self, value: &Value) -> Value {
        match value {
            Value::Array(parts) => parts.iter().map(|part| self.resolve(part)).collect(),
            Value::String(_) => self.node(value).map_or_else(|| value.clone(), Value::from),
            Value::Object(parts) => {
                let resolved = parts.iter().map(|(key, part)| {
                    (key.clone(), if key == "do" { part.clone() } else { self.resolve(part) })
                });
                Value::Object(resolved.collect())
            }
            other => other.clone(),
        }
    }

    fn begin(&mut self, step: &Step) {
        self.record = Record::default();
        self.notice_leader();
        self.led_at_beginning = self.latest;
        for deed in &step.deeds {
            let deed = self.resolve(deed);
            let chunk =
                self.group.act(&deed.to_string()).unwrap_or_else(|sentence| panic!("{deed}: {sentence}"));
            self.take(&chunk);
        }
    }

    /// Lets time pass until the step is over. Returns whether it ended as it is meant to.
    fn finish(&mut self, step: &Step, begun: u64) -> bool {
        let length =
            step.until.as_ref().map_or(step.run_ms.unwrap_or(0), |_| step.within_ms.unwrap_or(5_000));
        for ms in 1..=length {
            self.pass(begun + ms * 1_000);
            self.notice_leader();
            if self.leader().is_none() {
                self.record.unled_ms += 1;
            }
            if step.expect.violation.is_none() {
                self.assert_lease_is_covered();
            }
            if step.until.as_ref().is_some_and(|until| self.is_fulfilled(until)) {
                return true;
            }
            if self.ended {
                break;
            }
        }
        step.until.is_none()
    }

    fn is_fulfilled(&self, until: &Until) -> bool {
        let leader = self.leader();
        let leads = |wanted: &Value| match wanted {
            Value::Bool(any) => leader.is_some() == *any,
            Value::String(word) if word == "other" => leader.is_some() && leader != self.led_at_beginning,
            word => leader.is_some() && leader == self.node(word),
        };
        let is_committed = || leader.map(|leader| self.nodes[leader].members["c"] == true);
        let has_role =
            |wanted: &RoleOf| self.node(&wanted.node).is_some_and(|node| self.nodes[node].role == wanted.is);
        until.leader.as_ref().is_none_or(leads)
            && until.term.is_none_or(|term| self.highest_term() >= term)
            && until.committed.is_none_or(|wanted| is_committed() == Some(wanted))
            && until.role.as_ref().is_none_or(has_role)
            && until.said.as_ref().is_none_or(|words| self.says(words))
            && until
                .message
                .as_ref()
                .is_none_or(|words| self.record.messages.iter().any(|sent| sent.contains(words)))
    }

    fn says(&self, words: &str) -> bool {
        self.record.acts.iter().any(|(_, said)| said.contains(words))
    }

    /// What the bars of the page show in every moment: while a lease lasts, a quorum is bound to its holder, itself counted.
    fn assert_lease_is_covered(&self) {
        let Some(leader) = self.leader() else { return };
        let lease = self.nodes[leader].lease.unwrap();
        let members = &self.nodes[leader].members;
        let is_bound = |voter: &&Value| {
            let voter = voter.as_u64().unwrap() as usize;
            let Node { phase, role, promise, .. } = &self.nodes[voter];
            // One that is down honours what it may have promised when it is back, and one that has forgotten waits.
            voter == leader
                || !["up", "frozen"].contains(phase)
                || role == "R"
                || promise
                    .is_some_and(|(holder, end)| holder.is_none_or(|holder| holder == leader) && end >= lease)
        };
        let bound = members["v"].as_array().unwrap().iter().filter(is_bound).count() as u64;
        assert!(
            bound >= members["q"].as_u64().unwrap(),
            "at {} the lease of {leader} is not covered",
            self.now()
        );
    }

    /// The text with the nodes of this moment.
    fn text(&self, step: &Step) -> String {
        let mut text = String::new();
        let mut rest = step.text.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let (word, after) = after.split_once('}').expect("a bracket that is closed");
            text.push_str(before);
            match word {
                "term" => write!(text, "{}", self.highest_term()).unwrap(),
                _ => {
                    let node = self.node(&word.into()).unwrap_or_else(|| panic!("no node is the {word}"));
                    write!(text, "{}", node + 1).unwrap();
                }
            }
            rest = after;
        }
        text + rest
    }

    /// What has happened since the step began, for whoever mends a tour.
    fn print(&self) {
        for (node, words) in &self.record.acts {
            let is_ordinary = words.contains("the promise of node") || words.starts_with("follows node");
            if !is_ordinary || words.contains("in term") {
                println!("  {}: {words}", node + 1);
            }
        }
        println!("  rules: {:?}", self.record.rules);
        println!("  at {} µs, after {} ms without a leader:", self.now(), self.record.unled_ms);
        for (index, node) in self.nodes.iter().enumerate() {
            println!("  {}: {node:?}", index + 1);
        }
    }

    fn check(&self, claims: &Claims, term_before: u64) {
        let leader = self.leader();
        match &claims.leader {
            None => {}
            Some(Value::Bool(any)) => assert_eq!(leader.is_some(), *any, "a leader"),
            Some(word) => {
                assert!(leader.is_some() && leader == self.node(word), "{leader:?} leads, not {word}")
            }
        }
        let term = self.highest_term();
        match claims.term.as_deref() {
            None => {}
            Some("same") => assert_eq!(term, term_before, "the term"),
            Some("grows") => assert!(term > term_before, "the term is {term} as before"),
            Some(other) => panic!("{other}"),
        }
        let elections =
            self.record.acts.iter().filter(|(_, said)| said.starts_with("elected in term")).count();
        assert!(claims.elections.is_none_or(|wanted| wanted == elections), "{elections} elections");
        if let Some((least, most)) = claims.unled_ms {
            let unled = self.record.unled_ms;
            assert!((least..=most).contains(&unled), "no node led for {unled} ms");
        }
        for rule in &claims.rules {
            assert!(self.record.rules.contains(rule), "rule {rule} has not acted: {:?}", self.record.rules);
        }
        for words in &claims.said {
            assert!(self.says(words), "nobody {words}: {:#?}", self.record.acts);
        }
        for words in &claims.unsaid {
            assert!(!self.says(words), "a node {words}");
        }
        for words in &claims.messages {
            assert!(self.record.messages.iter().any(|sent| sent.contains(words)), "no {words}");
        }
        for (word, role) in &claims.roles {
            let node = &self.nodes[self.claimed(word)];
            let shown = if node.phase == "up" { node.role.as_str() } else { node.phase };
            assert_eq!(shown, role, "the role of {word}");
        }
        for (word, holder) in &claims.bound {
            let promise = self.nodes[self.claimed(word)].promise.filter(|&(_, end)| end > self.now());
            let bound = promise.map(|(holder, _)| holder);
            let wanted = match holder.as_str() {
                Some("none") => None,
                Some("forgotten") => Some(None),
                _ => Some(self.node(holder)),
            };
            assert_eq!(bound, wanted, "to which node {word} is bound");
        }
        let led = || leader.unwrap_or_else(|| panic!("nobody leads"));
        if let Some(voters) = &claims.voters {
            assert_eq!(self.nodes[led()].members["v"], json!(voters), "the voters");
        }
        if let Some(learners) = &claims.learners {
            assert_eq!(self.nodes[led()].members["l"], json!(learners), "the learners");
        }
        if let Some(committed) = claims.committed {
            assert_eq!(self.nodes[led()].members["c"], json!(committed), "whether the members are committed");
        }
        if let Some((least, most)) = claims.lease_ms {
            let left = self.nodes[led()].lease.unwrap_or(0).saturating_sub(self.now()) / 1_000;
            assert!((least..=most).contains(&left), "the lease lasts for {left} ms");
        }
        let verdict: Value = serde_json::from_str(&self.group.verdict()).unwrap();
        match (&claims.violation, verdict["violation"].as_str()) {
            (None, found) => assert_eq!(found, None),
            (Some(words), found) => assert!(found.is_some_and(|found| found.contains(words)), "{found:?}"),
        }
    }

    /// The node that the key of a claim means: an index, or a word.
    fn claimed(&self, word: &str) -> usize {
        let value = word.parse::<u64>().map_or_else(|_| Value::from(word), Value::from);
        self.node(&value).unwrap_or_else(|| panic!("no node is the {word}"))
    }
}

/// Goes through a tour, and checks what each step claims.
fn go_through(name: &str) {
    let tour = tours().into_iter().find(|tour| tour.name == name).expect("a tour of this name");
    let mut run = Run::new(&tour.settings);
    for (place, step) in tour.steps.iter().enumerate() {
        let (begun, term) = (run.now(), run.highest_term());
        run.begin(step);
        let text = run.text(step);
        println!("\n{name}, step {}, at {begun} µs: {text}", place + 1);
        let is_fulfilled = run.finish(step, begun);
        run.print();
        assert!(is_fulfilled, "what the step waits for does not come");
        assert_eq!(run.text(step), text, "the nodes that the text names change");
        run.check(&step.expect, term);
        let acts = |rule: &String| run.record.rules.contains(rule);
        assert!(step.show.rules.iter().any(acts), "no rule that is shown acts");
        let shown = step.show.node.as_ref();
        assert!(shown.is_none_or(|node| run.node(node).is_some()), "the node that is shown is nobody");
    }
}

fn tours() -> Vec<Tour> {
    serde_json::from_str(TOURS).unwrap()
}

/// The rules that a text cites: numbers such as 4.10 behind the word `rule` or `rules`.
fn cited(text: &str) -> Vec<&str> {
    let mut rules = Vec::new();
    let mut is_list = false;
    for word in text.split_whitespace() {
        let word = word.trim_matches(|symbol: char| !symbol.is_ascii_alphanumeric());
        let is_number = word.starts_with(|symbol: char| symbol.is_ascii_digit()) && word.contains('.');
        is_list = matches!(word, "rule" | "rules") || is_list && (is_number || word == "and");
        if is_list && is_number {
            rules.push(word);
        }
    }
    rules
}

#[test]
fn there_are_eight_tours_of_eight_steps_that_cite_rules_of_the_protocol() {
    let tours = tours();
    assert_eq!(tours.iter().map(|tour| tour.name.as_str()).collect::<Vec<_>>(), NAMES);
    for Tour { name, title, about, steps, .. } in &tours {
        assert_eq!(steps.len(), 8, "{name}");
        assert!(!title.is_empty() && about.ends_with('.'), "{name}");
        for (place, Step { text, run_ms, until, speed, show, .. }) in steps.iter().enumerate() {
            let place = format!("{name}, step {}", place + 1);
            assert!(text.len() > 60 && text.len() < 700 && text.ends_with('.'), "{place}: {}", text.len());
            assert!(run_ms.is_some() != until.is_some(), "{place} has one end");
            assert!((0.01..=10.0).contains(speed), "{place}");
            assert!(!show.rules.is_empty(), "{place} says by which rule");
            for rule in &show.rules {
                assert!(RULES.contains(&format!("//! **{rule} ")), "{place}: there is no rule {rule}");
            }
            let cited = cited(text);
            assert!(!cited.is_empty(), "{place} cites no rule");
            for rule in cited {
                assert!(show.rules.iter().any(|shown| shown == rule), "{place}: rule {rule} is not shown");
            }
        }
    }
}

#[test]
fn an_election() {
    go_through("election");
}

#[test]
fn a_lease_under_drift() {
    go_through("drift");
}

#[test]
fn a_failover_with_ranked_succession() {
    go_through("failover");
}

#[test]
fn a_handover_that_is_tried_first() {
    go_through("handover");
}

#[test]
fn partial_partitions() {
    go_through("partitions");
}

#[test]
fn a_change_of_members_with_the_leader_in_it() {
    go_through("members");
}

#[test]
fn a_node_that_forgot_everything() {
    go_through("amnesia");
}

#[test]
fn the_single_server_change_of_2015() {
    go_through("single-server");
}

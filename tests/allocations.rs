//! What an election costs in memory: nothing per message, and little per instance.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that overflows or panics has found something"
)]

use std::time::Duration;

use quorate::{ClusterId, Config, Election, HardState, Input, Message, Output, RoleKind, Timestamp, Timing};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

type Node = Election<u64, ChaCha8Rng>;

/// Nodes whose messages arrive at once, in order.
struct Group {
    nodes: Vec<Node>,
    now: Timestamp,
    /// What the last node said: the same list for ever.
    said: Vec<Output<u64>>,
    /// From, to, what: the same list for ever.
    letters: Vec<(u64, u64, Message<u64>)>,
    /// The letters of the turn before, being read.
    reading: Vec<(u64, u64, Message<u64>)>,
    delivered: u64,
}

impl Group {
    fn new(members: u64, timing: Timing) -> Self {
        let saved = HardState::bootstrap(ClusterId(1), 0..members).expect("a small group");
        let node = |id| {
            let rng = ChaCha8Rng::seed_from_u64(id);
            let config = Config { timing, ..Config::new(id) };
            Election::new(config, saved.clone(), Timestamp::ORIGIN, rng).expect("a valid start")
        };
        Group {
            nodes: (0..members).map(node).collect(),
            now: Timestamp::ORIGIN,
            said: Vec::new(),
            letters: Vec::new(),
            reading: Vec::new(),
            delivered: 0,
        }
    }

    /// Waits for the next deadline of anybody, and lets them talk until nothing is left to say.
    fn advance(&mut self) {
        let due = self.nodes.iter().filter_map(Node::deadline).min().expect("somebody always waits");
        self.now = self.now.max(due);
        for place in 0..self.nodes.len() {
            self.nodes[place].tick_into(self.now, &mut self.said);
            self.post(place);
        }
        while !self.letters.is_empty() {
            std::mem::swap(&mut self.letters, &mut self.reading);
            while let Some((from, to, message)) = self.reading.pop() {
                let place = usize::try_from(to).expect("a small id");
                self.nodes[place].tick_into(self.now, &mut self.said);
                self.nodes[place].step_into(Input::Receive { from, message }, &mut self.said);
                self.delivered += 1;
                self.post(place);
            }
        }
    }

    fn post(&mut self, place: usize) {
        let from = self.nodes[place].id();
        for output in self.said.drain(..) {
            if let Output::Send { to, message } = output {
                self.letters.push((from, to, message));
            }
        }
    }

    /// A leader is elected and has been followed for a while.
    fn settle(&mut self) {
        for _ in 0..100 {
            self.advance();
        }
        let leaders = self.nodes.iter().filter(|node| node.role() == RoleKind::Leader).count();
        let following = self.nodes.iter().filter(|node| node.leader().is_some()).count();
        assert_eq!((leaders, following), (1, self.nodes.len()), "not settled");
    }
}

#[test]
fn heartbeats_and_their_answers_allocate_nothing() {
    let tuned = Timing::tuned(Duration::from_millis(25), Timing::lan().promise);
    for (members, timing) in
        [1, 3, 5, 21].map(|members| (members, Timing::lan())).into_iter().chain([(3, tuned)])
    {
        let mut group = Group::new(members, timing);
        group.settle();
        let term = group.nodes[0].term();
        group.delivered = 0;
        let cost = allocation_counter::measure(|| {
            for _ in 0..10_000 {
                group.advance();
            }
        });
        let heartbeats = 10_000 * (members - 1);
        assert_eq!(group.delivered, 2 * heartbeats, "a heartbeat and an answer, {members} members");
        assert_eq!(group.nodes[0].term(), term, "nothing else happened");
        assert_eq!((cost.count_total, cost.bytes_total), (0, 0), "{members} members");
    }
}

/// Id of 8 bytes, three members, everybody in steady state. The generator is the host's choice
/// and not counted.
#[test]
fn an_instance_of_three_nodes_stays_below_500_bytes() {
    let mut group = Group::new(3, Timing::lan());
    group.settle();
    let inline = size_of::<Node>() - size_of::<ChaCha8Rng>();
    let mut total = 0;
    for node in group.nodes {
        let role = node.role();
        let freed = allocation_counter::measure(|| drop(node));
        let heap = usize::try_from(-freed.bytes_current).expect("dropping frees");
        println!("{role:?}: {inline} bytes in place, {heap} on the heap, {} in all", inline + heap);
        total += inline + heap;
    }
    println!("average: {} bytes", total / 3);
    assert!(total < 3 * 500, "{} bytes", total / 3);
}

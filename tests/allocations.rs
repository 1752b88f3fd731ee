//! The memory of an election: no allocation per message, and few bytes per instance.
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
    /// The outputs of the last step. The list is reused.
    outputs: Vec<Output<u64>>,
    /// The messages under way, with sender and receiver. The list is reused.
    messages: Vec<(u64, u64, Message<u64>)>,
    /// The messages that are being delivered. The list is reused.
    delivering: Vec<(u64, u64, Message<u64>)>,
    delivered: u64,
    /// The states that were to be made durable.
    writes: u64,
    /// The node that has crashed, if one has.
    crashed: Option<usize>,
    /// What looks at each message that is delivered.
    inspect: Option<fn(&Message<u64>)>,
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
            outputs: Vec::new(),
            messages: Vec::new(),
            delivering: Vec::new(),
            delivered: 0,
            writes: 0,
            crashed: None,
            inspect: None,
        }
    }

    /// Waits for the next deadline of any node, and delivers messages until none is left.
    fn advance(&mut self) {
        let crashed = self.crashed;
        let alive = |&index: &usize| crashed != Some(index);
        let indices = || (0..self.nodes.len()).filter(alive);
        let due = indices().filter_map(|index| self.nodes[index].deadline()).min();
        self.now = self.now.max(due.expect("a node always has a deadline"));
        for index in (0..self.nodes.len()).filter(alive) {
            self.nodes[index].tick_into(self.now, &mut self.outputs);
            self.collect_messages(index);
        }
        while !self.messages.is_empty() {
            std::mem::swap(&mut self.messages, &mut self.delivering);
            while let Some((from, to, message)) = self.delivering.pop() {
                let index = usize::try_from(to).expect("a small id");
                if !alive(&index) {
                    continue;
                }
                if let Some(inspect) = self.inspect {
                    inspect(&message);
                }
                self.nodes[index].tick_into(self.now, &mut self.outputs);
                self.nodes[index].step_into(Input::Receive { from, message }, &mut self.outputs);
                self.delivered += 1;
                self.collect_messages(index);
            }
        }
    }

    fn collect_messages(&mut self, index: usize) {
        let from = self.nodes[index].id();
        for output in self.outputs.drain(..) {
            match output {
                Output::Send { to, message } => self.messages.push((from, to, message)),
                Output::Persist(_) => self.writes += 1,
                Output::Event(_) | Output::Rejected(_) => {}
            }
        }
    }

    /// The node that leads and has not crashed.
    fn leader(&self) -> Option<usize> {
        let leads =
            |index: &usize| self.crashed != Some(*index) && self.nodes[*index].role() == RoleKind::Leader;
        (0..self.nodes.len()).find(leads)
    }

    /// Lets the group elect a leader, and follow it for a while.
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
fn heartbeats_and_their_replies_allocate_nothing() {
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
        assert_eq!(group.delivered, 2 * heartbeats, "a heartbeat and a reply, {members} members");
        assert_eq!(group.nodes[0].term(), term, "no election happened meanwhile");
        assert_eq!((cost.count_total, cost.bytes_total), (0, 0), "{members} members");
    }
}

/// A write is a copy of the durable state, whose list of members is on the heap. Beside that, a candidate counts votes,
/// and a leader follows the progress of its members.
#[test]
fn a_failover_allocates_once_for_each_write_and_five_times_more() {
    for members in [3, 5, 7, 21, 101] {
        let mut group = Group::new(members, Timing::lan());
        group.settle();
        for list in [&mut group.messages, &mut group.delivering] {
            list.reserve(1_000);
        }
        group.outputs.reserve(1_000);
        group.crashed = group.leader();
        group.writes = 0;
        let cost = allocation_counter::measure(|| {
            while group.leader().is_none() {
                group.advance();
            }
        });
        let writes = group.writes;
        assert!(writes >= members - 1, "each node that is left has written its vote");
        assert!(
            cost.count_total <= writes + 5,
            "{} allocations, {writes} writes, {members} members",
            cost.count_total
        );
    }
}

/// Ids of 8 bytes.
#[cfg(target_pointer_width = "64")]
#[test]
fn a_message_takes_at_most_96_bytes_on_its_way_and_an_output_168() {
    assert!(size_of::<Message<u64>>() <= 96, "{} bytes", size_of::<Message<u64>>());
    assert!(size_of::<Output<u64>>() <= 168, "{} bytes", size_of::<Output<u64>>());
}

/// Heartbeats, the replies to them, and votes.
#[test]
fn the_messages_of_a_failover_have_no_memory_of_their_own() {
    let mut group = Group::new(3, Timing::lan());
    group.settle();
    group.crashed = group.leader();
    group.inspect = Some(|message| {
        let mut copy = None;
        let cost = allocation_counter::measure(|| copy = Some(message.clone()));
        assert_eq!((cost.count_total, copy.as_ref()), (0, Some(message)), "{message}");
    });
    while group.leader().is_none() {
        group.advance();
    }
}

/// The generator of the hosts, `SplitMix64`, is a number of 8 bytes. The ids have 8 bytes, too, and all three nodes are in
/// steady state.
#[cfg(target_pointer_width = "64")]
#[test]
fn an_instance_of_three_nodes_takes_at_most_496_bytes_with_the_generator_of_the_hosts() {
    let mut group = Group::new(3, Timing::lan());
    group.settle();
    let inline = size_of::<Election<u64, u64>>();
    let mut total = 0;
    for node in group.nodes {
        let role = node.role();
        let freed = allocation_counter::measure(|| drop(node));
        let heap = usize::try_from(-freed.bytes_current).expect("dropping frees");
        println!("{role:?}: {inline} bytes inline, {heap} on the heap, {} in all", inline + heap);
        total += inline + heap;
    }
    println!("average: {} bytes", total / 3);
    assert!(total <= 3 * 496, "{} bytes", total / 3);
}

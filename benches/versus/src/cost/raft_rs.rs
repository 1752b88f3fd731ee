//! raft-rs, with the loop that its documentation asks for, a store in memory and an empty log.
//!
//! raft-rs draws election timeouts from a generator of the thread. They are overruled where it matters which
//! node times out first.

use std::time::Duration;

use raft::prelude::{ConfState, Message};
use raft::storage::MemStorage;
use raft::{Config, RawNode};
use slog::{Discard, Logger, o};

use super::allocator::freed;
use super::group::{Envelope, Group, InFlight, MeasuredNode};
use crate::library::{id_above_zero, node_with_id};
use crate::node_set::NodeIndex;

/// Ticks of 10 ms.
const TIMEOUT_TICKS: usize = 15;
const HEARTBEAT_TICKS: usize = 5;

/// A node, with or without pre-vote and check-quorum.
pub struct RaftRs<const CHECKED: bool>(RawNode<MemStorage>);

/// With pre-vote and check-quorum.
pub type Checked = RaftRs<true>;
/// With the defaults.
pub type Plain = RaftRs<false>;

impl<const CHECKED: bool> MeasuredNode for RaftRs<CHECKED> {
    type Message = Message;
    type Output = Message;

    const NAME: &'static str = if CHECKED { "raft-rs (checked)" } else { "raft-rs (plain)" };

    fn start(members: usize) -> Vec<Self> {
        let voters: Vec<u64> = (0..members).map(id_above_zero).collect();
        let logger = Logger::root(Discard, o!());
        let node = |index| {
            let config = Config {
                election_tick: TIMEOUT_TICKS,
                heartbeat_tick: HEARTBEAT_TICKS,
                pre_vote: CHECKED,
                check_quorum: CHECKED,
                ..Config::new(id_above_zero(index))
            };
            let storage = MemStorage::new_with_conf_state(ConfState::from((voters.clone(), Vec::new())));
            RaftRs(RawNode::new(&config, storage, &logger).expect("a valid start"))
        };
        (0..members).map(node).collect()
    }

    fn tick(&mut self, _: Duration, outputs: &mut Vec<Message>) {
        if self.0.tick() {
            self.process_ready(outputs);
        }
    }

    fn receive(&mut self, _: Duration, _: NodeIndex, message: Message, outputs: &mut Vec<Message>) {
        self.0.step(message).expect("only valid messages");
        self.process_ready(outputs);
    }

    fn act(&mut self, outputs: &mut Vec<Message>, in_flight: &mut InFlight<Self>) {
        in_flight.extend(outputs.drain(..).map(|message| {
            let (from, to) = (node_with_id(message.from), node_with_id(message.to));
            Envelope { from, to, message }
        }));
    }

    fn leader(&self) -> Option<NodeIndex> {
        let leader = self.0.raft.leader_id;
        (leader != 0).then(|| node_with_id(leader))
    }

    fn elect_and_settle(group: &mut Group<Self>) {
        group.nodes[0].0.campaign().expect("there is no leader yet");
        group.nodes[0].process_ready(&mut group.outputs);
        group.act(0);
        group.deliver_all();
        for _ in 0..10 * HEARTBEAT_TICKS {
            group.tick_all();
            group.deliver_all();
        }
    }

    fn advance_to_heartbeat(group: &mut Group<Self>) {
        let RaftRs(leader) = &mut group.nodes[group.leader];
        while leader.raft.heartbeat_elapsed() + 1 < HEARTBEAT_TICKS {
            leader.tick();
        }
    }

    /// One survivor times out with its next tick. The others do not, but have waited long enough to vote.
    fn advance_to_timeout(group: &mut Group<Self>) -> Vec<NodeIndex> {
        let first = usize::from(group.leader == 0);
        let alive = |(node, _): &(NodeIndex, &mut Self)| group.crashed != Some(*node);
        for (index, RaftRs(node)) in group.nodes.iter_mut().enumerate().filter(alive) {
            let ticks = if index == first { TIMEOUT_TICKS - 1 } else { TIMEOUT_TICKS };
            node.raft.set_randomized_election_timeout(ticks + 1);
            while node.raft.election_elapsed < ticks {
                assert!(!node.tick(), "it has not timed out yet");
            }
        }
        vec![first]
    }

    fn bytes(self) -> usize {
        // The store outlives the node, so that it is not counted.
        let _store = self.0.store().clone();
        size_of::<RawNode<MemStorage>>() + freed(self.0)
    }
}

impl<const CHECKED: bool> RaftRs<CHECKED> {
    fn process_ready(&mut self, outputs: &mut Vec<Message>) {
        let RaftRs(node) = self;
        while node.has_ready() {
            let mut ready = node.ready();
            outputs.extend(ready.take_messages());
            if !ready.entries().is_empty() {
                node.mut_store().wl().append(ready.entries()).expect("entries follow each other");
            }
            if let Some(state) = ready.hs() {
                node.mut_store().wl().set_hardstate(state.clone());
            }
            outputs.extend(ready.take_persisted_messages());
            let mut light = node.advance(ready);
            if let Some(commit) = light.commit_index() {
                node.mut_store().wl().mut_hard_state().commit = commit;
            }
            outputs.extend(light.take_messages());
            node.advance_apply();
        }
    }
}

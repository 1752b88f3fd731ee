//! raft-rs, with the loop that its documentation asks for, a store in memory and an empty log.
//!
//! Its election timeouts are drawn by a generator of the thread. They are overruled where it matters who
//! runs out of patience first.

use std::time::Duration;

use raft::prelude::{ConfState, Message};
use raft::storage::MemStorage;
use raft::{Config, RawNode};
use slog::{Discard, Logger, o};

use super::allocator::freed;
use super::group::Group;
use super::{Contender, Letter, Letters, Place};

/// Of 10 ms each.
const TIMEOUT_TICKS: usize = 15;
const HEARTBEAT_TICKS: usize = 5;

/// A node, with or without pre-vote and check-quorum.
pub struct RaftRs<const CHECKED: bool>(RawNode<MemStorage>);

/// With pre-vote and check-quorum.
pub type Checked = RaftRs<true>;
/// As it comes.
pub type Plain = RaftRs<false>;

impl<const CHECKED: bool> Contender for RaftRs<CHECKED> {
    type Message = Message;
    type Said = Message;

    const NAME: &'static str = if CHECKED { "raft-rs (checked)" } else { "raft-rs (plain)" };

    fn start(members: usize) -> Vec<Self> {
        let voters: Vec<u64> = (0..members).map(id).collect();
        let logger = Logger::root(Discard, o!());
        let node = |place| {
            let config = Config {
                election_tick: TIMEOUT_TICKS,
                heartbeat_tick: HEARTBEAT_TICKS,
                pre_vote: CHECKED,
                check_quorum: CHECKED,
                ..Config::new(id(place))
            };
            let storage = MemStorage::new_with_conf_state(ConfState::from((voters.clone(), Vec::new())));
            RaftRs(RawNode::new(&config, storage, &logger).expect("a lawful start"))
        };
        (0..members).map(node).collect()
    }

    fn tick(&mut self, _: Duration, said: &mut Vec<Message>) {
        if self.0.tick() {
            self.process_ready(said);
        }
    }

    fn receive(&mut self, _: Duration, _: Place, message: Message, said: &mut Vec<Message>) {
        self.0.step(message).expect("only lawful messages");
        self.process_ready(said);
    }

    fn act(&mut self, said: &mut Vec<Message>, letters: &mut Letters<Self>) {
        letters.extend(said.drain(..).map(|message| {
            let (from, to) = (message.from as Place - 1, message.to as Place - 1);
            Letter { from, to, message }
        }));
    }

    fn leader(&self) -> Option<Place> {
        let leader = self.0.raft.leader_id;
        (leader != 0).then(|| leader as Place - 1)
    }

    fn settle(group: &mut Group<Self>) {
        group.nodes[0].0.campaign().expect("nobody leads yet");
        group.nodes[0].process_ready(&mut group.said);
        group.act(0);
        group.drain();
        for _ in 0..10 * HEARTBEAT_TICKS {
            group.tick_all();
            group.drain();
        }
    }

    fn rest(group: &mut Group<Self>) {
        let RaftRs(leader) = &mut group.nodes[group.leader];
        while leader.raft.heartbeat_elapsed() + 1 < HEARTBEAT_TICKS {
            leader.tick();
        }
    }

    /// All are patient but one, and for the others too it is long enough to vote.
    fn expire(group: &mut Group<Self>) -> Vec<Place> {
        let first = usize::from(group.leader == 0);
        let alive = |(place, _): &(Place, &mut Self)| group.dead != Some(*place);
        for (place, RaftRs(node)) in group.nodes.iter_mut().enumerate().filter(alive) {
            let ticks = if place == first { TIMEOUT_TICKS - 1 } else { TIMEOUT_TICKS };
            node.raft.set_randomized_election_timeout(ticks + 1);
            while node.raft.election_elapsed < ticks {
                assert!(!node.tick(), "still patient");
            }
        }
        vec![first]
    }

    fn bytes(self) -> usize {
        // The store outlives it.
        let _store = self.0.store().clone();
        size_of::<RawNode<MemStorage>>() + freed(self.0)
    }
}

impl<const CHECKED: bool> RaftRs<CHECKED> {
    fn process_ready(&mut self, said: &mut Vec<Message>) {
        let RaftRs(node) = self;
        while node.has_ready() {
            let mut ready = node.ready();
            said.extend(ready.take_messages());
            if !ready.entries().is_empty() {
                node.mut_store().wl().append(ready.entries()).expect("entries follow each other");
            }
            if let Some(state) = ready.hs() {
                node.mut_store().wl().set_hardstate(state.clone());
            }
            said.extend(ready.take_persisted_messages());
            let mut light = node.advance(ready);
            if let Some(commit) = light.commit_index() {
                node.mut_store().wl().mut_hard_state().commit = commit;
            }
            said.extend(light.take_messages());
            node.advance_apply();
        }
    }
}

/// Zero is no name here.
fn id(place: Place) -> u64 {
    place as u64 + 1
}

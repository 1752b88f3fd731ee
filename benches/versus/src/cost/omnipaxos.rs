//! OmniPaxos, whole, with a store in memory and an empty log.
//!
//! Its heartbeats are rounds of questions from each to all. A leader that is missed is replaced by what
//! happens at the ends of the next rounds, of all who live.

use std::time::Duration;

use omnipaxos::messages::Message;
use omnipaxos::storage::{Entry, NoSnapshot};
use omnipaxos::{ClusterConfig, OmniPaxos, OmniPaxosConfig, ServerConfig};
use omnipaxos_storage::memory_storage::MemoryStorage;

use super::allocator::freed;
use super::group::Group;
use super::{Contender, Letter, Letters, Place};

/// What nobody proposes.
#[derive(Clone, Debug)]
pub struct Nothing;

impl Entry for Nothing {
    type Snapshot = NoSnapshot;
}

type Store = MemoryStorage<Nothing>;

/// A node whose rounds are `TICKS` long.
pub struct Omni<const TICKS: u64>(OmniPaxos<Nothing, Store>);

impl<const TICKS: u64> Contender for Omni<TICKS> {
    type Message = Message<Nothing>;
    type Said = Message<Nothing>;

    const NAME: &'static str = "omnipaxos";

    fn start(members: usize) -> Vec<Self> {
        let nodes: Vec<u64> = (0..members).map(id).collect();
        let node = |&pid: &u64| {
            let config = OmniPaxosConfig {
                cluster_config: ClusterConfig {
                    configuration_id: 1,
                    nodes: nodes.clone(),
                    flexible_quorum: None,
                },
                server_config: ServerConfig {
                    pid,
                    election_tick_timeout: TICKS,
                    // By default it asks for megabytes in advance.
                    buffer_size: members,
                    ..ServerConfig::default()
                },
            };
            Omni(config.build(Store::default()).expect("a lawful start"))
        };
        nodes.iter().map(node).collect()
    }

    fn tick(&mut self, _: Duration, said: &mut Vec<Self::Said>) {
        self.0.tick();
        self.0.take_outgoing_messages(said);
    }

    fn receive(&mut self, _: Duration, _: Place, message: Self::Message, said: &mut Vec<Self::Said>) {
        self.0.handle_incoming(message);
        self.0.take_outgoing_messages(said);
    }

    fn act(&mut self, said: &mut Vec<Self::Said>, letters: &mut Letters<Self>) {
        letters.extend(said.drain(..).map(|message| {
            let (from, to) = (message.get_sender() as Place - 1, message.get_receiver() as Place - 1);
            Letter { from, to, message }
        }));
    }

    fn leader(&self) -> Option<Place> {
        self.0.get_current_leader().map(|(leader, _)| leader as Place - 1)
    }

    fn settle(group: &mut Group<Self>) {
        for _ in 0..20 * TICKS {
            group.tick_all();
            group.drain();
        }
    }

    fn rest(group: &mut Group<Self>) {
        for _ in 1..TICKS {
            group.tick(group.leader);
        }
    }

    /// The round in which the leader died still has its answer: only at the end of the next is it missed.
    fn expire(group: &mut Group<Self>) -> Vec<Place> {
        for _ in 0..TICKS {
            group.tick_all();
        }
        group.drain();
        (0..group.nodes.len()).filter(|&place| group.dead != Some(place)).collect()
    }

    fn bytes(self) -> usize {
        size_of::<OmniPaxos<Nothing, Store>>() - size_of::<Store>() + freed(self.0)
    }
}

/// Zero is no name here.
fn id(place: Place) -> u64 {
    place as u64 + 1
}

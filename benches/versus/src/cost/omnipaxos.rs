//! omnipaxos, whole, with a store in memory and an empty log.
//!
//! Its heartbeats are rounds in which every node asks every other one. A missing leader is replaced by what
//! happens at the ends of the next rounds of all survivors.

use std::time::Duration;

use omnipaxos::messages::Message;
use omnipaxos::{ClusterConfig, OmniPaxos, OmniPaxosConfig, ServerConfig};
use omnipaxos_storage::memory_storage::MemoryStorage;

use super::allocator::freed;
use super::group::{Envelope, Group, InFlight, MeasuredNode};
use crate::library::omnipaxos::NoEntry;
use crate::library::{id_above_zero, node_with_id};
use crate::node_set::NodeIndex;

type Store = MemoryStorage<NoEntry>;

/// A node whose rounds are `TICKS` long.
pub struct OmniPaxosNode<const TICKS: u64>(OmniPaxos<NoEntry, Store>);

impl<const TICKS: u64> MeasuredNode for OmniPaxosNode<TICKS> {
    type Message = Message<NoEntry>;
    type Output = Message<NoEntry>;

    const NAME: &'static str = "omnipaxos";

    fn start(members: usize) -> Vec<Self> {
        let nodes: Vec<u64> = (0..members).map(id_above_zero).collect();
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
                    // By default omnipaxos allocates megabytes in advance.
                    buffer_size: members,
                    ..ServerConfig::default()
                },
            };
            OmniPaxosNode(config.build(Store::default()).expect("a valid start"))
        };
        nodes.iter().map(node).collect()
    }

    fn tick(&mut self, _: Duration, outputs: &mut Vec<Self::Output>) {
        self.0.tick();
        self.0.take_outgoing_messages(outputs);
    }

    fn receive(
        &mut self,
        _: Duration,
        _: NodeIndex,
        message: Self::Message,
        outputs: &mut Vec<Self::Output>,
    ) {
        self.0.handle_incoming(message);
        self.0.take_outgoing_messages(outputs);
    }

    fn act(&mut self, outputs: &mut Vec<Self::Output>, in_flight: &mut InFlight<Self>) {
        in_flight.extend(outputs.drain(..).map(|message| {
            let (from, to) = (node_with_id(message.get_sender()), node_with_id(message.get_receiver()));
            Envelope { from, to, message }
        }));
    }

    fn leader(&self) -> Option<NodeIndex> {
        self.0.get_current_leader().map(|(leader, _)| node_with_id(leader))
    }

    fn elect_and_settle(group: &mut Group<Self>) {
        for _ in 0..20 * TICKS {
            group.tick_all();
            group.deliver_all();
        }
    }

    fn advance_to_heartbeat(group: &mut Group<Self>) {
        for _ in 1..TICKS {
            group.tick(group.leader);
        }
    }

    /// The leader has still answered in the round in which it crashes. The survivors miss it at the end of
    /// the next round.
    fn advance_to_timeout(group: &mut Group<Self>) -> Vec<NodeIndex> {
        for _ in 0..TICKS {
            group.tick_all();
        }
        group.deliver_all();
        (0..group.nodes.len()).filter(|&node| group.crashed != Some(node)).collect()
    }

    fn bytes(self) -> usize {
        size_of::<OmniPaxos<NoEntry, Store>>() - size_of::<Store>() + freed(self.0)
    }
}

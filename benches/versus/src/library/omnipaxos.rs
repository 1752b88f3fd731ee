//! omnipaxos, whole but without proposals: its log stays empty.
//!
//! Its leader is a ballot, which the leader election (rounds of heartbeats, all to all) hands to Paxos. A
//! node claims to lead here once a majority has promised its ballot: from then on it could accept entries.
//! omnipaxos draws no timeouts: of two nodes with equal ballots the one with the higher id wins. The dice
//! decide at which moment of a round a node begins to count ticks.

use std::time::Duration;

use omnipaxos::ballot_leader_election::Ballot;
use omnipaxos::messages::Message;
use omnipaxos::storage::{Entry, NoSnapshot, Storage};
use omnipaxos::{ClusterConfig, OmniPaxos, OmniPaxosConfig, ServerConfig};
use omnipaxos_storage::memory_storage::MemoryStorage;
use quorate_sim::Dice;

use super::{Claim, Effect, Effects, NodeSetup, SimulatedNode, WritePurpose, id_above_zero, node_with_id};
use crate::node_set::{NodeIndex, NodeSet};

/// One tick of omnipaxos, which counts both rounds and repeated requests in ticks.
const TICK: Duration = Duration::from_millis(10);

/// An entry that no node ever proposes.
#[derive(Clone, Debug)]
pub struct NoEntry;

impl Entry for NoEntry {
    type Snapshot = NoSnapshot;
}

/// A node of omnipaxos.
pub struct OmniPaxosNode {
    paxos: OmniPaxos<NoEntry, MemoryStorage<NoEntry>>,
    durable: Saved,
    node: NodeIndex,
    nodes: usize,
    /// The instant of the next tick.
    due: Duration,
    outbox: Vec<Message<NoEntry>>,
}

/// What survives a crash, as long as the log is empty.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Saved {
    promised: Ballot,
    accepted: Ballot,
}

impl SimulatedNode for OmniPaxosNode {
    type Message = Message<NoEntry>;
    type Durable = Saved;

    const NAME: &'static str = "omnipaxos";

    fn initial_state(_: NodeSetup) -> Self::Durable {
        Saved::default()
    }

    fn start(setup: NodeSetup, durable: &Self::Durable, reading: Duration, dice: &mut Dice) -> Self {
        let round = dice.below(setup.timings.heartbeat.as_nanos() as u64);
        let paxos = config(setup).build(storage(durable)).expect("a valid group");
        OmniPaxosNode {
            paxos,
            durable: *durable,
            node: setup.node,
            nodes: setup.nodes,
            due: reading + Duration::from_nanos(round),
            outbox: Vec::new(),
        }
    }

    fn run(
        &mut self,
        reading: Duration,
        received: Option<(NodeIndex, Self::Message)>,
        effects: &mut Effects<Self>,
    ) {
        if reading >= self.due {
            self.due = reading + TICK;
            self.paxos.tick();
        }
        if let Some((_, message)) = received {
            self.paxos.handle_incoming(message);
        }
        self.paxos.take_outgoing_messages(&mut self.outbox);
        let saved = self.saved();
        if saved != self.durable {
            self.durable = saved;
            effects.push(Effect::Persist(saved));
        }
        effects.extend(self.outbox.drain(..).map(sending));
    }

    fn deadline(&self) -> Option<Duration> {
        Some(self.due)
    }

    fn claim(&self) -> Option<Claim> {
        let (leader, accepts) = self.paxos.get_current_leader()?;
        let term = u64::from(self.paxos.get_promise().n);
        (accepts && leader == id_above_zero(self.node)).then_some(Claim { term, until: None })
    }

    fn known_leader(&self) -> Option<(NodeIndex, u64)> {
        let (leader, _) = self.paxos.get_current_leader()?;
        Some((node_with_id(leader), u64::from(self.paxos.get_promise().n)))
    }

    fn write_purpose(&self) -> WritePurpose {
        match self.paxos.get_current_leader() {
            Some((leader, accepts)) if leader == id_above_zero(self.node) => {
                if accepts {
                    WritePurpose::Log
                } else {
                    WritePurpose::Candidacy
                }
            }
            _ => WritePurpose::Vote,
        }
    }

    fn is_quorum(&self, nodes: NodeSet) -> bool {
        nodes.is_majority(self.nodes)
    }
}

impl OmniPaxosNode {
    /// What the storage of omnipaxos holds, which it does not show: a node that accepts entries of a ballot
    /// has stored that ballot.
    fn saved(&self) -> Saved {
        let promised = self.paxos.get_promise();
        let accepts = self.paxos.get_current_leader().is_some_and(|(_, accepts)| accepts);
        Saved { promised, accepted: if accepts { promised } else { self.durable.accepted } }
    }
}

fn config(setup: NodeSetup) -> OmniPaxosConfig {
    let ticks = |length: Duration| (length.as_nanos() / TICK.as_nanos()) as u64;
    let nodes = (0..setup.nodes).map(id_above_zero).collect();
    OmniPaxosConfig {
        cluster_config: ClusterConfig { configuration_id: 1, nodes, flexible_quorum: None },
        server_config: ServerConfig {
            pid: id_above_zero(setup.node),
            election_tick_timeout: ticks(setup.timings.heartbeat),
            resend_message_tick_timeout: ticks(setup.timings.retry),
            // By default omnipaxos allocates megabytes in advance.
            buffer_size: 64,
            ..ServerConfig::default()
        },
    }
}

fn storage(durable: &Saved) -> MemoryStorage<NoEntry> {
    let mut storage = MemoryStorage::default();
    if durable.promised != Ballot::default() {
        storage.set_promise(durable.promised).expect("memory");
        storage.set_accepted_round(durable.accepted).expect("memory");
    }
    storage
}

fn sending(message: Message<NoEntry>) -> Effect<Saved, Message<NoEntry>> {
    Effect::Send(node_with_id(message.get_receiver()), message)
}

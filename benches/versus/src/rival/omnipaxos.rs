//! OmniPaxos, whole, and no proposals: its log stays empty.
//!
//! Its leader is a ballot, of which its leader election (rounds of heartbeats, all to all) tells its
//! Paxos. A node takes itself for the leader here once a majority has promised its ballot: from then on
//! it could accept entries. It draws no lots; of a ballot's bearers the one with the highest name wins.
//! The dice decide when in the length of a round a node begins to count.

use std::time::Duration;

use omnipaxos::ballot_leader_election::Ballot;
use omnipaxos::messages::Message;
use omnipaxos::storage::{Entry, NoSnapshot, Storage};
use omnipaxos::{ClusterConfig, OmniPaxos, OmniPaxosConfig, ServerConfig};
use omnipaxos_storage::memory_storage::MemoryStorage;

use super::{Claim, Duty, Effect, Effects, Mask, Place, Rival, Setup, is_majority};
use crate::rng::Dice;

/// It has one clock for its rounds and for what it sends again; a tick of it.
const TICK: Duration = Duration::from_millis(10);

/// What nobody proposes.
#[derive(Clone, Debug)]
pub struct Nothing;

impl Entry for Nothing {
    type Snapshot = NoSnapshot;
}

/// A node of OmniPaxos.
pub struct Omni {
    node: OmniPaxos<Nothing, MemoryStorage<Nothing>>,
    durable: Saved,
    place: Place,
    nodes: usize,
    due: Duration,
    outbox: Vec<Message<Nothing>>,
}

/// What survives a crash, as long as the log is empty.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Saved {
    promised: Ballot,
    accepted: Ballot,
}

impl Rival for Omni {
    type Message = Message<Nothing>;
    type Durable = Saved;

    const NAME: &'static str = "omnipaxos";

    fn first(_: Setup) -> Self::Durable {
        Saved::default()
    }

    fn start(setup: Setup, durable: &Self::Durable, reading: Duration, dice: &mut Dice) -> Self {
        let round = dice.below(setup.pace.heartbeat.as_nanos() as u64);
        let node = config(setup).build(storage(durable)).expect("a lawful group");
        Omni {
            node,
            durable: *durable,
            place: setup.place,
            nodes: setup.nodes,
            due: reading + Duration::from_nanos(round),
            outbox: Vec::new(),
        }
    }

    fn run(
        &mut self,
        reading: Duration,
        received: Option<(Place, Self::Message)>,
        effects: &mut Effects<Self>,
    ) {
        if reading >= self.due {
            self.due = reading + TICK;
            self.node.tick();
        }
        if let Some((_, message)) = received {
            self.node.handle_incoming(message);
        }
        self.node.take_outgoing_messages(&mut self.outbox);
        let saved = self.saved();
        if saved != self.durable {
            self.durable = saved;
            effects.push(Effect::Write(saved));
        }
        effects.extend(self.outbox.drain(..).map(sending));
    }

    fn due(&self) -> Option<Duration> {
        Some(self.due)
    }

    fn claim(&self) -> Option<Claim> {
        let (leader, accepts) = self.node.get_current_leader()?;
        let term = u64::from(self.node.get_promise().n);
        (accepts && leader == id(self.place)).then_some(Claim { term, until: None })
    }

    fn leader(&self) -> Option<(Place, u64)> {
        let (leader, _) = self.node.get_current_leader()?;
        Some((leader as Place - 1, u64::from(self.node.get_promise().n)))
    }

    fn duty(&self) -> Duty {
        match self.node.get_current_leader() {
            Some((leader, accepts)) if leader == id(self.place) => {
                if accepts {
                    Duty::Log
                } else {
                    Duty::Candidacy
                }
            }
            _ => Duty::Vote,
        }
    }

    fn is_quorum(&self, nodes: Mask) -> bool {
        is_majority(nodes, self.nodes)
    }
}

impl Omni {
    /// What its storage holds, which it does not show: who accepts entries of a ballot has stored that.
    fn saved(&self) -> Saved {
        let promised = self.node.get_promise();
        let accepts = self.node.get_current_leader().is_some_and(|(_, accepts)| accepts);
        Saved { promised, accepted: if accepts { promised } else { self.durable.accepted } }
    }
}

fn config(setup: Setup) -> OmniPaxosConfig {
    let ticks = |length: Duration| (length.as_nanos() / TICK.as_nanos()) as u64;
    let nodes = (0..setup.nodes).map(id).collect();
    OmniPaxosConfig {
        cluster_config: ClusterConfig { configuration_id: 1, nodes, flexible_quorum: None },
        server_config: ServerConfig {
            pid: id(setup.place),
            election_tick_timeout: ticks(setup.pace.heartbeat),
            resend_message_tick_timeout: ticks(setup.pace.retry),
            // By default it asks for megabytes in advance.
            buffer_size: 64,
            ..ServerConfig::default()
        },
    }
}

fn storage(durable: &Saved) -> MemoryStorage<Nothing> {
    let mut storage = MemoryStorage::default();
    if durable.promised != Ballot::default() {
        storage.set_promise(durable.promised).expect("memory");
        storage.set_accepted_round(durable.accepted).expect("memory");
    }
    storage
}

/// Zero is no name here.
fn id(place: Place) -> u64 {
    place as u64 + 1
}

fn sending(message: Message<Nothing>) -> Effect<Saved, Message<Nothing>> {
    Effect::Send(message.get_receiver() as Place - 1, message)
}

//! What the simulator asks of a library: one node, which a file under `library/` implements for each.

use std::time::Duration;

use quorate_sim::Dice;

use crate::node_set::{NodeIndex, NodeSet};

pub mod almost_raft;
pub mod omnipaxos;
pub mod quorate;
pub mod raft_rs;

/// The timings of all libraries.
#[derive(Clone, Copy, Debug)]
pub struct Timings {
    /// The promise of quorate, and the shortest of Raft's election timeouts.
    pub election_timeout: Duration,
    /// The longest of Raft's election timeouts.
    pub longest_timeout: Duration,
    /// Between two heartbeats.
    pub heartbeat: Duration,
    /// Until a request is repeated, by the libraries that repeat any: quorate and omnipaxos.
    pub retry: Duration,
    /// Between the election deadlines of two successors of quorate.
    pub stagger: Duration,
}

impl Timings {
    /// The timings for one data centre.
    pub const LAN: Timings = Timings {
        election_timeout: Duration::from_millis(150),
        longest_timeout: Duration::from_millis(300),
        heartbeat: Duration::from_millis(50),
        retry: Duration::from_millis(20),
        stagger: Duration::from_millis(20),
    };
}

/// What a node is told at its start.
#[derive(Clone, Copy, Debug)]
pub struct NodeSetup {
    pub node: NodeIndex,
    /// The size of the group.
    pub nodes: usize,
    /// The bound of the clocks' drift, for libraries that ask for it.
    pub drift_ppm: u32,
    pub timings: Timings,
    /// The index of the last entry of its log. Above 0, the logs of the group keep their lengths.
    pub last_index: u64,
    /// How long a write for an election takes at most, for libraries that ask for it.
    pub longest_write: Duration,
    /// How long a message takes at most, likewise.
    pub longest_delay: Duration,
}

impl NodeSetup {
    /// A node of a group of `nodes` in a data centre, with an empty log.
    #[must_use]
    pub const fn new(node: NodeIndex, nodes: usize) -> Self {
        let (longest_write, longest_delay) = (Duration::ZERO, Duration::ZERO);
        NodeSetup {
            node,
            nodes,
            drift_ppm: 500,
            timings: Timings::LAN,
            last_index: 0,
            longest_write,
            longest_delay,
        }
    }
}

/// The leadership that a node claims.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    pub term: u64,
    /// The end of the lease on the node's clock; `None` if the library knows no lease.
    pub until: Option<Duration>,
}

/// What a node writes for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WritePurpose {
    /// A vote for another node, or what another node told it to keep.
    Vote,
    /// Its own candidacy, and what must be durable before it leads.
    Candidacy,
    /// The log of a leader, which leads meanwhile.
    Log,
}

/// What a host does for a node. Effects are acted on in order.
#[derive(Clone, Debug)]
pub enum Effect<D, M> {
    /// Makes this state durable. The effects that follow wait until it is.
    Persist(D),
    /// Sends the message to the node.
    Send(NodeIndex, M),
    /// Stops acting as leader.
    StepDown,
}

/// The effects of a node of the library.
pub type Effects<N> = Vec<Effect<<N as SimulatedNode>::Durable, <N as SimulatedNode>::Message>>;

/// One node of a library, as the simulator runs it.
pub trait SimulatedNode: Sized {
    type Message: Clone;
    /// What survives a crash.
    type Durable: Clone;

    /// The name of the library.
    const NAME: &'static str;
    /// Whether its claims are leases: valid until they end, whatever happens to the process, and never two
    /// at an instant.
    const HAS_LEASES: bool = false;
    /// Whether its voters can change in these runs.
    const CAN_RECONFIGURE: bool = false;

    /// What is durable before the node first runs.
    fn initial_state(setup: NodeSetup) -> Self::Durable;

    /// Starts a process from what is durable, when its clock shows `reading`.
    fn start(setup: NodeSetup, durable: &Self::Durable, reading: Duration, dice: &mut Dice) -> Self;

    /// Does what is due at `reading`, and takes the message that was received before.
    fn run(
        &mut self,
        reading: Duration,
        received: Option<(NodeIndex, Self::Message)>,
        effects: &mut Effects<Self>,
    );

    /// When the node wants to run even if it receives nothing, on its clock.
    fn deadline(&self) -> Option<Duration>;

    /// The leadership that the node claims, once all effects so far were acted on.
    fn claim(&self) -> Option<Claim>;

    /// The leader that the node knows of, possibly itself, and its term.
    fn known_leader(&self) -> Option<(NodeIndex, u64)> {
        None
    }

    /// What a write at this moment would be for.
    fn write_purpose(&self) -> WritePurpose {
        WritePurpose::Vote
    }

    /// Whether `nodes` are a quorum, as far as the node knows.
    fn is_quorum(&self, nodes: NodeSet) -> bool;

    /// Whether the node can be elected at all.
    fn is_electable(&self) -> bool {
        true
    }

    /// The term and the index of the last entry of its log. A node with a later one does not vote for it.
    fn log_position(&self) -> (u64, u64) {
        (0, 0)
    }

    /// Starts to make exactly `voters` vote, if the node is a leader that can do so now.
    fn reconfigure(&mut self, _voters: &[NodeIndex], _effects: &mut Effects<Self>) -> bool {
        false
    }
}

/// The id of a node, for libraries in which an id is not 0.
#[must_use]
pub fn id_above_zero(node: NodeIndex) -> u64 {
    node as u64 + 1
}

/// The node with this id.
#[must_use]
pub fn node_with_id(id: u64) -> NodeIndex {
    id as NodeIndex - 1
}

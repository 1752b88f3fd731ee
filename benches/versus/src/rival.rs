//! What the simulator asks of a library.

use std::time::Duration;

use crate::rng::Dice;

pub mod almost_raft;
pub mod omnipaxos;
pub mod quorate;
pub mod raft_rs;

/// A node, from 0.
pub type Place = usize;

/// Nodes, as bits.
pub type Mask = u32;

/// The timings of all.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// What quorate promises for, the shortest of Raft's election timeouts.
    pub timeout: Duration,
    /// The longest of Raft's election timeouts.
    pub longest: Duration,
    /// Between two heartbeats.
    pub heartbeat: Duration,
    /// Until those who repeat a request do, which are quorate and OmniPaxos.
    pub retry: Duration,
    /// Between the deadlines of quorate's successors.
    pub stagger: Duration,
}

impl Pace {
    /// For one data centre.
    pub const LAN: Pace = Pace {
        timeout: Duration::from_millis(150),
        longest: Duration::from_millis(300),
        heartbeat: Duration::from_millis(50),
        retry: Duration::from_millis(20),
        stagger: Duration::from_millis(20),
    };
}

/// What a node is told at its start.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub place: Place,
    pub nodes: usize,
    /// The bound of the clocks' drift, for whoever wants to know.
    pub drift_ppm: u32,
    pub pace: Pace,
    /// How far its data reach. If they reach anywhere, they stay as they are.
    pub reach: u64,
}

impl Setup {
    /// One of `nodes` like any other in a data centre.
    #[must_use]
    pub const fn new(place: Place, nodes: usize) -> Self {
        Setup { place, nodes, drift_ppm: 500, pace: Pace::LAN, reach: 0 }
    }
}

/// A node that takes itself for the leader.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    pub term: u64,
    /// By its clock; `None` if it knows no end.
    pub until: Option<Duration>,
}

/// What a node writes for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Duty {
    /// A vote for another, or what another told it to keep.
    Vote,
    /// Its own candidacy, and what it must have written before it leads.
    Candidacy,
    /// What it keeps as the leader, which leads meanwhile.
    Log,
}

/// What a host does for a node, in order.
#[derive(Clone, Debug)]
pub enum Effect<D, M> {
    /// Makes this durable. What follows waits until it is.
    Write(D),
    Send(Place, M),
    /// Stops acting as leader.
    StepDown,
}

/// The effects of a rival.
pub type Effects<R> = Vec<Effect<<R as Rival>::Durable, <R as Rival>::Message>>;

/// One node of a library.
pub trait Rival: Sized {
    type Message: Clone;
    /// What survives a crash.
    type Durable: Clone;

    const NAME: &'static str;
    /// Whether its claims are leases: good until they end, whatever happens to the process, and never
    /// two at an instant.
    const LEASES: bool = false;
    /// Whether its members can change in these runs.
    const CHURNS: bool = false;

    /// What is durable before the node first runs.
    fn first(setup: Setup) -> Self::Durable;

    /// A new process.
    fn start(setup: Setup, durable: &Self::Durable, reading: Duration, dice: &mut Dice) -> Self;

    /// Lets it do what is due at `reading`, and take what was received before.
    fn run(
        &mut self,
        reading: Duration,
        received: Option<(Place, Self::Message)>,
        effects: &mut Effects<Self>,
    );

    /// When it wants to run even if nothing is received, on its clock.
    fn due(&self) -> Option<Duration>;

    /// Whether it takes itself for the leader, once all effects so far were acted on.
    fn claim(&self) -> Option<Claim>;

    /// Whom it takes for the leader, be it itself, and in which term.
    fn leader(&self) -> Option<(Place, u64)> {
        None
    }

    /// What it would write for now.
    fn duty(&self) -> Duty {
        Duty::Vote
    }

    /// Whether `nodes` are a quorum, as it knows.
    fn is_quorum(&self, nodes: Mask) -> bool;

    /// Whether it could be elected.
    fn may_lead(&self) -> bool {
        true
    }

    /// How far its data reach. Whose data reach further does not vote for it.
    fn position(&self) -> (u64, u64) {
        (0, 0)
    }

    /// As the leader, sets out to make `voters` vote and all others follow, if it can now.
    fn reconfigure(&mut self, _voters: &[Place], _effects: &mut Effects<Self>) -> bool {
        false
    }
}

/// Whether `nodes` are more than half of all.
#[must_use]
pub fn is_majority(nodes: Mask, of: usize) -> bool {
    2 * nodes.count_ones() as usize > of
}

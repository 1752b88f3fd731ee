//! quorate: ticked with each message, as its contract asks, and at its deadlines.

use std::time::Duration;

use quorate::{ClusterId, Config, Election, HardState, Message, Output, Timestamp};
use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::SeedableRng;

use super::allocator::freed;
use super::group::{Envelope, Group, InFlight, MeasuredNode};
use crate::node_set::NodeIndex;

/// A node with the generator that the hosts of quorate use.
pub struct Quorate {
    pub election: Election<u64, SplitMix64>,
    saved: HardState<u64>,
    writes: usize,
}

/// When all groups of a fleet have settled.
const SETTLED: Duration = Duration::from_millis(1_500);

impl MeasuredNode for Quorate {
    type Message = Message<u64>;
    type Output = Output<u64>;

    const NAME: &'static str = "quorate";

    fn start(members: usize) -> Vec<Self> {
        let saved = HardState::bootstrap(ClusterId(7), 0..members as u64).expect("a valid number of nodes");
        let node = |id| {
            let rng = SplitMix64::seed_from_u64(id);
            let election = Election::new(Config::new(id), saved.clone(), Timestamp::ORIGIN, rng);
            Quorate { election: election.expect("a valid start"), saved: saved.clone(), writes: 0 }
        };
        (0..members as u64).map(node).collect()
    }

    fn tick(&mut self, now: Duration, outputs: &mut Vec<Self::Output>) {
        self.election.tick_into(now.into(), outputs);
    }

    fn receive(
        &mut self,
        now: Duration,
        from: NodeIndex,
        message: Self::Message,
        outputs: &mut Vec<Self::Output>,
    ) {
        self.election.receive_into(now.into(), from as u64, &message, outputs);
    }

    fn act(&mut self, outputs: &mut Vec<Self::Output>, in_flight: &mut InFlight<Self>) {
        let from = self.election.id() as NodeIndex;
        for output in outputs.drain(..) {
            match output {
                Output::Send { to, message } => {
                    in_flight.push_back(Envelope { from, to: to as NodeIndex, message })
                }
                Output::Persist(state) => {
                    self.saved = state;
                    self.writes += 1;
                }
                Output::Event(_) => {}
                Output::Rejected(reason) => panic!("a host that keeps the contract is rejected: {reason}"),
            }
        }
    }

    fn deadline(&self) -> Option<Duration> {
        self.election.deadline().map(Timestamp::since_origin)
    }

    fn leader(&self) -> Option<NodeIndex> {
        self.election.leader().map(|leader| leader.id as NodeIndex)
    }

    fn elect_and_settle(group: &mut Group<Self>) {
        run_until(group, Duration::from_secs(1));
    }

    fn advance_to_heartbeat(group: &mut Group<Self>) {
        group.now = group.nodes[group.leader].deadline().expect("a leader sends heartbeats");
    }

    /// Copies of the survivors show which of them sends pre-votes first. That node sends them early, and
    /// campaigns at its election deadline.
    fn advance_to_timeout(group: &mut Group<Self>) -> Vec<NodeIndex> {
        group.now = first_deadline(group);
        let campaigns = |&node: &NodeIndex| {
            let outputs = group.nodes[node].election.clone().tick(group.now.into());
            outputs.iter().any(|output| matches!(output, Output::Send { .. }))
        };
        let alive = (0..group.nodes.len()).filter(|&node| group.crashed != Some(node));
        alive.filter(campaigns).collect()
    }

    fn advance_to_deadline(group: &mut Group<Self>, campaigners: &[NodeIndex]) {
        let due = campaigners.iter().filter_map(|&node| group.nodes[node].deadline()).min();
        group.now = group.now.max(due.expect("a candidate waits for something"));
    }

    /// The leader sends one heartbeat late, and counts from that on.
    fn shift_heartbeats(group: &mut Group<Self>, by: Duration) {
        Self::advance_to_heartbeat(group);
        group.now += by;
        group.tick_all();
        group.deliver_all();
        run_until(group, SETTLED);
        group.now = SETTLED;
    }

    fn writes(&self) -> Option<usize> {
        Some(self.writes)
    }

    fn bytes(self) -> usize {
        size_of::<Election<u64, SplitMix64>>() + freed(self.election)
    }
}

/// Lets the nodes of a group meet all deadlines up to `end`.
fn run_until(group: &mut Group<Quorate>, end: Duration) {
    while first_deadline(group) <= end {
        group.now = group.now.max(first_deadline(group));
        group.tick_all();
        group.deliver_all();
    }
}

fn first_deadline(group: &Group<Quorate>) -> Duration {
    let alive = (0..group.nodes.len()).filter(|&node| group.crashed != Some(node));
    alive.filter_map(|node| group.nodes[node].deadline()).min().expect("a survivor waits")
}

//! quorate: ticked before each message, as its contract asks, and at its deadlines.

use std::time::Duration;

use quorate::{ClusterId, Config, Election, HardState, Input, Message, Output, Timestamp};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::allocator::freed;
use super::group::{Envelope, Group, InFlight, MeasuredNode};
use crate::node_set::NodeIndex;

pub struct Quorate {
    pub election: Election<u64, ChaCha8Rng>,
    saved: HardState<u64>,
}

impl MeasuredNode for Quorate {
    type Message = Message<u64>;
    type Output = Output<u64>;

    const NAME: &'static str = "quorate";

    fn start(members: usize) -> Vec<Self> {
        let saved = HardState::bootstrap(ClusterId(7), 0..members as u64).expect("a valid number of nodes");
        let node = |id| {
            let rng = ChaCha8Rng::seed_from_u64(id);
            let election = Election::new(Config::new(id), saved.clone(), Timestamp::ORIGIN, rng);
            Quorate { election: election.expect("a valid start"), saved: saved.clone() }
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
        self.election.tick_into(now.into(), outputs);
        self.election.step_into(Input::Receive { from: from as u64, message }, outputs);
    }

    fn act(&mut self, outputs: &mut Vec<Self::Output>, in_flight: &mut InFlight<Self>) {
        let from = self.election.id() as NodeIndex;
        for output in outputs.drain(..) {
            match output {
                Output::Send { to, message } => {
                    in_flight.push_back(Envelope { from, to: to as NodeIndex, message })
                }
                Output::Persist(state) => self.saved = state,
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
        while group.now < Duration::from_secs(1) {
            group.now = group.now.max(first_deadline(group));
            group.tick_all();
            group.deliver_all();
        }
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

    fn bytes(self) -> usize {
        let generator = size_of::<ChaCha8Rng>();
        size_of::<Election<u64, ChaCha8Rng>>() - generator + freed(self.election)
    }
}

fn first_deadline(group: &Group<Quorate>) -> Duration {
    let alive = (0..group.nodes.len()).filter(|&node| group.crashed != Some(node));
    alive.filter_map(|node| group.nodes[node].deadline()).min().expect("a survivor waits")
}

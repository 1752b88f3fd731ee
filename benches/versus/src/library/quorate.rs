//! quorate: its lease is the claim.

use std::time::Duration;

use quorate::{
    ClusterId, Config, Election, Event, Force, HardState, Input, Lease, Message, Output, Position, Target,
    Timestamp, Timing,
};
use quorate_sim::Dice;
use rand_chacha::ChaCha8Rng;

use super::{Claim, Effect, Effects, NodeSetup, SimulatedNode, WritePurpose};
use crate::node_set::{NodeIndex, NodeSet};

/// A node of quorate.
pub struct Quorate {
    election: Election<NodeIndex, ChaCha8Rng>,
    outputs: Vec<Output<NodeIndex>>,
}

impl SimulatedNode for Quorate {
    type Message = Message<NodeIndex>;
    type Durable = HardState<NodeIndex>;

    const NAME: &'static str = "quorate";
    const HAS_LEASES: bool = true;
    const CAN_RECONFIGURE: bool = true;

    fn initial_state(setup: NodeSetup) -> Self::Durable {
        HardState::bootstrap(ClusterId(7), 0..setup.nodes).expect("a valid number of nodes")
    }

    fn start(setup: NodeSetup, durable: &Self::Durable, reading: Duration, dice: &mut Dice) -> Self {
        let timings = setup.timings;
        // `Timing` says how long the longest promise has to be.
        let outlasts_writes = 3 * setup.longest_write + 4 * setup.longest_delay;
        let timing = Timing {
            promise: timings.election_timeout,
            promise_limit: outlasts_writes.max(3 * timings.election_timeout),
            heartbeat_interval: timings.heartbeat,
            retry_interval: timings.retry,
            stagger: timings.stagger,
            clock_drift_ppm: setup.drift_ppm,
            ..Timing::lan()
        };
        let position = Position { term: 0, index: setup.last_index };
        let config = Config { timing, position, ..Config::new(setup.node) };
        let election = Election::new(config, durable.clone(), reading.into(), dice.generator());
        Quorate { election: election.expect("stored state is valid"), outputs: Vec::new() }
    }

    fn run(
        &mut self,
        reading: Duration,
        received: Option<(NodeIndex, Self::Message)>,
        effects: &mut Effects<Self>,
    ) {
        self.election.tick_into(reading.into(), &mut self.outputs);
        if let Some((from, message)) = received {
            self.election.step_into(Input::Receive { from, message }, &mut self.outputs);
        }
        effects.extend(self.outputs.drain(..).filter_map(effect));
    }

    fn deadline(&self) -> Option<Duration> {
        self.election.deadline().map(Timestamp::since_origin)
    }

    fn claim(&self) -> Option<Claim> {
        let claim = |lease: Lease| Claim { term: lease.term.0, until: Some(lease.until.since_origin()) };
        self.election.lease().map(claim)
    }

    fn known_leader(&self) -> Option<(NodeIndex, u64)> {
        self.election.leader().map(|leader| (leader.id, leader.term.0))
    }

    fn write_purpose(&self) -> WritePurpose {
        // A follower that expects to campaign persists its vote for itself in advance.
        let votes_for_itself = self.election.status().voted_for == Some(self.election.id());
        if votes_for_itself { WritePurpose::Candidacy } else { WritePurpose::Vote }
    }

    fn is_quorum(&self, nodes: NodeSet) -> bool {
        let members = self.election.membership();
        members.voters().iter().filter(|&&voter| nodes.contains(voter)).count() >= members.quorum()
    }

    fn is_electable(&self) -> bool {
        self.election.membership().is_voter(self.election.id())
    }

    fn reconfigure(&mut self, voters: &[NodeIndex], effects: &mut Effects<Self>) -> bool {
        let all = self.election.membership().members();
        let learners = all.iter().copied().filter(|member| !voters.contains(member));
        let target = Target::new(voters.iter().copied(), learners).expect("valid members");
        self.election.step_into(Input::Reconfigure { target, force: Force::Never }, &mut self.outputs);
        if let [Output::Rejected(_)] = self.outputs[..] {
            self.outputs.clear();
            return false;
        }
        effects.extend(self.outputs.drain(..).filter_map(effect));
        true
    }
}

fn effect(output: Output<NodeIndex>) -> Option<Effect<HardState<NodeIndex>, Message<NodeIndex>>> {
    match output {
        Output::Persist(state) => Some(Effect::Persist(state)),
        Output::Send { to, message } => Some(Effect::Send(to, message)),
        Output::Event(Event::SteppedDown { .. }) => Some(Effect::StepDown),
        Output::Event(_) => None,
        Output::Rejected(reason) => panic!("a host that keeps the contract is rejected: {reason}"),
    }
}

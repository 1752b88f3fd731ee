//! quorate: its lease is the claim.

use std::time::Duration;

use quorate::{
    ClusterId, Config, Election, Event, Force, HardState, Input, Message, Output, Position, Target, Timing,
};
use rand_chacha::ChaCha8Rng;

use super::{Claim, Duty, Effect, Effects, Mask, Place, Rival, Setup};
use crate::rng::Dice;

/// A node of quorate.
pub struct Quorate {
    election: Election<Place, ChaCha8Rng>,
    outputs: Vec<Output<Place>>,
}

impl Rival for Quorate {
    type Message = Message<Place>;
    type Durable = HardState<Place>;

    const NAME: &'static str = "quorate";
    const LEASES: bool = true;
    const CHURNS: bool = true;

    fn first(setup: Setup) -> Self::Durable {
        HardState::bootstrap(ClusterId(7), 0..setup.nodes).expect("a lawful number of nodes")
    }

    fn start(setup: Setup, durable: &Self::Durable, reading: Duration, dice: &mut Dice) -> Self {
        let pace = setup.pace;
        let timing = Timing {
            promise: pace.timeout,
            promise_limit: 3 * pace.timeout,
            heartbeat_interval: pace.heartbeat,
            retry_interval: pace.retry,
            stagger: pace.stagger,
            clock_drift_ppm: setup.drift_ppm,
            ..Timing::lan()
        };
        let position = Position { term: 0, index: setup.reach };
        let config = Config { timing, position, ..Config::new(setup.place) };
        let election = Election::new(config, durable.clone(), reading, dice.generator());
        Quorate { election: election.expect("what was stored is lawful"), outputs: Vec::new() }
    }

    fn run(
        &mut self,
        reading: Duration,
        received: Option<(Place, Self::Message)>,
        effects: &mut Effects<Self>,
    ) {
        self.election.tick_into(reading, &mut self.outputs);
        if let Some((from, message)) = received {
            self.election.step_into(Input::Receive { from, message }, &mut self.outputs);
        }
        effects.extend(self.outputs.drain(..).filter_map(effect));
    }

    fn due(&self) -> Option<Duration> {
        self.election.deadline()
    }

    fn claim(&self) -> Option<Claim> {
        self.election.lease().map(|lease| Claim { term: lease.term.0, until: Some(lease.until) })
    }

    fn leader(&self) -> Option<(Place, u64)> {
        self.election.leader().map(|leader| (leader.id, leader.term.0))
    }

    fn duty(&self) -> Duty {
        // Who will stand writes that ahead of its turn, as a follower.
        let own = self.election.status().voted_for == Some(self.election.id());
        if own { Duty::Candidacy } else { Duty::Vote }
    }

    fn is_quorum(&self, nodes: Mask) -> bool {
        let members = self.election.membership();
        members.voters().iter().filter(|&&voter| nodes >> voter & 1 == 1).count() >= members.quorum()
    }

    fn may_lead(&self) -> bool {
        self.election.membership().is_voter(self.election.id())
    }

    fn reconfigure(&mut self, voters: &[Place], effects: &mut Effects<Self>) -> bool {
        let all = self.election.membership().members();
        let learners = all.iter().copied().filter(|member| !voters.contains(member));
        let target = Target::new(voters.iter().copied(), learners).expect("lawful members");
        self.election.step_into(Input::Reconfigure { target, force: Force::Never }, &mut self.outputs);
        if let [Output::Rejected(_)] = self.outputs[..] {
            self.outputs.clear();
            return false;
        }
        effects.extend(self.outputs.drain(..).filter_map(effect));
        true
    }
}

fn effect(output: Output<Place>) -> Option<Effect<HardState<Place>, Message<Place>>> {
    match output {
        Output::Persist(state) => Some(Effect::Write(state)),
        Output::Send { to, message } => Some(Effect::Send(to, message)),
        Output::Event(Event::SteppedDown { .. }) => Some(Effect::StepDown),
        Output::Event(_) => None,
        Output::Rejected(reason) => panic!("a lawful host is told: {reason}"),
    }
}

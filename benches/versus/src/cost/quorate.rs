//! quorate: ticked before each message, as its contract asks, and at its deadlines.

use std::time::Duration;

use quorate::{ClusterId, Config, Election, HardState, Input, Message, Output, Timestamp};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::allocator::freed;
use super::group::Group;
use super::{Contender, Letter, Letters, Place};

pub struct Quorate {
    pub election: Election<u64, ChaCha8Rng>,
    saved: HardState<u64>,
}

impl Contender for Quorate {
    type Message = Message<u64>;
    type Said = Output<u64>;

    const NAME: &'static str = "quorate";

    fn start(members: usize) -> Vec<Self> {
        let saved = HardState::bootstrap(ClusterId(7), 0..members as u64).expect("a lawful number of nodes");
        let node = |id| {
            let rng = ChaCha8Rng::seed_from_u64(id);
            let election = Election::new(Config::new(id), saved.clone(), Timestamp::ORIGIN, rng);
            Quorate { election: election.expect("a lawful start"), saved: saved.clone() }
        };
        (0..members as u64).map(node).collect()
    }

    fn tick(&mut self, now: Duration, said: &mut Vec<Self::Said>) {
        self.election.tick_into(now.into(), said);
    }

    fn receive(&mut self, now: Duration, from: Place, message: Self::Message, said: &mut Vec<Self::Said>) {
        self.election.tick_into(now.into(), said);
        self.election.step_into(Input::Receive { from: from as u64, message }, said);
    }

    fn act(&mut self, said: &mut Vec<Self::Said>, letters: &mut Letters<Self>) {
        let from = self.election.id() as Place;
        for output in said.drain(..) {
            match output {
                Output::Send { to, message } => letters.push_back(Letter { from, to: to as Place, message }),
                Output::Persist(state) => self.saved = state,
                Output::Event(_) => {}
                Output::Rejected(reason) => panic!("a lawful host is told: {reason}"),
            }
        }
    }

    fn due(&self) -> Option<Duration> {
        self.election.deadline().map(Timestamp::since_origin)
    }

    fn leader(&self) -> Option<Place> {
        self.election.leader().map(|(leader, _)| leader as Place)
    }

    fn settle(group: &mut Group<Self>) {
        while group.now < Duration::from_secs(1) {
            group.now = group.now.max(first_deadline(group));
            group.tick_all();
            group.drain();
        }
    }

    fn rest(group: &mut Group<Self>) {
        group.now = group.nodes[group.leader].due().expect("a leader beats");
    }

    /// Whoever asks first, as tried on copies. It asks ahead of its turn, and stands when that has come.
    fn expire(group: &mut Group<Self>) -> Vec<Place> {
        group.now = first_deadline(group);
        let stands = |&place: &Place| {
            let said = group.nodes[place].election.clone().tick(group.now.into());
            said.iter().any(|output| matches!(output, Output::Send { .. }))
        };
        let alive = (0..group.nodes.len()).filter(|&place| group.dead != Some(place));
        alive.filter(stands).collect()
    }

    fn wait(group: &mut Group<Self>, awake: &[Place]) {
        let due = awake.iter().filter_map(|&place| group.nodes[place].due()).min();
        group.now = group.now.max(due.expect("a candidate waits for something"));
    }

    fn bytes(self) -> usize {
        let generator = size_of::<ChaCha8Rng>();
        size_of::<Election<u64, ChaCha8Rng>>() - generator + freed(self.election)
    }
}

fn first_deadline(group: &Group<Quorate>) -> Duration {
    let alive = (0..group.nodes.len()).filter(|&place| group.dead != Some(place));
    alive.filter_map(|place| group.nodes[place].due()).min().expect("somebody waits")
}

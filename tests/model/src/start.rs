//! Where the search begins: at the start of all nodes, or at a later point that is reached from
//! there without faults.

use std::time::Duration;

use quorate::{HardState, Limits};

use super::group::{Action, Group};
use super::history::History;
use super::host::{CLUSTER, Host};
use super::instance::{Start, Wish};
use super::network::Network;
use super::state::{Shared, State};
use stateright::Model;

impl Group {
    pub(super) fn start(&self) -> State {
        match self.0.start {
            Start::Cold { voters } => self.cold(voters),
            Start::Led { voters } => self.led(voters),
            Start::Stepped { voters, to } => self.stepped(voters, to),
            Start::Grown { to } => self.grown(to),
            Start::Forming { limits, told } => self.forming(limits, told),
        }
    }

    pub(super) fn fresh(&self, durable: impl Fn(u8) -> HardState<u8>) -> State {
        let start = |node| Host::start(self.0.config(node), durable(node), Duration::ZERO);
        State {
            hosts: self.nodes().map(|node| Shared::new(start(node))).collect(),
            network: Network::default(),
            history: Shared::new(History::default()),
            wished: 0,
            crashes: 0,
            copies: 0,
            passes: 0,
        }
    }

    /// The first nodes are a group that has never had a leader; the others join.
    fn cold(&self, voters: u8) -> State {
        self.fresh(|node| {
            if node <= voters {
                HardState::bootstrap(CLUSTER, 1..=voters).expect("a lawful number of nodes")
            } else {
                HardState::joining(CLUSTER)
            }
        })
    }

    /// Node 1 has just been elected, and all have answered.
    fn led(&self, voters: u8) -> State {
        let mut state = self.cold(voters);
        state = self.next_state(&state, Action::Tick(1)).expect("its turn is the first");
        self.calm(&mut state);
        assert!(!state.history.committed.is_empty(), "node 1 must lead");
        state
    }

    /// As led; then the leader has stored a step to other members and told nobody, until all promises
    /// were over.
    fn stepped(&self, voters: u8, to: &'static [u8]) -> State {
        let mut state = self.led(voters);
        self.grant(&mut state, 1, Wish::Reconfigure(to));
        while !state.host(1).queue.is_empty() {
            state = self.next_state(&state, Action::GoOn(1)).expect("a write");
        }
        state.network.lose_all();
        for _ in 0..self.0.limits.into_iter().max().unwrap_or_default() {
            self.pass(&mut state, u8::MAX);
        }
        State { passes: 0, ..state }
    }

    fn grown(&self, to: &'static [u8]) -> State {
        let mut state = self.led(1);
        self.grant(&mut state, 1, Wish::Reconfigure(to));
        self.calm(&mut state);
        state
    }

    /// Nodes that know nobody, or each other, and have never had a leader.
    fn forming(&self, limits: Limits, told: bool) -> State {
        let mut state = self.fresh(|_| HardState::forming(CLUSTER, limits).expect("lawful limits"));
        for node in self.nodes() {
            for other in self.nodes().filter(|_| told) {
                self.grant(&mut state, node, Wish::Discover(other));
            }
        }
        self.calm(&mut state);
        // Past the turns that a start gives them.
        self.pass(&mut state, u8::MAX);
        State { passes: 0, ..state }
    }

    fn grant(&self, state: &mut State, node: u8, wish: Wish) {
        let _ = self.act(state, node, |host, heard| self.wish(host, wish, heard));
    }

    /// Nothing fails and no time passes until nothing is left to do.
    fn calm(&self, state: &mut State) {
        loop {
            let waiting = self.nodes().find(|&node| !state.host(node).queue.is_empty());
            let action = match (waiting, state.network.messages().first()) {
                (Some(node), _) => Action::GoOn(node),
                (None, Some(envelope)) => Action::Deliver { envelope: envelope.clone(), doubled: false },
                (None, None) => return,
            };
            match (self.next_state(state, action.clone()), action) {
                (Some(next), _) => *state = next,
                (None, Action::Deliver { envelope, .. }) => state.network.remove(&envelope),
                (None, _) => return,
            }
        }
    }
}

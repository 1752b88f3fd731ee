//! The initial states of a search: the start of all nodes, or a later state that is reached from there
//! without faults.

use quorate::{Config, HardState, Limits, RoleKind, Timestamp};

use super::bounds::{Request, Start};
use super::group::{Action, Group};
use super::group_state::{Shared, State};
use super::history::History;
use super::host::{CLUSTER, Host, blank};
use super::network::{Envelope, Network};
use stateright::Model;

impl Group {
    pub(super) fn start(&self) -> State {
        match self.0.start {
            Start::Cold { voters } => self.cold(voters),
            Start::Led { voters } => self.led(voters),
            Start::Stepped { voters, to } => self.stepped(voters, to),
            Start::Grown { to } => self.grown(to),
            Start::Left { voters } => self.left(voters),
            Start::Blank => self.blank(),
            Start::Forming { limits, introduced } => self.forming(limits, introduced),
        }
    }

    pub(super) fn fresh(&self, durable: impl Fn(u8) -> HardState<u8>) -> State {
        let config = |node| Config { position: self.0.first_position(node), ..self.0.config(node) };
        let start = |node| Host::start(config(node), durable(node), Timestamp::ORIGIN);
        State {
            hosts: self.nodes().map(|node| Shared::new(start(node))).collect(),
            network: Network::default(),
            history: Shared::new(History::default()),
            requested: 0,
            crashes: 0,
            forgets: 0,
            copies: 0,
            old_replies: 0,
            passes: 0,
        }
    }

    /// The first nodes are a group that has never had a leader; the others join.
    fn cold(&self, voters: u8) -> State {
        self.fresh(|node| {
            if node <= voters {
                HardState::bootstrap(CLUSTER, 1..=voters).expect("a valid number of nodes")
            } else {
                HardState::joining(CLUSTER)
            }
        })
    }

    /// All nodes have started with nothing, and have waited.
    fn blank(&self) -> State {
        let mut state = self.fresh(|_| blank(self.0.nodes, 0));
        for _ in 0..self.0.limits.into_iter().max().unwrap_or_default() {
            self.pass(&mut state, u8::MAX);
        }
        State { passes: 0, ..state }
    }

    /// Node 1 has just been elected, and all nodes have replied.
    fn led(&self, voters: u8) -> State {
        let mut state = self.cold(voters);
        state = self.next_state(&state, Action::Tick(1)).expect("the deadline of node 1 is the first");
        self.deliver_all(&mut state);
        assert!(!state.history.committed.is_empty(), "node 1 must lead");
        state
    }

    /// As [`led`](Self::led). Then the leader has stored a step to other members, of which no other node
    /// has heard, and all promises have ended.
    fn stepped(&self, voters: u8, to: &'static [u8]) -> State {
        let mut state = self.led(voters);
        self.make_request(&mut state, 1, Request::Reconfigure(to));
        while !state.host(1).queue.is_empty() {
            state = self.next_state(&state, Action::Continue(1)).expect("a write");
        }
        state.network.lose(|_| true);
        for _ in 0..self.0.limits.into_iter().max().unwrap_or_default() {
            self.pass(&mut state, u8::MAX);
        }
        State { passes: 0, ..state }
    }

    /// As [`led`](Self::led). Then the last voter has asked to leave, and hears nothing more.
    fn left(&self, voters: u8) -> State {
        let mut state = self.led(voters);
        self.make_request(&mut state, voters, Request::Leave);
        self.pass(&mut state, u8::MAX);
        state = self.next_state(&state, Action::Tick(1)).expect("heartbeats are due");
        let to_leaver = |envelope: &Envelope| envelope.to == voters;
        let beat = state.network.messages().iter().find(|envelope| to_leaver(envelope)).cloned();
        let envelope = beat.expect("a heartbeat to each node");
        state =
            self.next_state(&state, Action::Deliver { envelope, doubled: false }).expect("a new heartbeat");
        self.deliver_all_but(&mut state, to_leaver);
        let members = &state.host(2).durable.membership;
        assert!(!members.contains(voters), "the leaver must be removed: {members:?}");
        State { passes: 0, ..state }
    }

    fn grown(&self, to: &'static [u8]) -> State {
        let mut state = self.led(1);
        self.make_request(&mut state, 1, Request::Reconfigure(to));
        self.deliver_all(&mut state);
        state
    }

    /// Forming nodes that know each other if `introduced`, and have never had a leader.
    fn forming(&self, limits: Limits, introduced: bool) -> State {
        let mut state = self.fresh(|_| HardState::forming(CLUSTER, limits).expect("valid limits"));
        for node in self.nodes() {
            for other in self.nodes().filter(|_| introduced) {
                self.make_request(&mut state, node, Request::Discover(other));
            }
        }
        self.deliver_all(&mut state);
        // The election deadlines of the start pass.
        self.pass(&mut state, u8::MAX);
        State { passes: 0, ..state }
    }

    fn make_request(&self, state: &mut State, node: u8, request: Request) {
        let _ = self.update_host(state, node, |host, effects| self.request(host, request, effects));
    }

    /// Delivers every message and completes every write, while no time passes.
    fn deliver_all(&self, state: &mut State) {
        self.deliver_all_but(state, |_| false);
    }

    /// Delivers every message that is not `lost`, and completes every write, while no time passes. A leader that is
    /// due at once is ticked.
    fn deliver_all_but(&self, state: &mut State, lost: impl Fn(&Envelope) -> bool) {
        loop {
            state.network.lose(&lost);
            let waiting = self.nodes().find(|&node| !state.host(node).queue.is_empty());
            let leads = |node: &u8| state.host(*node).election.role() == RoleKind::Leader;
            let due = self.nodes().filter(leads).find(|&node| state.host(node).is_due());
            let action = match (waiting, due, state.network.messages().first()) {
                (Some(node), _, _) => Action::Continue(node),
                (None, Some(node), _) => Action::Tick(node),
                (None, None, Some(envelope)) => {
                    Action::Deliver { envelope: envelope.clone(), doubled: false }
                }
                (None, None, None) => return,
            };
            match (self.next_state(state, action.clone()), action) {
                (Some(next), _) => *state = next,
                (None, Action::Deliver { envelope, .. }) => state.network.remove(&envelope),
                (None, _) => return,
            }
        }
    }
}

//! The group as a model: the actions that can happen next, and the states they lead to.

use quorate::{Force, Input, Output, Target, Urgency};
use stateright::{Model, Property};

use super::bounds::{Clocks, Goal, Instance, Request};
use super::group_state::{Shared, State};
use super::host::{DATA, Effects, Host};
use super::network::Envelope;

/// A group of nodes within bounds.
#[derive(Clone, Debug)]
pub struct Group(pub Instance);

/// An action that changes the state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// The clocks move. Drifting clocks move by the longer step for the nodes in `fast`; of free clocks
    /// only those of the nodes in `fast` move.
    Pass {
        /// A bit for each node.
        fast: u8,
    },
    /// A host ticks its node, whose deadline is due.
    Tick(u8),
    /// A host goes on after a barrier: a write is durable, or the host has stopped acting as leader.
    Continue(u8),
    /// A message arrives.
    Deliver {
        /// The message.
        envelope: Shared<Envelope>,
        /// Whether the message stays in the network.
        doubled: bool,
    },
    /// An old reply arrives again.
    DeliverOld(Shared<Envelope>),
    /// A node crashes and starts again.
    Crash(u8),
    /// A node crashes, loses its disk, and starts again.
    Forget(u8),
    /// A host makes a request.
    Request {
        /// The node of the host.
        node: u8,
        /// The index of the request among those of the instance.
        request: usize,
    },
}

impl Group {
    pub(super) fn nodes(&self) -> impl Iterator<Item = u8> {
        1..=self.0.nodes
    }

    /// Whether the host takes inputs. One that waits for its disk does so only if it writes in the
    /// background.
    fn takes_inputs(&self, host: &Host) -> bool {
        host.queue.is_empty() || host.queue.len() < self.0.backlog
    }

    fn pass_actions(&self, state: &State, actions: &mut Vec<Action>) {
        match self.0.clocks {
            Clocks::Free => {
                let end = self.0.end();
                let nodes = self.nodes().filter(|&node| state.host(node).clock < end);
                actions.extend(nodes.map(|node| Action::Pass { fast: bit(node) }));
            }
            _ if state.passes >= self.0.passes => {}
            Clocks::Alike => actions.push(Action::Pass { fast: 0 }),
            Clocks::Drifting(fast_sets) => {
                actions.extend(fast_sets.iter().map(|&fast| Action::Pass { fast }));
            }
        }
    }

    fn message_actions(&self, state: &State, actions: &mut Vec<Action>) {
        for envelope in state.network.messages() {
            if self.takes_inputs(state.host(envelope.to)) {
                actions.push(Action::Deliver { envelope: envelope.clone(), doubled: false });
                if state.copies < self.0.copies && envelope.may_be_doubled() {
                    actions.push(Action::Deliver { envelope: envelope.clone(), doubled: true });
                }
            }
        }
    }

    fn old_reply_actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.old_replies < self.0.old_replies {
            let ready = |envelope: &&Shared<Envelope>| self.takes_inputs(state.host(envelope.to));
            actions.extend(state.network.old_replies().iter().filter(ready).cloned().map(Action::DeliverOld));
        }
    }

    fn request_actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (request, &(whose, _)) in self.0.requests.iter().enumerate() {
            if state.requested & (1 << request) == 0 {
                let nodes = self.nodes().filter(|&node| whose.is_none_or(|whose| whose == node));
                let nodes =
                    nodes.filter(|&node| self.takes_inputs(state.host(node)) && !state.host(node).is_due());
                actions.extend(nodes.map(|node| Action::Request { node, request }));
            }
        }
    }

    /// Updates the host of `node`. Returns `None` if nothing changes or a bound is exceeded.
    pub(super) fn update_host(
        &self,
        state: &mut State,
        node: u8,
        update: impl FnOnce(&mut Host, &mut Effects) -> Option<()>,
    ) -> Option<()> {
        let index = usize::from(node) - 1;
        let mut host = (*state.hosts[index]).clone();
        let mut effects = Effects { history: (*state.history).clone(), sent: Vec::new() };
        update(&mut host, &mut effects)?;
        if host.term_within_life(self.0.forgets) > self.0.terms {
            return None;
        }
        state.hosts[index] = Shared::new(host);
        if effects.history != *state.history {
            state.history = Shared::new(effects.history);
        }
        for envelope in effects.sent {
            if self.0.old_replies > 0 {
                state.network.keep(&envelope);
            }
            state.network.send(envelope, self.0.capacity);
        }
        Some(())
    }

    pub(super) fn pass(&self, state: &mut State, fast: u8) {
        for node in self.nodes() {
            let index = usize::from(node) - 1;
            let length = self.0.clocks.step(fast & bit(node) != 0);
            if !length.is_zero() {
                let mut host = (*state.hosts[index]).clone();
                host.pass(length);
                state.hosts[index] = Shared::new(host);
            }
        }
        if !matches!(self.0.clocks, Clocks::Free) {
            state.passes += 1;
        }
    }

    /// Makes a request. A due deadline comes first, as an action of its own.
    pub(super) fn request(&self, host: &mut Host, request: Request, effects: &mut Effects) -> Option<()> {
        let input = match request {
            Request::Resign(successor) => Input::Resign { successor, urgency: Urgency::WhenReady },
            Request::ResignNow => Input::Resign { successor: None, urgency: Urgency::Now },
            Request::Reconfigure(voters) => {
                let target = Target::new(voters.iter().copied(), []).expect("a valid target");
                Input::Reconfigure { target, force: Force::Never }
            }
            Request::Leave => Input::Leave,
            Request::Discover(id) => Input::Discovered(id),
            Request::Lose(id) => Input::Lost(id),
            Request::Copy => {
                host.position = DATA;
                Input::SetPosition(DATA)
            }
        };
        let outputs = host.election.step(input);
        if matches!(outputs.as_slice(), [Output::Rejected(_)]) {
            return None;
        }
        effects.history.record_request(host.election.id(), request, &self.0);
        host.take(outputs, &self.0, effects);
        Some(())
    }
}

impl Model for Group {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.start()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.history.broken.is_some() {
            return;
        }
        for node in self.nodes() {
            let host = state.host(node);
            if !host.queue.is_empty() {
                actions.push(Action::Continue(node));
            }
            if self.takes_inputs(host) && host.is_due() {
                actions.push(Action::Tick(node));
            }
            if state.crashes < self.0.crashes {
                actions.push(Action::Crash(node));
            }
            if state.forgets < self.0.forgets {
                actions.push(Action::Forget(node));
            }
        }
        self.message_actions(state, actions);
        self.old_reply_actions(state, actions);
        self.request_actions(state, actions);
        self.pass_actions(state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Pass { fast } => self.pass(&mut state, fast),
            Action::Tick(node) => self.update_host(&mut state, node, |host, effects| {
                let outputs = host.election.tick(host.clock);
                host.take(outputs, &self.0, effects);
                Some(())
            })?,
            Action::Continue(node) => self.update_host(&mut state, node, |host, effects| {
                host.continue_outputs(true, self.0.disks, effects);
                Some(())
            })?,
            Action::Deliver { envelope, doubled } => {
                if doubled {
                    state.copies += 1;
                } else {
                    state.network.remove(&envelope);
                }
                self.update_host(&mut state, envelope.to, |host, effects| {
                    let outputs = host.receive(envelope.from, envelope.message.clone())?;
                    host.take(outputs, &self.0, effects);
                    Some(())
                })?;
            }
            Action::DeliverOld(envelope) => {
                state.old_replies += 1;
                self.update_host(&mut state, envelope.to, |host, effects| {
                    let outputs = host.receive(envelope.from, envelope.message.clone())?;
                    host.take(outputs, &self.0, effects);
                    Some(())
                })?;
            }
            Action::Crash(node) => {
                state.crashes += 1;
                self.update_host(&mut state, node, |host, _| {
                    host.crash(self.0.config(node));
                    Some(())
                })?;
            }
            Action::Forget(node) => {
                state.forgets += 1;
                let start = state.forgets;
                self.update_host(&mut state, node, |host, _| {
                    host.forget(self.0.config(node), self.0.nodes, start);
                    Some(())
                })?;
            }
            Action::Request { node, request } => {
                state.requested |= 1 << request;
                let request = self.0.requests[request].1;
                self.update_host(&mut state, node, |host, effects| self.request(host, request, effects))?;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(
                "S1, S3: one leader per term, votes and terms do not change back; no node acts on what is over",
                |_, state: &State| state.history.broken.is_none(),
            ),
            Property::always("S4: memberships that can elect overlap", |_, state: &State| {
                state.memberships_overlap()
            }),
            Property::always("S4: no commit is lost", |_, state: &State| !state.history.loses_a_commit()),
        ];
        if !matches!(self.0.clocks, Clocks::Free) {
            properties.push(Property::always("S2, S5: one lease at a time", |_, state: &State| {
                state.leases_are_exclusive()
            }));
        }
        properties.extend(self.0.goals.iter().map(|goal| goal.property()));
        properties
    }
}

impl Goal {
    fn property(self) -> Property<Group> {
        match self {
            Goal::Elected => Property::sometimes("a leader is elected", |group: &Group, state: &State| {
                state.history.elected.len() > group.0.elected_at_start()
            }),
            Goal::Committed => Property::sometimes("a change is committed", |_, state: &State| {
                state.history.committed.iter().any(|(_, version)| version.number > 1)
            }),
            Goal::Followed => {
                Property::sometimes("a change is committed, and a later leader has it", |_, state: &State| {
                    state.history.follows_a_change()
                })
            }
            Goal::Removed => {
                Property::sometimes("a node is removed", |_, state: &State| state.history.removed)
            }
            Goal::FoundedAgain => {
                Property::sometimes("two groups were founded and led", |_, state: &State| {
                    state.history.lives_led() > 1
                })
            }
            Goal::Recovered => Property::sometimes("a node has forgotten and is back", |_, state: &State| {
                state.history.recovered
            }),
        }
    }
}

impl State {
    pub(super) fn host(&self, node: u8) -> &Shared<Host> {
        &self.hosts[usize::from(node) - 1]
    }
}

fn bit(node: u8) -> u8 {
    1 << (node - 1)
}

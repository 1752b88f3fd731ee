//! The group as a model: what can happen next, and what comes of it.

use quorate::{Input, Output, Target, Term, Urgency};
use stateright::{Model, Property};

use super::host::{Heard, Host};
use super::instance::{Clocks, Instance, Reach, Wish};
use super::network::Envelope;
use super::state::{Shared, State};

/// A group of nodes within bounds.
#[derive(Clone, Debug)]
pub struct Group(pub Instance);

/// What can happen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// The clocks move: by `fast` (a bit for each node) the faster way, if they drift; of those
    /// nodes alone, if they are free.
    Pass {
        /// Which nodes.
        fast: u8,
    },
    /// A host ticks its node, which has something due.
    Tick(u8),
    /// A host acts on what it has waited for: a write is durable, or it has stopped acting as leader.
    GoOn(u8),
    /// A message arrives.
    Deliver {
        /// Which.
        envelope: Shared<Envelope>,
        /// And stays in the network.
        doubled: bool,
    },
    /// A node crashes and starts again.
    Crash(u8),
    /// A host wishes something.
    Wish {
        /// Whose.
        node: u8,
        /// Which of the instance's wishes.
        wish: usize,
    },
}

impl Group {
    pub(super) fn nodes(&self) -> impl Iterator<Item = u8> {
        1..=self.0.nodes
    }

    /// A host that waits for its disk takes nothing in, unless it writes in the background.
    fn listens(&self, host: &Host) -> bool {
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
            Clocks::Drifting(paces) => {
                actions.extend(paces.iter().map(|&fast| Action::Pass { fast }));
            }
        }
    }

    fn message_actions(&self, state: &State, actions: &mut Vec<Action>) {
        for envelope in state.network.messages() {
            if self.listens(state.host(envelope.to)) {
                actions.push(Action::Deliver { envelope: envelope.clone(), doubled: false });
                if state.copies < self.0.copies && envelope.may_be_doubled() {
                    actions.push(Action::Deliver { envelope: envelope.clone(), doubled: true });
                }
            }
        }
    }

    fn wish_actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (wish, &(whose, _)) in self.0.wishes.iter().enumerate() {
            if state.wished & (1 << wish) == 0 {
                let nodes = self.nodes().filter(|&node| whose.is_none_or(|whose| whose == node));
                let nodes =
                    nodes.filter(|&node| self.listens(state.host(node)) && !state.host(node).is_due());
                actions.extend(nodes.map(|node| Action::Wish { node, wish }));
            }
        }
    }

    /// Lets `act` happen to the host of `node`; `None` if nothing comes of it.
    pub(super) fn act(
        &self,
        state: &mut State,
        node: u8,
        act: impl FnOnce(&mut Host, &mut Heard) -> Option<()>,
    ) -> Option<()> {
        let place = usize::from(node) - 1;
        let mut host = (*state.hosts[place]).clone();
        let mut heard = Heard { history: (*state.history).clone(), sent: Vec::new() };
        act(&mut host, &mut heard)?;
        if host.election.term() > Term(self.0.terms) {
            return None;
        }
        state.hosts[place] = Shared::new(host);
        if heard.history != *state.history {
            state.history = Shared::new(heard.history);
        }
        for envelope in heard.sent {
            state.network.send(envelope, self.0.capacity);
        }
        Some(())
    }

    pub(super) fn pass(&self, state: &mut State, fast: u8) {
        for node in self.nodes() {
            let place = usize::from(node) - 1;
            let length = self.0.clocks.pace(fast & bit(node) != 0);
            if !length.is_zero() {
                let mut host = (*state.hosts[place]).clone();
                host.pass(length);
                state.hosts[place] = Shared::new(host);
            }
        }
        if !matches!(self.0.clocks, Clocks::Free) {
            state.passes += 1;
        }
    }

    /// What is due comes first: a tick of its own.
    pub(super) fn wish(&self, host: &mut Host, wish: Wish, heard: &mut Heard) -> Option<()> {
        let input = match wish {
            Wish::Resign(successor) => Input::Resign { successor, urgency: Urgency::WhenReady },
            Wish::ResignNow => Input::Resign { successor: None, urgency: Urgency::Now },
            Wish::Reconfigure(voters) => {
                let target = Target::new(voters.iter().copied(), []).expect("a lawful target");
                Input::Reconfigure { target, force: false }
            }
            Wish::Leave => Input::Leave,
            Wish::Discover(id) => Input::Discovered(id),
            Wish::Lose(id) => Input::Lost(id),
        };
        let outputs = host.election.step(input);
        if matches!(outputs.as_slice(), [Output::Rejected(_)]) {
            return None;
        }
        host.take(outputs, &self.0, heard);
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
        if state.history.fall.is_some() {
            return;
        }
        for node in self.nodes() {
            let host = state.host(node);
            if !host.queue.is_empty() {
                actions.push(Action::GoOn(node));
            }
            if self.listens(host) && host.is_due() {
                actions.push(Action::Tick(node));
            }
            if state.crashes < self.0.crashes {
                actions.push(Action::Crash(node));
            }
        }
        self.message_actions(state, actions);
        self.wish_actions(state, actions);
        self.pass_actions(state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Pass { fast } => self.pass(&mut state, fast),
            Action::Tick(node) => self.act(&mut state, node, |host, heard| {
                let outputs = host.election.tick(host.clock);
                host.take(outputs, &self.0, heard);
                Some(())
            })?,
            Action::GoOn(node) => self.act(&mut state, node, |host, heard| {
                host.go_on(true, self.0.disks, heard);
                Some(())
            })?,
            Action::Deliver { envelope, doubled } => {
                if doubled {
                    state.copies += 1;
                } else {
                    state.network.remove(&envelope);
                }
                self.act(&mut state, envelope.to, |host, heard| {
                    let outputs = host.receive(envelope.from, envelope.message.clone())?;
                    host.take(outputs, &self.0, heard);
                    Some(())
                })?;
            }
            Action::Crash(node) => {
                state.crashes += 1;
                self.act(&mut state, node, |host, _| {
                    host.crash(self.0.config(node));
                    Some(())
                })?;
            }
            Action::Wish { node, wish } => {
                state.wished |= 1 << wish;
                let wish = self.0.wishes[wish].1;
                self.act(&mut state, node, |host, heard| self.wish(host, wish, heard))?;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always("S1, S3: one leader per term, votes and terms stand", |_, state: &State| {
                state.history.fall.is_none()
            }),
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
        properties.extend(self.0.reaches.iter().map(|reach| reach.property()));
        properties
    }
}

impl Reach {
    fn property(self) -> Property<Group> {
        match self {
            Reach::Elected => Property::sometimes("a leader is elected", |group: &Group, state: &State| {
                state.history.elected.len() > group.0.elected_at_start()
            }),
            Reach::Committed => Property::sometimes("a change is committed", |_, state: &State| {
                state.history.committed.iter().any(|version| version.number > 1)
            }),
            Reach::Followed => {
                Property::sometimes("a change is committed, and a later leader has it", |_, state: &State| {
                    state.history.follows_a_change()
                })
            }
            Reach::Removed => {
                Property::sometimes("a node is removed", |_, state: &State| state.history.removed)
            }
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

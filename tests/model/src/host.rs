//! A node and its host, which may act on outputs late.

use std::time::Duration;

use quorate::message::{Answer, Body, Denial, Header, Phase, Round, VoteReply};
use quorate::{
    ClusterId, Config, Election, Event, HardState, Input, Lease, Life, MembershipVersion, Message, Nanos,
    Output, Position, RoleKind, Term, Timestamp,
};

use super::bounds::{Disks, Instance, PreVotes};
use super::history::History;
use super::network::Envelope;
use quorate_sim::Zero;

pub(super) const CLUSTER: ClusterId = ClusterId(7);

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Host {
    pub(super) election: Election<u8, Zero>,
    /// The outputs that the host has not acted on yet. If there are any, the first one is a barrier.
    pub(super) queue: Vec<Output<u8>>,
    pub(super) durable: HardState<u8>,
    /// The longest lease of this leadership, under which the host may still act.
    pub(super) published: Option<Lease>,
    pub(super) clock: Timestamp,
    /// How far the data of the node reach, which survives a crash.
    pub(super) position: Position,
}

/// How far the data reach that a group begins with, if it begins with any.
pub(super) const DATA: Position = Position { term: 0, index: 1 };

impl Host {
    pub(super) fn start(config: Config<u8>, durable: HardState<u8>, clock: Timestamp) -> Self {
        let position = config.position;
        let election = Election::new(config, durable.clone(), clock, Zero).expect("a stored state is valid");
        Host { election, queue: Vec::new(), durable, published: None, clock, position }
    }

    /// Crashes and restarts: all but the durable state is lost.
    pub(super) fn crash(&mut self, config: Config<u8>) {
        let config = Config { position: self.position, ..config };
        *self = Host::start(config, self.durable.clone(), self.clock);
    }

    /// Loses all, and starts again as a blank node of this group, so many milliseconds after the clocks were set.
    pub(super) fn forget(&mut self, config: Config<u8>, nodes: u8, start: u8) {
        *self = Host::start(config, blank(nodes, start), self.clock);
    }

    /// The term of the node, counted from before the first term of its life if blank nodes have founded that. Their wall
    /// clocks show whole milliseconds, which are far apart as terms.
    pub(super) fn term_within_life(&self, starts: u8) -> u64 {
        let term = self.election.term().0;
        let first = (0..=starts).map(|start| first_term(wall_clock(start))).filter(|&first| first <= term);
        first.max().map_or(term, |first| term - first)
    }

    pub(super) fn is_due(&self) -> bool {
        self.election.deadline().is_some_and(|due| due <= self.clock)
    }

    /// Lets time pass. A node without a due deadline is ticked, and hears all others.
    pub(super) fn pass(&mut self, length: Duration) {
        self.clock = self.clock.saturating_add(length);
        if self.published.is_some_and(|lease| !lease.holds_at(self.clock)) {
            self.published = None;
        }
        if !self.is_due() {
            let _ = self.election.tick(self.clock);
            for from in self.election.membership().members().to_vec() {
                let _ = self.election.step(Input::Receive { from, message: irrelevant_message() });
            }
        }
    }

    /// The outputs of a tick and a message, or `None` if the message is ignored.
    pub(super) fn receive(&mut self, from: u8, message: Message<u8>) -> Option<Vec<Output<u8>>> {
        let mut outputs = self.election.tick(self.clock);
        if !outputs.is_empty() {
            self.election.step_into(Input::Receive { from, message }, &mut outputs);
            return Some(outputs);
        }
        let mut without_message = self.election.clone();
        self.election.step_into(Input::Receive { from, message }, &mut outputs);
        if outputs.is_empty() {
            let _ = without_message.step(Input::Receive { from, message: irrelevant_message() });
            if without_message == self.election {
                return None;
            }
        }
        Some(outputs)
    }

    /// Takes the outputs of the election, and acts on those before the first barrier.
    pub(super) fn take(&mut self, mut outputs: Vec<Output<u8>>, rules: &Instance, effects: &mut Effects) {
        if rules.pre_votes == PreVotes::Granted {
            self.grant_pre_votes(&mut outputs);
        }
        let number = self.election.membership().version().number;
        let (id, members) = (self.election.id(), self.election.membership());
        effects.history.record(id, self.election.life(), number, &outputs);
        effects.history.record_handover(id, members, &outputs);
        effects.history.check_data(!rules.data || self.position >= DATA, &outputs);
        self.queue.extend(outputs);
        self.continue_outputs(false, rules.disks, effects);
    }

    /// Removes the requests for pre-votes from the outputs, and adds the outputs of their grants. The
    /// requests of a node that is no voter any more stay, since it needs the replies.
    fn grant_pre_votes(&mut self, outputs: &mut Vec<Output<u8>>) {
        let id = self.election.id();
        if !self.election.membership().is_voter(id) {
            return;
        }
        for (from, request) in
            outputs.extract_if(.., |output| is_pre_vote(output)).filter_map(sent).collect::<Vec<_>>()
        {
            let message = pre_vote_for(&request);
            self.election.step_into(Input::Receive { from, message }, outputs);
        }
    }

    /// Acts on the outputs up to the next barrier; on the first output even if that is a barrier, if
    /// `barrier`.
    pub(super) fn continue_outputs(&mut self, mut barrier: bool, disks: Disks, effects: &mut Effects) {
        let id = self.election.id();
        let mut done = 0;
        for output in &self.queue {
            let is_barrier = disks == Disks::Slow && takes_time(output);
            if is_barrier && !std::mem::take(&mut barrier) {
                break;
            }
            done += 1;
            match output {
                Output::Persist(state) => {
                    effects.history.store(&self.durable, state);
                    if self.election.role() == RoleKind::Leader {
                        effects.history.record_step(&self.durable.membership, &state.membership);
                    }
                    self.durable = state.clone();
                }
                Output::Send { to, message } => {
                    effects.sent.push(Envelope { from: id, to: *to, message: message.clone() });
                }
                Output::Event(Event::SteppedDown { .. }) => self.published = None,
                Output::Event(_) | Output::Rejected(_) => {}
            }
        }
        self.queue.drain(..done);
        if self.queue.is_empty() {
            self.publish(effects);
        }
    }

    /// Publishes the lease, after the host has acted on all outputs.
    fn publish(&mut self, effects: &mut Effects) {
        let Some(lease) = self.election.lease().filter(|lease| lease.holds_at(self.clock)) else { return };
        let until = self.published.map_or(lease.until, |published| published.until.max(lease.until));
        self.published = Some(Lease { until, ..lease });
        effects.history.acted = effects.history.acted.max(lease.term);
    }
}

/// What the wall clock of every node shows at this start of any.
fn wall_clock(start: u8) -> Duration {
    Duration::from_secs(1_700_000_000) + Duration::from_millis(start.into())
}

/// The first term of a group whose founders started then. Rule 9.8.
fn first_term(since_1970: Duration) -> u64 {
    u64::try_from((since_1970.as_millis() << 20) / 1_000).expect("a time of this century")
}

/// A blank node of a group of these nodes, which starts so many milliseconds after the clocks were set.
pub(super) fn blank(nodes: u8, start: u8) -> HardState<u8> {
    HardState::blank(CLUSTER, 1..=nodes, wall_clock(start)).expect("a set clock and a few nodes")
}

/// The effects of a host's action on the rest of the state.
pub(super) struct Effects {
    pub(super) history: History,
    pub(super) sent: Vec<Envelope>,
}

/// Whether an output takes the host some time, so that a crash may come before it.
fn takes_time(output: &Output<u8>) -> bool {
    matches!(output, Output::Persist(_) | Output::Event(Event::SteppedDown { .. }))
}

fn is_pre_vote(output: &Output<u8>) -> bool {
    let Output::Send { message, .. } = output else { return false };
    matches!(&message.body(), Body::VoteRequest(request) if request.phase == Phase::Pre)
}

fn sent(output: Output<u8>) -> Option<(u8, Message<u8>)> {
    let Output::Send { to, message } = output else { return None };
    Some((to, message))
}

fn pre_vote_for(request: &Message<u8>) -> Message<u8> {
    let body = Body::VoteReply(VoteReply {
        phase: Phase::Pre,
        request_term: request.header().term,
        answer: Answer::Granted(Nanos::ZERO),
        membership: None,
    });
    Message::new(request.header(), body)
}

/// A reply without a request. It shows only that its sender is alive.
fn irrelevant_message() -> Message<u8> {
    let header = Header {
        cluster: CLUSTER,
        life: Life::NONE,
        term: Term(0),
        version: MembershipVersion::default(),
        committed: false,
        round: Round(u64::MAX),
        sent_at: Duration::MAX.into(),
    };
    let body = Body::VoteReply(VoteReply {
        phase: Phase::Pre,
        request_term: Term(0),
        answer: Answer::Denied(Denial::NotAMember),
        membership: None,
    });
    Message::new(header, body)
}

//! A node and its host, which acts on outputs in its own time.

use std::time::Duration;

use quorate::{
    Answer, Body, ClusterId, Config, Denial, Election, Event, HardState, Header, Input, Lease,
    MembershipVersion, Message, Output, Phase, Round, Term, VoteReply,
};
use quorate_sim::Zero;

use super::history::History;
use super::instance::{Disks, Instance, PreVoteRound};
use super::network::Envelope;

pub(super) const CLUSTER: ClusterId = ClusterId(7);

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Host {
    pub(super) election: Election<u8, Zero>,
    /// What is not acted on yet: empty, or a barrier comes first.
    pub(super) queue: Vec<Output<u8>>,
    pub(super) durable: HardState<u8>,
    /// The longest lease that the host was given in this leadership, and may still act under.
    pub(super) published: Option<Lease>,
    pub(super) clock: Duration,
}

impl Host {
    pub(super) fn start(config: Config<u8>, durable: HardState<u8>, clock: Duration) -> Self {
        let election =
            Election::new(config, durable.clone(), clock, Zero).expect("a state that was stored is lawful");
        Host { election, queue: Vec::new(), durable, published: None, clock }
    }

    /// All but the durable state is lost.
    pub(super) fn crash(&mut self, config: Config<u8>) {
        *self = Host::start(config, self.durable.clone(), self.clock);
    }

    pub(super) fn is_due(&self) -> bool {
        self.election.deadline().is_some_and(|due| due <= self.clock)
    }

    /// Time passes. A node that has nothing due may know it.
    pub(super) fn pass(&mut self, length: Duration) {
        self.clock += length;
        if self.published.is_some_and(|lease| !lease.holds_at(self.clock)) {
            self.published = None;
        }
        if !self.is_due() {
            let _ = self.election.tick(self.clock);
            for from in self.election.membership().members().to_vec() {
                let _ = self.election.step(Input::Receive { from, message: nothing() });
            }
        }
    }

    /// What comes out of a message, after the tick that precedes it; `None` if it is ignored.
    pub(super) fn receive(&mut self, from: u8, message: Message<u8>) -> Option<Vec<Output<u8>>> {
        let mut outputs = self.election.tick(self.clock);
        if !outputs.is_empty() {
            self.election.step_into(Input::Receive { from, message }, &mut outputs);
            return Some(outputs);
        }
        let mut unheard = self.election.clone();
        self.election.step_into(Input::Receive { from, message }, &mut outputs);
        if outputs.is_empty() {
            let _ = unheard.step(Input::Receive { from, message: nothing() });
            if unheard == self.election {
                return None;
            }
        }
        Some(outputs)
    }

    /// The host gets outputs, and acts on those that are not behind a barrier.
    pub(super) fn take(&mut self, mut outputs: Vec<Output<u8>>, rules: &Instance, heard: &mut Heard) {
        if rules.canvass == PreVoteRound::Granted {
            self.grant_pre_votes(&mut outputs);
        }
        let number = self.election.membership().version().number;
        heard.history.note(self.election.id(), number, &outputs);
        self.queue.extend(outputs);
        self.go_on(false, rules.disks, heard);
    }

    /// Takes the requests for pre-votes out of the outputs, and adds what comes of their being
    /// granted. One that is no voter any more asks in earnest.
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

    /// The host acts on the barrier it waits for, and goes on to the next.
    pub(super) fn go_on(&mut self, mut barrier: bool, disks: Disks, heard: &mut Heard) {
        let id = self.election.id();
        let mut done = 0;
        for output in &self.queue {
            let waits = disks == Disks::Slow && is_barrier(output);
            if waits && !std::mem::take(&mut barrier) {
                break;
            }
            done += 1;
            match output {
                Output::Persist(state) => {
                    heard.history.store(&self.durable, state);
                    self.durable = state.clone();
                }
                Output::Send { to, message } => {
                    heard.sent.push(Envelope { from: id, to: *to, message: message.clone() });
                }
                Output::Event(Event::SteppedDown { .. }) => self.published = None,
                Output::Event(_) | Output::Rejected(_) => {}
            }
        }
        self.queue.drain(..done);
        if self.queue.is_empty() {
            self.publish(heard);
        }
    }

    /// All outputs so far were acted on: the host asks for its lease.
    fn publish(&mut self, heard: &mut Heard) {
        let Some(lease) = self.election.lease().filter(|lease| lease.holds_at(self.clock)) else { return };
        let until = self.published.map_or(lease.until, |published| published.until.max(lease.until));
        self.published = Some(Lease { until, ..lease });
        heard.history.acted = heard.history.acted.max(lease.term);
    }
}

/// What the rest of the group gets to know of one host's action.
pub(super) struct Heard {
    pub(super) history: History,
    pub(super) sent: Vec<Envelope>,
}

/// What takes the host time, and what it may crash before.
fn is_barrier(output: &Output<u8>) -> bool {
    matches!(output, Output::Persist(_) | Output::Event(Event::SteppedDown { .. }))
}

fn is_pre_vote(output: &Output<u8>) -> bool {
    let Output::Send { message, .. } = output else { return false };
    matches!(&message.body, Body::VoteRequest(request) if request.phase == Phase::Pre)
}

fn sent(output: Output<u8>) -> Option<(u8, Message<u8>)> {
    let Output::Send { to, message } = output else { return None };
    Some((to, message))
}

fn pre_vote_for(request: &Message<u8>) -> Message<u8> {
    let body = Body::VoteReply(VoteReply {
        phase: Phase::Pre,
        request_term: request.header.term,
        answer: Answer::Granted(0),
        membership: None,
    });
    Message { header: request.header, body }
}

/// An answer to what was never asked. That its sender is there is all it says.
fn nothing() -> Message<u8> {
    let header = Header {
        cluster: CLUSTER,
        term: Term(0),
        version: MembershipVersion::default(),
        committed: false,
        round: Round(u64::MAX),
        sent_at: u64::MAX,
    };
    let body = Body::VoteReply(VoteReply {
        phase: Phase::Pre,
        request_term: Term(0),
        answer: Answer::Denied(Denial::NotAMember),
        membership: None,
    });
    Message { header, body }
}

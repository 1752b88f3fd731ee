//! A node whose messages are delivered by hand, and the messages.
//!
//! Times are in milliseconds on the node's clock. The lengths are those of `Timing::lan()`, with
//! clocks that do not drift and a generator that only knows zero, so that every deadline is exact.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use quorate::{
    Answer, Body, Claim, ClusterId, Config, Denial, Election, Event, HardState, Header, Heartbeat,
    HeartbeatReply, Input, Membership, MembershipVersion, Message, Nanos, Order, Output, Phase, Position,
    Priority, RoleKind, Round, Target, Term, Timestamp, Timing, Urgency, VoteReply, VoteRequest,
};
use quorate_sim::Zero;

pub(crate) const CLUSTER: ClusterId = ClusterId(7);
/// What a heartbeat asks for.
pub(crate) const PROMISE: u64 = 150;
/// The long promise.
pub(crate) const LIMIT: u64 = 450;
pub(crate) const HEARTBEAT: u64 = 50;
pub(crate) const RETRY: u64 = 20;
pub(crate) const STAGGER: u64 = 20;
pub(crate) const TAKEOVER_DELAY: u64 = 5_000;

pub(crate) type Msg = Message<u64>;
pub(crate) type Outputs = Vec<Output<u64>>;

pub(crate) fn ms(length: u64) -> Duration {
    Duration::from_millis(length)
}

/// The instant at which the node's clock reads so many milliseconds.
pub(crate) fn at_ms(reading: u64) -> Timestamp {
    ms(reading).into()
}

/// What the node's clock reads at that instant, in milliseconds.
pub(crate) fn reading(at: Timestamp) -> u64 {
    u64::try_from(at.since_origin().as_millis()).unwrap()
}

/// So many milliseconds, as a message carries them.
pub(crate) fn ns(length: u64) -> Nanos {
    ms(length).into()
}

pub(crate) fn term(term: u64) -> Term {
    Term(term)
}

pub(crate) fn version(term: u64, number: u64) -> MembershipVersion {
    MembershipVersion { term: Term(term), number }
}

pub(crate) fn at_index(index: u64) -> Position {
    Position { term: 0, index }
}

pub(crate) fn members(version: MembershipVersion, voters: &[u64]) -> Membership<u64> {
    Membership::new(version, voters.to_vec(), Vec::new(), voters.len() / 2 + 1).unwrap()
}

pub(crate) fn target(voters: &[u64], learners: &[u64]) -> Target<u64> {
    Target::new(voters.iter().copied(), learners.iter().copied()).unwrap()
}

pub(crate) fn config(id: u64) -> Config<u64> {
    Config { timing: Timing { clock_drift_ppm: 0, ..Timing::lan() }, ..Config::new(id) }
}

pub(crate) fn first_state(voters: &[u64]) -> HardState<u64> {
    HardState::bootstrap(CLUSTER, voters.iter().copied()).unwrap()
}

/// A node, with its last clock reading.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Node(Election<u64, Zero>);

impl Deref for Node {
    type Target = Election<u64, Zero>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Node {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl Node {
    pub(crate) fn new(config: Config<u64>, saved: HardState<u64>, now: u64) -> Node {
        Node(Election::new(config, saved, at_ms(now), Zero).unwrap())
    }

    /// Started for the first time at time 0.
    pub(crate) fn fresh(id: u64, voters: &[u64]) -> Node {
        Node::new(config(id), first_state(voters), 0)
    }

    /// Lost all but what is durable, and started again at `now`.
    pub(crate) fn restarted(&self, now: u64) -> Node {
        Node::new(config(self.id()), self.hard_state().clone(), now)
    }

    /// Something happens, as of the last tick.
    pub(crate) fn step(&mut self, input: Input<u64>) -> Outputs {
        self.0.step(input)
    }

    pub(crate) fn tick_at(&mut self, now: u64) -> Outputs {
        self.0.tick(at_ms(now))
    }

    /// Receives, reads the clock, ticks, steps.
    pub(crate) fn hear(&mut self, now: u64, from: u64, message: Msg) -> Outputs {
        let mut out = self.0.tick(at_ms(now));
        out.extend(self.0.step(Input::Receive { from, message }));
        out
    }

    /// Reads the clock, ticks, and wishes.
    pub(crate) fn wish(&mut self, now: u64, wish: Input<u64>) -> Outputs {
        let mut out = self.0.tick(at_ms(now));
        out.extend(self.0.step(wish));
        out
    }

    pub(crate) fn resign(&mut self, now: u64, successor: Option<u64>, urgency: Urgency) -> Outputs {
        self.wish(now, Input::Resign { successor, urgency })
    }

    pub(crate) fn reconfigure(&mut self, now: u64, voters: &[u64], learners: &[u64]) -> Outputs {
        self.wish(now, Input::Reconfigure { target: target(voters, learners), force: false })
    }

    /// The voters and the learners of the membership in force.
    pub(crate) fn lists(&self) -> (&[u64], &[u64]) {
        (self.0.membership().voters(), self.0.membership().learners())
    }

    /// The deadline in milliseconds.
    pub(crate) fn due(&self) -> u64 {
        reading(self.0.deadline().unwrap())
    }

    /// The end of the lease in milliseconds.
    pub(crate) fn lease_end(&self) -> u64 {
        reading(self.0.lease().unwrap().until)
    }

    /// A follower's next candidacy, at its deadline: the vote requests, pre-votes granted by `by`.
    pub(crate) fn stand(&mut self, by: &[u64]) -> Outputs {
        let (now, asked) = loop {
            let (now, asked) = (self.due(), self.tick_at(self.due()));
            if self.role() != RoleKind::Follower {
                break (now, asked);
            }
        };
        by.iter().flat_map(|&voter| self.hear(now, voter, grant(&to(&asked, voter), 0))).collect()
    }

    /// A candidate with the vote requests `asked` gets the votes of `by`.
    pub(crate) fn win(&mut self, now: u64, by: &[u64], asked: &Outputs) -> Outputs {
        by.iter().flat_map(|&voter| self.hear(now, voter, grant(&to(asked, voter), LIMIT))).collect()
    }

    /// Every one of `by` accepts its heartbeat in `beats`.
    pub(crate) fn accepted(&mut self, now: u64, by: &[u64], beats: &Outputs) -> Outputs {
        by.iter().flat_map(|&follower| self.hear(now, follower, accept(&to(beats, follower)))).collect()
    }
}

/// A node that won its first election, in term 1, with the votes of just a quorum. Nobody has
/// answered its first heartbeats, which are returned too.
pub(crate) fn elected(id: u64, voters: &[u64]) -> (Node, Outputs) {
    let mut node = Node::fresh(id, voters);
    let by: Vec<u64> = voters.iter().copied().filter(|&voter| voter != id).take(voters.len() / 2).collect();
    let asked = node.stand(&by);
    let now = sent_at(&asked, by[0]);
    let won = node.win(now, &by, &asked);
    (node, won)
}

/// A leader of term 1 whose first heartbeats all others have accepted: committed.
pub(crate) fn leader(id: u64, voters: &[u64]) -> Node {
    let (mut node, beats) = elected(id, voters);
    let others: Vec<u64> = voters.iter().copied().filter(|&voter| voter != id).collect();
    let now = sent_at(&beats, others[0]);
    node.accepted(now, &others, &beats);
    node
}

/// When that node was sent its last message, in milliseconds.
pub(crate) fn sent_at(outputs: &Outputs, receiver: u64) -> u64 {
    reading(to(outputs, receiver).header.sent_at)
}

// ---- messages ----

fn message(at: u64, round: u64, of: u64, body: Body<u64>) -> Msg {
    let (term, version) = (term(of), version(0, 1));
    let header =
        Header { cluster: CLUSTER, term, version, committed: false, round: Round(round), sent_at: at_ms(at) };
    Message { header, body }
}

/// A heartbeat of a term, for the usual promise.
pub(crate) fn heartbeat(of: u64, round: u64) -> Msg {
    let body = Body::Heartbeat(Heartbeat {
        promise: ns(PROMISE),
        rank: None,
        order: Order::Follow,
        inherited: None,
        membership: None,
    });
    message(0, round, of, body)
}

fn request(phase: Phase, promise: u64) -> Body<u64> {
    Body::VoteRequest(VoteRequest {
        phase,
        claim: Claim::Own,
        promise: ns(promise),
        position: Position::default(),
        membership: None,
    })
}

/// A request for the vote of a term, with the long promise.
pub(crate) fn vote(of: u64, round: u64) -> Msg {
    message(0, round, of, request(Phase::Real, LIMIT))
}

/// A request for a pre-vote by a node of that term.
pub(crate) fn pre_vote(of: u64, round: u64) -> Msg {
    message(0, round, of, request(Phase::Pre, 0))
}

/// The answer to `request`, by a node of the same term and membership.
pub(crate) fn answer(request: &Msg, answer: Answer<u64>) -> Msg {
    let of = request.header.term;
    let body = match &request.body {
        Body::VoteRequest(asked) => {
            Body::VoteReply(VoteReply { phase: asked.phase, request_term: of, answer, membership: None })
        }
        Body::Heartbeat(_) => Body::HeartbeatReply(HeartbeatReply {
            request_term: of,
            answer,
            position: Position::default(),
            priority: Priority::default(),
            ready: false,
            leaving: false,
            membership: None,
        }),
        Body::VoteReply(_) | Body::HeartbeatReply(_) => panic!("a reply is not answered"),
    };
    Message { header: request.header, body }
}

/// Yes, for that long.
pub(crate) fn grant(request: &Msg, length: u64) -> Msg {
    answer(request, Answer::Granted(ns(length)))
}

/// No.
pub(crate) fn deny(request: &Msg, denial: Denial<u64>) -> Msg {
    answer(request, Answer::Denied(denial))
}

/// Yes, for all that a heartbeat asks for.
pub(crate) fn accept(request: &Msg) -> Msg {
    let Body::Heartbeat(asked) = &request.body else { panic!("{request:?} is no heartbeat") };
    answer(request, Answer::Granted(asked.promise))
}

/// The claim of a successor that `leader` released in that term.
pub(crate) fn released(leader: u64, of: u64) -> Claim<u64> {
    Claim::Handover { leader, term: term(of) }
}

/// The same message with a difference.
pub(crate) trait But: Sized {
    fn in_term(self, of: u64) -> Self;
    fn at(self, at: u64) -> Self;
    fn round(self, round: u64) -> Self;
    fn version(self, term: u64, number: u64) -> Self;
    fn asking(self, length: u64) -> Self;
    fn rank(self, rank: u8) -> Self;
    fn inheriting(self, version: MembershipVersion) -> Self;
    fn order(self, order: Order) -> Self;
    fn claim(self, claim: Claim<u64>) -> Self;
    fn position(self, index: u64) -> Self;
    fn priority(self, priority: u8) -> Self;
    fn ready(self) -> Self;
    fn leaving(self) -> Self;
    fn committed(self) -> Self;
    fn carrying(self, membership: Membership<u64>) -> Self;
}

impl But for Msg {
    fn in_term(mut self, of: u64) -> Self {
        self.header.term = term(of);
        self
    }

    fn at(mut self, at: u64) -> Self {
        self.header.sent_at = at_ms(at);
        self
    }

    fn round(mut self, round: u64) -> Self {
        self.header.round = Round(round);
        self
    }

    fn version(mut self, term: u64, number: u64) -> Self {
        self.header.version = version(term, number);
        self
    }

    fn asking(mut self, length: u64) -> Self {
        match &mut self.body {
            Body::VoteRequest(request) => request.promise = ns(length),
            Body::Heartbeat(heartbeat) => heartbeat.promise = ns(length),
            Body::VoteReply(_) | Body::HeartbeatReply(_) => panic!("replies ask for nothing"),
        }
        self
    }

    fn rank(mut self, rank: u8) -> Self {
        let Body::Heartbeat(heartbeat) = &mut self.body else { panic!("{self:?} bears no rank") };
        heartbeat.rank = Some(rank);
        self
    }

    fn inheriting(mut self, version: MembershipVersion) -> Self {
        let Body::Heartbeat(heartbeat) = &mut self.body else { panic!("{self:?} inherits nothing") };
        heartbeat.inherited = Some(version);
        self
    }

    fn order(mut self, order: Order) -> Self {
        let Body::Heartbeat(heartbeat) = &mut self.body else { panic!("{self:?} bears no order") };
        heartbeat.order = order;
        self
    }

    fn claim(mut self, claim: Claim<u64>) -> Self {
        let Body::VoteRequest(request) = &mut self.body else { panic!("{self:?} bears no claim") };
        request.claim = claim;
        self
    }

    fn position(mut self, index: u64) -> Self {
        match &mut self.body {
            Body::VoteRequest(request) => request.position = at_index(index),
            Body::HeartbeatReply(reply) => reply.position = at_index(index),
            Body::VoteReply(_) | Body::Heartbeat(_) => panic!("{self:?} bears no position"),
        }
        self
    }

    fn priority(mut self, priority: u8) -> Self {
        let Body::HeartbeatReply(reply) = &mut self.body else { panic!("{self:?} bears no priority") };
        reply.priority = Priority(priority);
        self
    }

    fn ready(mut self) -> Self {
        let Body::HeartbeatReply(reply) = &mut self.body else { panic!("{self:?} says no ready") };
        reply.ready = true;
        self
    }

    fn leaving(mut self) -> Self {
        let Body::HeartbeatReply(reply) = &mut self.body else { panic!("{self:?} says no leaving") };
        reply.leaving = true;
        self
    }

    fn committed(mut self) -> Self {
        self.header.committed = true;
        self
    }

    fn carrying(mut self, members: Membership<u64>) -> Self {
        let membership = match &mut self.body {
            Body::VoteRequest(VoteRequest { membership, .. })
            | Body::VoteReply(VoteReply { membership, .. })
            | Body::Heartbeat(Heartbeat { membership, .. })
            | Body::HeartbeatReply(HeartbeatReply { membership, .. }) => membership,
        };
        self.header.version = members.version();
        *membership = Some(Box::new(members));
        self
    }
}

// ---- outputs ----

/// All that is sent, in order.
pub(crate) fn sent(outputs: &Outputs) -> Vec<(u64, &Msg)> {
    let send = |output| match output {
        &Output::Send { to, ref message } => Some((to, message)),
        Output::Persist(_) | Output::Event(_) | Output::Rejected(_) => None,
    };
    outputs.iter().filter_map(send).collect()
}

/// The last message to that node.
#[track_caller]
pub(crate) fn to(outputs: &Outputs, receiver: u64) -> Msg {
    let last = sent(outputs).into_iter().rev().find(|(to, _)| *to == receiver);
    last.unwrap_or_else(|| panic!("nothing is sent to {receiver} in {outputs:#?}")).1.clone()
}

/// What the last message to that node answers.
#[track_caller]
pub(crate) fn answered(outputs: &Outputs, receiver: u64) -> Answer<u64> {
    match to(outputs, receiver).body {
        Body::VoteReply(VoteReply { answer, .. }) | Body::HeartbeatReply(HeartbeatReply { answer, .. }) => {
            answer
        }
        Body::VoteRequest(_) | Body::Heartbeat(_) => panic!("{outputs:#?} ends with no reply"),
    }
}

/// The denial in that answer.
#[track_caller]
pub(crate) fn denied(outputs: &Outputs, receiver: u64) -> Denial<u64> {
    match answered(outputs, receiver) {
        Answer::Denied(denial) => denial,
        Answer::Granted(_) => panic!("granted: {outputs:#?}"),
    }
}

/// The length, in milliseconds, that is granted in that answer.
#[track_caller]
pub(crate) fn granted(outputs: &Outputs, receiver: u64) -> u64 {
    match answered(outputs, receiver) {
        Answer::Granted(length) => u64::try_from(length.as_duration().as_millis()).unwrap(),
        Answer::Denied(denial) => panic!("denied: {denial:?}"),
    }
}

pub(crate) fn is_heartbeat(message: &Msg) -> bool {
    matches!(message.body, Body::Heartbeat(_))
}

pub(crate) fn heartbeat_of(message: &Msg) -> &Heartbeat<u64> {
    let Body::Heartbeat(heartbeat) = &message.body else { panic!("{message:?} is no heartbeat") };
    heartbeat
}

pub(crate) fn request_of(message: &Msg) -> &VoteRequest<u64> {
    let Body::VoteRequest(request) = &message.body else { panic!("{message:?} is no vote request") };
    request
}

pub(crate) fn reply_of(message: &Msg) -> &HeartbeatReply<u64> {
    let Body::HeartbeatReply(reply) = &message.body else { panic!("{message:?} is no heartbeat reply") };
    reply
}

pub(crate) fn events(outputs: &Outputs) -> Vec<Event<u64>> {
    let event = |output: &Output<u64>| match output {
        Output::Event(event) => Some(event.clone()),
        Output::Persist(_) | Output::Send { .. } | Output::Rejected(_) => None,
    };
    outputs.iter().filter_map(event).collect()
}

/// The last state to be made durable, if any.
pub(crate) fn persisted(outputs: &Outputs) -> Option<HardState<u64>> {
    let state = |output: &Output<u64>| match output {
        Output::Persist(state) => Some(state.clone()),
        Output::Send { .. } | Output::Event(_) | Output::Rejected(_) => None,
    };
    outputs.iter().rev().find_map(state)
}

/// The outputs by kind, in order: `persist`, `vote 2` (to node 2), `elected`, ...
pub(crate) fn trace(outputs: &Outputs) -> String {
    let word = |output: &Output<u64>| match output {
        Output::Persist(_) => "persist".to_owned(),
        Output::Rejected(_) => "rejected".to_owned(),
        Output::Send { to, message } => match &message.body {
            Body::VoteRequest(VoteRequest { phase: Phase::Pre, .. }) => format!("pre-vote {to}"),
            Body::VoteRequest(VoteRequest { phase: Phase::Real, .. }) => format!("vote {to}"),
            Body::Heartbeat(_) => format!("heartbeat {to}"),
            Body::VoteReply(VoteReply { answer: Answer::Granted(_), .. })
            | Body::HeartbeatReply(HeartbeatReply { answer: Answer::Granted(_), .. }) => format!("yes {to}"),
            Body::VoteReply(_) | Body::HeartbeatReply(_) => format!("no {to}"),
        },
        Output::Event(event) => match event {
            Event::Elected { .. } => "elected",
            Event::SteppedDown { .. } => "stepped-down",
            Event::LeaderChanged { .. } => "leader",
            Event::MembershipChanged { committed: true, .. } => "committed",
            Event::MembershipChanged { committed: false, .. } => "installed",
            Event::HandoverFailed { .. } => "handover-failed",
            Event::Behind { .. } => "behind",
            Event::ForeignCluster { .. } => "foreign",
            Event::MembershipConflict { .. } => "conflict",
            Event::TwoLeaders { .. } => "two-leaders",
            Event::TermTooFarAhead { .. } => "too-far",
            Event::TargetReached { .. } => "reached",
            Event::TargetAbandoned => "forgotten",
            Event::Removed => "removed",
            Event::StateLost => "state-lost",
            Event::TooManyForming { .. } => "too-many",
            _ => "unknown",
        }
        .to_owned(),
    };
    outputs.iter().map(word).collect::<Vec<_>>().join(", ")
}

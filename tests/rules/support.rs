//! A node that receives its messages by hand, builders of messages, and readers of outputs.
//!
//! Times are in milliseconds on the node's clock. The lengths are those of `Timing::lan()`. Clocks do not
//! drift and the generator returns only zero, so every deadline is exact.

use std::ops::Deref;
use std::time::Duration;

use quorate::message::{
    Answer, Body, Claim, Denial, Header, Heartbeat, HeartbeatReply, Order, Phase, Round, VoteReply,
    VoteRequest,
};
use quorate::{
    ClusterId, Config, Election, Event, Force, HardState, HowRecovered, Input, Leader, Life, Membership,
    MembershipVersion, Message, Nanos, Output, Position, Priority, PromiseHolder, RoleKind, Target, Term,
    Timestamp, Timing, Urgency,
};
use quorate_sim::Zero;

pub(crate) const CLUSTER: ClusterId = ClusterId(7);
/// The promise that a heartbeat asks for.
pub(crate) const PROMISE: u64 = 150;
/// The long promise, which is also the longest.
pub(crate) const LIMIT: u64 = 450;
pub(crate) const HEARTBEAT: u64 = 50;
pub(crate) const RETRY: u64 = 20;
pub(crate) const STAGGER: u64 = 20;
pub(crate) const TAKEOVER_DELAY: u64 = 5_000;

/// What a heartbeat asks of the successor that it names.
pub(crate) const PREPARE: Order = Order::Prepare { attempt: Round(1) };

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
    Config {
        timing: Timing { clock_drift_ppm: 0, clock_resolution: Duration::ZERO, ..Timing::lan() },
        ..Config::new(id)
    }
}

pub(crate) fn first_state(voters: &[u64]) -> HardState<u64> {
    HardState::bootstrap(CLUSTER, voters.iter().copied()).unwrap()
}

pub(crate) fn leads(id: u64, of: u64) -> Leader<u64> {
    Leader { id, term: term(of) }
}

pub(crate) fn holds(id: u64, of: u64) -> PromiseHolder<u64> {
    PromiseHolder { id, term: term(of) }
}

/// A node whose clock the test moves, with the state on its disk.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Node {
    election: Election<u64, Zero>,
    /// The last state that it persisted, or the one that it was started from.
    durable: HardState<u64>,
}

/// All that must survive a crash: the term, the vote, the membership and whether that is committed, as
/// the node goes by it, and what it has persisted of that.
pub(crate) type Lasting = (Term, Option<u64>, Membership<u64>, bool, HardState<u64>);

impl Deref for Node {
    type Target = Election<u64, Zero>;

    fn deref(&self) -> &Self::Target {
        &self.election
    }
}

impl Node {
    pub(crate) fn new(config: Config<u64>, saved: HardState<u64>, now: u64) -> Node {
        let election = Election::new(config, saved.clone(), at_ms(now), Zero).unwrap();
        Node { election, durable: saved }
    }

    /// A node that is started for the first time, at time 0.
    pub(crate) fn fresh(id: u64, voters: &[u64]) -> Node {
        Node::new(config(id), first_state(voters), 0)
    }

    /// The node after a crash: it has only its durable state, and is started again at `now`.
    pub(crate) fn restarted(&self, now: u64) -> Node {
        Node::new(config(self.id()), self.durable.clone(), now)
    }

    /// The state that a restart begins with.
    pub(crate) fn durable(&self) -> &HardState<u64> {
        &self.durable
    }

    /// The vote of the node's term.
    pub(crate) fn voted_for(&self) -> Option<u64> {
        self.status().voted_for
    }

    /// To compare with what it was before.
    pub(crate) fn lasting(&self) -> Lasting {
        let membership = self.membership().clone();
        (self.term(), self.voted_for(), membership, self.is_committed(), self.durable.clone())
    }

    /// Steps an input at the time of the last tick.
    pub(crate) fn step(&mut self, input: Input<u64>) -> Outputs {
        let out = self.election.step(input);
        self.store(&out);
        out
    }

    pub(crate) fn tick(&mut self, now: Timestamp) -> Outputs {
        let out = self.election.tick(now);
        self.store(&out);
        out
    }

    pub(crate) fn tick_at(&mut self, now: u64) -> Outputs {
        let mut out = self.tick(at_ms(now));
        self.tick_again(at_ms(now), &mut out);
        out
    }

    fn store(&mut self, outputs: &Outputs) {
        self.durable = persisted(outputs).unwrap_or_else(|| self.durable.clone());
    }

    /// Ticks at `now` and steps the message.
    pub(crate) fn hear(&mut self, now: u64, from: u64, message: Msg) -> Outputs {
        self.step_at(now, Input::Receive { from, message })
    }

    /// Ticks at `now` and steps the input.
    pub(crate) fn step_at(&mut self, now: u64, input: Input<u64>) -> Outputs {
        let mut out = self.tick_at(now);
        out.extend(self.step(input));
        self.tick_again(at_ms(now), &mut out);
        out
    }

    /// Ticks a leader that is due at once, as any host does: it writes then. Rule 3.5.
    fn tick_again(&mut self, now: Timestamp, out: &mut Outputs) {
        let is_due = self.deadline().is_some_and(|due| due <= now);
        if is_due && self.role() == RoleKind::Leader {
            out.extend(self.tick(now));
        }
    }

    pub(crate) fn resign(&mut self, now: u64, successor: Option<u64>, urgency: Urgency) -> Outputs {
        self.step_at(now, Input::Resign { successor, urgency })
    }

    pub(crate) fn reconfigure(&mut self, now: u64, voters: &[u64], learners: &[u64]) -> Outputs {
        self.step_at(now, Input::Reconfigure { target: target(voters, learners), force: Force::Never })
    }

    /// The voters and the learners of the membership in force.
    pub(crate) fn lists(&self) -> (&[u64], &[u64]) {
        (self.membership().voters(), self.membership().learners())
    }

    /// The deadline in milliseconds.
    pub(crate) fn due(&self) -> u64 {
        reading(self.deadline().unwrap())
    }

    /// All that the node is.
    pub(crate) fn election(&self) -> &Election<u64, Zero> {
        &self.election
    }

    /// The end of the lease in milliseconds.
    pub(crate) fn lease_end(&self) -> u64 {
        reading(self.lease().unwrap().until)
    }

    /// Lets a follower campaign at its election deadline, with the pre-votes of `by`. Returns the vote
    /// requests.
    pub(crate) fn campaign(&mut self, by: &[u64]) -> Outputs {
        let (now, asked) = loop {
            let (now, asked) = (self.due(), self.tick_at(self.due()));
            if self.role() != RoleKind::Follower {
                break (now, asked);
            }
        };
        by.iter().flat_map(|&voter| self.hear(now, voter, grant(&to(&asked, voter), 0))).collect()
    }

    /// Gives the votes of `by` to a candidate that has sent the vote requests `asked`.
    pub(crate) fn win(&mut self, now: u64, by: &[u64], asked: &Outputs) -> Outputs {
        by.iter().flat_map(|&voter| self.hear(now, voter, grant(&to(asked, voter), LIMIT))).collect()
    }

    /// Lets every node of `by` accept its heartbeat in `beats`.
    pub(crate) fn accepted(&mut self, now: u64, by: &[u64], beats: &Outputs) -> Outputs {
        by.iter().flat_map(|&follower| self.hear(now, follower, accept(&to(beats, follower)))).collect()
    }
}

/// A node that has won its first election, in term 1, with the votes of a bare quorum. No follower has
/// replied to its first heartbeats, which are returned too.
pub(crate) fn elected(id: u64, voters: &[u64]) -> (Node, Outputs) {
    let mut node = Node::fresh(id, voters);
    let by: Vec<u64> = voters.iter().copied().filter(|&voter| voter != id).take(voters.len() / 2).collect();
    let asked = node.campaign(&by);
    let now = sent_at(&asked, by[0]);
    let won = node.win(now, &by, &asked);
    (node, won)
}

/// A leader of term 1 whose first heartbeats all others have accepted, so its membership is committed.
pub(crate) fn leader(id: u64, voters: &[u64]) -> Node {
    let (mut node, beats) = elected(id, voters);
    let others: Vec<u64> = voters.iter().copied().filter(|&voter| voter != id).collect();
    let now = sent_at(&beats, others[0]);
    node.accepted(now, &others, &beats);
    node
}

/// The time at which the last message to this receiver was sent, in milliseconds.
pub(crate) fn sent_at(outputs: &Outputs, receiver: u64) -> u64 {
    reading(to(outputs, receiver).header().sent_at)
}

// ---- messages ----

fn message(at: u64, round: u64, of: u64, body: Body<u64>) -> Msg {
    let (term, version) = (term(of), version(0, 1));
    // A message of no life is heard in every group.
    let (life, round) = (Life::NONE, Round(round));
    let header =
        Header { cluster: CLUSTER, life, term, version, committed: false, round, sent_at: at_ms(at) };
    Message::new(header, body)
}

/// A heartbeat of this term, for the usual promise.
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

/// A request for the vote of this term, with the long promise.
pub(crate) fn vote(of: u64, round: u64) -> Msg {
    message(0, round, of, request(Phase::Real, LIMIT))
}

/// A request for a pre-vote, by a node of this term.
pub(crate) fn pre_vote(of: u64, round: u64) -> Msg {
    message(0, round, of, request(Phase::Pre, 0))
}

/// A reply to `request` with this answer, by a node of the same term and membership.
pub(crate) fn answer(request: &Msg, answer: Answer<u64>) -> Msg {
    let of = request.header().term;
    let body = match &request.body() {
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
        Body::RecoveryRequest => panic!("a recovery request is granted nothing"),
        Body::VoteReply(_) | Body::HeartbeatReply(_) | Body::RecoveryReply(_) | Body::BlankReply(_) => {
            panic!("a reply has no reply")
        }
    };
    Message::new(request.header(), body)
}

/// A reply that grants the request, with a promise of this length.
pub(crate) fn grant(request: &Msg, length: u64) -> Msg {
    answer(request, Answer::Granted(ns(length)))
}

/// A reply that denies the request.
pub(crate) fn deny(request: &Msg, denial: Denial<u64>) -> Msg {
    answer(request, Answer::Denied(denial))
}

/// A reply that accepts a heartbeat, with the promise that it asks for.
pub(crate) fn accept(request: &Msg) -> Msg {
    let Body::Heartbeat(asked) = &request.body() else { panic!("{request:?} is no heartbeat") };
    answer(request, Answer::Granted(asked.promise))
}

/// The claim of a successor to which `leader` hands over in this term.
pub(crate) fn released(leader: u64, of: u64) -> Claim<u64> {
    Claim::Handover { leader, term: term(of) }
}

/// Changes one field of a message.
pub(crate) trait Change: Sized {
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
    fn of_cluster(self, cluster: ClusterId) -> Self;
    fn leaving(self) -> Self;
    fn committed(self) -> Self;
    fn carrying(self, membership: Membership<u64>) -> Self;
}

impl Change for Msg {
    fn of_cluster(mut self, cluster: ClusterId) -> Self {
        self.modify(|header, _| header.cluster = cluster);
        self
    }

    fn in_term(mut self, of: u64) -> Self {
        self.modify(|header, _| header.term = term(of));
        self
    }

    fn at(mut self, at: u64) -> Self {
        self.modify(|header, _| header.sent_at = at_ms(at));
        self
    }

    fn round(mut self, round: u64) -> Self {
        self.modify(|header, _| header.round = Round(round));
        self
    }

    fn version(mut self, term: u64, number: u64) -> Self {
        self.modify(|header, _| header.version = version(term, number));
        self
    }

    fn asking(mut self, length: u64) -> Self {
        self.modify(|_, body| match body {
            Body::VoteRequest(request) => request.promise = ns(length),
            Body::Heartbeat(heartbeat) => heartbeat.promise = ns(length),
            _ => panic!("{body:?} asks for no promise"),
        });
        self
    }

    fn rank(mut self, rank: u8) -> Self {
        self.modify(|_, body| {
            let Body::Heartbeat(heartbeat) = body else { panic!("{body:?} has no rank") };
            heartbeat.rank = Some(rank);
        });
        self
    }

    fn inheriting(mut self, version: MembershipVersion) -> Self {
        self.modify(|_, body| {
            let Body::Heartbeat(heartbeat) = body else { panic!("{body:?} names no inherited version") };
            heartbeat.inherited = Some(version);
        });
        self
    }

    fn order(mut self, order: Order) -> Self {
        self.modify(|_, body| {
            let Body::Heartbeat(heartbeat) = body else { panic!("{body:?} has no order") };
            heartbeat.order = order;
        });
        self
    }

    fn claim(mut self, claim: Claim<u64>) -> Self {
        self.modify(|_, body| {
            let Body::VoteRequest(request) = body else { panic!("{body:?} has no claim") };
            request.claim = claim;
        });
        self
    }

    fn position(mut self, index: u64) -> Self {
        self.modify(|_, body| match body {
            Body::VoteRequest(request) => request.position = at_index(index),
            Body::HeartbeatReply(reply) => reply.position = at_index(index),
            Body::RecoveryReply(reply) => reply.position = at_index(index),
            Body::VoteReply(_) | Body::Heartbeat(_) | Body::RecoveryRequest | Body::BlankReply(_) => {
                panic!("{body:?} has no position")
            }
        });
        self
    }

    fn priority(mut self, priority: u8) -> Self {
        self.modify(|_, body| {
            let Body::HeartbeatReply(reply) = body else { panic!("{body:?} has no priority") };
            reply.priority = Priority(priority);
        });
        self
    }

    fn ready(mut self) -> Self {
        self.modify(|_, body| {
            let Body::HeartbeatReply(reply) = body else { panic!("{body:?} cannot say `ready`") };
            reply.ready = true;
        });
        self
    }

    fn leaving(mut self) -> Self {
        self.modify(|_, body| {
            let Body::HeartbeatReply(reply) = body else { panic!("{body:?} cannot say `leaving`") };
            reply.leaving = true;
        });
        self
    }

    fn committed(mut self) -> Self {
        self.modify(|header, _| header.committed = true);
        self
    }

    fn carrying(mut self, members: Membership<u64>) -> Self {
        self.modify(|header, body| {
            let membership = match body {
                Body::VoteRequest(VoteRequest { membership, .. })
                | Body::VoteReply(VoteReply { membership, .. })
                | Body::Heartbeat(Heartbeat { membership, .. })
                | Body::HeartbeatReply(HeartbeatReply { membership, .. }) => membership,
                Body::RecoveryRequest | Body::RecoveryReply(_) | Body::BlankReply(_) => {
                    panic!("{body:?} does not choose what to enclose")
                }
            };
            header.version = members.version();
            *membership = Some(Box::new(members));
        });
        self
    }
}

// ---- outputs ----

/// The messages among the outputs, in order.
pub(crate) fn sent(outputs: &Outputs) -> Vec<(u64, &Msg)> {
    let send = |output| match output {
        &Output::Send { to, ref message } => Some((to, message)),
        Output::Persist(_) | Output::Event(_) | Output::Rejected(_) => None,
    };
    outputs.iter().filter_map(send).collect()
}

/// The last message to this receiver.
#[track_caller]
pub(crate) fn to(outputs: &Outputs, receiver: u64) -> Msg {
    let last = sent(outputs).into_iter().rev().find(|(to, _)| *to == receiver);
    last.unwrap_or_else(|| panic!("nothing is sent to {receiver} in {outputs:#?}")).1.clone()
}

/// The answer in the last message to this receiver.
#[track_caller]
pub(crate) fn answered(outputs: &Outputs, receiver: u64) -> Answer<u64> {
    match to(outputs, receiver).body() {
        Body::VoteReply(VoteReply { answer, .. }) | Body::HeartbeatReply(HeartbeatReply { answer, .. }) => {
            answer
        }
        _ => panic!("the last message answers nothing: {outputs:#?}"),
    }
}

/// The denial in the last message to this receiver.
#[track_caller]
pub(crate) fn denied(outputs: &Outputs, receiver: u64) -> Denial<u64> {
    match answered(outputs, receiver) {
        Answer::Denied(denial) => denial,
        Answer::Granted(_) => panic!("granted: {outputs:#?}"),
    }
}

/// The promise that the last message to this receiver grants, in milliseconds.
#[track_caller]
pub(crate) fn granted(outputs: &Outputs, receiver: u64) -> u64 {
    match answered(outputs, receiver) {
        Answer::Granted(length) => u64::try_from(length.as_duration().as_millis()).unwrap(),
        Answer::Denied(denial) => panic!("denied: {denial:?}"),
    }
}

pub(crate) fn is_heartbeat(message: &Msg) -> bool {
    matches!(message.body(), Body::Heartbeat(_))
}

pub(crate) fn heartbeat_of(message: &Msg) -> Heartbeat<u64> {
    let Body::Heartbeat(heartbeat) = message.body() else { panic!("{message:?} is no heartbeat") };
    heartbeat
}

/// Whether a heartbeat names its receiver as the successor.
pub(crate) fn is_named(message: &Msg) -> bool {
    matches!(heartbeat_of(message).order, Order::Prepare { .. })
}

pub(crate) fn request_of(message: &Msg) -> VoteRequest<u64> {
    let Body::VoteRequest(request) = message.body() else { panic!("{message:?} is no vote request") };
    request
}

pub(crate) fn reply_of(message: &Msg) -> HeartbeatReply<u64> {
    let Body::HeartbeatReply(reply) = message.body() else { panic!("{message:?} is no heartbeat reply") };
    reply
}

pub(crate) fn events(outputs: &Outputs) -> Vec<Event<u64>> {
    let event = |output: &Output<u64>| match output {
        Output::Event(event) => Some(event.clone()),
        Output::Persist(_) | Output::Send { .. } | Output::Rejected(_) => None,
    };
    outputs.iter().filter_map(event).collect()
}

/// The last state that is to be made durable, if there is one.
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
        Output::Send { to, message } => match &message.body() {
            Body::VoteRequest(VoteRequest { phase: Phase::Pre, .. }) => format!("pre-vote {to}"),
            Body::VoteRequest(VoteRequest { phase: Phase::Real, .. }) => format!("vote {to}"),
            Body::Heartbeat(_) => format!("heartbeat {to}"),
            Body::VoteReply(VoteReply { answer: Answer::Granted(_), .. })
            | Body::HeartbeatReply(HeartbeatReply { answer: Answer::Granted(_), .. }) => format!("yes {to}"),
            Body::VoteReply(_) | Body::HeartbeatReply(_) => format!("no {to}"),
            Body::RecoveryRequest => format!("ask {to}"),
            Body::RecoveryReply(_) => format!("tell {to}"),
            Body::BlankReply(_) => format!("blank {to}"),
        },
        Output::Event(event) => match event {
            Event::Elected { .. } => "elected",
            Event::SteppedDown { .. } => "stepped-down",
            Event::LeaderChanged { .. } => "leader",
            Event::MembershipChanged { committed: true, .. } => "committed",
            Event::MembershipChanged { committed: false, .. } => "installed",
            Event::HandoverFailed { .. } => "handover-failed",
            Event::NoSuccessor { .. } => "no-successor",
            Event::Behind { .. } => "behind",
            Event::ForeignCluster { .. } => "foreign",
            Event::MembershipConflict { .. } => "conflict",
            Event::TwoLeaders { .. } => "two-leaders",
            Event::TermTooFarAhead { .. } => "too-far",
            Event::TargetReached { .. } => "reached",
            Event::TargetAbandoned => "abandoned",
            Event::Removed => "removed",
            Event::LeaveForgotten => "leave-forgotten",
            Event::StateLost => "state-lost",
            Event::Recovered { how: HowRecovered::Rejoined, .. } => "recovered",
            Event::Recovered { how: HowRecovered::Founded, .. } => "founded",
            Event::QuorumLost { .. } => "quorum-lost",
            Event::OtherLife { .. } => "other-life",
            Event::TwoProcesses { .. } => "two-processes",
            Event::TooManyForming { .. } => "too-many",
            Event::ShortPromise { .. } => "short-promise",
            _ => "unknown",
        }
        .to_owned(),
    };
    outputs.iter().map(word).collect::<Vec<_>>().join(", ")
}

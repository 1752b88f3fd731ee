//! The hub: what goes in, what comes out, and the transitions between roles. It alone changes state.

mod campaign;
mod deadline;
mod durability;
mod early_pre_vote;
mod fast_path;
mod formation;
mod handover;
mod heartbeat;
mod heartbeat_timing;
mod invariants;
mod leadership;
mod membership_exchange;
mod reconfiguration;
mod renewal;
mod status;
mod vote;
mod vote_reply;

use alloc::vec::Vec;
use core::time::Duration;

use rand_core::Rng;

use crate::config::{CheckedTiming, Config, ConfigError, check_promised};
use durability::Durability;

use crate::event::Event;
use crate::hard_state::HardState;
use crate::io::{Input, Lease, Output};
use crate::membership::{Membership, MembershipError};
use crate::message::{Body, Header, Message};
use crate::peer_log::{Anomaly, PeerLog};
use crate::promise::Promise;
use crate::rejection::Rejection;
use crate::role::{Following, Leaving, Role, RoleKind};
use crate::succession::{Backoff, Takeover};
use crate::types::{
    CLOCK_END, ClusterId, Leader, NEVER, Nanos, NodeId, Position, Priority, Round, Term, nanos,
};

/// The most terms one message may be ahead. Rule 1.4.
const MAX_TERM_JUMP: u64 = 1 << 32;

/// The state machine of one node in the election of its group's leader.
///
/// It does nothing by itself. [`step`](Self::step) it with each message and command, [`tick`](Self::tick) it
/// as time passes, and act on the outputs in order. The same inputs give the same outputs.
///
/// It gives out no state to store: only [`Output::Persist`] does, since what a node goes by and what it has
/// stored differ now and then. A vote that is reserved for the next term is stored before the node takes
/// part in that term (rule 4.10), for one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Election<I, R> {
    id: I,
    position: Position,
    priority: Priority,
    timing: CheckedTiming,
    hard: HardState<I>,
    /// The last tick.
    now: Nanos,
    /// Of the last request sent.
    round: Round,
    promise: Promise<I>,
    peer_log: PeerLog<I>,
    /// After a lapsed lease. Rule 4.8.
    lapse_backoff: Backoff,
    takeover: Option<alloc::boxed::Box<Takeover<I>>>,
    /// The place in the succession that the last leader gave. Rule 4.1.
    rank: Option<u8>,
    /// The deadline was put off after a leap of the clock, and no message has come since.
    deferred_after_clock_jump: bool,
    durability: Durability,
    /// This node was a member, and its host has not been told that it is none any more. Rule 8.3.
    was_member: bool,
    leaving: Leaving,
    /// It has been found to have lost its durable state. Rule 7.5.
    state_lost: bool,
    role: Role<I>,
    rng: R,
}

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Starts a node, or starts it again, as a follower. `saved` is the state that was
    /// [persisted](Output::Persist) last, or one of the [first states](HardState); `now` is a reading of the
    /// clock, which may have any origin; `rng` keeps nodes from campaigning at the same moment.
    ///
    /// A node that has taken part in a term before votes for no node for as long as it may have promised
    /// before its restart (rule 2.3), and never campaigns in that term again (rule 1.6).
    ///
    /// # Errors
    /// [`ConfigError`] if a length is out of range or the durable state contradicts itself. Its text names
    /// what to correct.
    pub fn new(
        config: Config<I>,
        mut saved: HardState<I>,
        now: Duration,
        rng: R,
    ) -> Result<Self, ConfigError> {
        let timing = CheckedTiming::new(&config.timing)?;
        let promised = check_promised(saved.promised)?;
        let clock = nanos(now);
        if clock > CLOCK_END {
            return Err(ConfigError::ClockOutOfRange(now));
        }
        let version = saved.membership.version();
        if saved.term < version.term {
            return Err(ConfigError::TermBelowMembership { term: saved.term, version });
        }
        let members = &saved.membership;
        if members.is_forming() && !members.contains(config.id) {
            let known = members.voters().iter().copied().chain([config.id]).collect();
            saved.membership = members.with_known(known).ok_or(MembershipError::TooManyMembers)?;
        }
        // Who holds a membership that lacks it was told that, or that it was left out; unless it does not
        // know that for good, and goes on asking.
        let members = &saved.membership;
        let was_member = match members.contains(config.id) {
            true => !members.is_forming(),
            false => version.term > Term(0) && !saved.committed,
        };
        let quarantine_until = if saved.term > Term(0) { clock.saturating_add(promised) } else { 0 };
        let mut election = Election {
            id: config.id,
            position: config.position,
            priority: config.priority,
            timing,
            peer_log: PeerLog::new(&saved.membership),
            durability: Durability::Current,
            hard: saved,
            now: clock,
            round: Round::default(),
            promise: Promise::quarantine(quarantine_until),
            lapse_backoff: Backoff::default(),
            takeover: None,
            rank: None,
            deferred_after_clock_jump: false,
            was_member,
            leaving: Leaving::No,
            state_lost: false,
            role: Role::Follower(Following::new(NEVER)),
            rng,
        };
        let deadline = election.draw_election_deadline();
        election.become_follower(deadline);
        Ok(election)
    }

    /// Lets time pass, and does what is due at `now`, a reading of the host's clock. Call it before each
    /// [`step`](Self::step), and no later than [`deadline`](Self::deadline); spurious calls are
    /// harmless. A reading of a clock that ran backwards is [`Rejected`](Output::Rejected), and no time
    /// has passed.
    #[must_use]
    pub fn tick(&mut self, now: Duration) -> Vec<Output<I>> {
        let mut out = Vec::new();
        self.tick_into(now, &mut out);
        out
    }

    /// Takes in a message or a command, as of the last tick. A command that cannot be carried out is
    /// [`Rejected`](Output::Rejected), the only output then, and nothing has changed.
    #[must_use]
    pub fn step(&mut self, input: Input<I>) -> Vec<Output<I>> {
        let mut out = Vec::new();
        self.step_into(input, &mut out);
        out
    }

    /// As [`tick`](Self::tick), and appends to the caller's buffer.
    pub fn tick_into(&mut self, now: Duration, out: &mut Vec<Output<I>>) {
        let clock = nanos(now);
        if clock > CLOCK_END {
            return out.push(Output::Rejected(Rejection::ClockOutOfRange { now }));
        }
        if clock < self.now {
            let last = Duration::from_nanos(self.now);
            return out.push(Output::Rejected(Rejection::ClockWentBackwards { last, now }));
        }
        if clock < self.due() {
            self.now = clock;
            return;
        }
        let before = self.leader();
        self.now = clock;
        match &self.role {
            Role::Follower(_) => self.tick_follower(out),
            Role::PreCandidate(_) => self.tick_pre_vote(out),
            Role::Candidate(_) => self.tick_candidate(out),
            Role::Leader(_) => self.tick_leader(out),
        }
        self.report_leader_change(before, out);
    }

    /// As [`step`](Self::step), and appends to the caller's buffer, which is all the memory that a
    /// heartbeat or its answer needs.
    pub fn step_into(&mut self, input: Input<I>, out: &mut Vec<Output<I>>) {
        if let Input::Receive { from, message } = &input
            && self.try_fast_path(*from, message, out)
        {
            debug_assert!(self.is_sound(), "an invariant is broken");
            return;
        }
        let before = self.leader();
        let result = match input {
            Input::Receive { from, message } => {
                self.receive(from, message, out);
                Ok(())
            }
            Input::Campaign => self.campaign(out),
            Input::Resign { successor, urgency } => self.resign(successor, urgency, out),
            Input::Reconfigure { target, force } => self.reconfigure(target, force, out),
            Input::Discovered(id) => self.discovered(id, out),
            Input::Lost(id) => self.lost(id, out),
            Input::Leave => self.leave(out),
            Input::SetPosition(position) => {
                self.set_position(position);
                Ok(())
            }
            Input::SetPriority(priority) => {
                self.set_priority(priority, out);
                Ok(())
            }
        };
        match result {
            Ok(()) => self.report_leader_change(before, out),
            Err(rejection) => out.push(Output::Rejected(rejection)),
        }
    }

    /// The latest instant for the next tick, on the host's clock; `None` while nothing is pending.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let due = self.due();
        (due != NEVER).then(|| Duration::from_nanos(due))
    }

    /// The id of this node.
    #[must_use]
    pub fn id(&self) -> I {
        self.id
    }

    /// The group this node belongs to.
    #[must_use]
    pub fn cluster(&self) -> ClusterId {
        self.hard.cluster
    }

    /// The role of this node.
    #[must_use]
    pub fn role(&self) -> RoleKind {
        match self.role {
            Role::Follower(_) => RoleKind::Follower,
            Role::PreCandidate(_) => RoleKind::PreCandidate,
            Role::Candidate(_) => RoleKind::Candidate,
            Role::Leader(_) => RoleKind::Leader,
        }
    }

    /// The highest term that this node has taken part in. The work of a leader carries the term of its
    /// [`lease`](Self::lease) instead, which is lower while the leader renews its term.
    #[must_use]
    pub fn term(&self) -> Term {
        self.hard.term
    }

    /// The leader that this node knows of, itself included; `None` once the promise to that leader has ended, as of the
    /// last tick.
    #[must_use]
    pub fn leader(&self) -> Option<Leader<I>> {
        match &self.role {
            Role::Leader(leading) => Some(Leader { id: self.id, term: leading.term }),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => self.promise.leader(self.now),
        }
    }

    /// The permission to act as leader: ask for it after all outputs so far were acted on, and
    /// check [`Lease::holds_at`] against a fresh reading of the clock. Rule 3.2.
    #[must_use]
    pub fn lease(&self) -> Option<Lease> {
        match &self.role {
            Role::Leader(leading) => {
                Some(Lease { term: leading.term, until: Duration::from_nanos(leading.lease) })
            }
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => None,
        }
    }

    /// The membership that this node holds. Whether it is committed says
    /// [`is_committed`](Self::is_committed).
    #[must_use]
    pub fn membership(&self) -> &Membership<I> {
        &self.hard.membership
    }

    /// Whether this node knows that its membership is committed: a quorum has acknowledged it, so that it
    /// can never be lost. Rule 7.3.
    #[must_use]
    pub fn is_committed(&self) -> bool {
        self.hard.committed
    }

    /// The next timer, whatever the role.
    fn due(&self) -> Nanos {
        match &self.role {
            Role::Follower(following) => {
                let transfer_pre_vote = following
                    .transfer_pre_vote
                    .as_ref()
                    .map_or(NEVER, |transfer_pre_vote| transfer_pre_vote.due());
                let timeout_now_retry = following
                    .timeout_now_retry
                    .as_ref()
                    .map_or(NEVER, |timeout_now_retry| timeout_now_retry.next_retry);
                let leader = self.promise.leader_until(self.now).unwrap_or(NEVER);
                following
                    .deadline
                    .min(following.early_pre_vote_at)
                    .min(transfer_pre_vote)
                    .min(timeout_now_retry)
                    .min(leader)
            }
            Role::PreCandidate(pre_vote_round) => pre_vote_round.next_retry.min(pre_vote_round.until),
            Role::Candidate(candidacy) => candidacy.next_retry.min(candidacy.until),
            Role::Leader(leading) => leading.due(),
        }
    }

    /// A message is checked for what every message must fulfil, and goes to its rule.
    fn receive(&mut self, from: I, message: Message<I>, out: &mut Vec<Output<I>>) {
        let Message { header, body } = message;
        if from == self.id {
            return;
        }
        let place = self.hard.membership.index_of(from);
        if header.cluster != self.hard.cluster {
            let event = Event::ForeignCluster { peer: from, cluster: header.cluster };
            return self.report_once(from, Anomaly::ForeignCluster, event, out);
        }
        // Rule 1.4.
        if header.term.0 > self.hard.term.0.saturating_add(MAX_TERM_JUMP) {
            let event = Event::TermTooFarAhead { peer: from, term: header.term };
            return self.report_once(from, Anomaly::TermTooFarAhead, event, out);
        }
        self.deferred_after_clock_jump = false;
        if let Some(place) = place {
            self.peer_log.heard(place, self.now);
        }
        match body {
            Body::VoteRequest(request) => self.on_vote_request(from, place, header, request, out),
            Body::VoteReply(reply) => self.on_vote_reply(from, place, header, reply, out),
            // A heartbeat of a higher term is a new leader, never a reason to renew. Rule 5.3.
            Body::Heartbeat(heartbeat) => return self.on_heartbeat(from, place, header, heartbeat, out),
            Body::HeartbeatReply(reply) => self.on_heartbeat_reply(from, place, header, &reply, out),
        }
        if place.is_some() && header.term > self.hard.term {
            self.start_renewal(header.term, out);
        }
    }

    /// The only way to a follower's role. It stands for election at `deadline`, if it may at all.
    fn become_follower(&mut self, deadline: Nanos) {
        let deadline = if self.sends_pre_votes() { deadline } else { NEVER };
        self.role = Role::Follower(Following::new(deadline));
    }

    /// From now on it asks nobody for anything.
    fn stop_campaigning(&mut self) {
        if let Role::Follower(following) = &mut self.role {
            following.deadline = NEVER;
            following.early_pre_vote_at = NEVER;
            following.early_pre_vote = None;
            following.leader_index = None;
            following.transfer_pre_vote = None;
        } else {
            self.become_follower(NEVER);
        }
    }

    fn next_round(&mut self) -> Round {
        self.round = self.round.next();
        self.round
    }

    /// Of a request sent now.
    fn header(&self, term: Term, round: Round) -> Header {
        let version = self.hard.membership.version();
        Header {
            cluster: self.hard.cluster,
            term,
            version,
            committed: self.hard.committed,
            round,
            sent_at: self.now,
        }
    }

    /// Of the answer to a request.
    fn reply_header(&self, request: &Header) -> Header {
        Header { sent_at: request.sent_at, ..self.header(self.hard.term, request.round) }
    }

    fn set_position(&mut self, position: Position) {
        self.position = position;
        let place = self.hard.membership.index_of(self.id);
        if let (Role::Leader(leading), Some(place)) = (&mut self.role, place) {
            leading.unranked = true;
            if let Some(own) = leading.progress.get_mut(place) {
                own.position = position;
            }
        }
    }

    fn report_once(&mut self, peer: I, oddity: Anomaly, event: Event<I>, out: &mut Vec<Output<I>>) {
        let member = self.hard.membership.contains(peer);
        if self.peer_log.report_once(member, peer, oddity) {
            out.push(Output::Event(event));
        }
    }

    /// What ends every step and tick: news of the leader, and the proof that nothing is amiss.
    fn report_leader_change(&mut self, before: Option<Leader<I>>, out: &mut Vec<Output<I>>) {
        let leader = self.leader();
        if leader != before {
            out.push(Output::Event(Event::LeaderChanged { leader }));
        }
        debug_assert!(self.is_sound(), "an invariant is broken");
    }
}

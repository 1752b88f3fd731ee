//! The hub: it takes inputs, calls the rules, and makes the transitions between roles. It alone changes state.

mod campaign;
mod catch_up;
mod deadline;
mod durability;
mod early_pre_vote;
mod expiry;
mod fast_path;
mod following;
mod formation;
mod fresh_start;
mod handover;
mod heartbeat;
mod heartbeat_timing;
mod invariants;
mod leadership;
mod life;
mod long_promise;
mod lost_quorum;
mod membership_exchange;
mod node_attributes;
mod peers;
mod receipt;
mod reconfiguration;
mod recovery;
#[cfg(feature = "register")]
mod register_voter;
mod removal;
mod renewal;
mod standstill;
mod status;
mod takeover;
mod timeout_now;
mod transfer_pre_vote;
mod trouble;
mod vote;
mod vote_reply;

use alloc::vec::Vec;

use rand_core::Rng;

use crate::config::{CheckedTiming, Config, ConfigError, Memory, check_promised};
use crate::event::Event;
use crate::hard_state::HardState;
use crate::held::Held;
use crate::io::{Input, Output};
use crate::membership::{Membership, MembershipError};
use crate::message::Header;
use crate::peer_log::{Anomaly, PeerLog};
use crate::promise::Promise;
use crate::reconfig::CAN_RECONFIGURE;
use crate::rejection::Rejection;
use crate::role::{Following, Leaving, Participation, Role, RoleKind};
use crate::types::{
    CLOCK_END, ClusterId, Leader, Life, MemberIndex, NEVER, NodeId, Position, Priority, Round, Term,
    Timestamp,
};
use durability::Durability;
use removal::initial_participation;
use trouble::Trouble;

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
    memory: Memory,
    /// A cache: the index of this node in the membership, which nearly every rule asks for.
    own_index: Option<MemberIndex>,
    hard: Held<I>,
    /// The time of the last tick.
    now: Timestamp,
    /// The round of the last request sent.
    round: Round,
    /// The last round before this incarnation of the node. Rule 9.2.
    first_round: Round,
    promise: Promise<I>,
    peer_log: PeerLog<I>,
    /// When the node was started, or became blank.
    started: Timestamp,
    trouble: Trouble<I>,
    /// The rank in the succession that the last leader gave. Rule 4.1.
    rank: Option<u8>,
    /// How many candidacies have ended without a winner since this node followed a leader, or led. Rule 4.4 (e).
    lost_candidacies: u8,
    /// Whether the election deadline was deferred after a clock jump, and no message has arrived since.
    deferred_after_clock_jump: bool,
    durability: Durability,
    participation: Participation,
    leaving: Leaving,
    /// Whether one of the voters is in a register. Rule 10.13.
    #[cfg(feature = "register")]
    has_register_voter: bool,
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
        now: Timestamp,
        mut rng: R,
    ) -> Result<Self, ConfigError> {
        let timing = CheckedTiming::new(&config.timing)?;
        let promised = check_promised(saved.promised)?;
        if now > CLOCK_END {
            return Err(ConfigError::ClockOutOfRange(now));
        }
        let version = saved.membership.version();
        if saved.term < version.term {
            return Err(ConfigError::TermBelowMembership { term: saved.term, version });
        }
        if config.memory == Memory::Volatile && saved.blank.is_none_or(|blank| blank.pledge.is_some()) {
            return Err(ConfigError::VolatileNotBlank);
        }
        let members = &saved.membership;
        if members.is_forming() && !CAN_RECONFIGURE {
            return Err(ConfigError::FormingWithoutReconfiguration);
        }
        if members.is_forming() && !members.contains(config.id) {
            let known = members.voters().iter().copied().chain([config.id]).collect();
            saved.membership = members.with_known(known).ok_or(MembershipError::TooManyMembers)?;
        }
        let participation = initial_participation(config.id, &saved.membership, saved.committed);
        let forgotten_until = now.after(promised).after(timing.clock.resolution());
        let quarantine_until = if saved.term > Term(0) { forgotten_until } else { Timestamp::ORIGIN };
        Self::begin_incarnation(&mut saved, &mut rng);
        let round = Self::first_round(saved.blank, &mut rng);
        let mut election = Election {
            id: config.id,
            position: config.position,
            priority: config.priority,
            timing,
            memory: config.memory,
            peer_log: PeerLog::new(&saved.membership, config.id),
            durability: Durability::Current,
            own_index: saved.membership.index_of(config.id),
            hard: Held::new(saved, config.id),
            now,
            round,
            first_round: round,
            promise: Promise::quarantine(quarantine_until),
            started: now,
            trouble: Trouble::none(),
            rank: None,
            lost_candidacies: 0,
            deferred_after_clock_jump: false,
            participation,
            leaving: Leaving::No,
            #[cfg(feature = "register")]
            has_register_voter: false,
            role: Role::Follower(Following::new(NEVER)),
            rng,
        };
        if election.hard.blank().is_some() {
            election.start_recovery();
            return Ok(election);
        }
        let deadline = election.draw_election_deadline();
        election.become_follower(deadline);
        Ok(election)
    }

    /// Lets time pass, and does what is due at `now`, a reading of the host's clock. Call it before each
    /// [`step`](Self::step), and no later than [`deadline`](Self::deadline); spurious calls are
    /// harmless. A reading of a clock that ran backwards is [`Rejected`](Output::Rejected), and no time
    /// has passed.
    #[must_use]
    pub fn tick(&mut self, now: Timestamp) -> Vec<Output<I>> {
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
    pub fn tick_into(&mut self, now: Timestamp, out: &mut Vec<Output<I>>) {
        if now > CLOCK_END {
            return out.push(Output::Rejected(Rejection::ClockOutOfRange { now }));
        }
        if now < self.now {
            let last = self.now;
            return out.push(Output::Rejected(Rejection::ClockWentBackwards { last, now }));
        }
        if now < self.due() {
            self.now = now;
        } else {
            self.do_what_is_due(now, out);
        }
    }

    /// The part of a tick that most ticks do without.
    fn do_what_is_due(&mut self, now: Timestamp, out: &mut Vec<Output<I>>) {
        let before = self.leader();
        self.now = now;
        match &self.role {
            Role::Follower(_) => self.tick_follower(out),
            Role::PreCandidate(_) => self.tick_pre_vote(out),
            Role::Candidate(_) => self.tick_candidate(out),
            Role::Leader(_) => self.tick_leader(out),
            Role::Recovering(_) => self.tick_recovery(out),
        }
        self.report_leader_change(before, out);
    }

    /// As [`step`](Self::step), and appends to the caller's buffer, which is all the memory that a
    /// heartbeat or its answer needs.
    pub fn step_into(&mut self, input: Input<I>, out: &mut Vec<Output<I>>) {
        if let Input::Receive { from, message } = &input {
            return self.receive(*from, message, out);
        }
        let before = self.leader();
        let result = match input {
            Input::Receive { .. } => Ok(()),
            Input::SetPosition(position) => {
                self.set_position(position);
                Ok(())
            }
            Input::SetPriority(priority) => {
                self.set_priority(priority, out);
                Ok(())
            }
            _ if self.is_recovering() => Err(Rejection::Recovering),
            Input::Reconfigure { .. } | Input::Discovered(_) | Input::Lost(_) | Input::Leave
                if !CAN_RECONFIGURE =>
            {
                Err(Rejection::ReconfigurationLeftOut)
            }
            Input::Campaign => self.campaign(out),
            Input::Resign { successor, urgency } => self.resign(successor, urgency, out),
            Input::Reconfigure { target, force } => self.reconfigure(target, force, out),
            Input::Discovered(id) => self.discovered(id, out),
            Input::Lost(id) => self.lost(id, out),
            Input::Leave => self.leave(out),
        };
        match result {
            Ok(()) => self.report_leader_change(before, out),
            Err(rejection) => out.push(Output::Rejected(rejection)),
        }
    }

    /// The latest instant for the next tick, on the host's clock; `None` while nothing is pending.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let due = self.due();
        (due != NEVER).then_some(due.max(self.now))
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

    /// The life of that group; [`Life::NONE`] while this node belongs to none.
    #[must_use]
    pub fn life(&self) -> Life {
        self.hard.life
    }

    /// The role of this node.
    #[must_use]
    pub fn role(&self) -> RoleKind {
        match self.role {
            Role::Follower(_) => RoleKind::Follower,
            Role::PreCandidate(_) => RoleKind::PreCandidate,
            Role::Candidate(_) => RoleKind::Candidate,
            Role::Leader(_) => RoleKind::Leader,
            Role::Recovering(_) => RoleKind::Recovering,
        }
    }

    /// The highest term that this node has taken part in. The work of a leader carries the term of its
    /// [`lease`](Self::lease) instead, which is lower while the leader renews its term.
    #[must_use]
    pub fn term(&self) -> Term {
        self.hard.term
    }

    /// The membership that this node holds. Whether it is committed says
    /// [`is_committed`](Self::is_committed). While the node recovers it is the list of the nodes that it asks.
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
    fn due(&self) -> Timestamp {
        match &self.role {
            Role::Follower(following) => {
                following.due().min(self.promise.leader_until(self.now).unwrap_or(NEVER))
            }
            Role::PreCandidate(round) => round.timer.due().min(round.until),
            Role::Candidate(candidacy) => candidacy.ballot.timer.due().min(candidacy.until),
            Role::Leader(leading) => leading.due(),
            Role::Recovering(recovery) => recovery.due(),
        }
    }

    /// The only transition to the follower's role. The node starts a pre-vote round at `deadline`, if it may at
    /// all.
    fn become_follower(&mut self, deadline: Timestamp) {
        let deadline = if self.sends_pre_votes() { deadline } else { NEVER };
        self.role = Role::Follower(Following::new(deadline));
    }

    /// The only way to another membership beside [`set_hard_state`](Self::set_hard_state), since the index of this node
    /// depends on it.
    fn set_membership(&mut self, membership: Membership<I>) {
        self.own_index = membership.index_of(self.id);
        self.hard.membership = membership;
    }

    /// The only way to another state as a whole.
    fn set_hard_state(&mut self, state: HardState<I>) {
        self.own_index = state.membership.index_of(self.id);
        self.hard = Held::new(state, self.id);
    }

    /// Whether this node votes in the membership that it holds.
    fn is_voter(&self) -> bool {
        self.own_index.is_some_and(|own| self.hard.membership.is_voter_at(own))
    }

    /// Stops campaigning: cancels the election deadline and every pre-vote round.
    fn stop_campaigning(&mut self) {
        self.lost_candidacies = 0;
        if let Role::Follower(following) = &mut self.role {
            following.reset_candidacy(NEVER);
        } else {
            self.become_follower(NEVER);
        }
    }

    fn next_round(&mut self) -> Round {
        self.round = self.round.next();
        self.round
    }

    /// Header of a request sent now.
    fn header(&self, term: Term, round: Round) -> Header {
        let version = self.hard.membership.version();
        Header {
            cluster: self.hard.cluster,
            life: self.hard.life,
            term,
            version,
            committed: self.hard.committed,
            round,
            sent_at: self.now,
        }
    }

    /// Header of the answer to a request.
    fn reply_header(&self, request: &Header) -> Header {
        Header { sent_at: request.sent_at, ..self.header(self.hard.term, request.round) }
    }

    /// Reports an anomaly of a peer, at growing intervals while it lasts.
    fn report_anomaly(&mut self, peer: I, anomaly: Anomaly, event: Event<I>, out: &mut Vec<Output<I>>) {
        // Two leaders of one term are one piece of news, whichever of them is heard.
        let is_member = anomaly != Anomaly::TwoLeaders && self.hard.membership.contains(peer);
        let (now, pause) = (self.now, self.shortest_news_pause());
        let is_news = self.peer_log.record_anomaly(is_member, peer, anomaly, now, pause);
        if is_news {
            out.push(Output::Event(event));
        }
    }

    /// Ends every step and tick: reports another leader, and checks the invariants.
    fn report_leader_change(&mut self, before: Option<Leader<I>>, out: &mut Vec<Output<I>>) {
        let leader = self.leader();
        if leader != before {
            out.push(Output::Event(Event::LeaderChanged { leader }));
        }
        self.check_invariants();
    }
}

//! What an exporter reads: what became of a node so far, in numbers.
//!
//! ```
//! use quorate::adapters::counters::ElectionCounters;
//! use quorate::{Election, Input, Output, Timestamp};
//! use rand_core::Rng;
//!
//! /// One turn of a host's loop.
//! fn turn<R: Rng>(
//!     election: &mut Election<u64, R>,
//!     counters: &mut ElectionCounters,
//!     received: Option<Input<u64>>,
//!     now: Timestamp,
//! ) -> Vec<Output<u64>> {
//!     let mut outputs = election.tick(now);
//!     if let Some(input) = received {
//!         counters.input(now, &input);
//!         outputs.extend(election.step(input));
//!     }
//!     outputs.iter().for_each(|output| counters.output(now, output));
//!     outputs
//! }
//! ```

mod histogram;

use core::time::Duration;

use crate::event::{Event, StepDown};
use crate::io::{Input, Output};
use crate::message::{Answer, Body, Denial};
use crate::types::{Term, Timestamp};

pub use self::histogram::Histogram;

/// Folds what goes into an election and what comes out of it. Every number only grows, but for
/// [`term`](Self::term) after a restart; none is durable.
///
/// Non-exhaustive, as are its parts: a later version may count more.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ElectionCounters {
    /// The last term that was to be made durable.
    pub term: Term,
    /// How often this node was elected.
    pub elections: u64,
    /// How often it renewed its leadership in a later term, without a moment between.
    pub renewals: u64,
    /// How its leaderships ended.
    pub ends: Ends,
    /// How often another leader became known, this node included.
    pub leaders: u64,
    /// How often a membership was learned to be committed.
    pub memberships: u64,
    /// How often a failed handover was reported: each that the host asked for, and those of the leader's own accord at
    /// growing intervals ([`Event::HandoverFailed`]). The number of attempts may be larger.
    pub failed_handovers: u64,
    /// What an operator should look into: other groups and conflicting members, lost states.
    pub alarms: u64,
    /// Why this node's questions were refused.
    pub denials: Denials,
    /// From a heartbeat or a request for a vote of this node to its answer, which may have waited for a write of the
    /// other node. What was lost is not among them.
    pub round_trips: Histogram,
    /// States that were to be made durable.
    pub writes: u64,
    /// How long it took until a state was durable, with the attempts that were refused, and with the writes by which a
    /// leader finds out whether its disk works. A host counts these; an election knows nothing of them.
    pub persists: Histogram,
    /// Writes that the disk refused before their first byte, and that were tried again. A host counts these; an election
    /// knows nothing of them.
    pub refused_writes: u64,
    /// Messages that were to be sent.
    pub sent: u64,
    /// Messages received.
    pub received: u64,
    /// Wishes of the host that could not be met.
    pub rejections: u64,
    leaderless: Duration,
    leaderless_since: Option<Timestamp>,
    leads: bool,
}

/// How leaderships ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Ends {
    /// The promises of a quorum ended before they were renewed.
    pub lapsed: u64,
    /// A leader of a later term was there.
    pub replaced: u64,
    /// It resigned.
    pub resigned: u64,
}

/// Refusals by reason; see [`Denial`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs, reason = "they are the names of the reasons")]
#[non_exhaustive]
pub struct Denials {
    pub bound: u64,
    pub vote_gone: u64,
    pub term_behind: u64,
    pub membership_older: u64,
    pub position_behind: u64,
    pub stranger: u64,
    pub membership_conflict: u64,
    pub other_life: u64,
}

impl ElectionCounters {
    /// The counters of a node that starts at `now`, and knows no leader yet.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        ElectionCounters {
            term: Term(0),
            elections: 0,
            renewals: 0,
            ends: Ends::default(),
            leaders: 0,
            memberships: 0,
            failed_handovers: 0,
            alarms: 0,
            denials: Denials::default(),
            round_trips: Histogram::default(),
            writes: 0,
            persists: Histogram::default(),
            refused_writes: 0,
            sent: 0,
            received: 0,
            rejections: 0,
            leaderless: Duration::ZERO,
            leaderless_since: Some(now),
            leads: false,
        }
    }

    /// For how long this node has known no leader, in all, until `now`.
    #[must_use]
    pub fn leaderless(&self, now: Timestamp) -> Duration {
        let stretch =
            self.leaderless_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        self.leaderless.saturating_add(stretch)
    }

    /// What is about to be stepped at `now`.
    pub fn input<I: Copy>(&mut self, now: Timestamp, input: &Input<I>) {
        let Input::Receive { message, .. } = input else { return };
        count(&mut self.received);
        let answer = match message.body() {
            Body::VoteReply(reply) => reply.answer,
            Body::HeartbeatReply(reply) => reply.answer,
            Body::VoteRequest(_)
            | Body::Heartbeat(_)
            | Body::RecoveryRequest
            | Body::RecoveryReply(_)
            | Body::BlankReply(_) => return,
        };
        if message.header().sent_at <= now {
            self.round_trips.add(now.saturating_duration_since(message.header().sent_at));
        }
        if let Answer::Denied(denial) = answer {
            self.denials.add(&denial);
        }
    }

    /// What came out at `now`.
    pub fn output<I>(&mut self, now: Timestamp, output: &Output<I>) {
        match output {
            Output::Persist(state) => {
                self.term = state.term;
                count(&mut self.writes);
            }
            Output::Send { .. } => count(&mut self.sent),
            Output::Rejected(_) => count(&mut self.rejections),
            Output::Event(event) => self.event(now, event),
        }
    }

    pub(super) fn event<I>(&mut self, now: Timestamp, event: &Event<I>) {
        match event {
            Event::Elected { .. } => {
                count(if self.leads { &mut self.renewals } else { &mut self.elections });
                self.leads = true;
            }
            Event::SteppedDown { reason, .. } => {
                self.leads = false;
                count(match reason {
                    StepDown::LeaseLapsed => &mut self.ends.lapsed,
                    StepDown::NewLeader { .. } => &mut self.ends.replaced,
                    StepDown::Resigned { .. } => &mut self.ends.resigned,
                });
            }
            Event::LeaderChanged { leader } => {
                self.leaderless = self.leaderless(now);
                self.leaderless_since = leader.is_none().then_some(now);
                if leader.is_some() {
                    count(&mut self.leaders);
                }
            }
            Event::MembershipChanged { committed: true, .. } => count(&mut self.memberships),
            Event::HandoverFailed { .. } => count(&mut self.failed_handovers),
            Event::StateLost
            | Event::TooManyForming { .. }
            | Event::ForeignCluster { .. }
            | Event::OtherLife { .. }
            | Event::MembershipConflict { .. }
            | Event::TwoProcesses { .. }
            | Event::TwoLeaders { .. }
            | Event::TermTooFarAhead { .. } => count(&mut self.alarms),
            Event::MembershipChanged { committed: false, .. }
            | Event::TargetReached { .. }
            | Event::TargetAbandoned
            | Event::LeaveForgotten
            | Event::NoSuccessor { .. }
            | Event::ShortPromise { .. }
            | Event::LearnerBehind { .. }
            | Event::VoterBehind { .. }
            | Event::ReconfigurationStalled { .. }
            | Event::Removed
            | Event::Recovered { .. }
            | Event::QuorumLost { .. }
            | Event::LeaderLost { .. }
            | Event::Diagnosed(_)
            | Event::Resolved { .. }
            | Event::TickedLate { .. }
            | Event::Behind { .. } => {}
        }
    }
}

impl Denials {
    fn add<I>(&mut self, denial: &Denial<I>) {
        count(match denial {
            Denial::Bound { .. } => &mut self.bound,
            Denial::AlreadyVoted => &mut self.vote_gone,
            Denial::StaleTerm => &mut self.term_behind,
            Denial::StaleMembership => &mut self.membership_older,
            Denial::PositionBehind(_) => &mut self.position_behind,
            Denial::NotAMember => &mut self.stranger,
            Denial::MembershipConflict => &mut self.membership_conflict,
            Denial::OtherLife => &mut self.other_life,
        });
    }
}

fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

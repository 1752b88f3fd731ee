//! What each role alone holds.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use crate::message::Claim;
use crate::reconfig::Target;
use crate::succession::Progress;
use crate::tally::Tally;
use crate::tuning::Tuning;
use crate::types::{NEVER, Nanos, Round, Term};

/// The role of a node.
///
/// Exhaustive: another role would be another protocol.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum RoleKind {
    /// It follows a leader, or waits for one.
    Follower,
    /// It asks whether it could win an election; or, if it may not lead, what has become of the group.
    PreCandidate,
    /// It asks for votes.
    Candidate,
    /// It leads.
    Leader,
}

impl fmt::Display for RoleKind {
    /// `follower`, `pre-candidate`, `candidate` or `leader`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            RoleKind::Follower => "follower",
            RoleKind::PreCandidate => "pre-candidate",
            RoleKind::Candidate => "candidate",
            RoleKind::Leader => "leader",
        })
    }
}

/// Where a node stands.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Role<I> {
    Follower(Following<I>),
    PreCandidate(PreVoteRound),
    Candidate(Box<Candidacy<I>>),
    Leader(Leading<I>),
}

/// Follows a leader, or waits for one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Following<I> {
    /// When to stand for election.
    pub(crate) deadline: Nanos,
    /// The place of the leader among the members, if this node may lead itself; as of the last heartbeat.
    pub(crate) leader_index: Option<u8>,
    /// When to ask ahead of that. Rule 4.9.
    pub(crate) early_pre_vote_at: Nanos,
    /// What the answers are so far.
    pub(crate) early_pre_vote: Option<Box<PreVoteRound>>,
    pub(crate) transfer_pre_vote: Option<Box<TransferPreVote<I>>>,
    pub(crate) timeout_now_retry: Option<Box<TimeoutNowRetry<I>>>,
}

/// A pre-vote: one round, in which requests are repeated.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct PreVoteRound {
    pub(crate) round: Round,
    /// How long before this node's turn it was begun. Rule 4.9.
    pub(crate) early_by: Nanos,
    pub(crate) since: Nanos,
    pub(crate) tally: Tally,
    pub(crate) next_retry: Nanos,
    /// When the round ends and its grants no longer count.
    pub(crate) until: Nanos,
}

/// A vote: one term, in which requests are repeated.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Candidacy<I> {
    pub(crate) claim: Claim<I>,
    pub(crate) tally: Tally,
    pub(crate) next_retry: Nanos,
    /// When it began to ask, with the pre-vote. Who has not been heard since, a retry interval later, is
    /// absent. Rule 4.4.
    pub(crate) pre_vote_since: Option<Nanos>,
    /// A quorum is in force, but not for long: until then it is asked again. Rule 3.5.
    pub(crate) extension_until: Option<Nanos>,
    /// When the candidacy ends without a winner.
    pub(crate) until: Nanos,
}

/// Leads, and holds a lease.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Leading<I> {
    /// The term that is led. The durable term is higher while a renewal runs.
    pub(crate) term: Term,
    /// Before this instant nobody else can be elected. Rule 3.2.
    pub(crate) lease: Nanos,
    pub(crate) next_heartbeat: Nanos,
    /// One record for each member, in the order of the membership.
    pub(crate) progress: Box<[Progress]>,
    /// The ranks are out of date.
    pub(crate) unranked: bool,
    pub(crate) renewal: Option<Box<Renewal>>,
    pub(crate) handover: Option<Box<Handover<I>>>,
    pub(crate) reconfiguration: Option<Box<Reconfiguration<I>>>,
    /// What it measures, while the membership is committed, and if it is to. Rule 3.6.
    pub(crate) tuning: Option<Box<Tuning>>,
}

/// A leader on its way to other members. Section 8.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Reconfiguration<I> {
    /// Where the operator wants it to go; without one, only those who want to leave are removed.
    pub(crate) target: Option<Target<I>>,
    pub(crate) force: bool,
    /// Asks for the long promise before the next step, until then. Rule 3.5.
    pub(crate) preparing: Option<Nanos>,
    /// Since when no step has been possible, though some are left.
    pub(crate) still_since: Option<Nanos>,
    /// The latest end of any lease under an earlier membership. Rule 8.1.
    pub(crate) older_lease_until: Nanos,
    /// Those removed in this leadership that do not know it yet.
    pub(crate) removed: Vec<RemovedMember<I>>,
}

/// Whether a node wants to be removed. Rule 8.3.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Leaving {
    No,
    /// It led to a target that lacks it. Another target may call it back.
    ByTarget,
    ByWish,
}

/// Who was removed, and how often it is still told.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct RemovedMember<I> {
    pub(crate) id: I,
    pub(crate) notices_left: u8,
}

impl<I> Reconfiguration<I> {
    pub(crate) fn new() -> Box<Self> {
        Box::new(Reconfiguration {
            target: None,
            force: false,
            preparing: None,
            still_since: None,
            older_lease_until: 0,
            removed: Vec::new(),
        })
    }
}

/// A leader on its way to a higher term. Rule 5.1.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Renewal {
    /// Asks for the long promise before it writes.
    Preparing { above: Term, until: Nanos },
    /// Asks for votes.
    Asking { tally: Tally, next_retry: Nanos },
}

/// A leader on its way out. Section 6.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Handover<I> {
    /// Whom the operator named.
    pub(crate) named: Option<I>,
    /// Nobody asked: the leader itself wants it.
    pub(crate) own_wish: bool,
    /// When to give up without a fit successor.
    pub(crate) until: Nanos,
    pub(crate) attempt: Option<Attempt<I>>,
}

/// A successor is trying whether it could win.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Attempt<I> {
    pub(crate) successor: I,
    pub(crate) next_retry: Nanos,
    pub(crate) until: Nanos,
}

/// A follower tries, as its leader ordered, whether it could take over. Rule 6.2.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct TransferPreVote<I> {
    pub(crate) leader: I,
    pub(crate) term: Term,
    pub(crate) pre_vote_round: PreVoteRound,
    pub(crate) ready: bool,
    /// The heartbeat answered last, to say `ready` without waiting for the next.
    pub(crate) heartbeat: crate::message::Header,
    pub(crate) granted_promise: Nanos,
}

/// A former leader repeats its order to campaign. Rule 6.3.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct TimeoutNowRetry<I> {
    pub(crate) successor: I,
    pub(crate) term: Term,
    pub(crate) attempts_left: u8,
    pub(crate) next_retry: Nanos,
}

impl<I> Following<I> {
    pub(crate) fn new(deadline: Nanos) -> Self {
        Following {
            deadline,
            leader_index: None,
            early_pre_vote_at: NEVER,
            early_pre_vote: None,
            transfer_pre_vote: None,
            timeout_now_retry: None,
        }
    }
}

impl<I> Following<I> {
    /// Whether nothing is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.early_pre_vote.is_none() && self.transfer_pre_vote.is_none() && self.timeout_now_retry.is_none()
    }
}

impl<I: Copy + PartialEq> Leading<I> {
    /// Whether `id` is the successor that is named now.
    pub(crate) fn names(&self, id: I) -> bool {
        self.attempt().is_some_and(|attempt| attempt.successor == id)
    }

    pub(crate) fn attempt(&self) -> Option<&Attempt<I>> {
        self.handover.as_ref()?.attempt.as_ref()
    }

    /// The next timer. While votes are asked for, requests take the place of heartbeats.
    pub(crate) fn due(&self) -> Nanos {
        let next = match self.renewal.as_deref() {
            Some(Renewal::Asking { next_retry, .. }) => *next_retry,
            Some(Renewal::Preparing { until, .. }) => self.next_heartbeat.min(*until),
            None => self.next_heartbeat,
        };
        let handover = self.handover.as_deref().map_or(Nanos::MAX, |handover| match &handover.attempt {
            Some(attempt) => attempt.next_retry.min(attempt.until),
            None => handover.until,
        });
        self.lease.min(next).min(handover)
    }

    pub(crate) fn is_requesting_votes(&self) -> bool {
        matches!(self.renewal.as_deref(), Some(Renewal::Asking { .. }))
    }
}

impl<I> TransferPreVote<I> {
    pub(crate) fn due(&self) -> Nanos {
        let retry = if self.ready { Nanos::MAX } else { self.pre_vote_round.next_retry };
        retry.min(self.pre_vote_round.until)
    }
}

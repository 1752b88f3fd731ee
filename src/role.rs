//! The roles of a node, each with the state that it alone has.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use crate::lease::Preparation;
use crate::membership::Membership;
use crate::message::{Claim, Header};
use crate::notice::Notice;
use crate::progress::Progress;
use crate::reconfig::{Awaited, Target};
use crate::recovery::Recovery;
use crate::request_timer::RequestTimer;
use crate::tally::{Ballot, Tally, VoteState};
use crate::tuning::Tuning;
use crate::types::{MemberIndex, NEVER, Nanos, NodeId, Position, Round, Term, Timestamp};

/// The role of a node, as shown to its host.
///
/// Exhaustive: another role would be another protocol.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum RoleKind {
    /// The node follows a leader, or waits for one.
    Follower,
    /// The node asks whether it could win an election; or, if it may not lead, what has become of the group.
    PreCandidate,
    /// The node campaigns for the votes of a term.
    Candidate,
    /// The node leads, and holds a lease.
    Leader,
    /// The node has forgotten what it took part in, and takes no part until others have told it. Section 9 of the
    /// rules.
    Recovering,
}

impl fmt::Display for RoleKind {
    /// `follower`, `pre-candidate`, `candidate`, `leader` or `recovering`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            RoleKind::Follower => "follower",
            RoleKind::PreCandidate => "pre-candidate",
            RoleKind::Candidate => "candidate",
            RoleKind::Leader => "leader",
            RoleKind::Recovering => "recovering",
        })
    }
}

/// The role of a node, with the state that this role alone has.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Role<I> {
    Follower(Following<I>),
    PreCandidate(Box<PreVoteRound>),
    Candidate(Box<Candidacy<I>>),
    Leader(Leading<I>),
    Recovering(Box<Recovery<I>>),
}

impl<I> Role<I> {
    /// The reconfiguration that this node has under way as a leader.
    pub(crate) fn reconfiguration(&self) -> Option<&Reconfiguration<I>> {
        let Role::Leader(leading) = self else { return None };
        leading.tasks.reconfiguration()
    }

    /// The reconfiguration that this node has under way as a leader.
    pub(crate) fn reconfiguration_mut(&mut self) -> Option<&mut Reconfiguration<I>> {
        let Role::Leader(leading) = self else { return None };
        leading.tasks.reconfiguration_mut()
    }
}

/// A node that follows a leader, or waits for one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Following<I> {
    /// When the node starts a pre-vote round, unless it hears from a leader before. Rule 4.1.
    pub(crate) election_deadline: Timestamp,
    /// The index of the leader among the members, if this node may lead itself; as of the last heartbeat.
    pub(crate) leader_index: Option<MemberIndex>,
    /// When the node starts an early pre-vote. Rule 4.9.
    pub(crate) early_pre_vote_at: Timestamp,
    /// The early pre-vote round that is under way.
    pub(crate) early_pre_vote: Option<Box<PreVoteRound>>,
    pub(crate) transfer_pre_vote: Option<Box<TransferPreVote<I>>>,
    pub(crate) timeout_now_retry: Option<Box<TimeoutNowRetry<I>>>,
}

/// A pre-vote round, within which requests are repeated. Rule 4.2.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct PreVoteRound {
    pub(crate) round: Round,
    /// How long before the election deadline the round began. Rule 4.9.
    pub(crate) early_by: Nanos,
    pub(crate) since: Timestamp,
    pub(crate) tally: Tally,
    /// Whether a voter that counts has reserved its vote of the next term, so that the node campaigns in the
    /// term after that. Rule 4.10.
    pub(crate) skips_term: bool,
    pub(crate) timer: RequestTimer,
    /// When the round ends and its grants no longer count.
    pub(crate) until: Timestamp,
}

impl PreVoteRound {
    /// Records the answer of the voter at `index`, which has `reserved` its vote of the next term or not.
    pub(crate) fn put(&mut self, index: MemberIndex, vote: VoteState, reserved: bool) {
        self.tally.put(index, vote);
        self.skips_term |= reserved && matches!(vote, VoteState::Granted(_) | VoteState::FreeAt(_));
    }

    /// Rule 2.8: whether a reply with this header, to a request of the term `asked`, answers a request of this round,
    /// which is of `term`. A reply to a request of an earlier process, even in the same term, names another number, and
    /// an earlier time unless the clock was started again too.
    pub(crate) fn has_asked(&self, reply: &Header, asked: Term, term: Term) -> bool {
        reply.round == self.round && reply.sent_at >= self.since && asked == term
    }
}

/// A campaign for the votes of one term, within which requests are repeated. Rule 4.3.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Candidacy<I> {
    pub(crate) claim: Claim<I>,
    pub(crate) ballot: Ballot,
    /// When the pre-vote round before it began. A voter that has not been heard a retry interval later is
    /// absent. Rule 4.4.
    pub(crate) pre_vote_since: Option<Timestamp>,
    /// When the candidacy ends without a winner.
    pub(crate) until: Timestamp,
}

/// A node that leads, and holds a lease.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Leading<I> {
    /// The term that is led. The durable term is higher while a renewal runs.
    pub(crate) term: Term,
    /// When leadership began, renewals not counted.
    pub(crate) since: Timestamp,
    /// Before this instant nobody else can be elected. Rule 3.2.
    pub(crate) lease: Timestamp,
    /// A cache: how many voters, this node included, are bound beyond the lease. Rule 3.2.
    pub(crate) beyond_lease: u8,
    pub(crate) next_heartbeat: Timestamp,
    /// The progress of each member, in the order of the membership.
    pub(crate) progress: Box<[Progress]>,
    /// A cache flag: the ranks in `progress` are out of date.
    pub(crate) unranked: bool,
    /// Whether the next tick, which is due at once, writes what has been prepared: the host has seen the long
    /// lease by then. Rule 3.5.
    pub(crate) is_write_due: bool,
    pub(crate) tasks: Tasks<I>,
    /// How far the data reached that a quorum may have held when this node was elected, or took its last step. Rule
    /// 8.1 (h).
    pub(crate) to_carry_over: Position,
}

/// What a leader has under way beside its heartbeats, and what it measures: nothing, at most leaders, which takes one
/// pointer.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Tasks<I>(Option<Box<TaskList<I>>>);

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct TaskList<I> {
    renewal: Option<Box<Renewal>>,
    handover: Option<Box<Handover<I>>>,
    reconfiguration: Option<Box<Reconfiguration<I>>>,
    /// What the leader measures while the membership is committed, if its promises are tuned. Rule 3.6.
    tuning: Option<Box<Tuning>>,
}

impl<I> TaskList<I> {
    const EMPTY: Self = TaskList { renewal: None, handover: None, reconfiguration: None, tuning: None };

    /// Whether nothing is under way.
    fn is_done(&self) -> bool {
        self.renewal.is_none() && self.handover.is_none() && self.reconfiguration.is_none()
    }
}

impl<I> Tasks<I> {
    /// The tasks with which a leadership begins.
    pub(crate) fn new(
        handover: Option<Box<Handover<I>>>,
        reconfiguration: Option<Box<Reconfiguration<I>>>,
    ) -> Self {
        let list = TaskList { handover, reconfiguration, ..TaskList::EMPTY };
        Tasks((!list.is_done()).then(|| Box::new(list)))
    }

    /// Whether nothing is under way.
    #[inline]
    pub(crate) fn are_done(&self) -> bool {
        self.0.as_deref().is_none_or(TaskList::is_done)
    }

    pub(crate) fn renewal(&self) -> Option<&Renewal> {
        self.0.as_ref()?.renewal.as_deref()
    }

    pub(crate) fn renewal_mut(&mut self) -> Option<&mut Renewal> {
        self.0.as_mut()?.renewal.as_deref_mut()
    }

    pub(crate) fn begin_renewal(&mut self, renewal: Renewal) {
        self.list().renewal = Some(Box::new(renewal));
    }

    pub(crate) fn end_renewal(&mut self) {
        self.end(|list| list.renewal.take());
    }

    pub(crate) fn handover(&self) -> Option<&Handover<I>> {
        self.0.as_ref()?.handover.as_deref()
    }

    pub(crate) fn handover_mut(&mut self) -> Option<&mut Handover<I>> {
        self.0.as_mut()?.handover.as_deref_mut()
    }

    pub(crate) fn begin_handover(&mut self, handover: Box<Handover<I>>) {
        self.list().handover = Some(handover);
    }

    pub(crate) fn end_handover(&mut self) -> Option<Box<Handover<I>>> {
        self.end(|list| list.handover.take())
    }

    pub(crate) fn reconfiguration(&self) -> Option<&Reconfiguration<I>> {
        self.0.as_ref()?.reconfiguration.as_deref()
    }

    pub(crate) fn reconfiguration_mut(&mut self) -> Option<&mut Reconfiguration<I>> {
        self.0.as_mut()?.reconfiguration.as_deref_mut()
    }

    /// The reconfiguration that is under way, which begins now if none is.
    pub(crate) fn begin_reconfiguration(&mut self) -> &mut Reconfiguration<I> {
        self.list().reconfiguration.get_or_insert_with(Reconfiguration::new)
    }

    pub(crate) fn end_reconfiguration(&mut self) -> Option<Box<Reconfiguration<I>>> {
        self.end(|list| list.reconfiguration.take())
    }

    pub(crate) fn tuning(&self) -> Option<&Tuning> {
        self.0.as_ref()?.tuning.as_deref()
    }

    pub(crate) fn tuning_mut(&mut self) -> Option<&mut Tuning> {
        self.0.as_mut()?.tuning.as_deref_mut()
    }

    pub(crate) fn begin_tuning(&mut self, tuning: Box<Tuning>) {
        self.list().tuning = Some(tuning);
    }

    pub(crate) fn end_tuning(&mut self) {
        self.end(|list| list.tuning.take());
    }

    fn list(&mut self) -> &mut TaskList<I> {
        self.0.get_or_insert_with(|| Box::new(TaskList::EMPTY))
    }

    fn end<T>(&mut self, take: impl FnOnce(&mut TaskList<I>) -> Option<T>) -> Option<T> {
        let task = take(self.0.as_mut()?);
        if self.0.as_ref().is_some_and(|list| list.is_done() && list.tuning.is_none()) {
            self.0 = None;
        }
        task
    }
}

/// A leader that changes the members step by step. Section 8.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Reconfiguration<I> {
    /// The members that the operator wants. Without a target the leader only removes members that leave.
    pub(crate) target: Option<Target<I>>,
    /// Whether a step may be taken that costs the leader its lease. Rule 8.2.
    pub(crate) force: bool,
    /// Whether a member of the target has left meanwhile, so that the target as it was given is out of reach.
    pub(crate) is_reduced: bool,
    /// Whether learners are promoted however far their data reach. Rule 8.2 (d).
    pub(crate) ignores_positions: bool,
    /// How far the data of a quorum reached at the last two rounds of heartbeats. Rule 8.1 (h).
    pub(crate) reached: Option<ReachedPositions>,
    /// The members of which the host was told that they are behind. Rule 8.2 (g).
    pub(crate) reported_behind: Vec<I>,
    /// Since when the reconfiguration has made no headway: its start or the last step, or when that was noticed.
    pub(crate) headway: Option<Timestamp>,
    /// Which members the host was told that the reconfiguration waits for. Rule 8.2 (h).
    pub(crate) standstill: Option<Notice<Vec<(I, Awaited)>>>,
    pub(crate) phase: ReconfigurationPhase,
    /// The latest end of any lease that was given out under an earlier membership. Rule 8.1.
    pub(crate) older_lease_until: Timestamp,
    /// The members removed in this leadership that have not acknowledged it yet. Rule 8.3.
    pub(crate) removed: Vec<RemovedMember<I>>,
}

/// How far the data of a quorum reached, as far as replies had shown.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ReachedPositions {
    /// At the last round of heartbeats.
    pub(crate) latest: Position,
    /// At the round before that.
    pub(crate) before: Position,
}

/// What a reconfiguration waits for before its next step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum ReconfigurationPhase {
    /// Nothing is under way: no step is left, or the last one is not committed yet.
    Idle,
    /// A step is known, and the leader asks for the long promise first. Rule 3.5.
    Preparing(Preparation),
    /// Steps are left, but none has been possible since then.
    Blocked { since: Timestamp },
}

/// Whether a node takes part in its group.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Participation {
    /// No established membership has listed this node yet, as far as it knows.
    Outsider,
    /// An established membership lists this node, or its removal has not been reported yet. Rule 8.3.
    Member,
    /// The host has been told that this node was removed. Rule 8.3.
    Removed,
}

/// Whether a node wants to be removed. Rule 8.3.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Leaving {
    No,
    /// The node led a reconfiguration to a target that lacks it. A target that contains it cancels this.
    ByTarget,
    /// The host asked for it.
    ByWish,
}

/// A member that was removed and has not acknowledged that yet.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct RemovedMember<I> {
    pub(crate) id: I,
    /// How many more heartbeats may tell it.
    pub(crate) notices_left: u8,
}

impl<I> Reconfiguration<I> {
    pub(crate) fn new() -> Box<Self> {
        Box::new(Reconfiguration {
            target: None,
            force: false,
            is_reduced: false,
            ignores_positions: false,
            reached: None,
            reported_behind: Vec::new(),
            headway: None,
            standstill: None,
            phase: ReconfigurationPhase::Idle,
            older_lease_until: Timestamp::ORIGIN,
            removed: Vec::new(),
        })
    }

    /// The reconfiguration begins, takes a step, or has nothing left to do: what it waited for is over.
    pub(crate) fn record_headway(&mut self) {
        self.reported_behind.clear();
        (self.headway, self.standstill) = (None, None);
    }

    /// Whether the leader asks for the long promise because it is about to take a step.
    pub(crate) fn is_preparing(&self) -> bool {
        matches!(self.phase, ReconfigurationPhase::Preparing(_))
    }
}

/// A leader that needs a term above one it has seen, and keeps leading meanwhile. Rule 5.1.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Renewal {
    /// The leader asks for the long promise before it writes.
    Preparing { above: Term, preparation: Preparation },
    /// The leader asks for the votes of the new term.
    Asking(Ballot),
}

/// A leader that hands leadership over. Section 6.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Handover<I> {
    pub(crate) cause: HandoverCause<I>,
    /// When the handover fails if no member is a fit successor by then.
    pub(crate) until: Timestamp,
    pub(crate) attempt: Option<Attempt<I>>,
}

/// Why a leader hands over.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum HandoverCause<I> {
    /// The host asked for it, and may have named the successor.
    Operator(Option<I>),
    /// A member of higher priority has been in good standing for long. Rule 6.5.
    HigherPriority,
    /// The leader is to be removed from the group. Rule 8.3.
    Leaving,
}

impl<I> Handover<I> {
    /// A handover whose attempt has not begun.
    pub(crate) fn new(cause: HandoverCause<I>) -> Box<Self> {
        Box::new(Handover { cause, until: NEVER, attempt: None })
    }

    /// Whether the leader started the handover of its own accord, so that a failure delays the next.
    pub(crate) fn is_own_initiative(&self) -> bool {
        match self.cause {
            HandoverCause::Operator(_) => false,
            HandoverCause::HigherPriority | HandoverCause::Leaving => true,
        }
    }
}

/// The successor that the leader names, which finds out whether it could win.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Attempt<I> {
    pub(crate) successor: I,
    /// The round of its first heartbeat. Rule 2.8.
    pub(crate) since: Round,
    pub(crate) next_retry: Timestamp,
    pub(crate) until: Timestamp,
}

/// A follower that its leader named as the successor, and that asks whether it could win. Rule 6.2.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct TransferPreVote<I> {
    pub(crate) leader: I,
    pub(crate) term: Term,
    /// The round with which the leader's attempt began. Rule 2.8.
    pub(crate) attempt: Round,
    pub(crate) pre_vote_round: PreVoteRound,
    /// Whether a quorum has granted.
    pub(crate) ready: bool,
    /// The heartbeat that was answered last: a second answer to it reports `ready` without waiting for the
    /// next heartbeat.
    pub(crate) heartbeat: Header,
    /// The promise that the first answer to that heartbeat gave.
    pub(crate) granted_promise: Nanos,
}

/// A former leader that repeats its order to campaign, Raft's TimeoutNow. Rule 6.3.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct TimeoutNowRetry<I> {
    pub(crate) successor: I,
    pub(crate) term: Term,
    pub(crate) attempts_left: u8,
    pub(crate) next_retry: Timestamp,
}

impl<I> Following<I> {
    pub(crate) fn new(election_deadline: Timestamp) -> Self {
        Following {
            election_deadline,
            leader_index: None,
            early_pre_vote_at: NEVER,
            early_pre_vote: None,
            transfer_pre_vote: None,
            timeout_now_retry: None,
        }
    }

    /// The next timer.
    #[inline]
    pub(crate) fn due(&self) -> Timestamp {
        let transfer = self.transfer_pre_vote.as_ref().map_or(NEVER, |transfer| transfer.due());
        let retry = self.timeout_now_retry.as_ref().map_or(NEVER, |retry| retry.next_retry);
        self.election_deadline.min(self.early_pre_vote_at).min(transfer).min(retry)
    }

    /// Whether no pre-vote round and no retry is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.early_pre_vote.is_none() && self.transfer_pre_vote.is_none() && self.timeout_now_retry.is_none()
    }

    /// Ends every pre-vote round and sets another election deadline. The order to campaign that a former
    /// leader repeats goes on.
    pub(crate) fn reset_candidacy(&mut self, election_deadline: Timestamp) {
        self.election_deadline = election_deadline;
        self.early_pre_vote_at = NEVER;
        self.forget_indexed_state();
    }

    /// Ends every pre-vote round, since its tally and the leader's index belong to a membership that is no
    /// longer in force.
    pub(crate) fn forget_indexed_state(&mut self) {
        self.early_pre_vote = None;
        self.leader_index = None;
        self.transfer_pre_vote = None;
    }
}

impl<I: NodeId> Leading<I> {
    /// Rule 3.2: the lease is that long, and the promises beyond it are counted anew.
    pub(crate) fn set_lease(&mut self, lease: Timestamp, members: &Membership<I>) {
        self.lease = lease;
        self.beyond_lease = self.voters_beyond_lease(members);
    }

    /// How many voters are bound beyond the lease.
    pub(crate) fn voters_beyond_lease(&self, members: &Membership<I>) -> u8 {
        let voters = self.progress.iter().take(members.voters().len());
        let beyond = voters.filter(|voter| voter.bound_until > self.lease).count();
        u8::try_from(beyond).unwrap_or(u8::MAX)
    }

    /// Records that the member at `index` is bound until then. Returns whether a quorum is bound beyond the lease now, so
    /// that the lease is longer than was known.
    ///
    /// The lease is the latest instant that a quorum reaches, so that fewer voters than a quorum are bound beyond it. Only
    /// the promise that makes them a quorum lengthens the lease: of 101 voters the first 50 that answer are counted, and
    /// the promises of all of them are compared once.
    pub(crate) fn extend_promise(
        &mut self,
        index: MemberIndex,
        until: Timestamp,
        members: &Membership<I>,
    ) -> bool {
        let Some(member) = self.progress.get_mut(index.as_usize()) else { return false };
        let before = member.bound_until;
        member.bound_until = before.max(until);
        let goes_beyond = before <= self.lease && member.bound_until > self.lease;
        if !goes_beyond || !members.is_voter_at(index) {
            return false;
        }
        self.beyond_lease = self.beyond_lease.saturating_add(1);
        usize::from(self.beyond_lease) >= members.quorum()
    }

    /// Whether `id` is the successor that this leader names now.
    pub(crate) fn names(&self, id: I) -> bool {
        self.attempt().is_some_and(|attempt| attempt.successor == id)
    }

    pub(crate) fn attempt(&self) -> Option<&Attempt<I>> {
        self.tasks.handover()?.attempt.as_ref()
    }

    /// The next timer. While votes are asked for, requests take the place of heartbeats.
    pub(crate) fn due(&self) -> Timestamp {
        let next = match self.tasks.renewal() {
            Some(Renewal::Asking(ballot)) => ballot.timer.due(),
            _ if self.is_write_due => Timestamp::ORIGIN,
            Some(Renewal::Preparing { .. }) | None => self.next_heartbeat,
        };
        let handover = self.tasks.handover().map_or(NEVER, |handover| match &handover.attempt {
            Some(attempt) => attempt.next_retry.min(attempt.until),
            None => handover.until,
        });
        self.lease.min(next).min(handover)
    }

    pub(crate) fn is_requesting_votes(&self) -> bool {
        matches!(self.tasks.renewal(), Some(Renewal::Asking(_)))
    }
}

impl<I> TransferPreVote<I> {
    pub(crate) fn due(&self) -> Timestamp {
        let retry = if self.ready { NEVER } else { self.pre_vote_round.timer.due() };
        retry.min(self.pre_vote_round.until)
    }
}

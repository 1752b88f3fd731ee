//! All that goes into an election and all that comes out.

use core::time::Duration;

use crate::hard_state::HardState;
use crate::message::Message;
use crate::reconfig::Target;
use crate::types::{ClusterId, MembershipVersion, Position, Priority, Term, Timestamp};

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Input<I> {
    /// A message to this node arrived. Receive it, then read the clock and `tick`, then step it. One to a
    /// node that was at this address before is no message to this node.
    Receive {
        /// The node that sent it, as the transport knows it.
        from: I,
        /// What it says.
        message: Message<I>,
    },
    /// Stand for election now instead of when the deadline passes. A pre-vote comes first, so that
    /// it disturbs nobody.
    Campaign,
    /// Give up leadership.
    Resign {
        /// To whom; `None` leaves the choice to the leader.
        successor: Option<I>,
        /// How soon.
        urgency: Urgency,
    },
    /// Change the members, on a leader: walk to `target` by safe steps, each committed before the
    /// next. A later one replaces it. Rules 8.1 and 8.2.
    Reconfigure {
        /// Who shall vote and who shall follow, in the end.
        target: Target<I>,
        /// Even if so few of its voters answer that leadership would end with the change.
        force: bool,
    },
    /// A node is there. In a group that forms itself it is one to form it with; later, on the
    /// leader, it is admitted as a voter. Rule 8.4.
    Discovered(I),
    /// A node is gone for good: the reverse of `Discovered`. Rule 8.4.
    Lost(I),
    /// This node wants to be removed. It goes on until [`Event::Removed`], and a leader hands over
    /// first. A restart forgets the wish. Rule 8.3.
    Leave,
    /// The host's data reach so far now.
    SetPosition(Position),
    /// How much this node wants to lead from now on. Set to 0 on a leader, it hands over.
    SetPriority(Priority),
}

/// How soon a resigning leader gives up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Urgency {
    /// Once the successor has shown that it can win. If it cannot, the leader leads on.
    WhenReady,
    /// At once, for a shutdown that cannot wait.
    Now,
}

/// What the host has to do, in order.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Output<I> {
    /// Make this durable. What follows waits until it is; if it fails, drop the `Election`.
    Persist(HardState<I>),
    /// Send a message. It may be lost, late, doubled, or overtaken.
    Send {
        /// To this node.
        to: I,
        /// What to say.
        message: Message<I>,
    },
    /// News.
    Event(Event<I>),
    /// The host asked for what cannot be. Nothing changed, and nothing else comes out of this step.
    Rejected(Rejection<I>),
}

/// News for the host.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Event<I> {
    /// This node leads. While it leads already, its term has grown. The permission to act is the
    /// lease, asked for afresh, not this event.
    Elected {
        /// The term, for fencing.
        term: Term,
    },
    /// This node no longer leads. What follows waits until the host has stopped acting as leader.
    SteppedDown {
        /// The term it led.
        term: Term,
        /// Why.
        reason: StepDown<I>,
    },
    /// Another leader is known, or none is.
    LeaderChanged {
        /// The leader and its term.
        leader: Option<(I, Term)>,
    },
    /// Another membership is in force on this node, or is now known to be committed.
    MembershipChanged {
        /// Its version.
        version: MembershipVersion,
        /// Whether a quorum has acknowledged it, so that it can never be lost.
        committed: bool,
    },
    /// All steps to the target of the last `Reconfigure`, `Discovered` or `Lost` are committed. Of a
    /// target without the leader the last step is the next leader's: wait for [`Event::Removed`] here.
    TargetReached {
        /// The version of the membership that is the target.
        version: MembershipVersion,
    },
    /// This node's leadership ended before the target was reached, or all voters of the target have
    /// left meanwhile: what was committed stays, the rest of the way is forgotten. Ask the leader.
    TargetAbandoned,
    /// This node is no member any more, and the membership that says so is committed. It can be
    /// stopped. While it runs it stays quiet, and answers who asks.
    Removed,
    /// A leader knows that this node had acknowledged a membership which it does not hold any more:
    /// its durable state was lost, or an older copy was put back. It takes no part from now on. Stop
    /// it, and let it come back under a new id. Reported once.
    StateLost,
    /// A node started as `forming` is one more than `max_members`. It is refused. Reported once.
    TooManyForming {
        /// The node.
        peer: I,
    },
    /// The successor could not win in time; this node leads on.
    HandoverFailed {
        /// Who was to take over; `None` if nobody was fit to.
        successor: Option<I>,
    },
    /// A voter refuses this node because its data reach further: catch up from there.
    Behind {
        /// The voter.
        peer: I,
        /// How far its data reach.
        position: Position,
    },
    /// A node of another group writes to this one. Reported once.
    ForeignCluster {
        /// The node.
        peer: I,
        /// Its group.
        cluster: ClusterId,
    },
    /// A node holds the same version of the membership with other members: the two were started
    /// with different lists. Reported once.
    MembershipConflict {
        /// The node.
        peer: I,
    },
    /// Two nodes claim to lead one term, which happens only if a durable state was lost or copied.
    /// Neither is followed in that term. Reported once.
    TwoLeaders {
        /// The second of them.
        peer: I,
        /// The term.
        term: Term,
    },
    /// A node's term is more than 2^32 ahead: it is broken or hostile. Reported once.
    TermTooFarAhead {
        /// The node.
        peer: I,
        /// Its term.
        term: Term,
    },
}

/// Why a node no longer leads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum StepDown<I> {
    /// The promises of a quorum ended before they were renewed.
    LeaseLapsed,
    /// A leader of a later term is there.
    NewLeader {
        /// Who.
        leader: I,
    },
    /// It resigned.
    Resigned {
        /// In favour of whom.
        successor: Option<I>,
    },
}

/// Why the host's wish cannot be met.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection<I> {
    /// The clock must be monotonic.
    #[error("the clock ran backwards, from {last} to {now}")]
    ClockWentBackwards {
        /// The reading before.
        last: Timestamp,
        /// This reading.
        now: Timestamp,
    },
    /// Readings end after 292 years.
    #[error("the clock reads {now}, which is out of range")]
    ClockOutOfRange {
        /// This reading.
        now: Timestamp,
    },
    /// Only a leader can do that.
    #[error("this node does not lead")]
    NotLeader {
        /// Who does, as far as is known.
        leader: Option<I>,
    },
    /// It leads already, or is standing for election.
    #[error("this node leads or campaigns already")]
    AlreadyCampaigning,
    /// It is no voter, or its priority is 0.
    #[error("this node can not lead: it is no voter or its priority is 0")]
    CannotLead,
    /// A promise forbids to campaign before it ends.
    #[error("a promise binds this node for another {remaining:?}")]
    Bound {
        /// For so much longer.
        remaining: Duration,
    },
    /// Ask again when the term that is being renewed is won, about one round trip from now.
    #[error("the leader is renewing its term")]
    Renewing,
    /// Too few voters of the target answer. It can be forced.
    #[error("no quorum of the new members can be reached now")]
    QuorumUnreachable,
    /// A leader votes. Let it hand over; the next leader can make it a learner.
    #[error("the leader can not make itself a learner: let it resign first")]
    LeaderAsLearner,
    /// Every voter of the target, or of the group, wants to leave it.
    #[error("no voter would be left")]
    NoVoterLeft,
    /// The leader stays until all other steps are taken, and makes one member too many.
    #[error("with the leader, which goes last, there would be too many members")]
    TooManyMembers,
    /// Every voter of the target has priority 0.
    #[error("no voter of the target may ever lead")]
    NobodyCouldLead,
    /// Memberships are numbered in 64 bits.
    #[error("no number is left for another membership")]
    VersionsExhausted,
    /// It is neither a member nor about to become one.
    #[error("it is no member")]
    NotAMember,
    /// It is this node itself: use [`Input::Leave`].
    #[error("it is this node itself")]
    ThisNode,
    /// Only a group that formed itself takes up discovered nodes: use [`Input::Reconfigure`].
    #[error("the group did not form itself: it has no limits to grow and shrink within")]
    NoLimits,
    /// See [`Limits::max_members`](crate::Limits::max_members).
    #[error("the group has its {max_members} members")]
    GroupFull {
        /// The limit.
        max_members: u8,
    },
    /// See [`Limits::min_members`](crate::Limits::min_members).
    #[error("the group has no more than its {min_members} members")]
    GroupTooSmall {
        /// The limit.
        min_members: u8,
    },
    /// Nobody else could lead now.
    #[error("no other voter could take over")]
    NoSuccessor,
    /// The node named cannot lead, has not answered of late, or its data do not reach far enough.
    #[error("the successor can not take over: {0}")]
    UnfitSuccessor(Unfit),
}

/// What a successor lacks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// It is no other voter of the membership.
    #[error("it is no other voter")]
    NotAVoter,
    /// Its priority is 0.
    #[error("its priority is 0")]
    NeverLeads,
    /// No promise of it is in force.
    #[error("it has not answered of late")]
    Silent,
    /// Too many voters are ahead of it.
    #[error("its position is behind that of too many voters")]
    Behind,
    /// It wants to leave the group.
    #[error("it is leaving the group")]
    Leaving,
}

/// For how long, and for which term, this node may act as leader.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Lease {
    /// The fencing token.
    pub term: Term,
    /// The instant, on this node's clock, before which no other node can hold a lease.
    pub until: Timestamp,
}

impl Lease {
    /// Whether it holds at `now`, read from the same clock after all outputs so far were acted on.
    #[must_use]
    pub fn holds_at(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

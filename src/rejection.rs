//! Why the host's command cannot be carried out.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use crate::membership::MAX_MEMBERS;
use crate::types::{Leader, Position, PromiseHolder, Term, Timestamp};

/// Why a command cannot be carried out. Nothing has changed.
///
/// [`Display`](fmt::Display) says in one sentence why, and what to do instead where there is something.
///
/// Non-exhaustive: a later version may tell more reasons apart. A host that does not know one treats it
/// like any other: it shows the text, and asks again when that helps.
#[derive(Clone, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub enum Rejection<I> {
    /// The clock must be monotonic. The election goes on from the latest reading it has seen.
    #[error("the clock ran backwards, from {last} to {now}: read a monotonic one")]
    ClockWentBackwards {
        /// The latest reading.
        last: Timestamp,
        /// This reading.
        now: Timestamp,
    },
    /// Readings end after 292 years, so that lengths can be added to them.
    #[error("the clock reads {now}, which is out of range")]
    ClockOutOfRange {
        /// This reading.
        now: Timestamp,
    },
    /// Only the leader can do that. Ask it.
    #[error(fmt = fmt_not_leader)]
    NotLeader {
        /// The leader, as far as this node knows.
        leader: Option<Leader<I>>,
    },
    /// This node has forgotten what it took part in, and takes no part until others have told it. Ask again after
    /// [`Event::Recovered`](crate::Event::Recovered).
    #[error("this node has forgotten what it took part in: ask again once others have told it")]
    Recovering,
    /// This node leads already, and need not campaign.
    #[error("this node leads already, in term {term}")]
    AlreadyLeads {
        /// The term.
        term: Term,
    },
    /// This node asks for votes or pre-votes already.
    #[error("this node campaigns already")]
    AlreadyCampaigning,
    /// This node may not lead, so it may not campaign.
    #[error("this node cannot lead: {0}")]
    CannotLead(Ineligible),
    /// This node is bound by promises, and may not campaign before they end.
    #[error(fmt = fmt_bound)]
    Bound {
        /// The node that holds the promise; `None` while a restarted node honours those that it has
        /// forgotten.
        holder: Option<PromiseHolder<I>>,
        /// For how much longer it is bound.
        remaining: Duration,
    },
    /// The leader is renewing its term. Ask again when it has, in about one round trip: [`Event::Elected`]
    /// says so.
    ///
    /// [`Event::Elected`]: crate::Event::Elected
    #[error("the leader is renewing its term: ask again in a moment")]
    Renewing,
    /// So few voters of the target answer that leadership would end with the change. Ask again once more
    /// of them do, or [force](crate::Input::Reconfigure) the change.
    #[error(
        "{quorum} voters of the target need to answer, and too few do: silent are {silent:?}; ask again once more of them \
         answer, or force the change"
    )]
    QuorumUnreachable {
        /// The voters of the target of which the leader holds no promise now. They have not answered of
        /// late, or not yet if it was elected a moment ago.
        silent: Vec<I>,
        /// How many voters of the target need to answer: a majority.
        quorum: usize,
    },
    /// The target makes the leader a learner, but a leader votes. Let it resign, and ask the next leader.
    #[error("the leader cannot make itself a learner: let it resign, and ask the next leader")]
    LeaderAsLearner,
    /// A quorum of the voters that would be left had none of the nodes that founded the group when all of them were
    /// blank. They would take the group for one that all have forgotten, if they forgot it, and found another. Rule 9.9.
    /// Keep more of them as voters.
    #[error(
        "each quorum needs one of the nodes that founded the group, {founders:?}: keep more of them as voters"
    )]
    TooFewFounders {
        /// The nodes that founded the group.
        founders: Vec<I>,
    },
    /// This node was built without the feature `reconfiguration`, so it changes no members. Ask a leader that was built
    /// with it; this node follows what that one does.
    #[error("this node was built without changes of members: ask a leader that was built with them")]
    ReconfigurationLeftOut,
    /// Every voter of the target wants to leave the group. Name at least one that stays.
    #[error("every voter of the target wants to leave the group: name one that stays")]
    NoVoterLeft,
    /// This node wants to leave, and is the only voter. Add another voter before.
    #[error("this node is the only voter: add another voter before")]
    OnlyVoter,
    /// The target lacks the leader, which stays until all other steps are taken and would be one member
    /// too many until then. Name fewer members, or let the leader resign before.
    #[error("with the leader, which leaves last, there would be more than {MAX_MEMBERS} members: name fewer")]
    TooManyMembers,
    /// Every voter of the target has priority 0, so that none could ever lead. Name another one, or raise
    /// the [priority](crate::Input::SetPriority) of one.
    #[error("every voter of the target has priority 0: name one that may lead")]
    NobodyCouldLead,
    /// Memberships are numbered in 64 bits, and the one in force has the last number.
    #[error("no number is left for another membership")]
    VersionsExhausted,
    /// The command is about a node that is no member, nor about to become one.
    #[error("node {id:?} is no member of the group")]
    NotAMember {
        /// That node.
        id: I,
    },
    /// A node knows of itself: [`Discovered`](crate::Input::Discovered) is about other nodes.
    #[error("this node need not be told of itself")]
    DiscoveredItself,
    /// A node is not lost to itself: use [`Input::Leave`](crate::Input::Leave) to remove this one.
    #[error("this node is not lost to itself: let it leave the group")]
    LostItself,
    /// Only a group that formed itself takes up discovered nodes and gives up lost ones: use
    /// [`Input::Reconfigure`](crate::Input::Reconfigure).
    #[error("the group did not form itself, and has no limits to grow and shrink within: reconfigure it")]
    NoLimits,
    /// The group has, or is about to have, as many members as it may. Remove one before.
    #[error(
        "the group has, or is about to have, as many members as it may ({max_members}): remove one before"
    )]
    GroupFull {
        /// See [`Limits::max_members`](crate::Limits::max_members).
        max_members: u8,
    },
    /// Without the lost node the group would have fewer voters than it may. Let it take up another before.
    #[error(
        "fewer than min_members ({min_members}) voters would be left: let the group take up another node before"
    )]
    GroupTooSmall {
        /// See [`Limits::min_members`](crate::Limits::min_members).
        min_members: u8,
    },
    /// No other voter could take over now. Ask again once one can, or resign
    /// [now](crate::Urgency::Now).
    #[error(fmt = fmt_no_successor)]
    NoSuccessor {
        /// All other voters, and what each lacks.
        unfit: Vec<(I, Unfit)>,
    },
    /// The node that was named cannot take over. Name another, or none.
    #[error("node {successor:?} cannot take over: {reason}")]
    UnfitSuccessor {
        /// That node.
        successor: I,
        /// What it lacks.
        reason: Unfit,
    },
}

/// What keeps a node from standing for election.
///
/// Non-exhaustive, like [`Rejection`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub enum Ineligible {
    /// It is no voter of the membership that it holds.
    #[error("it is no voter: let the leader add it as one")]
    NotAVoter,
    /// Its priority is 0: [set](crate::Input::SetPriority) another.
    #[error("its priority is 0: set another")]
    NeverLeads,
    /// It has forgotten before, and its data do not reach as far as they may have reached then: let it catch up, and
    /// [set](crate::Input::SetPosition) its position.
    #[error(
        "its data do not reach {required} yet, which they may have reached before it forgot: let it catch up"
    )]
    Behind {
        /// How far they have to reach.
        required: Position,
    },
    /// It is to form a group, and knows too few nodes: tell it of [others](crate::Input::Discovered).
    #[error("it knows {known} of the {min_members} or more nodes that form the group: tell it of others")]
    StillForming {
        /// How many it knows, itself included.
        known: usize,
        /// See [`Limits::min_members`](crate::Limits::min_members).
        min_members: u8,
    },
}

/// What a successor lacks.
///
/// Non-exhaustive, like [`Rejection`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub enum Unfit {
    /// It is the leader itself.
    #[error("it leads already")]
    AlreadyLeads,
    /// It is no voter of the membership in force.
    #[error("it is no voter: add it as one")]
    NotAVoter,
    /// Its priority is 0.
    #[error("its priority is 0: set another")]
    NeverLeads,
    /// The leader holds no promise of it. It has not answered of late, or not yet if the leader was
    /// elected a moment ago.
    #[error("it has not answered of late, or not yet: see whether it runs and can be reached")]
    Silent,
    /// The data of so many voters reach further than its own that it could not win.
    #[error("the data of too many voters reach further than its own: let it catch up")]
    Behind,
    /// It wants to leave the group.
    #[error("it is leaving the group: let another take over")]
    Leaving,
    /// It lost leadership soon after it had taken over, and has to be well for longer before its priority counts
    /// again. Rule 6.6. Find out what makes it stall; a [`Resign`](crate::Input::Resign) that names it is heeded.
    #[error(
        "it lost leadership soon after it took over: find out why, it takes over when it has been well for longer"
    )]
    Unsteady,
}

fn fmt_not_leader<I: fmt::Debug>(leader: &Option<Leader<I>>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match leader {
        Some(leader) => write!(f, "only the leader can do that: ask {leader}"),
        None => {
            f.write_str("only the leader can do that, and this node knows of none: ask again when it does")
        }
    }
}

fn fmt_bound<I: fmt::Debug>(
    holder: &Option<PromiseHolder<I>>,
    remaining: &Duration,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    match holder {
        Some(holder) => write!(f, "a promise to {holder} binds")?,
        None => f.write_str("promises from before its restart bind")?,
    }
    write!(f, " this node for another {remaining:?}: ask again then")
}

fn fmt_no_successor<I: fmt::Debug>(unfit: &[(I, Unfit)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if unfit.is_empty() {
        return f.write_str("there is no other voter to take over: add one");
    }
    f.write_str("no other voter can take over now")?;
    unfit.iter().try_for_each(|(id, reason)| write!(f, "; node {id:?}: {reason}"))
}

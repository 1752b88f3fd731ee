//! What nodes say to each other: two requests and their replies.
//!
//! A host carries a [`Message`] from the node that sends it to the node that it is for, and need not look
//! inside. The other types are public for transports that encode messages their own way, for tests and for
//! people who look at the traffic of a group; a message shows itself on one line by [`Display`](core::fmt::Display).

mod display;

use alloc::boxed::Box;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use crate::membership::Membership;
#[cfg(feature = "serde")]
use crate::types::NodeId;
pub use crate::types::Round;
use crate::types::{ClusterId, MembershipVersion, Nanos, Position, Priority, PromiseHolder, Term, Timestamp};

/// What one node says to another.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(serialize = "I: NodeId + Serialize", deserialize = "I: NodeId + Deserialize<'de>"))
)]
pub struct Message<I> {
    /// What every message says.
    pub header: Header,
    /// What this one says.
    pub body: Body<I>,
}

/// What every message says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Header {
    /// The group; another group's message is refused.
    pub cluster: ClusterId,
    /// The sender's term. A heartbeat's is the term that is led, a pre-vote's is the sender's own
    /// and not the one it proposes.
    pub term: Term,
    /// The version of the sender's membership.
    pub version: MembershipVersion,
    /// Whether the sender knows that a quorum has acknowledged that version, so that it can never
    /// be lost.
    pub committed: bool,
    /// A request's number; a reply echoes it.
    pub round: Round,
    /// When a request was sent, by its sender's clock; a reply echoes it. It means nothing to any other node,
    /// which never compares it.
    pub sent_at: Timestamp,
}

/// The four kinds of message.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(serialize = "I: NodeId + Serialize", deserialize = "I: NodeId + Deserialize<'de>"))
)]
pub enum Body<I> {
    /// "May I lead?"
    VoteRequest(VoteRequest<I>),
    /// "You may", or why not.
    VoteReply(VoteReply<I>),
    /// "I lead; follow no other for so long."
    Heartbeat(Heartbeat<I>),
    /// "For so long", or why not.
    HeartbeatReply(HeartbeatReply<I>),
}

/// Whether a vote is tried or cast.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum Phase {
    /// A pre-vote: changes no state anywhere (thesis §9.6).
    Pre,
    /// A vote: a promise, given once in a term.
    Real,
}

/// By what right a candidate stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum Claim<I> {
    /// Its own: nothing binds it any more.
    Own,
    /// It leads already and needs a higher term.
    Renewal,
    /// That leader of that term wants it to take over: as a pre-vote, to try whether it could; as
    /// a vote, because the leader has given up.
    Handover {
        /// The leader.
        leader: I,
        /// The term it leads, or led.
        term: Term,
    },
    /// None: it does not vote in the membership it holds, and only asks what has become of the group.
    Inquiry,
}

/// "May I lead?"
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(serialize = "I: NodeId + Serialize", deserialize = "I: NodeId + Deserialize<'de>"))
)]
pub struct VoteRequest<I> {
    /// Tried or cast.
    pub phase: Phase,
    /// By what right.
    pub claim: Claim<I>,
    /// How long a promise the vote shall be. Zero for a pre-vote.
    pub promise: Nanos,
    /// How far the candidate's data reach.
    pub position: Position,
    /// The candidate's whole membership while its version is of term 0, so that nodes bootstrapped
    /// with different lists find out.
    pub membership: Option<Box<Membership<I>>>,
}

/// What a request got.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum Answer<I> {
    /// Yes, with a promise of that length, counted by the receiver from the request's `sent_at`.
    Granted(Nanos),
    /// No.
    Denied(Denial<I>),
}

/// Why a request is refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum Denial<I> {
    /// A promise binds the voter.
    Bound {
        /// The node that holds the promise; `None` while a restarted voter honours promises that it has
        /// forgotten.
        to: Option<PromiseHolder<I>>,
        /// For how much longer.
        remaining: Nanos,
    },
    /// The vote of that term is gone.
    AlreadyVoted,
    /// The request's term is over; the reply's header carries the voter's.
    StaleTerm,
    /// The voter knows a newer membership; the reply carries it.
    StaleMembership,
    /// The voter's data reach further.
    PositionBehind(Position),
    /// The asker is no member; the reply carries the membership that says so.
    NotAMember,
    /// Both hold this version of the membership, with different members.
    MembershipConflict,
}

/// "You may", or why not.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(serialize = "I: NodeId + Serialize", deserialize = "I: NodeId + Deserialize<'de>"))
)]
pub struct VoteReply<I> {
    /// The phase of the request.
    pub phase: Phase,
    /// The term of the request.
    pub request_term: Term,
    /// What it got.
    pub answer: Answer<I>,
    /// The voter's membership, where the candidate's is older or lacks the candidate.
    pub membership: Option<Box<Membership<I>>>,
}

/// What a leader wants of its follower besides the promise.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum Order {
    /// Nothing.
    Follow,
    /// Try whether you could take over, and say when you can.
    Prepare,
    /// I have given up: campaign.
    Campaign,
}

/// "I lead; follow no other for so long."
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(serialize = "I: NodeId + Serialize", deserialize = "I: NodeId + Deserialize<'de>"))
)]
pub struct Heartbeat<I> {
    /// The promise asked for. Zero releases from all that were given to this leader.
    pub promise: Nanos,
    /// The follower's place in the succession, 0 first; `None` if it cannot lead.
    pub rank: Option<u8>,
    /// What else is wanted.
    pub order: Order,
    /// The version before, by a leader just elected: the one in force has the same members.
    pub inherited: Option<MembershipVersion>,
    /// The whole membership, for a follower that has not acknowledged its version, but for the first
    /// time if that can be `inherited`.
    pub membership: Option<Box<Membership<I>>>,
}

/// "For so long", or why not.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(serialize = "I: NodeId + Serialize", deserialize = "I: NodeId + Deserialize<'de>"))
)]
pub struct HeartbeatReply<I> {
    /// The term of the heartbeat.
    pub request_term: Term,
    /// What it got.
    pub answer: Answer<I>,
    /// How far the follower's data reach.
    pub position: Position,
    /// How much it wants to lead.
    pub priority: Priority,
    /// Whether it has tried, as ordered, and could take over.
    pub ready: bool,
    /// Whether it wants to be removed from the group.
    pub leaving: bool,
    /// The follower's membership, where it lacks the sender.
    pub membership: Option<Box<Membership<I>>>,
}

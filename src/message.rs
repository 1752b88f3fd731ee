//! What nodes say to each other: three requests and their replies.
//!
//! A host carries a [`Message`] from the node that sends it to the node that it is for, and need not look
//! inside. The other types are public for transports that encode messages their own way, for tests and for
//! people who look at the traffic of a group; a message shows itself on one line by [`Display`](core::fmt::Display).
//!
//! All types here are exhaustive on purpose: whatever is added to them changes what nodes say to each other,
//! and a transport that encodes messages its own way would lose it without a word.

mod display;
mod packed;
#[cfg(feature = "serde")]
mod serial_form;

use alloc::boxed::Box;
use core::fmt;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use self::packed::Packed;
use crate::membership::Membership;
#[cfg(feature = "serde")]
use crate::types::NodeId;
pub use crate::types::Round;
use crate::types::{
    ClusterId, Incarnation, Life, MembershipVersion, Nanos, Position, Priority, PromiseHolder, Term,
    Timestamp,
};

/// A message from one node to another: a [`Header`], which every message has, and a [`Body`], which tells what kind of
/// message it is.
///
/// A message is moved often, and hosts of many groups have many of them under way. So it is packed: it takes 96 bytes if an
/// id takes 8, where its two parts take 136. [`header`](Self::header) and [`body`](Self::body) unpack them.
///
/// ```
/// use quorate::message::{Body, Message};
/// use quorate::{ClusterId, Config, Election, HardState, Output, Timestamp};
/// # use rand_chacha::rand_core::SeedableRng;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let saved = HardState::bootstrap(ClusterId(7), [1_u64, 2, 3])?;
/// # let rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let mut election = Election::new(Config::new(1), saved, Timestamp::ORIGIN, rng)?;
/// let outputs = election.tick(election.deadline().unwrap_or_default());
/// for output in outputs {
///     let Output::Send { message, .. } = output else { continue };
///     assert_eq!(message.header().cluster, ClusterId(7));
///     assert!(matches!(message.body(), Body::VoteRequest(_)));
///     // The parts of a message are a message again.
///     let (header, body) = message.clone().into_parts();
///     assert_eq!(Message::new(header, body), message);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Message<I> {
    cluster: ClusterId,
    life: Life,
    term: Term,
    version: MembershipVersion,
    round: Round,
    sent_at: Timestamp,
    packed: Packed<I>,
}

impl<I: Copy> Message<I> {
    /// The message of these two parts.
    #[must_use]
    #[inline]
    pub fn new(header: Header, body: Body<I>) -> Self {
        let Header { cluster, life, term, version, committed, round, sent_at } = header;
        let packed = Packed::new(body, committed);
        Message { cluster, life, term, version, round, sent_at, packed }
    }

    /// The part that tells what kind of message it is. A membership that it encloses is copied;
    /// [`into_parts`](Self::into_parts) moves it.
    #[must_use]
    #[inline]
    pub fn body(&self) -> Body<I> {
        self.packed.body()
    }

    /// Changes one part, or both.
    #[inline]
    pub fn modify(&mut self, change: impl FnOnce(&mut Header, &mut Body<I>)) {
        let (mut header, mut body) = (self.header(), self.body());
        change(&mut header, &mut body);
        *self = Message::new(header, body);
    }

    /// Both parts.
    #[must_use]
    #[inline]
    pub fn into_parts(self) -> (Header, Body<I>) {
        (self.header(), self.packed.unpack())
    }

    /// As [`new`](Self::new), without a detour over the kinds of bodies.
    #[inline]
    pub(crate) fn of_heartbeat(header: Header, heartbeat: Heartbeat<I>) -> Self {
        let Header { cluster, life, term, version, committed, round, sent_at } = header;
        let packed = Packed::heartbeat(heartbeat, committed);
        Message { cluster, life, term, version, round, sent_at, packed }
    }

    /// As [`new`](Self::new), without a detour over the kinds of bodies.
    #[inline]
    pub(crate) fn of_heartbeat_reply(header: Header, reply: HeartbeatReply<I>) -> Self {
        let Header { cluster, life, term, version, committed, round, sent_at } = header;
        let packed = Packed::heartbeat_reply(reply, committed);
        Message { cluster, life, term, version, round, sent_at, packed }
    }
}

impl<I> Message<I> {
    /// The part that every message has.
    #[must_use]
    #[inline]
    pub fn header(&self) -> Header {
        let &Message { cluster, life, term, version, round, sent_at, ref packed } = self;
        Header { cluster, life, term, version, committed: packed.is_committed(), round, sent_at }
    }

    /// What a heartbeat says that is like nearly all others.
    #[inline]
    pub(crate) fn plain_heartbeat(&self) -> Option<PlainHeartbeat> {
        self.packed.plain_heartbeat()
    }

    /// What the reply to a heartbeat says that is like nearly all others.
    #[inline]
    pub(crate) fn plain_reply(&self) -> Option<PlainReply> {
        self.packed.plain_reply()
    }

    /// The membership that the body encloses, if it does.
    #[must_use]
    pub fn membership(&self) -> Option<&Membership<I>> {
        self.packed.membership()
    }
}

impl<I: fmt::Debug> fmt::Debug for Message<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("header", &self.header()).field("body", &self.packed).finish()
    }
}

/// A heartbeat that has its receiver follow and encloses nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlainHeartbeat {
    pub(crate) promise: Nanos,
    pub(crate) rank: Option<u8>,
}

/// The reply to a heartbeat that grants a promise and encloses nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlainReply {
    pub(crate) request_term: Term,
    pub(crate) granted: Nanos,
    pub(crate) position: Position,
    pub(crate) priority: Priority,
    pub(crate) leaving: bool,
}

/// The part that every message has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Header {
    /// The group of the sender. A message of another group is ignored.
    pub cluster: ClusterId,
    /// The life of that group, [`Life::NONE`] while the sender belongs to none. A message of another life is ignored.
    pub life: Life,
    /// The term of the sender. In a heartbeat it is the term that the sender leads; in a pre-vote it is the
    /// present term of the sender and not the next one, which it would campaign in.
    pub term: Term,
    /// The version of the sender's membership.
    pub version: MembershipVersion,
    /// Whether the sender knows that a quorum has acknowledged that version, so that it can never be lost.
    pub committed: bool,
    /// The number of a request; a reply echoes it.
    pub round: Round,
    /// When a request was sent, by its sender's clock; a reply echoes it. It means nothing to any other node,
    /// which never compares it.
    pub sent_at: Timestamp,
}

/// The kinds of message.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "I: NodeId + Deserialize<'de>")))]
pub enum Body<I> {
    /// A request for a vote or a pre-vote: "May I lead?"
    VoteRequest(VoteRequest<I>),
    /// The reply to a vote request: "You may", or why not.
    VoteReply(VoteReply<I>),
    /// A heartbeat of a leader: "I lead; follow no other node for so long."
    Heartbeat(Heartbeat<I>),
    /// The reply to a heartbeat: "I follow for so long", or why not.
    HeartbeatReply(HeartbeatReply<I>),
    /// The request of a node that has forgotten what it took part in: "What do you hold?" Its header names no term and
    /// no version.
    RecoveryRequest,
    /// The reply to a recovery request: what the sender holds.
    RecoveryReply(RecoveryReply<I>),
    /// The reply to a recovery request of a node that has nothing, either. Its header names no life, no term and no
    /// version.
    BlankReply(BlankReply),
}

/// Whether a candidate asks for votes or only whether it would get them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum Phase {
    /// A pre-vote, which changes no state anywhere (thesis §9.6).
    Pre,
    /// A vote, which is given once in a term and is a promise.
    Real,
}

/// The reason why a node asks for votes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum Claim<I> {
    /// No promise binds it any more.
    Own,
    /// It leads already and needs a higher term. Rule 5.1.
    Renewal,
    /// A leader wants it to take over. A pre-vote tries whether it could; with a vote, the leader has given
    /// up leadership. Rules 6.2 and 6.3.
    Handover {
        /// The leader.
        leader: I,
        /// The term that this leader leads, or led.
        term: Term,
    },
    /// It does not vote in the membership that it holds, and only asks what has become of the group.
    /// Rule 8.3.
    Inquiry,
}

/// A request for a vote or a pre-vote.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "I: NodeId + Deserialize<'de>")))]
pub struct VoteRequest<I> {
    /// Whether this is a pre-vote or a vote.
    pub phase: Phase,
    /// The reason of the request.
    pub claim: Claim<I>,
    /// The length of the promise that the vote is to be; zero for a pre-vote.
    pub promise: Nanos,
    /// How far the data of the candidate reach.
    pub position: Position,
    /// The candidate's whole membership while its version is of term 0, so that nodes bootstrapped
    /// with different lists find out.
    pub membership: Option<Box<Membership<I>>>,
}

/// The answer to a request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum Answer<I> {
    /// The request is granted, with a promise of that length. The node that asked counts it from the `sent_at` of
    /// its request. Rule 3.1.
    Granted(Nanos),
    /// The request is denied.
    Denied(Denial<I>),
}

/// Why a request is denied.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum Denial<I> {
    /// A promise binds the voter.
    Bound {
        /// The node that holds the promise; `None` while a restarted voter honours promises that it has
        /// forgotten.
        to: Option<PromiseHolder<I>>,
        /// For how much longer the voter is bound.
        remaining: Nanos,
    },
    /// The voter has given its vote of that term to another node.
    AlreadyVoted,
    /// The term of the request is over; the header of the reply has the voter's term.
    StaleTerm,
    /// The voter holds a newer membership, which the reply carries.
    StaleMembership,
    /// The data of the voter reach further: as far as this.
    PositionBehind(Position),
    /// The node that asks is no member; the reply carries the membership that says so.
    NotAMember,
    /// Both nodes hold this version of the membership, with different members.
    MembershipConflict,
    /// The node that asks belongs to a group of another life; the header of the reply has the voter's.
    OtherLife,
}

/// The reply to a request for a vote or a pre-vote.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "I: NodeId + Deserialize<'de>")))]
pub struct VoteReply<I> {
    /// Whether the request was for a pre-vote or a vote.
    pub phase: Phase,
    /// The term of the request.
    pub request_term: Term,
    /// The answer.
    pub answer: Answer<I>,
    /// The membership of the voter, where that of the candidate is older, or this one lacks the candidate.
    pub membership: Option<Box<Membership<I>>>,
}

/// What a leader asks of a follower besides the promise. Section 6.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum Order {
    /// To follow, and nothing else.
    Follow,
    /// To try whether it could take over, and to say when it can.
    Prepare {
        /// The round of the first heartbeat of this attempt. What the follower found out in an earlier attempt
        /// does not count. Rule 6.2.
        attempt: Round,
    },
    /// To campaign, as the leader has given up leadership (thesis §3.10: `TimeoutNow`).
    Campaign,
}

/// A heartbeat of a leader.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "I: NodeId + Deserialize<'de>")))]
pub struct Heartbeat<I> {
    /// The length of the promise that the leader asks for. Zero ends all promises that were given to it.
    pub promise: Nanos,
    /// The place of the follower in the succession, 0 first; `None` if it cannot lead.
    pub rank: Option<u8>,
    /// What else the leader asks for.
    pub order: Order,
    /// From a leader that was just elected, the version before the one in force, which has the same members:
    /// a follower that holds that version needs no list. Rule 7.1.
    pub inherited: Option<MembershipVersion>,
    /// The whole membership, for a follower that has not acknowledged its version. The first heartbeat goes
    /// without if the follower may hold the `inherited` version.
    pub membership: Option<Box<Membership<I>>>,
}

/// The reply to a heartbeat.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "I: NodeId + Deserialize<'de>")))]
pub struct HeartbeatReply<I> {
    /// The term of the heartbeat.
    pub request_term: Term,
    /// The answer.
    pub answer: Answer<I>,
    /// How far the data of the follower reach.
    pub position: Position,
    /// How much the follower wants to lead.
    pub priority: Priority,
    /// Whether the follower has tried, as ordered, and could take over.
    pub ready: bool,
    /// Whether the follower wants to be removed from the group.
    pub leaving: bool,
    /// The membership of the follower, where it lacks the leader.
    pub membership: Option<Box<Membership<I>>>,
}

/// The reply to the request of a node that has forgotten. Its header has the term and the version of the sender, and
/// whether that is known to be committed. Section 9.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "I: NodeId + Deserialize<'de>")))]
pub struct RecoveryReply<I> {
    /// How far the data of a candidate have to reach for the vote of the sender.
    pub position: Position,
    /// The membership of the sender.
    pub membership: Box<Membership<I>>,
}

/// The reply of a node that has forgotten to the request of another one. If all nodes of a list have, they found a group.
/// Rule 9.6.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct BlankReply {
    /// The fingerprint of the list that the sender was started with; 0 if it may not found a group.
    pub list: u64,
    /// Which of its starts the sender is in.
    pub incarnation: Incarnation,
    /// The life that the sender is pledged to found.
    pub pledge: Option<Life>,
    /// The least first term that the sender may found a group with: the time that its wall clock shows, in units of
    /// 2^-20 seconds.
    pub first_term: Term,
}

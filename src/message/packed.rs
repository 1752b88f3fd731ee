//! How a body lies in memory: in 40 bytes if an id takes 8, where [`Body`] takes 72.
//!
//! Each kind of message has room for what is usual. What is rare is in a box of its own: an enclosed membership, a length
//! of time beyond 18 minutes, the leader that hands over. No heartbeat and no reply without a list of members has such a
//! box, nor has a vote.

use alloc::boxed::Box;
use core::fmt;

use super::{
    Answer, BlankReply, Body, Claim, Denial, Heartbeat, HeartbeatReply, Order, Phase, PlainHeartbeat,
    PlainReply, RecoveryReply, VoteReply, VoteRequest,
};
use crate::membership::Membership;
use crate::types::{
    Incarnation, Leader, Life, MembershipVersion, Nanos, Position, Priority, PromiseHolder, Round, Term,
};

/// The body of a message, and whether the sender knows its membership to be committed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Packed<I> {
    VoteRequest {
        position: Position,
        rare: Option<Box<Rare<I>>>,
        promise: Length,
        phase: Phase,
        claim: PlainClaim,
        committed: bool,
    },
    VoteReply {
        request_term: Term,
        rare: Option<Box<Rare<I>>>,
        /// What is granted, or how long the quarantine of the voter lasts.
        length: Length,
        phase: Phase,
        denial: Option<PlainDenial>,
        committed: bool,
    },
    /// The reply of a voter that is bound to a node.
    BoundVoteReply {
        request_term: Term,
        to: PromiseHolder<I>,
        rare: Option<Box<Rare<I>>>,
        remaining: Length,
        phase: Phase,
        committed: bool,
    },
    /// The reply of a voter whose data reach further.
    BehindVoteReply {
        request_term: Term,
        reached: Position,
        rare: Option<Box<Rare<I>>>,
        phase: Phase,
        committed: bool,
    },
    Heartbeat {
        /// Of no meaning unless the order is to prepare.
        attempt: Round,
        /// Of no meaning unless the flags say that there is one.
        inherited: MembershipVersion,
        rare: Option<Box<Rare<I>>>,
        promise: Length,
        /// Of no meaning unless the flags say that there is one.
        rank: u8,
        flags: Flags,
    },
    HeartbeatReply {
        request_term: Term,
        position: Position,
        rare: Option<Box<Rare<I>>>,
        granted: Length,
        priority: Priority,
        flags: Flags,
    },
    DeniedHeartbeat {
        request_term: Term,
        position: Position,
        rare: Option<Box<Rare<I>>>,
        denial: PlainDenial,
        priority: Priority,
        flags: Flags,
    },
    RecoveryRequest {
        committed: bool,
    },
    RecoveryReply {
        position: Position,
        membership: Box<Membership<I>>,
        committed: bool,
    },
    BlankReply {
        list: u64,
        incarnation: Incarnation,
        /// Of no meaning unless there is one.
        pledge: Life,
        first_term: Term,
        has_pledge: bool,
        committed: bool,
    },
}

/// What seldom comes with a message.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Rare<I> {
    membership: Option<Box<Membership<I>>>,
    /// A length of time that takes more than five bytes.
    long: Option<Nanos>,
    /// What the denial of a heartbeat tells, which no voter tells: of votes this is in the variants.
    denial: Option<Denial<I>>,
    /// The claim of a candidate that takes over.
    handover: Option<Leader<I>>,
}

/// A claim but for a handover.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum PlainClaim {
    Own,
    Renewal,
    Inquiry,
}

/// A denial without what some of them tell.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum PlainDenial {
    /// The promises from before the restart of the voter bind it.
    Quarantined,
    AlreadyVoted,
    StaleTerm,
    StaleMembership,
    NotAMember,
    MembershipConflict,
    OtherLife,
}

/// A length of time of up to 18 minutes: 40 bits of nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Length([u8; 5]);

impl Length {
    /// The length, or zero and what is to be kept elsewhere.
    #[inline]
    fn split(length: Nanos) -> (Length, Option<Nanos>) {
        let [a, b, c, d, e, ..] = length.0.to_le_bytes();
        if length.0 < 1 << 40 { (Length([a, b, c, d, e]), None) } else { (Length([0; 5]), Some(length)) }
    }

    #[inline]
    fn join(self, long: Option<Nanos>) -> Nanos {
        let [a, b, c, d, e] = self.0;
        long.unwrap_or(Nanos(u64::from_le_bytes([a, b, c, d, e, 0, 0, 0])))
    }
}

impl fmt::Debug for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.join(None).fmt(f)
    }
}

/// Several yes or no in one byte.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Flags(u8);

impl Flags {
    const COMMITTED: u8 = 1;
    const READY: u8 = 1 << 1;
    const LEAVING: u8 = 1 << 2;
    const RANKED: u8 = 1 << 3;
    const INHERITED: u8 = 1 << 4;
    const PREPARE: u8 = 1 << 5;
    const CAMPAIGN: u8 = 1 << 6;

    #[inline]
    fn new<const N: usize>(flags: [(u8, bool); N]) -> Flags {
        // Without a branch for each: all bits of the mask are set, or none.
        Flags(flags.into_iter().fold(0, |all, (flag, is_set)| all | flag & 0_u8.wrapping_sub(is_set.into())))
    }

    #[inline]
    fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Flags::COMMITTED, "committed"),
            (Flags::READY, "ready"),
            (Flags::LEAVING, "leaving"),
            (Flags::RANKED, "ranked"),
            (Flags::INHERITED, "inherited"),
            (Flags::PREPARE, "prepare"),
            (Flags::CAMPAIGN, "campaign"),
        ];
        f.debug_set().entries(names.iter().filter(|(flag, _)| self.has(*flag)).map(|(_, name)| name)).finish()
    }
}

impl<I: Copy> Rare<I> {
    /// A box, if there is anything to put into it.
    #[inline]
    fn of(
        membership: Option<Box<Membership<I>>>,
        long: Option<Nanos>,
        denial: Option<Denial<I>>,
        handover: Option<Leader<I>>,
    ) -> Option<Box<Self>> {
        let is_empty = membership.is_none() && long.is_none() && denial.is_none() && handover.is_none();
        (!is_empty).then(|| Box::new(Rare { membership, long, denial, handover }))
    }
}

impl<I> Packed<I> {
    /// The membership that is enclosed.
    pub(super) fn membership(&self) -> Option<&Membership<I>> {
        match self {
            Packed::RecoveryReply { membership, .. } => Some(membership),
            _ => self.rare()?.membership.as_deref(),
        }
    }

    #[inline]
    fn rare(&self) -> Option<&Rare<I>> {
        match self {
            Packed::VoteRequest { rare, .. }
            | Packed::VoteReply { rare, .. }
            | Packed::BoundVoteReply { rare, .. }
            | Packed::BehindVoteReply { rare, .. }
            | Packed::Heartbeat { rare, .. }
            | Packed::HeartbeatReply { rare, .. }
            | Packed::DeniedHeartbeat { rare, .. } => rare.as_deref(),
            Packed::RecoveryRequest { .. } | Packed::RecoveryReply { .. } | Packed::BlankReply { .. } => None,
        }
    }

    #[inline]
    fn rare_mut(&mut self) -> Option<&mut Rare<I>> {
        match self {
            Packed::VoteRequest { rare, .. }
            | Packed::VoteReply { rare, .. }
            | Packed::BoundVoteReply { rare, .. }
            | Packed::BehindVoteReply { rare, .. }
            | Packed::Heartbeat { rare, .. }
            | Packed::HeartbeatReply { rare, .. }
            | Packed::DeniedHeartbeat { rare, .. } => rare.as_deref_mut(),
            Packed::RecoveryRequest { .. } | Packed::RecoveryReply { .. } | Packed::BlankReply { .. } => None,
        }
    }

    #[inline]
    pub(super) fn plain_heartbeat(&self) -> Option<PlainHeartbeat> {
        match *self {
            Packed::Heartbeat { promise, rank, flags, rare: None, .. } => {
                let has_order = flags.has(Flags::PREPARE | Flags::CAMPAIGN);
                let rank = flags.has(Flags::RANKED).then_some(rank);
                (!has_order).then(|| PlainHeartbeat { promise: promise.join(None), rank })
            }
            _ => None,
        }
    }

    #[inline]
    pub(super) fn plain_reply(&self) -> Option<PlainReply> {
        match *self {
            Packed::HeartbeatReply { request_term, position, granted, priority, flags, rare: None } => {
                let granted = granted.join(None);
                let leaving = flags.has(Flags::LEAVING);
                Some(PlainReply { request_term, granted, position, priority, leaving })
            }
            _ => None,
        }
    }

    #[inline]
    pub(super) fn is_committed(&self) -> bool {
        match self {
            Packed::VoteRequest { committed, .. }
            | Packed::VoteReply { committed, .. }
            | Packed::BoundVoteReply { committed, .. }
            | Packed::BehindVoteReply { committed, .. }
            | Packed::RecoveryRequest { committed }
            | Packed::RecoveryReply { committed, .. }
            | Packed::BlankReply { committed, .. } => *committed,
            Packed::Heartbeat { flags, .. }
            | Packed::HeartbeatReply { flags, .. }
            | Packed::DeniedHeartbeat { flags, .. } => flags.has(Flags::COMMITTED),
        }
    }
}

impl<I: Copy> Packed<I> {
    #[inline]
    pub(super) fn new(body: Body<I>, committed: bool) -> Self {
        match body {
            Body::VoteRequest(request) => Self::vote_request(request, committed),
            Body::VoteReply(reply) => Self::vote_reply(reply, committed),
            Body::Heartbeat(heartbeat) => Self::heartbeat(heartbeat, committed),
            Body::HeartbeatReply(reply) => Self::heartbeat_reply(reply, committed),
            Body::RecoveryRequest => Packed::RecoveryRequest { committed },
            Body::RecoveryReply(RecoveryReply { position, membership }) => {
                Packed::RecoveryReply { position, membership, committed }
            }
            Body::BlankReply(BlankReply { list, incarnation, pledge, first_term }) => Packed::BlankReply {
                list,
                incarnation,
                pledge: pledge.unwrap_or(Life::NONE),
                first_term,
                has_pledge: pledge.is_some(),
                committed,
            },
        }
    }

    fn vote_request(request: VoteRequest<I>, committed: bool) -> Self {
        let VoteRequest { phase, claim, promise, position, membership } = request;
        let (promise, long) = Length::split(promise);
        let (claim, handover) = match claim {
            Claim::Own => (PlainClaim::Own, None),
            Claim::Renewal => (PlainClaim::Renewal, None),
            Claim::Inquiry => (PlainClaim::Inquiry, None),
            Claim::Handover { leader, term } => (PlainClaim::Own, Some(Leader { id: leader, term })),
        };
        let rare = Rare::of(membership, long, None, handover);
        Packed::VoteRequest { position, rare, promise, phase, claim, committed }
    }

    fn vote_reply(reply: VoteReply<I>, committed: bool) -> Self {
        let VoteReply { phase, request_term, answer, membership } = reply;
        let (length, denial) = match answer {
            Answer::Granted(length) => (length, None),
            Answer::Denied(Denial::Bound { to: Some(to), remaining }) => {
                let (remaining, long) = Length::split(remaining);
                let rare = Rare::of(membership, long, None, None);
                return Packed::BoundVoteReply { request_term, to, rare, remaining, phase, committed };
            }
            Answer::Denied(Denial::PositionBehind(reached)) => {
                let rare = Rare::of(membership, None, None, None);
                return Packed::BehindVoteReply { request_term, reached, rare, phase, committed };
            }
            Answer::Denied(Denial::Bound { to: None, remaining }) => {
                (remaining, Some(PlainDenial::Quarantined))
            }
            Answer::Denied(denial) => (Nanos::ZERO, Some(PlainDenial::of(denial))),
        };
        let (length, long) = Length::split(length);
        let rare = Rare::of(membership, long, None, None);
        Packed::VoteReply { request_term, rare, length, phase, denial, committed }
    }

    #[inline]
    pub(super) fn heartbeat(heartbeat: Heartbeat<I>, committed: bool) -> Self {
        let Heartbeat { promise, rank, order, inherited, membership } = heartbeat;
        let (promise, long) = Length::split(promise);
        let (attempt, prepare, campaign) = match order {
            Order::Follow => (Round(0), false, false),
            Order::Prepare { attempt } => (attempt, true, false),
            Order::Campaign => (Round(0), false, true),
        };
        let flags = Flags::new([
            (Flags::COMMITTED, committed),
            (Flags::RANKED, rank.is_some()),
            (Flags::INHERITED, inherited.is_some()),
            (Flags::PREPARE, prepare),
            (Flags::CAMPAIGN, campaign),
        ]);
        Packed::Heartbeat {
            attempt,
            inherited: inherited.unwrap_or_default(),
            rare: Rare::of(membership, long, None, None),
            promise,
            rank: rank.unwrap_or_default(),
            flags,
        }
    }

    #[inline]
    pub(super) fn heartbeat_reply(reply: HeartbeatReply<I>, committed: bool) -> Self {
        let HeartbeatReply { request_term, answer, position, priority, ready, leaving, membership } = reply;
        let flags =
            Flags::new([(Flags::COMMITTED, committed), (Flags::READY, ready), (Flags::LEAVING, leaving)]);
        match answer {
            Answer::Granted(granted) => {
                let (granted, long) = Length::split(granted);
                let rare = Rare::of(membership, long, None, None);
                Packed::HeartbeatReply { request_term, position, rare, granted, priority, flags }
            }
            Answer::Denied(denial) => {
                let telling = matches!(denial, Denial::Bound { .. } | Denial::PositionBehind(_));
                let rare = Rare::of(membership, None, telling.then_some(denial), None);
                let denial = PlainDenial::of(denial);
                Packed::DeniedHeartbeat { request_term, position, rare, denial, priority, flags }
            }
        }
    }

    /// The body in full.
    #[inline]
    pub(super) fn unpack(mut self) -> Body<I> {
        let membership = self.rare_mut().and_then(|rare| rare.membership.take());
        match self {
            Packed::RecoveryReply { position, membership, .. } => {
                Body::RecoveryReply(RecoveryReply { position, membership })
            }
            _ => self.body_with(membership),
        }
    }

    /// A copy of the body.
    #[inline]
    pub(super) fn body(&self) -> Body<I> {
        self.body_with(self.rare().and_then(|rare| rare.membership.clone()))
    }

    /// The body in full, which encloses `membership`.
    fn body_with(&self, membership: Option<Box<Membership<I>>>) -> Body<I> {
        let long = self.rare().and_then(|rare| rare.long);
        match *self {
            Packed::VoteRequest { position, promise, phase, claim, .. } => {
                let claim = match (self.rare().and_then(|rare| rare.handover), claim) {
                    (Some(Leader { id: leader, term }), _) => Claim::Handover { leader, term },
                    (None, PlainClaim::Own) => Claim::Own,
                    (None, PlainClaim::Renewal) => Claim::Renewal,
                    (None, PlainClaim::Inquiry) => Claim::Inquiry,
                };
                let promise = promise.join(long);
                Body::VoteRequest(VoteRequest { phase, claim, promise, position, membership })
            }
            Packed::VoteReply { request_term, length, phase, denial, .. } => {
                let length = length.join(long);
                let answer = match denial {
                    Some(denial) => Answer::Denied(denial.in_full(length)),
                    None => Answer::Granted(length),
                };
                Body::VoteReply(VoteReply { phase, request_term, answer, membership })
            }
            Packed::BoundVoteReply { request_term, to, remaining, phase, .. } => {
                let denial = Denial::Bound { to: Some(to), remaining: remaining.join(long) };
                let answer = Answer::Denied(denial);
                Body::VoteReply(VoteReply { phase, request_term, answer, membership })
            }
            Packed::BehindVoteReply { request_term, reached, phase, .. } => {
                let answer = Answer::Denied(Denial::PositionBehind(reached));
                Body::VoteReply(VoteReply { phase, request_term, answer, membership })
            }
            Packed::Heartbeat { attempt, inherited, promise, rank, flags, .. } => {
                let plain = plain_heartbeat(attempt, inherited, promise.join(long), rank, flags);
                Body::Heartbeat(Heartbeat { membership, ..plain })
            }
            Packed::HeartbeatReply { request_term, position, granted, priority, flags, .. } => {
                let answer = Answer::Granted(granted.join(long));
                let plain = plain_reply(request_term, answer, position, priority, flags);
                Body::HeartbeatReply(HeartbeatReply { membership, ..plain })
            }
            Packed::DeniedHeartbeat { request_term, position, denial, priority, flags, .. } => {
                let told = self.rare().and_then(|rare| rare.denial);
                let answer = Answer::Denied(told.unwrap_or(denial.in_full(Nanos::ZERO)));
                let plain = plain_reply(request_term, answer, position, priority, flags);
                Body::HeartbeatReply(HeartbeatReply { membership, ..plain })
            }
            Packed::RecoveryRequest { .. } => Body::RecoveryRequest,
            Packed::RecoveryReply { position, ref membership, .. } => {
                Body::RecoveryReply(RecoveryReply { position, membership: membership.clone() })
            }
            Packed::BlankReply { list, incarnation, pledge, first_term, has_pledge, .. } => {
                let pledge = has_pledge.then_some(pledge);
                Body::BlankReply(BlankReply { list, incarnation, pledge, first_term })
            }
        }
    }
}

#[inline]
fn plain_heartbeat<I>(
    attempt: Round,
    inherited: MembershipVersion,
    promise: Nanos,
    rank: u8,
    flags: Flags,
) -> Heartbeat<I> {
    let order = match (flags.has(Flags::PREPARE), flags.has(Flags::CAMPAIGN)) {
        (true, _) => Order::Prepare { attempt },
        (false, true) => Order::Campaign,
        (false, false) => Order::Follow,
    };
    Heartbeat {
        promise,
        rank: flags.has(Flags::RANKED).then_some(rank),
        order,
        inherited: flags.has(Flags::INHERITED).then_some(inherited),
        membership: None,
    }
}

#[inline]
fn plain_reply<I>(
    request_term: Term,
    answer: Answer<I>,
    position: Position,
    priority: Priority,
    flags: Flags,
) -> HeartbeatReply<I> {
    HeartbeatReply {
        request_term,
        answer,
        position,
        priority,
        ready: flags.has(Flags::READY),
        leaving: flags.has(Flags::LEAVING),
        membership: None,
    }
}

impl PlainDenial {
    fn of<I>(denial: Denial<I>) -> Self {
        match denial {
            // Of these two the box tells more.
            Denial::Bound { .. } | Denial::PositionBehind(_) => PlainDenial::Quarantined,
            Denial::AlreadyVoted => PlainDenial::AlreadyVoted,
            Denial::StaleTerm => PlainDenial::StaleTerm,
            Denial::StaleMembership => PlainDenial::StaleMembership,
            Denial::NotAMember => PlainDenial::NotAMember,
            Denial::MembershipConflict => PlainDenial::MembershipConflict,
            Denial::OtherLife => PlainDenial::OtherLife,
        }
    }

    fn in_full<I>(self, remaining: Nanos) -> Denial<I> {
        match self {
            PlainDenial::Quarantined => Denial::Bound { to: None, remaining },
            PlainDenial::AlreadyVoted => Denial::AlreadyVoted,
            PlainDenial::StaleTerm => Denial::StaleTerm,
            PlainDenial::StaleMembership => Denial::StaleMembership,
            PlainDenial::NotAMember => Denial::NotAMember,
            PlainDenial::MembershipConflict => Denial::MembershipConflict,
            PlainDenial::OtherLife => Denial::OtherLife,
        }
    }
}

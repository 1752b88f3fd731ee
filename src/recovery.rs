//! What a node that has forgotten learns from the others, and when that is enough to come back. Section 9.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::membership::{Membership, is_newer_config};
use crate::message::Header;
use crate::types::{MembershipVersion, NEVER, Nanos, NodeId, Position, Round, Term, Timestamp};

/// A node that has forgotten what it took part in, and asks the others.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Recovery<I> {
    /// Until then a promise that the node has forgotten may be in force. Rule 9.1.
    pub(crate) wait_until: Timestamp,
    /// When the next round of requests begins.
    pub(crate) next_round: Timestamp,
    /// How long the round after that lasts.
    pause: Nanos,
    /// The round of requests that is under way. Replies to any other count for nothing. Rule 9.3.
    round: Option<Round>,
    /// The replies in this round, at most one of each node that was asked.
    replies: Vec<Reply<I>>,
    /// The newest membership among the replies in this round.
    newest: Option<Known<I>>,
    /// The newest membership of an earlier round, whose members are asked as well.
    contacts: Option<Box<Membership<I>>>,
    /// The last leader that wrote to this node, which is asked as well.
    pub(crate) leader: Option<I>,
}

/// What a node has replied in this round.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Reply<I> {
    from: I,
    term: Term,
    position: Position,
}

/// A membership, and whether a node knows that it is committed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Known<I> {
    pub(crate) membership: Box<Membership<I>>,
    pub(crate) committed: bool,
}

/// What a node comes back with. Rule 9.4.
pub(crate) struct Recovered<I> {
    pub(crate) term: Term,
    pub(crate) known: Known<I>,
    /// How far the data reach that a quorum may have held.
    pub(crate) position: Position,
}

impl<I: NodeId> Recovery<I> {
    /// A node that asks from `wait_until` on.
    pub(crate) fn new(wait_until: Timestamp, first_pause: Nanos) -> Box<Self> {
        Box::new(Recovery {
            wait_until,
            next_round: wait_until,
            pause: first_pause,
            round: None,
            replies: Vec::new(),
            newest: None,
            contacts: None,
            leader: None,
        })
    }

    /// Begins a round. Rounds last twice as long each time, up to `longest`.
    pub(crate) fn begin_round(&mut self, round: Round, now: Timestamp, longest: Nanos) {
        self.round = Some(round);
        self.replies.clear();
        if let Some(known) = self.newest.take() {
            self.contacts = Some(known.membership);
        }
        self.next_round = now.after(self.pause);
        self.pause = self.pause.saturating_mul(2).min(longest);
    }

    /// Whether a reply with this header belongs to the round that is under way. Rule 9.3.
    pub(crate) fn has_asked(&self, reply: &Header) -> bool {
        self.round == Some(reply.round)
    }

    /// Whether `membership` cannot be right beside the newest one among the replies. Rule 7.4.
    pub(crate) fn contradicts(&self, membership: &Membership<I>) -> bool {
        self.newest.as_ref().is_some_and(|known| known.membership.contradicts(membership))
    }

    /// Records a reply of `from`. Returns whether its membership is the newest so far, whose members have to be asked
    /// as well.
    pub(crate) fn record(
        &mut self,
        from: I,
        header: &Header,
        position: Position,
        membership: Box<Membership<I>>,
    ) -> bool {
        self.replies.retain(|reply| reply.from != from);
        self.replies.push(Reply { from, term: header.term, position });
        let committed = header.committed;
        match &mut self.newest {
            Some(known) if !is_newer_config(header.version, known.membership.version()) => {
                known.committed |= committed && header.version == known.membership.version();
                false
            }
            newest => {
                *newest = Some(Known { membership, committed });
                true
            }
        }
    }

    /// Rule 9.4: what the node `me` comes back with, once a quorum of the newest membership has replied in this round,
    /// itself not counted. A node that knows that it has forgotten may still hold a newer membership, of version `held`.
    pub(crate) fn outcome(&self, me: I, held: MembershipVersion) -> Option<Recovered<I>> {
        let known = self.newest.clone().filter(|known| !is_newer_config(held, known.membership.version()))?;
        let has_replied = |index| {
            let voter = known.membership.member(index);
            voter.is_some_and(|voter| voter != me && self.has_heard(voter))
        };
        if !known.membership.is_quorum(has_replied) {
            return None;
        }
        let term = self.replies.iter().map(|reply| reply.term).max()?;
        let voters = self.replies.iter().filter(|reply| known.membership.is_voter(reply.from));
        let position = voters.map(|reply| reply.position).max()?;
        Some(Recovered { term, known, position })
    }

    /// Whether `node` has replied in this round.
    pub(crate) fn has_heard(&self, node: I) -> bool {
        self.replies.iter().any(|reply| reply.from == node)
    }

    /// The nodes that this one has heard of so far. A node may come more than once.
    pub(crate) fn heard_of(&self) -> impl Iterator<Item = I> {
        let newest = self.newest.as_ref().map(|known| &known.membership);
        let members = newest.into_iter().chain(&self.contacts).flat_map(|members| members.members());
        members.copied().chain(self.leader)
    }

    /// The newest membership that a reply has brought, in this round or before.
    pub(crate) fn latest(&self) -> Option<&Membership<I>> {
        self.newest.as_ref().map(|known| &*known.membership).or(self.contacts.as_deref())
    }

    /// The next timer.
    pub(crate) fn due(&self) -> Timestamp {
        debug_assert!(self.next_round < NEVER, "a node that recovers always asks again");
        self.next_round
    }
}

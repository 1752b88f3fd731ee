//! The votes of one candidacy, by voter.

use alloc::boxed::Box;
use alloc::vec;

use crate::membership::Membership;
use crate::types::{MemberIndex, NEVER, NodeId, Timestamp};

/// What one voter has said. Each voter counts once, whatever it says how often.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum VoteState {
    Unanswered,
    /// The promise is in force until then.
    Granted(Timestamp),
    /// Bound to another until then: worth asking again.
    Bound(Timestamp),
    /// Bound until then and hardly longer, by nothing else: a pre-vote from then on. Rule 4.9.
    FreeAt(Timestamp),
    /// Not in this term: the vote is another's.
    Rival,
    /// Not in this term.
    Denied,
}

impl VoteState {
    fn is_in_force(self, now: Timestamp) -> bool {
        match self {
            VoteState::Granted(until) => now < until,
            VoteState::FreeAt(from) => from <= now,
            VoteState::Unanswered | VoteState::Bound(_) | VoteState::Rival | VoteState::Denied => false,
        }
    }
}

/// What the votes amount to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    Pending,
    /// A quorum is in force at this instant. Rule 3.4.
    Won,
    /// Too many voters have said no for a quorum to be left.
    Lost,
}

/// A ballot for each voter of the membership, in its order. A candidacy ends when its membership
/// changes, so the indices stay true.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Tally(Box<[VoteState]>);

impl Tally {
    /// Nobody has answered but the candidate, whose own promise is in force until `own`.
    pub(crate) fn new<I: NodeId>(members: &Membership<I>, me: I, own: Timestamp) -> Self {
        let mut tally = Tally::default();
        tally.begin(members, me, own);
        tally
    }

    /// The same, from one that is over.
    pub(crate) fn begin<I: NodeId>(&mut self, members: &Membership<I>, me: I, own: Timestamp) {
        if self.0.len() == members.voters().len() {
            self.0.fill(VoteState::Unanswered);
        } else {
            self.0 = vec![VoteState::Unanswered; members.voters().len()].into();
        }
        if let Some(index) = members.index_of(me) {
            self.put(index, VoteState::Granted(own));
        }
    }

    /// The voters are others now: what is known of those who stay is kept.
    pub(crate) fn realign<I: NodeId>(&mut self, old: &Membership<I>, new: &Membership<I>) {
        let vote = |id: &I| old.index_of(*id).map_or(VoteState::Unanswered, |index| self.get(index));
        self.0 = new.voters().iter().map(vote).collect();
    }

    /// Records what the voter at `index` says. A promise is never shortened by an earlier one that
    /// comes late, and a vote is not taken back.
    pub(crate) fn put(&mut self, index: MemberIndex, vote: VoteState) {
        let Some(entry) = self.0.get_mut(index.as_usize()) else { return };
        match (*entry, vote) {
            (VoteState::Granted(old), VoteState::Granted(new)) => *entry = VoteState::Granted(old.max(new)),
            (VoteState::Granted(_), _) => {}
            (_, vote) => *entry = vote,
        }
    }

    /// What the votes amount to. Beside a rival that has votes, voters that are bound are not waited for,
    /// nor `absent` ones that have not answered. Rule 4.4.
    pub(crate) fn outcome<I: NodeId>(
        &self,
        members: &Membership<I>,
        now: Timestamp,
        absent: impl Fn(MemberIndex) -> bool,
    ) -> Outcome {
        let in_force = self.0.iter().filter(|vote| vote.is_in_force(now)).count();
        let is_open = |vote: &&VoteState| !matches!(vote, VoteState::Rival | VoteState::Denied);
        let mut open = self.0.iter().filter(is_open).count();
        if open < self.0.len() && self.0.contains(&VoteState::Rival) {
            let lost = |(index, vote): &(MemberIndex, &VoteState)| match vote {
                VoteState::Bound(_) => true,
                VoteState::Unanswered => absent(*index),
                VoteState::Granted(_) | VoteState::FreeAt(_) | VoteState::Rival | VoteState::Denied => false,
            };
            open = open.saturating_sub(MemberIndex::all().zip(&self.0).filter(lost).count());
        }
        match members.quorum() {
            0 => Outcome::Lost,
            quorum if in_force >= quorum => Outcome::Won,
            quorum if open >= quorum => Outcome::Pending,
            _ => Outcome::Lost,
        }
    }

    /// Until when the voter at `index` is bound; the clock's origin if it is not.
    pub(crate) fn granted_until(&self, index: MemberIndex) -> Timestamp {
        match self.get(index) {
            VoteState::Granted(until) => until,
            VoteState::Unanswered
            | VoteState::Bound(_)
            | VoteState::FreeAt(_)
            | VoteState::Rival
            | VoteState::Denied => Timestamp::ORIGIN,
        }
    }

    /// Whether to ask the voter at `index` again: it has not answered, is free by now, or its
    /// promise is over before `soon`.
    pub(crate) fn should_ask(&self, index: MemberIndex, now: Timestamp, soon: Timestamp) -> bool {
        match self.get(index) {
            VoteState::Unanswered => true,
            VoteState::Granted(until) => until < soon,
            VoteState::Bound(until) => until <= now,
            VoteState::FreeAt(_) | VoteState::Rival | VoteState::Denied => false,
        }
    }

    /// When the next bound voter is free.
    pub(crate) fn next_free(&self, now: Timestamp) -> Timestamp {
        let busy = |vote: &VoteState| match *vote {
            VoteState::Bound(until) | VoteState::FreeAt(until) if until > now => Some(until),
            VoteState::Bound(_)
            | VoteState::FreeAt(_)
            | VoteState::Unanswered
            | VoteState::Granted(_)
            | VoteState::Rival
            | VoteState::Denied => None,
        };
        self.0.iter().filter_map(busy).min().unwrap_or(NEVER)
    }

    fn get(&self, index: MemberIndex) -> VoteState {
        self.0.get(index.as_usize()).copied().unwrap_or(VoteState::Denied)
    }
}

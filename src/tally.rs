//! The votes of one candidacy, by voter.

use alloc::boxed::Box;
use alloc::vec;

use crate::membership::Membership;
use crate::types::{NEVER, Nanos, NodeId};

/// What one voter has said. Each voter counts once, whatever it says how often.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Ballot {
    Unanswered,
    /// The promise is in force until then.
    Granted(Nanos),
    /// Bound to another until then: worth asking again.
    Busy(Nanos),
    /// Bound until then and hardly longer, by nothing else: a pre-vote from then on. Rule 4.9.
    Free(Nanos),
    /// Not in this term: the vote is another's.
    Rival,
    /// Not in this term.
    Denied,
}

impl Ballot {
    fn is_in_force(self, now: Nanos) -> bool {
        match self {
            Ballot::Granted(until) => now < until,
            Ballot::Free(from) => from <= now,
            Ballot::Unanswered | Ballot::Busy(_) | Ballot::Rival | Ballot::Denied => false,
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
/// changes, so the places stay true.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Tally(Box<[Ballot]>);

impl Tally {
    /// Nobody has answered but the candidate, whose own promise is in force until `own`.
    pub(crate) fn new<I: NodeId>(members: &Membership<I>, me: I, own: Nanos) -> Self {
        let mut tally = Tally::default();
        tally.begin(members, me, own);
        tally
    }

    /// The same, from one that is over.
    pub(crate) fn begin<I: NodeId>(&mut self, members: &Membership<I>, me: I, own: Nanos) {
        if self.0.len() == members.voters().len() {
            self.0.fill(Ballot::Unanswered);
        } else {
            self.0 = vec![Ballot::Unanswered; members.voters().len()].into();
        }
        if let Some(place) = members.index_of(me) {
            self.put(place, Ballot::Granted(own));
        }
    }

    /// The voters are others now: what is known of those who stay is kept.
    pub(crate) fn realign<I: NodeId>(&mut self, old: &Membership<I>, new: &Membership<I>) {
        let ballot = |id: &I| old.index_of(*id).map_or(Ballot::Unanswered, |place| self.get(place));
        self.0 = new.voters().iter().map(ballot).collect();
    }

    /// Records what the voter at `place` says. A promise is never shortened by an earlier one that
    /// comes late, and a vote is not taken back.
    pub(crate) fn put(&mut self, place: usize, ballot: Ballot) {
        let Some(entry) = self.0.get_mut(place) else { return };
        match (*entry, ballot) {
            (Ballot::Granted(old), Ballot::Granted(new)) => *entry = Ballot::Granted(old.max(new)),
            (Ballot::Granted(_), _) => {}
            (_, ballot) => *entry = ballot,
        }
    }

    /// What the votes amount to. Beside a rival that has votes, voters that are bound are not waited for,
    /// nor `absent` ones that have not answered. Rule 4.4.
    pub(crate) fn outcome<I: NodeId>(
        &self,
        members: &Membership<I>,
        now: Nanos,
        absent: impl Fn(usize) -> bool,
    ) -> Outcome {
        let in_force = self.0.iter().filter(|ballot| ballot.is_in_force(now)).count();
        let is_open = |ballot: &&Ballot| !matches!(ballot, Ballot::Rival | Ballot::Denied);
        let mut open = self.0.iter().filter(is_open).count();
        if open < self.0.len() && self.0.contains(&Ballot::Rival) {
            let lost = |(place, ballot): &(usize, &Ballot)| match ballot {
                Ballot::Busy(_) => true,
                Ballot::Unanswered => absent(*place),
                Ballot::Granted(_) | Ballot::Free(_) | Ballot::Rival | Ballot::Denied => false,
            };
            open = open.saturating_sub(self.0.iter().enumerate().filter(lost).count());
        }
        match members.quorum() {
            0 => Outcome::Lost,
            quorum if in_force >= quorum => Outcome::Won,
            quorum if open >= quorum => Outcome::Pending,
            _ => Outcome::Lost,
        }
    }

    /// Until when the voter at `place` is bound; 0 if it is not.
    pub(crate) fn granted_until(&self, place: usize) -> Nanos {
        match self.get(place) {
            Ballot::Granted(until) => until,
            Ballot::Unanswered | Ballot::Busy(_) | Ballot::Free(_) | Ballot::Rival | Ballot::Denied => 0,
        }
    }

    /// Whether to ask the voter at `place` again: it has not answered, is free by now, or its
    /// promise is over before `soon`.
    pub(crate) fn wants_asking(&self, place: usize, now: Nanos, soon: Nanos) -> bool {
        match self.get(place) {
            Ballot::Unanswered => true,
            Ballot::Granted(until) => until < soon,
            Ballot::Busy(until) => until <= now,
            Ballot::Free(_) | Ballot::Rival | Ballot::Denied => false,
        }
    }

    /// When the next bound voter is free.
    pub(crate) fn next_free(&self, now: Nanos) -> Nanos {
        let busy = |ballot: &Ballot| match *ballot {
            Ballot::Busy(until) | Ballot::Free(until) if until > now => Some(until),
            Ballot::Busy(_)
            | Ballot::Free(_)
            | Ballot::Unanswered
            | Ballot::Granted(_)
            | Ballot::Rival
            | Ballot::Denied => None,
        };
        self.0.iter().filter_map(busy).min().unwrap_or(NEVER)
    }

    fn get(&self, place: usize) -> Ballot {
        self.0.get(place).copied().unwrap_or(Ballot::Denied)
    }
}

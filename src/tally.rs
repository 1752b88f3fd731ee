//! The votes of one candidacy or pre-vote round: members are counted, not replies.

use alloc::boxed::Box;
use alloc::vec;

use crate::membership::Membership;
use crate::request_timer::RequestTimer;
use crate::types::{MemberIndex, NEVER, Nanos, NodeId, Timestamp};

/// What one voter has answered so far.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum VoteState {
    Unanswered,
    /// The voter granted, and its promise is in force until then.
    Granted(Timestamp),
    /// The voter is bound to another node until then, and is asked again afterwards.
    Bound(Timestamp),
    /// The voter has no objection but a promise that ends then: its pre-vote counts from then on. Rule 4.9.
    FreeAt(Timestamp),
    /// The voter gave its vote of this term to a rival.
    Rival,
    /// The voter does not grant in this term.
    Denied,
}

impl VoteState {
    /// Whether the vote counts at `now`.
    fn is_in_force(self, now: Timestamp) -> bool {
        match self {
            VoteState::Granted(until) => now < until,
            VoteState::FreeAt(from) => from <= now,
            VoteState::Unanswered | VoteState::Bound(_) | VoteState::Rival | VoteState::Denied => false,
        }
    }
}

/// The vote of one term that a node asks for, as a candidate or to renew its leadership.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Ballot {
    pub(crate) tally: Tally,
    pub(crate) timer: RequestTimer,
    /// The shortest promise that came with a vote. A voter grants no more when it is asked again, since it is asked
    /// for the longest that the node counts. Rule 3.5.
    pub(crate) shortest_grant: Nanos,
    /// Until when a node that has a quorum, but for a short lease only, waits for longer promises. Rule 3.5.
    pub(crate) extension_until: Option<Timestamp>,
}

impl Ballot {
    /// A vote in which promises of `longest_grant` are asked for.
    pub(crate) fn new(tally: Tally, timer: RequestTimer, longest_grant: Nanos) -> Self {
        Ballot { tally, timer, shortest_grant: longest_grant, extension_until: None }
    }
}

/// The result of a vote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// A quorum may still be reached.
    Pending,
    /// A quorum is in force at this instant. Rule 3.4.
    Won,
    /// Too many voters denied for a quorum to be possible.
    Lost,
}

/// The state of each voter, in the order of the membership. A candidacy ends when its membership changes, so the
/// indices stay true.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Tally(Box<[VoteState]>);

impl Tally {
    /// A tally in which only the candidate has granted, itself, until `own`.
    pub(crate) fn new<I: NodeId>(members: &Membership<I>, me: I, own: Timestamp) -> Self {
        let mut tally = Tally::default();
        tally.begin(members, me, own);
        tally
    }

    /// Starts the tally again, reusing its memory.
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

    /// The set of voters changed: the votes of those that stay are kept.
    pub(crate) fn realign<I: NodeId>(&mut self, old: &Membership<I>, new: &Membership<I>) {
        let vote = |id: &I| old.index_of(*id).map_or(VoteState::Unanswered, |index| self.get(index));
        self.0 = new.voters().iter().map(vote).collect();
    }

    /// Records the answer of the voter at `index`. A late answer never shortens a promise, and a granted vote is
    /// not taken back.
    pub(crate) fn put(&mut self, index: MemberIndex, vote: VoteState) {
        let Some(entry) = self.0.get_mut(index.as_usize()) else { return };
        match (*entry, vote) {
            (VoteState::Granted(old), VoteState::Granted(new)) => *entry = VoteState::Granted(old.max(new)),
            (VoteState::Granted(_), _) => {}
            (_, vote) => *entry = vote,
        }
    }

    /// The result at `now`. Rule 4.4: beside a rival that has votes, voters that are bound are not waited for, nor
    /// those that have not answered and are `absent`.
    ///
    /// Of five nodes, A and B both campaign in term 7: A has its own vote and that of C, B has its own and that
    /// of E, and D is dead. A quorum is three, so each could wait for D until its candidacy ends, and neither
    /// would win. A has seen that B is a rival, so it gives up D, which is absent, and tries again in a later
    /// term.
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
            let is_given_up = |(index, vote): &(MemberIndex, &VoteState)| match vote {
                VoteState::Bound(_) => true,
                VoteState::Unanswered => absent(*index),
                VoteState::Granted(_) | VoteState::FreeAt(_) | VoteState::Rival | VoteState::Denied => false,
            };
            open = open.saturating_sub(MemberIndex::all().zip(&self.0).filter(is_given_up).count());
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

    /// Whether to ask the voter at `index` (again): because it is free by now; or, when requests are repeated,
    /// because it has not answered, or its promise ends before `repeat_before`.
    pub(crate) fn should_ask(
        &self,
        index: MemberIndex,
        now: Timestamp,
        repeat_before: Option<Timestamp>,
    ) -> bool {
        match self.get(index) {
            VoteState::Unanswered => repeat_before.is_some(),
            VoteState::Granted(until) => repeat_before.is_some_and(|soon| until < soon),
            VoteState::Bound(until) => until <= now,
            VoteState::FreeAt(_) | VoteState::Rival | VoteState::Denied => false,
        }
    }

    /// The voters that were bound and are free by now have just been asked, and are not asked again before `next`.
    pub(crate) fn defer_freed(&mut self, now: Timestamp, next: Timestamp) {
        let is_free = |vote: &&mut VoteState| matches!(vote, VoteState::Bound(until) if *until <= now);
        self.0.iter_mut().filter(is_free).for_each(|vote| *vote = VoteState::Bound(next));
    }

    /// When the next bound voter becomes free.
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

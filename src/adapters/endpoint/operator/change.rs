//! Changes of the members, as an operator words them.

use core::net::SocketAddr;
use std::boxed::Box;
use std::prelude::rust_2024::*;

use serde::{Deserialize, Serialize};

use super::Command;
use crate::io::{Force, Input};
use crate::membership::MembershipError;
use crate::reconfig::Target;
use crate::status::Status;
use crate::types::NodeId;

/// A change of the members. It is relative to what the members are to be when the leader takes it: to the target of the
/// change under way, if there is one.
///
/// A change that says which members its author [saw](Self::seen_in) is carried out on those members, or not at all. Of two
/// operators that look at the same members and then each remove another one, the second is refused, and looks again: the
/// group is not left with fewer members than either of them wanted. What counts is what the members are to be, and not
/// the version of the membership: the steps of a change under way, and a new leader that carries on with the same members,
/// refuse nobody. A change without that is carried out on whatever the members are to be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(bound(deserialize = "I: NodeId + Deserialize<'de>"))]
pub struct Change<I> {
    /// The node that becomes a member, or is none any more; of a replacement, the node that goes.
    pub id: I,
    /// What becomes of it.
    pub kind: ChangeKind<I>,
    /// Where the node may be that becomes a member.
    pub addresses: Vec<SocketAddr>,
    /// Whether the change may cost the leader its lease.
    pub force: Force,
    /// What the members were to be when the author of the change looked; `None` if the change is good for any members.
    pub seen: Option<Target<I>>,
}

/// What becomes of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ChangeKind<I> {
    /// It becomes a voter.
    Add,
    /// It becomes a learner, which follows without a vote.
    AddLearner,
    /// A learner gets a vote.
    Promote,
    /// It is a member no more.
    Remove,
    /// Another node takes its place, and has a vote if it had one.
    ReplaceBy(I),
}

/// Why the members cannot be changed so.
///
/// Non-exhaustive: a later version may check more.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError<I: NodeId> {
    /// The node to add is a member already.
    #[error("node {0:?} is a member already")]
    Member(I),
    /// The node is no member.
    #[error("node {0:?} is no member")]
    NotAMember(I),
    /// The node to promote has a vote already.
    #[error("node {0:?} has a vote already")]
    Voter(I),
    /// The members are to be others than those that the author of the change [saw](Change::seen).
    #[error(
        "the group has moved on: its members are to be {now} now, and were to be {seen} when this was asked for"
    )]
    MovedOn {
        /// What the author saw.
        seen: Box<Target<I>>,
        /// What the members are to be.
        now: Box<Target<I>>,
    },
    /// Nobody would vote, or there would be too many members.
    #[error(transparent)]
    Membership(#[from] MembershipError),
}

impl<I: NodeId> Change<I> {
    /// Node `id` becomes a voter, or whatever you make of [`kind`](Self::kind).
    #[must_use]
    pub fn new(id: I, kind: ChangeKind<I>) -> Self {
        Change { id, kind, addresses: Vec::new(), force: Force::Never, seen: None }
    }

    /// The same change of the members that this report shows, and of no others: a leader refuses it if the members are to
    /// be others by then.
    #[must_use]
    pub fn seen_in(mut self, status: &Status<I>) -> Self {
        // A node that sees no members can change none: the leader says that the node to change is no member.
        self.seen = intended_members(status).ok();
        self
    }

    /// The node that becomes a member, if one does.
    #[must_use]
    pub fn newcomer(&self) -> Option<I> {
        match self.kind {
            ChangeKind::Add | ChangeKind::AddLearner => Some(self.id),
            ChangeKind::ReplaceBy(other) => Some(other),
            ChangeKind::Promote | ChangeKind::Remove => None,
        }
    }

    /// What the members are to be after the change, on a node with this status.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub fn target(&self, status: &Status<I>) -> Result<Target<I>, ChangeError<I>> {
        let now = intended_members(status)?;
        if let Some(seen) = self.seen.as_ref().filter(|&seen| *seen != now) {
            return Err(ChangeError::MovedOn { seen: Box::new(seen.clone()), now: Box::new(now) });
        }
        let members = Lists { voters: now.voters().to_vec(), learners: now.learners().to_vec() };
        let Lists { voters, learners } = self.apply(members)?;
        Ok(Target::new(voters, learners)?)
    }

    fn apply(&self, mut members: Lists<I>) -> Result<Lists<I>, ChangeError<I>> {
        let id = self.id;
        if let Some(newcomer) = self.newcomer().filter(|&newcomer| members.contains(newcomer)) {
            return Err(ChangeError::Member(newcomer));
        }
        if self.newcomer() != Some(id) && !members.contains(id) {
            return Err(ChangeError::NotAMember(id));
        }
        match self.kind {
            ChangeKind::Add => members.voters.push(id),
            ChangeKind::AddLearner => members.learners.push(id),
            ChangeKind::Promote if members.voters.contains(&id) => return Err(ChangeError::Voter(id)),
            ChangeKind::Promote => {
                members.remove(id);
                members.voters.push(id);
            }
            ChangeKind::Remove => members.remove(id),
            ChangeKind::ReplaceBy(other) => members.replace(id, other),
        }
        Ok(members)
    }
}

/// What the members of a node's group are to be: the target of the change under way, or else the present members.
///
/// # Errors
/// [`MembershipError`] if the node knows no members.
pub fn intended_members<I: NodeId>(status: &Status<I>) -> Result<Target<I>, MembershipError> {
    if let Some(target) = &status.target {
        return Ok(target.clone());
    }
    let of = |votes: bool| status.members.iter().filter(move |member| member.voter == votes);
    Target::new(of(true).map(|member| member.id), of(false).map(|member| member.id))
}

impl<I: NodeId> Command<I> {
    /// What to step, on a node with this status.
    ///
    /// # Errors
    /// [`ChangeError`], if the members cannot be changed so.
    pub fn input(&self, status: &Status<I>) -> Result<Input<I>, ChangeError<I>> {
        Ok(match self {
            Command::Change(change) => {
                Input::Reconfigure { target: change.target(status)?, force: change.force }
            }
            &Command::Resign { successor, urgency } => Input::Resign { successor, urgency },
        })
    }

    /// The node that becomes a member by this command, and where it may be.
    pub(in crate::adapters::endpoint) fn newcomer(&self) -> Option<(I, &[SocketAddr])> {
        match self {
            Command::Change(change) => Some((change.newcomer()?, &change.addresses)),
            Command::Resign { .. } => None,
        }
    }
}

/// Voters and learners.
struct Lists<I> {
    voters: Vec<I>,
    learners: Vec<I>,
}

impl<I: NodeId> Lists<I> {
    fn contains(&self, id: I) -> bool {
        self.voters.contains(&id) || self.learners.contains(&id)
    }

    fn remove(&mut self, id: I) {
        self.voters.retain(|&voter| voter != id);
        self.learners.retain(|&learner| learner != id);
    }

    fn replace(&mut self, id: I, other: I) {
        let all = self.voters.iter_mut().chain(&mut self.learners);
        all.filter(|member| **member == id).for_each(|member| *member = other);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::string::ToString;
    use std::vec;

    use super::*;
    use crate::config::Config;
    use crate::election::Election;
    use crate::hard_state::HardState;
    use crate::types::{ClusterId, MembershipVersion, Term, Timestamp};
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    /// Voters 1, 2 and 3, and the target under way if there is one.
    fn status(target: Option<Target<u8>>) -> Status<u8> {
        let first = HardState::bootstrap(ClusterId(1), [1, 2, 3]).unwrap();
        let rng = ChaCha8Rng::seed_from_u64(0);
        let election = Election::new(Config::new(1), first, Timestamp::ORIGIN, rng).unwrap();
        Status { target, ..election.status() }
    }

    #[test]
    fn a_change_is_relative_to_the_members_or_to_the_target_under_way() {
        let under_way = Target::new([1, 2], [4]).unwrap();
        let cases = [
            (ChangeKind::Add, 5, Ok((vec![1, 2, 3, 5], vec![])), Ok((vec![1, 2, 5], vec![4]))),
            (ChangeKind::AddLearner, 5, Ok((vec![1, 2, 3], vec![5])), Ok((vec![1, 2], vec![4, 5]))),
            (ChangeKind::Add, 2, Err(ChangeError::Member(2)), Err(ChangeError::Member(2))),
            (ChangeKind::Remove, 3, Ok((vec![1, 2], vec![])), Err(ChangeError::NotAMember(3))),
            (ChangeKind::Promote, 4, Err(ChangeError::NotAMember(4)), Ok((vec![1, 2, 4], vec![]))),
            (ChangeKind::Promote, 1, Err(ChangeError::Voter(1)), Err(ChangeError::Voter(1))),
            (ChangeKind::ReplaceBy(7), 2, Ok((vec![1, 3, 7], vec![])), Ok((vec![1, 7], vec![4]))),
            (ChangeKind::ReplaceBy(1), 2, Err(ChangeError::Member(1)), Err(ChangeError::Member(1))),
            (ChangeKind::ReplaceBy(7), 4, Err(ChangeError::NotAMember(4)), Ok((vec![1, 2], vec![7]))),
        ];
        for (kind, id, idle, changing) in cases {
            for (target, expected) in [(None, idle), (Some(under_way.clone()), changing)] {
                let found = Change::new(id, kind).target(&status(target));
                let found = found.map(|target| (target.voters().to_vec(), target.learners().to_vec()));
                assert_eq!(found, expected, "{kind:?} of {id}");
            }
        }
    }

    #[test]
    fn a_change_of_members_that_its_author_saw_is_a_change_of_no_others() {
        let idle = status(None);
        let grown = Target::new([1, 2, 3, 4], []).unwrap();
        let remove = Change::new(3, ChangeKind::Remove).seen_in(&idle);
        assert_eq!(remove.target(&idle).unwrap().voters(), [1, 2]);
        let refused = remove.target(&status(Some(grown.clone()))).unwrap_err();
        let seen = Target::new([1, 2, 3], []).unwrap();
        assert_eq!(refused, ChangeError::MovedOn { seen: Box::new(seen), now: Box::new(grown) });
        assert!(refused.to_string().starts_with("the group has moved on: "), "{refused}");

        // A change that was seen under way may have ended since, and another version bear the same members.
        let remove =
            Change::new(3, ChangeKind::Remove).seen_in(&status(Some(Target::new([1, 2, 3], []).unwrap())));
        let later = Status { version: MembershipVersion { term: Term(9), number: 9 }, ..idle };
        assert_eq!(remove.target(&later).unwrap().voters(), [1, 2]);
    }

    #[test]
    fn the_last_voter_cannot_be_removed() {
        let last = status(Some(Target::new([1], []).unwrap()));
        let refused = Change::new(1, ChangeKind::Remove).target(&last).unwrap_err();
        assert!(matches!(refused, ChangeError::Membership(_)), "{refused}");
    }
}

//! How a membership is serialised.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize, Serializer};

use super::{Limits, Membership, MembershipError};
use crate::types::{MembershipVersion, NodeId};

/// The serialised form of a membership, which is checked again whenever it is read.
#[derive(Serialize, Deserialize)]
pub(super) struct Parts<Voters, Learners> {
    version: MembershipVersion,
    voters: Voters,
    learners: Learners,
    quorum: u8,
    limits: Option<Limits>,
}

/// A learner, and the version with which it was added.
pub(super) type Learner<I> = (I, MembershipVersion);

impl<I: Serialize> Serialize for Membership<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Membership { version, quorum, limits, .. } = *self;
        let (voters, learners) = self.lists();
        let learners: Vec<Learner<&I>> = learners.iter().zip(self.added.iter().copied()).collect();
        Parts { version, voters, learners, quorum, limits }.serialize(serializer)
    }
}

impl<I: NodeId> TryFrom<Parts<Vec<I>, Vec<Learner<I>>>> for Membership<I> {
    type Error = MembershipError;

    fn try_from(parts: Parts<Vec<I>, Vec<Learner<I>>>) -> Result<Self, MembershipError> {
        let Parts { version, voters, mut learners, quorum, limits } = parts;
        learners.sort_unstable_by_key(|&(id, _)| id);
        let (learners, added): (Vec<I>, Vec<MembershipVersion>) = learners.into_iter().unzip();
        let members = match limits {
            None => Membership::new(version, voters, learners, quorum.into()),
            Some(_) => Membership::assemble(version, voters, learners, quorum.into(), limits),
        }?;
        Ok(Membership { added: added.into(), ..members })
    }
}

//! How a membership is serialised.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize, Serializer};

use super::{MAX_MEMBERS, Membership, MembershipError, Origin, sorted};
use crate::types::{MembershipVersion, NodeId};

/// The serialised form of a membership, which is checked again whenever it is read.
#[derive(Serialize, Deserialize)]
pub(super) struct Parts<Voters, Learners, Origin> {
    version: MembershipVersion,
    voters: Voters,
    learners: Learners,
    quorum: u8,
    origin: Origin,
}

/// A learner, and the version with which it was added.
pub(super) type Learner<I> = (I, MembershipVersion);

impl<I: Serialize> Serialize for Membership<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Membership { version, quorum, .. } = self;
        let ((voters, learners), origin) = (self.lists(), self.origin());
        let learners: Vec<Learner<&I>> = learners.iter().zip(self.added.iter().copied()).collect();
        Parts { version: *version, voters, learners, quorum: *quorum, origin }.serialize(serializer)
    }
}

impl<I: NodeId> TryFrom<Parts<Vec<I>, Vec<Learner<I>>, Origin<Vec<I>>>> for Membership<I> {
    type Error = MembershipError;

    fn try_from(parts: Parts<Vec<I>, Vec<Learner<I>>, Origin<Vec<I>>>) -> Result<Self, MembershipError> {
        let Parts { version, voters, mut learners, quorum, origin } = parts;
        learners.sort_unstable_by_key(|&(id, _)| id);
        let (learners, added): (Vec<I>, Vec<MembershipVersion>) = learners.into_iter().unzip();
        let members = match origin {
            Origin::Listed => Membership::new(version, voters, learners, quorum.into()),
            Origin::Formed(limits) => Membership::formed(version, voters, learners, quorum.into(), limits),
            Origin::Founded(founders) => {
                let founders = sorted_founders(founders)?;
                let origin = Origin::Founded(founders.as_slice());
                Membership::assemble(version, voters, learners, quorum.into(), origin)
            }
        }?;
        Ok(Membership { added: added.into(), ..members })
    }
}

/// Founders are listed like voters.
fn sorted_founders<I: NodeId>(founders: Vec<I>) -> Result<Vec<I>, MembershipError> {
    match founders.len() {
        0 => Err(MembershipError::NoVoters),
        1..=MAX_MEMBERS => sorted(founders),
        _ => Err(MembershipError::TooManyMembers),
    }
}

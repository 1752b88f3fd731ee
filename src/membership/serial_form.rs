//! How a membership is serialised.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize, Serializer};

use super::{Limits, Membership, MembershipError};
use crate::types::{MembershipVersion, NodeId};

/// The serialised form of a membership, which is checked again whenever it is read.
#[derive(Serialize, Deserialize)]
pub(super) struct Parts<List> {
    version: MembershipVersion,
    voters: List,
    learners: List,
    quorum: u8,
    limits: Option<Limits>,
}

impl<I: Serialize> Serialize for Membership<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Membership { version, quorum, limits, .. } = *self;
        let (voters, learners) = self.lists();
        Parts { version, voters, learners, quorum, limits }.serialize(serializer)
    }
}

impl<I: NodeId> TryFrom<Parts<Vec<I>>> for Membership<I> {
    type Error = MembershipError;

    fn try_from(parts: Parts<Vec<I>>) -> Result<Self, MembershipError> {
        let Parts { version, voters, learners, quorum, limits } = parts;
        match limits {
            None => Membership::new(version, voters, learners, quorum.into()),
            Some(_) => Membership::assemble(version, voters, learners, quorum.into(), limits),
        }
    }
}

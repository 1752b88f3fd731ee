//! What the datagrams of a node depend on.

use core::fmt;
use std::prelude::rust_2024::*;

use rand_core::Rng;

use crate::diagnosis::Health;
use crate::election::Election;
use crate::types::{ClusterId, Leader, NodeId};

/// What an endpoint or a transport may know of its node, as of the last step.
#[non_exhaustive]
pub struct NodeView<'a, I> {
    /// The node.
    pub id: I,
    /// Its group.
    pub cluster: ClusterId,
    /// The leader of the group, as far as the node knows.
    pub leader: Option<Leader<I>>,
    /// How the node fares.
    pub(super) health: Health<I>,
    pub(super) members: &'a [I],
    /// Sorted, each once.
    pub(super) recipients: Vec<I>,
}

impl<'a, I: NodeId> NodeView<'a, I> {
    /// The view of a node through its election.
    #[must_use]
    pub fn of<R: Rng>(election: &'a Election<I, R>) -> Self {
        let mut recipients: Vec<I> = election.recipients().collect();
        recipients.sort_unstable();
        recipients.dedup();
        NodeView {
            health: election.health(),
            id: election.id(),
            cluster: election.cluster(),
            leader: election.leader(),
            members: election.membership().members(),
            recipients,
        }
    }

    /// The members of its group, this node included if it is one.
    #[must_use]
    pub fn members(&self) -> &'a [I] {
        self.members
    }

    /// All nodes that this node sends to of its own accord: see [`sends_to`](Self::sends_to).
    #[must_use]
    pub fn recipients(&self) -> &[I] {
        &self.recipients
    }

    /// Whether the node sends to `id` of its own accord: a member, a node that is about to become one, or a
    /// node that is yet to be told that it is not a member any more.
    #[must_use]
    pub fn sends_to(&self, id: I) -> bool {
        self.recipients.binary_search(&id).is_ok()
    }
}

impl<I: fmt::Debug> fmt::Debug for NodeView<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeView").field("id", &self.id).finish_non_exhaustive()
    }
}

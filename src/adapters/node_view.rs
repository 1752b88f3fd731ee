//! What the datagrams of a node depend on.

use core::fmt;
use std::prelude::rust_2024::*;

use rand_core::Rng;

use crate::diagnosis::Health;
use crate::election::Election;
use crate::types::{ClusterId, Leader, Life, NodeId};

/// What an endpoint or a transport may know of its node, as of the last step.
#[non_exhaustive]
pub struct NodeView<'a, I> {
    /// The node.
    pub id: I,
    /// Its group.
    pub cluster: ClusterId,
    /// The life of that group; [`Life::NONE`] while the node belongs to none.
    pub life: Life,
    /// The leader of the group, as far as the node knows.
    pub leader: Option<Leader<I>>,
    /// The voter in a register, if the host speaks for one: nothing is sent to it, and nothing comes from it.
    pub register_voter: Option<I>,
    /// How the node fares.
    pub(super) health: Health<I>,
    pub(super) members: &'a [I],
    /// Sorted, each once; `None` if these are the members as they are listed, so that nothing has to be copied.
    pub(super) recipients: Option<Vec<I>>,
}

impl<'a, I: NodeId> NodeView<'a, I> {
    /// The view of a node through its election.
    #[must_use]
    pub fn of<R: Rng>(election: &'a Election<I, R>) -> Self {
        let members = election.membership().members();
        NodeView {
            health: election.health(),
            id: election.id(),
            cluster: election.cluster(),
            life: election.life(),
            leader: election.leader(),
            register_voter: None,
            members,
            recipients: other_recipients(election, members),
        }
    }

    /// The view of a node whose host speaks for the voter `id` of a register.
    #[cfg(feature = "tokio")]
    pub(super) fn with_register_voter(self, id: Option<I>) -> Self {
        NodeView { register_voter: id, ..self }
    }

    /// The members of its group, this node included if it is one.
    #[must_use]
    pub fn members(&self) -> &'a [I] {
        self.members
    }

    /// All nodes that this node sends to of its own accord: see [`sends_to`](Self::sends_to).
    #[must_use]
    pub fn recipients(&self) -> &[I] {
        self.recipients.as_deref().unwrap_or(self.members)
    }

    /// Whether the node sends to `id` of its own accord: a member, a node that is about to become one, or a
    /// node that is yet to be told that it is not a member any more.
    #[must_use]
    pub fn sends_to(&self, id: I) -> bool {
        self.recipients().binary_search(&id).is_ok()
    }
}

/// All nodes that the election sends to, sorted, each once, unless these are the `members` as they are listed.
fn other_recipients<I: NodeId, R: Rng>(election: &Election<I, R>, members: &[I]) -> Option<Vec<I>> {
    let is_listed = election.recipients().eq(members.iter().copied());
    if is_listed && members.is_sorted_by(|one, next| one < next) {
        return None;
    }
    let mut recipients: Vec<I> = election.recipients().collect();
    recipients.sort_unstable();
    recipients.dedup();
    Some(recipients)
}

impl<I: fmt::Debug> fmt::Debug for NodeView<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeView").field("id", &self.id).finish_non_exhaustive()
    }
}

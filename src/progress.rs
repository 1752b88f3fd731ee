//! What a leader knows of each member.

use crate::types::{Position, Priority, Round, Timestamp};

/// The progress of a member, as its replies show it to the leader. The leader has one for itself too.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Progress {
    /// Until when the member is certainly bound, on the leader's clock. Rule 3.1.
    pub(crate) bound_until: Timestamp,
    pub(crate) position: Position,
    /// The last round before this record began. Replies to that round and to those before it belong to an
    /// earlier record. Rule 2.8.
    pub(crate) since: Round,
    /// The newest round that the member has answered. Rule 2.8.
    pub(crate) newest: Round,
    pub(crate) priority: Priority,
    /// Whether the member has answered a heartbeat of the term that is led.
    pub(crate) answered: bool,
    /// Whether the member has acknowledged, in that term, the membership in force. Rule 7.3.
    pub(crate) acknowledged: bool,
    /// Whether the member wants to be removed. Rule 8.3.
    pub(crate) leaving: bool,
    /// A cache: whether the promise of the member was in force at the last heartbeat.
    pub(crate) was_bound: bool,
    /// The member's rank in the succession. Rule 4.1.
    pub(crate) rank: Option<u8>,
}

impl Progress {
    /// The record of a member that is added after this round.
    pub(crate) fn of_newcomer(since: Round) -> Self {
        Progress { since, newest: since, ..Progress::default() }
    }

    /// Whether the member may ever lead.
    pub(crate) fn may_lead(&self) -> bool {
        self.priority > Priority::NEVER_LEADS
    }
}

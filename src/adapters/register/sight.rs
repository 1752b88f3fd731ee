//! What an agent has seen of the register, and since when: the watch. Rule 10.4.

use super::content::Content;
use super::status::Tag;
use crate::promise::HeldPromise;
use crate::types::{Nanos, NodeId, Timestamp};

/// What the register held when it was last read or written.
#[derive(Clone, Debug)]
pub(super) struct Sight<I> {
    pub(super) tag: Tag,
    pub(super) content: Content<I>,
    /// When the call returned that was the first to show the promise in it.
    pub(super) since: Timestamp,
}

impl<I: NodeId> Sight<I> {
    /// The sight after a call that returned at `now`. The watch of the promise goes on if it is the one that was seen
    /// before, and begins anew if it is another.
    pub(super) fn after_call(before: Option<&Self>, tag: Tag, content: Content<I>, now: Timestamp) -> Self {
        let same = before.filter(|before| before.content.promise == content.promise);
        let since = same.map_or(now, |same| same.since);
        Sight { tag, content, since }
    }

    /// The last promise of the voter, on this agent's clock. Rule 10.5: one to the agent's own node, too.
    pub(super) fn promise(&self, resolution: Nanos) -> Option<HeldPromise<I>> {
        self.content.promise_from(self.since, resolution)
    }

    /// The promise that is in force at `now`.
    pub(super) fn promise_in_force(&self, resolution: Nanos, now: Timestamp) -> Option<HeldPromise<I>> {
        self.promise(resolution).filter(|promise| now < promise.until)
    }
}

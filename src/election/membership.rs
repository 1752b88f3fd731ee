//! How a membership travels, and when a node takes one over.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::contacts::Oddity;
use crate::io::{Event, Output};
use crate::membership::{Membership, is_newer_config};
use crate::types::{NodeId, Version};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Rule 7.2: takes over a membership that is newer than this node's, once the term that came
    /// with it is adopted. Says whether it did; the caller records both in one write.
    /// Spec: `SendConfig`.
    pub(super) fn install(&mut self, membership: Option<Box<Membership<I>>>) -> bool {
        let Some(newer) = membership else { return false };
        let version = newer.version();
        if !is_newer_config(version, self.hard.membership.version()) || version.term > self.hard.term {
            return false;
        }
        self.contacts.realign(&self.hard.membership, &newer);
        self.hard.membership = *newer;
        self.committed = false;
        true
    }

    /// This node's membership, for an asker whose own is older, or who is missing in it.
    pub(super) fn membership_for(&self, asker: I, version: Version) -> Option<Box<Membership<I>>> {
        let members = &self.hard.membership;
        let older = is_newer_config(members.version(), version);
        let missing = members.version() == version && !members.contains(asker);
        (older || missing).then(|| Box::new(members.clone()))
    }

    /// Rule 7.4: the same version with other members. Tells the operator.
    pub(super) fn conflicts(
        &mut self,
        peer: I,
        theirs: Option<&Membership<I>>,
        out: &mut Vec<Output<I>>,
    ) -> bool {
        let ours = &self.hard.membership;
        let conflict =
            theirs.is_some_and(|theirs| theirs.version() == ours.version() && !theirs.same_members(ours));
        if conflict {
            self.tell_conflict(peer, out);
        }
        conflict
    }

    pub(super) fn tell_conflict(&mut self, peer: I, out: &mut Vec<Output<I>>) {
        self.tell_once(peer, Oddity::MembershipConflict, Event::MembershipConflict { peer }, out);
    }

    /// News of the membership in force.
    pub(super) fn membership_event(&self) -> Output<I> {
        let version = self.hard.membership.version();
        Output::Event(Event::MembershipChanged { version, committed: self.committed })
    }
}

//! How a membership travels from node to node, how it is committed, and how a node learns that it is no member
//! any more.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::Rng;

use super::{Durability, Election};
use crate::event::Event;
use crate::io::Output;
use crate::membership::{Membership, is_newer_config};
use crate::message::{Header, Heartbeat};
use crate::peer_log::Anomaly;
use crate::role::{Leaving, Participation, Role};
use crate::types::{Life, MembershipVersion, Nanos, NodeId, Term};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Rule 7.2: takes over a membership that is newer than this node's, once the term that came with it is
    /// adopted. Returns whether it did; the caller persists both in one write. A node of no life takes over that of the
    /// message, too. Spec: `SendConfig`,
    /// "`IsNewerConfig(i, j)`".
    pub(super) fn install(&mut self, life: Life, membership: Option<&Membership<I>>) -> bool {
        let Some(newer) = membership else { return false };
        let version = newer.version();
        if !is_newer_config(version, self.hard.membership.version()) || version.term > self.hard.term {
            return false;
        }
        self.join_life(life);
        self.replace_membership(newer.clone());
        true
    }

    /// Rule 7.1: whether the leader's membership has the members that this node holds under the version before.
    fn inherits(&self, header: &Header, heartbeat: &Heartbeat<I>) -> bool {
        let (ours, theirs) = (self.hard.membership.version(), header.version);
        let is_same_list =
            heartbeat.inherited == Some(ours) && ours.number == theirs.number && ours.term > Term(0);
        is_same_list && ours.term < theirs.term && theirs.term <= self.hard.term
    }

    /// Takes over the membership that a heartbeat encloses, or the new version of the one that this node holds.
    /// Returns whether it did; the caller persists that together with the term.
    pub(super) fn install_or_inherit(&mut self, header: &Header, heartbeat: &Heartbeat<I>) -> bool {
        if self.install(header.life, heartbeat.membership.as_deref()) {
            return true;
        }
        let inherits = self.inherits(header, heartbeat);
        if inherits {
            self.set_membership_version(header.version);
        }
        inherits
    }

    /// Rule 2.8 (e): a node that was added again, later than with the version `held` that it held until now, forgets
    /// its wish to leave, and says so to a host that had asked for it.
    ///
    /// C asks to be removed, is removed and added again, and hears of both at once. Or C is removed and added again, and
    /// its host asks for the removal before C has heard of either. C cannot tell the two apart. It stays, and if
    /// the host wants it to leave all the same, it asks again.
    pub(super) fn forget_wish_from_before(&mut self, held: MembershipVersion, out: &mut Vec<Output<I>>) {
        let members = &self.hard.membership;
        let added = self.own_index.map(|index| members.added_at(index));
        if !added.is_some_and(|added| is_newer_config(added, held)) {
            return;
        }
        if self.leaving == Leaving::ByWish {
            out.push(Output::Event(Event::LeaveForgotten));
        }
        self.leaving = Leaving::No;
    }

    /// Gives the membership another version. The members stay the same.
    pub(super) fn set_membership_version(&mut self, version: MembershipVersion) {
        self.hard.membership.set_version(version);
        self.forget_indexed_state();
    }

    /// Puts another membership in force, and moves what is known of each member to its new index.
    pub(super) fn replace_membership(&mut self, next: Membership<I>) {
        self.peer_log.realign(&self.hard.membership, &next, self.id);
        self.set_membership(next);
        self.forget_indexed_state();
        if self.own_index.is_some() {
            self.participation = Participation::Member;
        }
    }

    /// Ends what belonged to the last version of the membership.
    fn forget_indexed_state(&mut self) {
        if let Role::Follower(following) = &mut self.role {
            following.forget_indexed_state();
        }
        if self.durability == Durability::VersionUnwritten {
            self.durability = Durability::Current;
        }
        self.hard.committed = false;
    }

    /// This node's membership, if `requester`, which holds that of `version`, should learn it with a denial:
    /// because its own is older, or because it is missing in the list. A voter that is missing is told only what
    /// is committed, since its vote may be needed to undo the rest. Rule 8.3.
    ///
    /// A takes the step from {A, B, C} to {A, B}, and no other node has it yet. C asks A. If A told it, C would
    /// adopt {A, B} and be out; if A then died, B and C could elect nobody, though they are a quorum of the only
    /// membership ever committed. So C is told after the commit. A learner, which asks with `Claim::Inquiry`, is
    /// told at once: no quorum needs its vote.
    pub(super) fn membership_for(
        &self,
        requester: I,
        is_voter: bool,
        version: MembershipVersion,
    ) -> Option<Box<Membership<I>>> {
        let members = &self.hard.membership;
        // A node that was bootstrapped with a list takes it for committed.
        let is_bootstrapped = members.version().term == Term(0) && !members.is_forming();
        let is_told = match members.contains(requester) {
            true => is_newer_config(members.version(), version),
            false => members.version() >= version && (self.hard.committed || is_bootstrapped || !is_voter),
        };
        is_told.then(|| Box::new(members.clone()))
    }

    /// Rule 7.4: whether `theirs` has the same version and other members, or is a starting point that does not
    /// fit this node's.
    pub(super) fn conflicts_with(&self, theirs: Option<&Membership<I>>) -> bool {
        theirs.is_some_and(|theirs| theirs.contradicts(&self.hard.membership))
    }

    /// Rule 7.4: the host started nodes with different lists.
    pub(super) fn report_conflict(&mut self, peer: I, out: &mut Vec<Output<I>>) {
        self.report_anomaly(peer, Anomaly::MembershipConflict, Event::MembershipConflict { peer }, out);
    }

    /// The event that reports the membership in force.
    pub(super) fn membership_event(&self) -> Output<I> {
        let version = self.hard.membership.version();
        Output::Event(Event::MembershipChanged { version, committed: self.hard.committed })
    }

    /// Rule 7.3: the sender of a message may know that the membership in force is committed. Returns whether this
    /// node learned that from it.
    pub(super) fn learn_commit(&mut self, header: &Header) -> bool {
        let is_same_version = header.version == self.hard.membership.version();
        let is_news = is_same_version && header.committed && !self.hard.committed;
        self.hard.committed |= is_news;
        is_news
    }

    /// Rule 7.3: commits the membership in force when a quorum has acknowledged it, bearing this term. Rule 4.6:
    /// the leader is one of that quorum, so its own write comes first.
    pub(super) fn commit(&mut self, out: &mut Vec<Output<I>>) {
        if self.hard.committed || !self.config_and_term_quorum_check() {
            return;
        }
        if self.durability == Durability::VersionUnwritten {
            self.persist(out);
        }
        self.hard.committed = true;
        self.begin_tuning();
        out.push(self.membership_event());
        self.send_removal_notices(out);
        self.advance_handover(out);
        self.advance_reconfiguration(out);
    }

    /// Rule 8.3: whether this node knows for good that it is no member. A node that learns this writes it, since it
    /// must not forget it.
    pub(super) fn is_removed(&self) -> bool {
        self.hard.committed && self.own_index.is_none()
    }

    /// Reports a membership that was adopted, or is now known to be committed, and whether this node is removed
    /// by it.
    ///
    /// A is elected by B and C, before D has voted, and founds {A, B, C}. D sees that list in a denial: it has
    /// never been a member, and A may yet take it up, so there is no `Removed`. A heartbeat with a list that
    /// lacks D is different: a leader sends it only to a node that was a member.
    pub(super) fn report_membership(&mut self, by_leader: bool, out: &mut Vec<Output<I>>) {
        out.push(self.membership_event());
        let is_concerned = match self.participation {
            Participation::Member => true,
            Participation::Outsider => self.leaving != Leaving::No || by_leader,
            // The leader also tells a removed node of each later step.
            Participation::Removed => false,
        };
        if is_concerned && self.is_removed() {
            self.participation = Participation::Removed;
            self.leaving = Leaving::No;
            self.stop_campaigning();
            out.push(Output::Event(Event::Removed));
        }
    }

    /// Rule 7.5: whether a heartbeat shows that this node has lost its durable state. A leader sends the whole
    /// membership until it has been acknowledged. A leader that encloses none, and knows its membership to be
    /// committed, has seen this node acknowledge it; but this node holds an older one.
    ///
    /// A node that has come back in this very term (9.4) may have acknowledged to its leader before it forgot. Its
    /// reply tells the leader, which encloses the membership again (9.5).
    pub(super) fn shows_lost_state(&self, header: &Header, heartbeat: &Heartbeat<I>) -> bool {
        let is_older = is_newer_config(header.version, self.hard.membership.version());
        let encloses_none = heartbeat.membership.is_none() && heartbeat.promise > Nanos::ZERO;
        let may_be_back = header.term == self.hard.term && self.hard.voted_for() == Some(self.id);
        is_older && encloses_none && header.committed && !may_be_back
    }
}

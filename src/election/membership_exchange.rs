//! How a membership travels, when a node takes one over, and when it is out.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::Rng;

use super::{Durability, Election};
use crate::event::{Event, StepDown};
use crate::io::Output;
use crate::membership::{Membership, is_newer_config};
use crate::message::{Header, Heartbeat};
use crate::peer_log::Anomaly;
use crate::role::{Leaving, Role};
use crate::types::{Leader, MembershipVersion, NodeId, Term};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Rule 7.2: takes over a membership that is newer than this node's, once the term that came
    /// with it is adopted. Says whether it did; the caller records both in one write.
    /// Spec: `SendConfig`, "`IsNewerConfig(i, j)`".
    pub(super) fn install(&mut self, membership: Option<Box<Membership<I>>>) -> bool {
        let Some(newer) = membership else { return false };
        let version = newer.version();
        if !is_newer_config(version, self.hard.membership.version()) || version.term > self.hard.term {
            return false;
        }
        self.replace_membership(*newer);
        true
    }

    /// Rule 7.1: the members are those that this node knows, and have another version now.
    pub(super) fn inherit(&mut self, header: &Header, heartbeat: &Heartbeat<I>) -> bool {
        let (ours, theirs) = (self.hard.membership.version(), header.version);
        let same = heartbeat.inherited == Some(ours) && ours.number == theirs.number && ours.term > Term(0);
        let lawful = ours.term < theirs.term && theirs.term <= self.hard.term;
        if same && lawful {
            self.set_membership_version(theirs);
        }
        same && lawful
    }

    /// The members in force stay the same.
    pub(super) fn set_membership_version(&mut self, version: MembershipVersion) {
        self.hard.membership.set_version(version);
        self.forget_indexed_state();
    }

    /// Another membership is in force. What is known by place is known of the same nodes as before.
    pub(super) fn replace_membership(&mut self, next: Membership<I>) {
        self.peer_log.realign(&self.hard.membership, &next);
        self.hard.membership = next;
        self.forget_indexed_state();
        self.was_member |= self.hard.membership.contains(self.id);
    }

    /// What was about the membership before is over.
    fn forget_indexed_state(&mut self) {
        if let Role::Follower(following) = &mut self.role {
            following.transfer_pre_vote = None;
            following.early_pre_vote = None;
            following.leader_index = None;
        }
        if self.durability == Durability::VersionUnwritten {
            self.durability = Durability::Current;
        }
        self.hard.committed = false;
    }

    /// This node's membership, for an asker whose own is older, or who is missing in it. A voter that is
    /// missing is told only what is committed: it may be needed to undo the rest. Rule 8.3.
    pub(super) fn membership_for(
        &self,
        asker: I,
        votes: bool,
        version: MembershipVersion,
    ) -> Option<Box<Membership<I>>> {
        let members = &self.hard.membership;
        // Who starts with a list takes it for committed.
        let listed = members.version().term == Term(0) && !members.is_forming();
        let told = match members.contains(asker) {
            true => is_newer_config(members.version(), version),
            false => members.version() >= version && (self.hard.committed || listed || !votes),
        };
        told.then(|| Box::new(members.clone()))
    }

    /// Rule 7.4: the same version with other members, or starting points that do not fit together.
    /// Tells the operator.
    pub(super) fn conflicts(
        &mut self,
        peer: I,
        theirs: Option<&Membership<I>>,
        out: &mut Vec<Output<I>>,
    ) -> bool {
        let conflict = theirs.is_some_and(|theirs| theirs.contradicts(&self.hard.membership));
        if conflict {
            self.report_conflict(peer, out);
        }
        conflict
    }

    pub(super) fn report_conflict(&mut self, peer: I, out: &mut Vec<Output<I>>) {
        self.report_once(peer, Anomaly::MembershipConflict, Event::MembershipConflict { peer }, out);
    }

    /// News of the membership in force.
    pub(super) fn membership_event(&self) -> Output<I> {
        let version = self.hard.membership.version();
        Output::Event(Event::MembershipChanged { version, committed: self.hard.committed })
    }

    /// Rule 7.3: the sender of a message may know that the membership in force is committed. Says
    /// whether that is new.
    pub(super) fn learn_commit(&mut self, header: &Header) -> bool {
        let current = header.version == self.hard.membership.version();
        let news = current && header.committed && !self.hard.committed;
        self.hard.committed |= news;
        news
    }

    /// Rule 8.3: whether this node has just come to know, for good, that it is out. That is worth a
    /// write: it must not forget it.
    pub(super) fn is_removed(&self) -> bool {
        self.hard.committed && !self.hard.membership.contains(self.id)
    }

    /// News of a membership that was adopted, or is now known to be committed; also that this node is
    /// out. A leader tells that just those who were members; a founder that is left out never was
    /// one, and may come back unless it wanted to leave.
    pub(super) fn report_membership(&mut self, by_leader: bool, out: &mut Vec<Output<I>>) {
        out.push(self.membership_event());
        let concerned = self.was_member || self.leaving != Leaving::No || by_leader;
        if concerned && self.is_removed() {
            self.was_member = false;
            self.leaving = Leaving::No;
            self.stop_campaigning();
            out.push(Output::Event(Event::Removed));
        }
    }

    /// Rule 7.5: a leader sends the whole membership until it has been acknowledged. One that does
    /// not, and knows it to be committed, has been told that this node holds it; which it does not.
    /// Such a node promises nothing any more.
    pub(super) fn has_forgotten(
        &mut self,
        from: I,
        header: &Header,
        heartbeat: &Heartbeat<I>,
        out: &mut Vec<Output<I>>,
    ) -> bool {
        let lacks = is_newer_config(header.version, self.hard.membership.version());
        let told = heartbeat.membership.is_none() && heartbeat.promise > 0 && header.committed;
        if lacks && told && !self.state_lost {
            if matches!(self.role, Role::Leader(_)) {
                self.step_down(
                    StepDown::NewLeader { leader: Leader { id: from, term: header.term } },
                    None,
                    out,
                );
            }
            self.state_lost = true;
            self.stop_campaigning();
            out.push(Output::Event(Event::StateLost));
        }
        self.state_lost
    }
}

//! Leaving and removal: how a member asks to be removed, how a leader leaves, and how a removed node learns that
//! it is one. Rule 8.3.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::io::Output;
use crate::membership::{MAX_MEMBERS, Membership};
use crate::message::{Body, Header, Heartbeat, Message, Order};
use crate::reconfig::CAN_RECONFIGURE;
use crate::rejection::Rejection;
use crate::role::{Handover, HandoverCause, Leaving, Participation, RemovedMember, Role};
use crate::types::{NodeId, Term};

/// How many heartbeats tell a removed node that it is no member any more, if it does not acknowledge that.
const MAX_REMOVAL_NOTICES: u8 = 20;

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Rule 8.3 (a): the host wants this node to be removed. The flag in its replies tells the leader.
    pub(super) fn leave(&mut self, out: &mut Vec<Output<I>>) -> Result<(), Rejection<I>> {
        let members = &self.hard.membership;
        if !members.contains(self.id) {
            return Err(Rejection::NotAMember { id: self.id });
        }
        if members.voters() == [self.id] && !members.is_forming() {
            return Err(Rejection::OnlyVoter);
        }
        let stay = members.voters().iter().copied().filter(|&id| id != self.id);
        self.check_founders(&stay.collect::<Vec<I>>())?;
        self.leaving = Leaving::ByWish;
        if let Role::Leader(leading) = &mut self.role {
            leading.tasks.begin_reconfiguration();
        }
        self.advance_reconfiguration(out);
        Ok(())
    }

    pub(super) fn is_leaving(&self, id: I) -> bool {
        match id == self.id {
            true => self.leaving != Leaving::No,
            false => self.progress_of(id).is_some_and(|progress| progress.leaving),
        }
    }

    /// Rule 8.3 (b): a leader that is to leave hands over to a voter that has answered and stays. Without one it
    /// keeps leading.
    pub(super) fn hand_over_before_leaving(&mut self, out: &mut Vec<Output<I>>) {
        let is_too_soon = self.trouble.takeover().is_some_and(|takeover| self.now < takeover.not_before);
        if is_too_soon {
            return;
        }
        if self.best_successor(|_, follower| follower.may_lead()).is_none() {
            return self.report_no_successor(|_, _| true, out);
        }
        if let Role::Leader(leading) = &mut self.role {
            leading.tasks.begin_handover(Handover::new(HandoverCause::Leaving));
        }
        self.advance_handover(out);
    }

    /// Remembers which members `next` removes, so that they are told.
    pub(super) fn record_removed(&mut self, next: &Membership<I>) {
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(change) = leading.tasks.reconfiguration_mut() else { return };
        let removed = self.hard.membership.members().iter().filter(|&&id| !next.contains(id));
        let notices_left = MAX_REMOVAL_NOTICES;
        change.removed.retain(|removed| !next.contains(removed.id));
        change.removed.extend(removed.map(|&id| RemovedMember { id, notices_left }));
        let surplus = change.removed.len().saturating_sub(MAX_MEMBERS);
        change.removed.drain(..surplus);
    }

    /// Rule 8.3 (c): a removed node is sent ordinary heartbeats until the membership without it is committed, so
    /// that it does not campaign; then the membership itself, until it acknowledges or for a number of
    /// heartbeats.
    pub(super) fn send_removal_notices(&mut self, out: &mut Vec<Output<I>>) {
        if !CAN_RECONFIGURE {
            return;
        }
        let (is_committed, promise) = (self.hard.committed, self.requested_promise());
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(change) = leading.tasks.reconfiguration_mut().filter(|change| !change.removed.is_empty())
        else {
            return;
        };
        let term = leading.term;
        let receivers: Vec<I> = change.removed.iter().map(|removed| removed.id).collect();
        if is_committed {
            for removed in &mut change.removed {
                removed.notices_left = removed.notices_left.saturating_sub(1);
            }
            change.removed.retain(|removed| removed.notices_left > 0);
        }
        let round = self.next_round();
        let membership = is_committed.then(|| Box::new(self.hard.membership.clone()));
        for to in receivers {
            let (order, membership) = (Order::Follow, membership.clone());
            let body = Body::Heartbeat(Heartbeat { promise, rank: None, order, inherited: None, membership });
            out.push(Output::Send { to, message: Message::new(self.header(term, round), body) });
        }
    }

    /// A removed node acknowledges the membership without it, and needs no more notices.
    pub(super) fn on_removed_member_reply(&mut self, from: I, header: &Header) {
        let is_acknowledged = self.hard.committed && header.version == self.hard.membership.version();
        if let Role::Leader(leading) = &mut self.role
            && let Some(change) = leading.tasks.reconfiguration_mut().filter(|_| is_acknowledged)
        {
            change.removed.retain(|removed| removed.id != from);
        }
    }
}

/// Whether a node that starts from `saved` is a member.
///
/// C, a learner, learns from B that it is removed before that is committed, and crashes. The removal may be
/// undone, so C goes on asking after its restart, as a member. If the commit is on its disk, C has been told
/// `Removed` already. A forming node is no member before a first membership exists. Rule 8.3.
pub(super) fn initial_participation<I: NodeId>(
    me: I,
    members: &Membership<I>,
    committed: bool,
) -> Participation {
    let is_member = match members.contains(me) {
        true => !members.is_forming(),
        false => members.version().term > Term(0) && !committed,
    };
    if is_member { Participation::Member } else { Participation::Outsider }
}

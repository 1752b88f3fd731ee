//! A reconfiguration that makes no headway: the host is told which members it waits for, and what each lacks.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::event::Event;
use crate::io::Output;
use crate::notice::tell;
use crate::reconfig::{Awaited, CAN_RECONFIGURE};
use crate::role::ReconfigurationPhase;
use crate::types::NodeId;

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Rule 8.2 (h): asked after each round of heartbeats. What is over soon is not told.
    pub(super) fn report_standstill(&mut self, out: &mut Vec<Output<I>>) {
        if !CAN_RECONFIGURE {
            return;
        }
        let (now, pause) = (self.now, self.shortest_news_pause());
        let Some(change) = self.role.reconfiguration_mut() else { return };
        let headway = *change.headway.get_or_insert(now);
        let is_fresh = change.standstill.as_mut().is_some_and(|notice| notice.see(now, pause));
        if is_fresh || now < headway.after(pause) {
            return;
        }
        let awaited = self.awaited_members();
        let Some(change) = self.role.reconfiguration_mut() else { return };
        if !awaited.is_empty() && tell(&mut change.standstill, awaited.clone(), now, pause) {
            out.push(Output::Event(Event::ReconfigurationStalled { awaited }));
        }
    }

    /// The members that the next step waits for: the voters without which the membership in force is not committed,
    /// or else the newcomers that are to vote, or else the voters that stay.
    fn awaited_members(&self) -> Vec<(I, Awaited)> {
        let Some(change) = self.role.reconfiguration() else {
            return Vec::new();
        };
        let members = &self.hard.membership;
        if !self.hard.committed {
            return self.lacking(members.voters(), |_| true);
        }
        let is_blocked = matches!(change.phase, ReconfigurationPhase::Blocked { .. });
        let Some(target) = self.effective_target().filter(|_| is_blocked) else { return Vec::new() };
        let newcomers = self.lacking(target.voters(), |id| !members.is_voter(id));
        if newcomers.is_empty() { self.lacking(target.voters(), |_| true) } else { newcomers }
    }

    fn lacking(&self, ids: &[I], is_concerned: impl Fn(I) -> bool) -> Vec<(I, Awaited)> {
        let concerned = ids.iter().copied().filter(|&id| is_concerned(id));
        concerned.filter_map(|id| Some((id, self.lack_of(id)?))).collect()
    }

    /// What a member lacks so that a step could count on it; nothing if it is none yet.
    fn lack_of(&self, id: I) -> Option<Awaited> {
        let member = self.progress_of(id)?;
        let is_voter = self.hard.membership.is_voter(id);
        match id == self.id {
            false if self.now >= member.bound_until => Some(Awaited::Reply),
            false if !member.acknowledged => Some(Awaited::Acknowledgement),
            false if !is_voter => self.is_behind(member).then_some(Awaited::Data),
            _ => self.voters_behind().iter().any(|&(voter, _)| voter == id).then_some(Awaited::Data),
        }
    }
}

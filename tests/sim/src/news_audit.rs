//! Checks that a host is told no news twice: what has changed differs from what was told before, and trouble that lasts
//! is told no more often than its bound.

use std::collections::BTreeMap;

use quorate::{Event, Input, Position};

use crate::clock::Instant;

/// What the host of one process was told last of each kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewsAudit {
    leader: Option<Event<u64>>,
    membership: Option<Event<u64>>,
    no_successor: Option<Instant>,
    /// What was told at the instants of the steps, which the host may act on later.
    stalled: Option<Instant>,
    failed: Option<Instant>,
    /// Whether the host has asked for a handover that has neither failed nor ended leadership. A later request takes
    /// the place of an earlier one.
    is_resigning: bool,
    /// Of each voter, how far its data reached when it was told last.
    ahead: BTreeMap<u64, (Position, Instant)>,
    /// The members that were called behind since the last step of the reconfiguration.
    behind: Vec<u64>,
}

impl NewsAudit {
    /// Takes note of `event` at `now`. `pause` is the shortest time between two reports of trouble that lasts, for the
    /// fastest clock. Returns why the event is too much.
    pub(crate) fn check(&mut self, event: &Event<u64>, now: Instant, pause: Instant) -> Option<&'static str> {
        let is_repeated = |last: &mut Option<Event<u64>>| last.replace(event.clone()).as_ref() == Some(event);
        match event {
            Event::LeaderChanged { .. } => is_repeated(&mut self.leader).then_some("is told twice"),
            Event::MembershipChanged { .. } => is_repeated(&mut self.membership).then_some("is told twice"),
            // What the host was told before is forgotten.
            Event::Recovered { .. } => {
                (self.leader, self.membership) = (None, None);
                None
            }
            Event::NoSuccessor { .. } => {
                let last = self.no_successor.replace(now);
                last.is_some_and(|last| now - last < pause).then_some("is told too often")
            }
            _ => None,
        }
    }

    /// Takes note of what the host asks for, which may end what it was told.
    pub(crate) fn record_input(&mut self, input: &Input<u64>) {
        match input {
            Input::Resign { .. } => self.is_resigning = true,
            Input::SetPosition(position) => self.ahead.retain(|_, (ahead, _)| *ahead > *position),
            Input::Reconfigure { .. } | Input::Discovered(_) | Input::Lost(_) => self.behind.clear(),
            _ => {}
        }
    }

    /// The same as [`check`](Self::check) for an event of a step at `now`, and for trouble that ends with a step.
    /// `has_target` says whether the host has asked for other members.
    pub(crate) fn check_step(
        &mut self,
        event: &Event<u64>,
        now: Instant,
        pause: Instant,
        has_target: bool,
    ) -> Option<&'static str> {
        let is_early = |last: Option<Instant>| last.is_some_and(|last| now - last < pause);
        match event {
            Event::Elected { .. } | Event::SteppedDown { .. } => {
                self.behind.clear();
                self.is_resigning = false;
            }
            Event::MembershipChanged { .. } => {
                self.behind.clear();
                self.ahead.clear();
            }
            Event::Behind { peer, position } => {
                let last = self.ahead.insert(*peer, (*position, now));
                return is_early(last.map(|(_, last)| last)).then_some("is told too often");
            }
            Event::LearnerBehind { learner: member, .. } | Event::VoterBehind { voter: member, .. } => {
                let is_repeated = self.behind.contains(member);
                self.behind.push(*member);
                return (is_repeated && has_target).then_some("is told twice");
            }
            Event::ReconfigurationStalled { .. } => {
                return is_early(self.stalled.replace(now)).then_some("is told too often");
            }
            // A request may fail at once; the leader's own attempts are told after pauses.
            Event::HandoverFailed { .. } if std::mem::take(&mut self.is_resigning) => {}
            Event::HandoverFailed { .. } => {
                return is_early(self.failed.replace(now)).then_some("is told too often");
            }
            _ => {}
        }
        None
    }
}

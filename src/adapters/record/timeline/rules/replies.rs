//! The rules by which a node counts the replies to what it has asked.

use alloc::format;

use super::Step;
use crate::adapters::record::timeline::acts::Act;
use crate::message::{Answer, Body, Claim, Denial, HeartbeatReply, Message, Phase, VoteReply};
use crate::role::RoleKind;
use crate::types::NodeId;

impl<I: NodeId> Step<'_, I> {
    pub(super) fn on_vote_reply(&self, from: I, message: &Message<I>, reply: &VoteReply<I>) -> Act {
        let (phase, term) = (reply.phase, reply.request_term);
        if !self.still_asks(phase) {
            return Act::ordinary(format!("needs the {phase} reply of node {from:?} no more"), &["2.8"]);
        }
        let act = match (&reply.answer, phase) {
            (Answer::Granted(_), Phase::Pre) => {
                Act::new(format!("has the pre-vote of node {from:?}"), &["4.2"])
                    .citing_if(self.before.role == RoleKind::Follower, &["4.9"])
            }
            (Answer::Granted(promise), Phase::Real) => Act::new(
                format!("has the vote of node {from:?} in term {term}, and its promise of {promise}"),
                &["4.3", "3.1"],
            )
            .citing_if(self.before.role == RoleKind::Leader, &["5.1"]),
            (Answer::Denied(denial), _) => {
                let is_early =
                    self.before.role == RoleKind::Follower && matches!(denial, Denial::Bound { .. });
                Act::new(format!("was denied the {phase} of node {from:?}: {denial}"), &["4.4"])
                    .citing_if(is_early, &["4.9"])
                    .citing_if(self.has_other_membership(), &["4.5", "7.2"])
            }
        };
        act.citing_if(self.has_raised_term() && message.header().term == self.after.term, &["1.2"])
    }

    /// Whether the node asks for this still.
    fn still_asks(&self, phase: Phase) -> bool {
        match self.before.role {
            RoleKind::Follower | RoleKind::PreCandidate => phase == Phase::Pre,
            RoleKind::Candidate | RoleKind::Leader => phase == Phase::Real,
            RoleKind::Recovering => false,
        }
    }

    pub(super) fn on_heartbeat_reply(&self, from: I, message: &Message<I>, reply: &HeartbeatReply<I>) -> Act {
        if self.before.role != RoleKind::Leader {
            return Act::ordinary(format!("needs the heartbeat reply of node {from:?} no more"), &["2.8"]);
        }
        let promise = match &reply.answer {
            Answer::Granted(promise) => promise,
            Answer::Denied(denial) => {
                let is_higher = message.header().term > self.before.term;
                return Act::new(
                    format!("hears that node {from:?} denies its heartbeat: {denial}"),
                    &["4.4"],
                )
                .citing_if(is_higher, &["5.1"]);
            }
        };
        let words = match (reply.ready, reply.leaving) {
            (true, _) => format!("hears that node {from:?} is ready to take over"),
            (false, true) => format!("hears that node {from:?} wants to leave"),
            (false, false) => format!("counts on the promise of node {from:?}, of {promise}"),
        };
        let is_ordinary = !reply.ready && !reply.leaving;
        Act { is_ordinary, ..Act::new(words, &["3.1"]) }
            .citing_if(self.after.lease > self.before.lease, &["3.2"])
            .citing_if(reply.ready, &["6.2", "6.3"])
            .citing_if(reply.leaving, &["8.3"])
    }

    pub(super) fn on_recovery_reply(&self, from: I, message: &Message<I>) -> Act {
        let is_blank = matches!(message.body(), Body::BlankReply(_));
        if self.before.role != RoleKind::Recovering {
            let words = if is_blank { "has forgotten" } else { "takes part" };
            return Act::new(format!("hears that node {from:?} {words}"), &["9.10"]);
        }
        if is_blank {
            return Act::new(format!("hears that node {from:?} has nothing, either"), &["9.6"]);
        }
        Act::new(format!("hears from node {from:?} what it may have forgotten"), &["9.3", "9.4"])
    }

    /// What the node asks for by itself.
    pub(super) fn on_own_requests(&self, named: &mut Option<I>) -> Option<Act> {
        self.on_naming(named).or_else(|| self.on_asking())
    }

    /// A leader that names another successor than before.
    fn on_naming(&self, named: &mut Option<I>) -> Option<Act> {
        let mut beats = self.sent().filter_map(|(to, message)| match message.body() {
            Body::Heartbeat(heartbeat) => {
                Some((to, matches!(heartbeat.order, crate::message::Order::Prepare { .. })))
            }
            _ => None,
        });
        let first = beats.next()?;
        let now = core::iter::once(first).chain(beats).find(|&(_, names)| names).map(|(to, _)| to);
        // Heartbeats to others do not take back the name.
        if now.is_none() && self.sent().any(|(to, _)| Some(to) == *named) {
            *named = None;
        }
        let now = now.filter(|&to| *named != Some(to))?;
        *named = Some(now);
        Some(Act::new(format!("names node {now:?} its successor"), &["6.1"]))
    }

    fn on_asking(&self) -> Option<Act> {
        let asked = self.sent().find_map(|(_, message)| match message.body() {
            Body::VoteRequest(request) => Some((Some((request.phase, request.claim)), message.header().term)),
            Body::RecoveryRequest => Some((None, message.header().term)),
            _ => None,
        });
        let (request, term) = asked?;
        let Some((phase, claim)) = request else {
            return Some(
                Act::new("asks what it may have forgotten".into(), &["9.3"])
                    .citing_if(self.after.role != RoleKind::Recovering, &["9.10"]),
            );
        };
        let has_changed_role = self.after.role != self.before.role;
        match (phase, claim) {
            (_, Claim::Renewal) => {
                Some(Act::new(format!("asks for the votes of term {term}, while it leads on"), &["5.1"]))
            }
            (_, Claim::Inquiry) => Some(Act::new("asks what has become of the group".into(), &["8.3"])),
            (Phase::Pre, Claim::Handover { .. }) => {
                Some(Act::new("asks whether it would win, in the name of its leader".into(), &["6.2"]))
            }
            (Phase::Pre, Claim::Own) if self.after.role == RoleKind::Follower => {
                Some(Act::new("asks for pre-votes before its deadline".into(), &["4.9"]))
            }
            (Phase::Pre, Claim::Own) if !has_changed_role => {
                Some(Act::new("asks for pre-votes again".into(), &["4.2", "4.11"]))
            }
            (Phase::Real, _) if !has_changed_role && !self.has_raised_term() => {
                Some(Act::new(format!("asks again for the votes of term {term}"), &["4.3", "4.11"]))
            }
            _ => None,
        }
    }
}

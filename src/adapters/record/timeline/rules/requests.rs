//! The rules by which a node answers requests: votes, heartbeats, and questions of nodes that have forgotten.

use alloc::format;

use super::Step;
use crate::adapters::record::timeline::acts::Act;
use crate::message::{
    Answer, Body, Claim, Denial, Heartbeat, HeartbeatReply, Message, Order, Phase, VoteReply, VoteRequest,
};
use crate::role::RoleKind;
use crate::types::{Life, Nanos, NodeId};

impl<I: NodeId> Step<'_, I> {
    pub(super) fn on_vote_request(&self, from: I, message: &Message<I>, request: &VoteRequest<I>) -> Act {
        let reply = self.sent_to(from, |body| match body {
            Body::VoteReply(reply) => Some(reply),
            _ => None,
        });
        let Some(VoteReply { answer, request_term, .. }) = reply else { return self.ignored(from, message) };
        let is_handover = matches!(request.claim, Claim::Handover { .. });
        let act = match (request.phase, answer) {
            (Phase::Pre, Answer::Granted(_)) => {
                Act::new(format!("would vote for node {from:?}"), &["4.2", "2.6"])
                    .citing_if(is_handover, &["6.2"])
            }
            (Phase::Real, Answer::Granted(promise)) => Act::new(
                format!("votes for node {from:?} in term {request_term}, and promises {promise}"),
                &["1.1", "2.1", "2.4"],
            )
            .citing_if(is_handover, &["6.3", "2.2"])
            .citing_if(request.claim == Claim::Renewal, &["5.1"]),
            (phase, Answer::Denied(denial)) => {
                let shows_itself = self.after.role == RoleKind::Leader
                    && self.sent_to(from, |body| matches!(body, Body::Heartbeat(_)).then_some(())).is_some();
                Act::new(format!("denies node {from:?} its {phase}: {denial}"), of_a_denial(phase, &denial))
                    .citing_if(true, &["4.4"])
                    .citing_if(shows_itself, &["4.7"])
                    .citing_if(is_handover && phase == Phase::Pre, &["6.2"])
            }
        };
        act.citing_if(self.has_raised_term(), &["1.2"])
    }

    pub(super) fn on_heartbeat(&self, from: I, message: &Message<I>, heartbeat: &Heartbeat<I>) -> Act {
        let reply = self.sent_to(from, |body| match body {
            Body::HeartbeatReply(reply) => Some(reply),
            _ => None,
        });
        let term = message.header().term;
        let follows = |view: &super::View<I>| {
            view.leader.is_some_and(|leader| leader.id == from && leader.term == term)
        };
        if heartbeat.promise == Nanos::ZERO && follows(self.before) && !follows(self.after) {
            let act = Act::new(format!("is released from its promise by node {from:?}"), &["2.2"]);
            return match heartbeat.order {
                Order::Campaign => act.citing_if(true, &["6.3"]),
                Order::Follow | Order::Prepare { .. } => act.citing_if(true, &["5.2", "6.3"]),
            };
        }
        let Some(HeartbeatReply { answer, ready, .. }) = reply else { return self.ignored(from, message) };
        let promise = match answer {
            Answer::Granted(promise) => promise,
            Answer::Denied(denial) => {
                return Act::new(
                    format!("denies the heartbeat of node {from:?}: {denial}"),
                    of_a_denial(Phase::Real, &denial),
                )
                .citing_if(true, &["4.4"]);
            }
        };
        let is_new = !follows(self.before);
        let prepares = matches!(heartbeat.order, Order::Prepare { .. });
        let is_ordinary = !is_new && !self.has_other_membership() && !self.has_raised_term() && !prepares;
        let words = match (is_new, prepares) {
            (true, _) => format!("follows node {from:?} in term {term}, and promises {promise}"),
            (false, true) if ready => format!("tells node {from:?} that it is ready to take over"),
            (false, true) => format!("is to try whether it could take over from node {from:?}"),
            (false, false) => format!("follows node {from:?}, and promises {promise}"),
        };
        let act = Act { is_ordinary, ..Act::new(words, &["2.1"]) };
        act.citing_if(is_new, &["2.4", "1.5"])
            .citing_if(self.has_raised_term(), &["1.2"])
            .citing_if(prepares, &["6.2"])
            .citing_if(self.before.role == RoleKind::Leader, &["5.3"])
            .citing_if(self.has_other_membership(), &["7.2"])
            .citing_if(self.has_other_membership() && heartbeat.membership.is_none(), &["7.1"])
    }

    pub(super) fn on_recovery_request(&self, from: I) -> Act {
        let answers = self.sent_to(from, |body| match body {
            Body::RecoveryReply(_) => Some(false),
            Body::BlankReply(_) => Some(true),
            _ => None,
        });
        match answers {
            Some(false) => {
                Act::new(format!("tells node {from:?}, which has forgotten, what it holds"), &["9.3"])
            }
            Some(true) => {
                Act::new(format!("tells node {from:?} that it has nothing, either"), &["9.3", "9.6"])
            }
            None if self.before.role == RoleKind::Recovering => {
                Act::new(format!("does not answer node {from:?} while it waits"), &["9.1"])
            }
            None => Act::new(format!("has nothing to tell node {from:?}"), &["9.3"]),
        }
    }

    /// A request that is not answered.
    fn ignored(&self, from: I, message: &Message<I>) -> Act {
        let header = message.header();
        if self.before.role == RoleKind::Recovering {
            return Act::ordinary(format!("takes no part, and does not answer node {from:?}"), &["9.1"]);
        }
        let lives = [Life::NONE, self.before.life];
        if !lives.contains(&header.life) && self.before.life != Life::NONE {
            return Act::new(format!("ignores node {from:?}, which is of another life"), &["1.7"]);
        }
        if header.term.0.saturating_sub(self.before.term.0) > 1 << 32 {
            return Act::new(format!("ignores the term {} of node {from:?}", header.term), &["1.4"]);
        }
        if matches!(message.body(), Body::Heartbeat(_)) && self.lost_its_state() {
            return Act::new(format!("learns from node {from:?} that it has lost its state"), &["7.5"]);
        }
        Act::new(format!("ignores a request of node {from:?} that is older than its last one"), &["2.7"])
    }

    fn lost_its_state(&self) -> bool {
        self.after.role == RoleKind::Recovering && self.before.role != RoleKind::Recovering
    }
}

/// The rules by which a voter denies.
pub(super) fn of_a_denial<I>(phase: Phase, denial: &Denial<I>) -> &'static [&'static str] {
    match (denial, phase) {
        (Denial::Bound { to: None, .. }, _) => &["2.3", "2.5"],
        (Denial::Bound { .. }, Phase::Real) => &["2.5", "2.1"],
        (Denial::Bound { .. }, Phase::Pre) => &["4.2", "2.5", "2.1"],
        (Denial::AlreadyVoted, _) => &["1.1"],
        (Denial::StaleTerm | Denial::StaleMembership | Denial::PositionBehind(_), Phase::Pre) => &["4.2"],
        (Denial::StaleTerm | Denial::StaleMembership | Denial::PositionBehind(_), Phase::Real) => &["4.3"],
        (Denial::NotAMember, _) => &["1.3"],
        (Denial::MembershipConflict, _) => &["7.4"],
        (Denial::OtherLife, _) => &["1.7"],
    }
}

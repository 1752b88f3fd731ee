//! The heartbeat: how a leader leads, how a follower follows, and what an answer is worth.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Bound;

use rand_core::Rng;

use super::{Durability, Election};
use crate::event::{Event, StepDown};
use crate::io::Output;
use crate::lease::bound_until;
use crate::membership::{Membership, is_newer_config};
use crate::message::{Answer, Body, Denial, Header, Heartbeat, HeartbeatReply, Message, Order};
use crate::peer_log::Anomaly;
use crate::role::{Following, Leading, Leaving, Reconfiguration, Role};
use crate::succession::{Progress, rank};
use crate::types::{Leader, MembershipVersion, NEVER, Nanos, NodeId, Round, Term};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Asks every member for its promise. Rules 3.2 and 3.5.
    pub(super) fn broadcast(&mut self, out: &mut Vec<Output<I>>) {
        self.broadcast_since(None, out);
    }

    /// The same, for the first time: the members are those of the version `inherited`. Rule 7.1.
    pub(super) fn broadcast_since(&mut self, inherited: Option<MembershipVersion>, out: &mut Vec<Output<I>>) {
        self.tune();
        let now = self.now;
        let own = self.hard.membership.index_of(self.id);
        let length = self.requested_promise();
        let interval = self.heartbeat_interval();
        let round = self.next_round();
        let Role::Leader(leading) = &mut self.role else { return };
        leading.next_heartbeat = now.saturating_add(interval);
        if let Some(own) = own.and_then(|place| leading.progress.get_mut(place)) {
            own.bound_until = own.bound_until.max(now.saturating_add(length));
        }
        for follower in &mut leading.progress {
            let is_bound = now < follower.bound_until;
            leading.unranked |= is_bound != follower.was_bound;
            follower.was_bound = is_bound;
        }
        self.rank_followers();
        self.refresh_lease();
        let Role::Leader(leading) = &self.role else { return };
        let template = self.heartbeat_template(leading, round, inherited);
        // All but its own place: of a known length, so that each is written where it stays.
        let all = (template.members.members(), &*leading.progress);
        let mine = own.unwrap_or(usize::MAX);
        for places in [(Bound::Unbounded, Bound::Excluded(mine)), (Bound::Excluded(mine), Bound::Unbounded)] {
            let to = all.0.get(places).unwrap_or_default().iter();
            let others = to.zip(all.1.get(places).unwrap_or_default());
            out.extend(others.map(|(&to, follower)| template.message_to(to, follower)));
        }
        self.send_removal_notices(out);
    }

    fn heartbeat_template(
        &self,
        leading: &Leading<I>,
        round: Round,
        inherited: Option<MembershipVersion>,
    ) -> HeartbeatTemplate<'_, I> {
        HeartbeatTemplate {
            header: self.header(leading.term, round),
            promise: self.requested_promise(),
            long_promise: self.timing.promise_limit(),
            successor: leading.attempt().map(|attempt| attempt.successor),
            inherited,
            members: &self.hard.membership,
        }
    }

    pub(super) fn rank_followers(&mut self) {
        let (members, me, now) = (&self.hard.membership, self.id, self.now);
        let Role::Leader(leading) = &mut self.role else { return };
        if leading.unranked {
            let named = leading.attempt().map(|attempt| attempt.successor);
            rank(&mut leading.progress, members, me, named, now);
            leading.unranked = false;
        }
    }

    /// A heartbeat out of turn, to one other member.
    pub(super) fn send_heartbeat(&mut self, place: usize, out: &mut Vec<Output<I>>) {
        let round = self.next_round();
        let Role::Leader(leading) = &self.role else { return };
        let members = &self.hard.membership;
        let (Some(&to), Some(follower)) = (members.members().get(place), leading.progress.get(place)) else {
            return;
        };
        if !leading.is_requesting_votes() {
            out.push(self.heartbeat_template(leading, round, None).message_to(to, follower));
            if let Role::Leader(Leading { tuning: Some(tuning), .. }) = &mut self.role {
                tuning.on_send(place);
            }
        }
    }

    fn refresh_lease(&mut self) {
        let Role::Leader(leading) = &mut self.role else { return };
        let progress = &leading.progress;
        let until = |place: usize| progress.get(place).map_or(0, |follower| follower.bound_until);
        leading.lease = self.hard.membership.quorum_value(leading.lease, until);
    }

    pub(super) fn on_heartbeat(
        &mut self,
        from: I,
        place: Option<usize>,
        header: Header,
        mut heartbeat: Heartbeat<I>,
        out: &mut Vec<Output<I>>,
    ) {
        if self.conflicts(from, heartbeat.membership.as_deref(), out) {
            return;
        }
        // Rule 1.3.
        if place.is_none() && !is_newer_config(header.version, self.hard.membership.version()) {
            return self.answer_heartbeat(from, &header, Answer::Denied(Denial::NotAMember), out);
        }
        if header.term < self.hard.term {
            return self.answer_heartbeat(from, &header, Answer::Denied(Denial::StaleTerm), out);
        }
        // Nobody leads term 0. Rule 2.7: neither does a late or replayed heartbeat count.
        if header.term == Term(0) || !self.peer_log.is_news(place, from, header.term, header.round) {
            return;
        }
        if self.is_rival(from, header.term, out) || self.has_forgotten(from, &header, &heartbeat, out) {
            return;
        }
        self.adopt(from, &header, &mut heartbeat, out);
        let granted = self.bind_to_leader(from, &header, &heartbeat);
        self.update_transfer_pre_vote(from, &header, heartbeat.order, granted, out);
        self.answer_heartbeat(from, &header, Answer::Granted(granted), out);
        self.on_campaign_order(from, header.term, heartbeat.order, out);
    }

    /// Rule 5.4: a second leader of one term. It cannot be; if it is, neither is followed.
    fn is_rival(&mut self, from: I, term: Term, out: &mut Vec<Output<I>>) -> bool {
        let known = match &self.role {
            Role::Leader(leading) if leading.term == term => Some(self.id),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) | Role::Leader(_) => {
                self.promise.leader_of(term)
            }
        };
        if self.peer_log.is_disputed(term) {
            return true;
        }
        let rival = known.is_some_and(|leader| leader != from);
        if rival {
            self.peer_log.dispute(term);
            self.report_once(from, Anomaly::TwoLeaders, Event::TwoLeaders { peer: from, term }, out);
        }
        rival
    }

    /// Rules 1.2, 1.5 and 7.2: the leader's term, its vote and its membership, in one write if
    /// anything is new. This node's own leadership, if any, ends before. Rule 5.3.
    fn adopt(&mut self, from: I, header: &Header, heartbeat: &mut Heartbeat<I>, out: &mut Vec<Output<I>>) {
        if matches!(self.role, Role::Leader(_)) {
            self.step_down(StepDown::NewLeader { leader: Leader { id: from, term: header.term } }, None, out);
        }
        let higher = header.term > self.hard.term;
        if higher {
            self.raise_term(header.term);
        }
        let vote_used = self.hard.voted_for.is_none();
        if vote_used {
            self.hard.voted_for = Some(from);
        }
        let installed = self.install(heartbeat.membership.take()) || self.inherit(header, heartbeat);
        let committed = self.learn_commit(header);
        // What it acknowledges is durable, also what it led with itself.
        let behind = self.durability == Durability::VersionUnwritten;
        if higher || vote_used || installed || behind || (committed && self.is_removed()) {
            self.persist(out);
        }
        if installed || committed {
            self.report_membership(true, out);
        }
    }

    /// Promises what is asked, as far as this voter may, and says how much. Zero releases.
    /// Rules 2.1, 2.2 and 4.1.
    fn bind_to_leader(&mut self, from: I, header: &Header, heartbeat: &Heartbeat<I>) -> Nanos {
        let granted = self.grantable_length(heartbeat.promise);
        self.promise.bind_to_leader(from, header.term, self.now.saturating_add(granted));
        if heartbeat.promise == 0 {
            self.promise.release(from, header.term, self.now);
        }
        self.rank = heartbeat.rank;
        let election_deadline = self.draw_election_deadline();
        let (asks, stands) = (self.sends_pre_votes(), self.is_electable());
        let early_pre_vote_at =
            if stands { self.early_pre_vote_time(election_deadline, granted) } else { NEVER };
        // Where it is by now: the members may have changed with this heartbeat.
        let place = self.hard.membership.index_of(from).filter(|_| stands);
        let leader_index = place.and_then(|place| u8::try_from(place).ok());
        match &mut self.role {
            Role::Follower(following) => {
                following.timeout_now_retry = None;
                following.early_pre_vote = None;
                following.leader_index = leader_index;
                (following.deadline, following.early_pre_vote_at) =
                    if asks { (election_deadline, early_pre_vote_at) } else { (NEVER, NEVER) };
            }
            Role::PreCandidate(_) | Role::Candidate(_) | Role::Leader(_) => {
                self.become_follower(election_deadline)
            }
        }
        granted
    }

    pub(super) fn answer_heartbeat(
        &self,
        to: I,
        heartbeat: &Header,
        answer: Answer<I>,
        out: &mut Vec<Output<I>>,
    ) {
        let membership = match answer {
            Answer::Granted(_) => None,
            Answer::Denied(_) => self.membership_for(to, true, heartbeat.version),
        };
        let ready = match &self.role {
            Role::Follower(Following { transfer_pre_vote: Some(transfer_pre_vote), .. }) => {
                transfer_pre_vote.ready
            }
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) | Role::Leader(_) => false,
        };
        // Written where it stays, as all of a round are.
        out.extend(core::iter::once_with(|| {
            let body = Body::HeartbeatReply(HeartbeatReply {
                request_term: heartbeat.term,
                answer,
                position: self.position,
                priority: self.priority,
                ready,
                leaving: self.leaving != Leaving::No,
                membership,
            });
            Output::Send { to, message: Message { header: self.reply_header(heartbeat), body } }
        }));
    }

    /// A promise counts only if the heartbeat it answers was sent in the term that is led.
    /// Rule 3.1.
    pub(super) fn on_heartbeat_reply(
        &mut self,
        from: I,
        place: Option<usize>,
        header: Header,
        reply: &HeartbeatReply<I>,
        out: &mut Vec<Output<I>>,
    ) {
        self.end_timeout_now_retry(header.term);
        self.conflicts(from, reply.membership.as_deref(), out);
        let Some(place) = place else {
            return self.on_removed_member_reply(from, &header);
        };
        let drift = self.timing.drift_ppm;
        let limit = self.timing.promise_limit();
        let version = self.hard.membership.version();
        let Role::Leader(leading) = &mut self.role else { return };
        if reply.request_term != leading.term || header.sent_at > self.now {
            return;
        }
        let granted = match reply.answer {
            Answer::Granted(granted) => granted.min(limit),
            Answer::Denied(denial) => return self.peer_log.note_denial(from, denial),
        };
        let Some(follower) = leading.progress.get_mut(place) else { return };
        let before = follower.bound_until;
        follower.bound_until = before.max(bound_until(header.sent_at, granted, drift));
        follower.answered = true;
        // Rule 7.3: term and version from the same reply.
        let acknowledges = !follower.acknowledged && header.term == leading.term && header.version == version;
        follower.acknowledged |= acknowledges;
        let changes_mind = follower.leaving != reply.leaving;
        if changes_mind {
            follower.leaving = reply.leaving;
            leading.unranked = true;
            leading.reconfiguration.get_or_insert_with(Reconfiguration::new);
        }
        let prepares = leading
            .reconfiguration
            .as_ref()
            .is_some_and(|reconfiguration| reconfiguration.preparing.is_some());
        if (follower.position, follower.priority) != (reply.position, reply.priority) {
            (follower.position, follower.priority) = (reply.position, reply.priority);
            leading.unranked = true;
        }
        let lifts = lengthens_lease(leading.lease, before, follower.bound_until);
        self.observe_reply(place, header.sent_at, acknowledges);
        if lifts {
            self.refresh_lease();
        }
        if acknowledges {
            self.commit(out);
        }
        if acknowledges || changes_mind || (prepares && self.is_lease_long()) {
            self.advance_reconfiguration(out);
        }
        self.advance_renewal(out);
        self.advance_handover(out);
        if reply.ready && header.term == self.hard.term {
            self.on_ready(from, out);
        }
    }

    /// Rule 7.3: a quorum has acknowledged the membership in force, bearing this term. Rule 4.6: the
    /// leader is one of them, so its own write comes first.
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
}

/// What the heartbeats of one round have in common.
struct HeartbeatTemplate<'a, I> {
    header: Header,
    promise: Nanos,
    long_promise: Nanos,
    successor: Option<I>,
    inherited: Option<MembershipVersion>,
    members: &'a Membership<I>,
}

impl<I: NodeId> HeartbeatTemplate<'_, I> {
    #[inline]
    fn message_to(&self, to: I, follower: &Progress) -> Output<I> {
        // Rule 7.1.
        let told = follower.acknowledged || self.inherited.is_some();
        // Rule 3.5: a successor writes before it says ready.
        let (order, promise) = match self.successor == Some(to) {
            true => (Order::Prepare, self.long_promise),
            false => (Order::Follow, self.promise),
        };
        let body = Body::Heartbeat(Heartbeat {
            promise,
            rank: follower.rank,
            order,
            inherited: self.inherited,
            membership: (!told).then(|| Box::new(self.members.clone())),
        });
        Output::Send { to, message: Message { header: self.header, body } }
    }
}

/// Whether it may lengthen `lease` that a promise which ended at `before` ends at `until` now. Others
/// need not be looked at.
fn lengthens_lease(lease: Nanos, before: Nanos, until: Nanos) -> bool {
    before <= lease && until > lease
}

//! The leader's heartbeats: it asks every member for a promise, and counts what the replies give.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Bound;

use rand_core::Rng;

use super::Election;
use crate::io::Output;
use crate::lease::bound_until;
use crate::membership::Membership;
use crate::message::{Answer, Denial, Header, Heartbeat, HeartbeatReply, Message, Order};
use crate::progress::Progress;
use crate::role::{Leading, Role};
use crate::succession::rank;
use crate::types::{MemberIndex, MembershipVersion, Nanos, NodeId, Round, Timestamp};

/// Why a heartbeat reply changes nothing.
enum Unused<I> {
    /// The member gave no promise.
    Denied(Denial<I>),
    /// Rule 3.1: the reply belongs to no heartbeat of the term that is led.
    Stray,
}

/// What a heartbeat reply brought.
struct ReplyEffect {
    /// The member acknowledges the membership in force, for the first time.
    acknowledges: bool,
    /// The member now wants to leave, or no longer does.
    changes_leaving: bool,
    /// The promise lengthens the lease.
    lengthens_lease: bool,
    /// The member can win, as the leader has asked it to find out in this attempt.
    is_ready: bool,
}

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Sends every other member a heartbeat, which asks for its promise. Rules 3.2 and 3.5.
    pub(super) fn broadcast(&mut self, out: &mut Vec<Output<I>>) {
        self.broadcast_since(None, out);
    }

    /// Sends heartbeats that say, if `inherited` is given, that the members are those of that version. Rule 7.1.
    pub(super) fn broadcast_since(&mut self, inherited: Option<MembershipVersion>, out: &mut Vec<Output<I>>) {
        self.tune();
        let now = self.now;
        let own = self.own_index;
        let length = self.requested_promise();
        let interval = self.heartbeat_interval();
        let round = self.next_round();
        let Role::Leader(leading) = &mut self.role else { return };
        leading.next_heartbeat = now.after(interval);
        if let Some(own) = own.and_then(|index| leading.progress.get_mut(index.as_usize())) {
            own.bound_until = own.bound_until.max(now.after(length));
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
        // The members before and after this node are two slices of known length, so that `extend` constructs
        // each message in the buffer.
        let (members, progress) = (template.members.members(), &*leading.progress);
        let own = own.map_or(usize::MAX, MemberIndex::as_usize);
        for indices in [(Bound::Unbounded, Bound::Excluded(own)), (Bound::Excluded(own), Bound::Unbounded)] {
            let ids = members.get(indices).unwrap_or_default().iter();
            let others = ids.zip(progress.get(indices).unwrap_or_default());
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
            attempt: leading.attempt().map(|attempt| (attempt.successor, attempt.since)),
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

    /// Sends one other member a heartbeat before the next broadcast.
    pub(super) fn send_heartbeat(&mut self, index: MemberIndex, out: &mut Vec<Output<I>>) {
        let round = self.next_round();
        let Role::Leader(leading) = &self.role else { return };
        let members = &self.hard.membership;
        let follower = leading.progress.get(index.as_usize());
        let (Some(to), Some(follower)) = (members.member(index), follower) else { return };
        if !leading.is_requesting_votes() {
            out.push(self.heartbeat_template(leading, round, None).message_to(to, follower));
            if let Role::Leader(leading) = &mut self.role
                && let Some(tuning) = leading.tasks.tuning_mut()
            {
                tuning.on_send(index);
            }
        }
    }

    pub(super) fn on_heartbeat_reply(
        &mut self,
        from: I,
        index: Option<MemberIndex>,
        header: &Header,
        reply: &HeartbeatReply<I>,
        out: &mut Vec<Output<I>>,
    ) {
        self.end_timeout_now_retry(header.term);
        if self.conflicts_with(reply.membership.as_deref()) {
            self.report_conflict(from, out);
        }
        let Some(index) = index else {
            return self.on_removed_member_reply(from, header);
        };
        let granted = match self.check_heartbeat_reply(index, header, reply) {
            Ok(granted) => granted,
            Err(Unused::Denied(denial)) => {
                return self.on_denied_heartbeat(from, index, header.round, denial);
            }
            Err(Unused::Stray) => return,
        };
        let Some(effect) = self.record_reply(index, granted, header, reply) else { return };
        if granted < self.timing.shortest_promise() {
            self.report_short_promise(from, index, granted, out);
        }
        // The order matters. A reply of B to A may prolong its promise, acknowledge the membership and say
        // `ready`, all at once. The lease comes first, since the step that a commit allows is judged by it;
        // then the commit, for which steps and handovers wait; `ready` comes last, because it makes A step
        // down.
        self.observe_reply(index, header.sent_at, effect.acknowledges);
        if effect.lengthens_lease {
            self.refresh_lease();
        }
        // Rule 9.5: a member that acknowledged before may be bound again only now.
        if !self.hard.committed {
            self.commit(out);
        }
        // A longer promise, or a shorter wait: each reply may be the one that a step waits for.
        if effect.acknowledges || effect.changes_leaving || self.awaits_step() {
            self.advance_reconfiguration(out);
        }
        self.advance_renewal();
        self.advance_handover(out);
        if effect.is_ready && header.term == self.hard.term {
            self.on_ready(from, header.round, out);
        }
    }

    /// Rule 2.8: a denial is the member's newest reply if it echoes the newest round.
    fn on_denied_heartbeat(&mut self, from: I, index: MemberIndex, round: Round, denial: Denial<I>) {
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(follower) = leading.progress.get_mut(index.as_usize()) else { return };
        if round > follower.newest {
            follower.newest = round;
            self.peer_log.record_denial(from, denial, self.now);
        }
    }

    /// The promise that a reply gives. Rule 3.1: it counts only if the heartbeat was sent in the term that is
    /// led.
    ///
    /// A led term 3, resigned, and leads again in term 5. A late reply of B to a heartbeat of term 3 promises
    /// 450 ms. B has followed another leader in between, so that promise is over: counted in term 5 it would
    /// give A a lease that B does not honour.
    ///
    /// Rule 2.8: nor does a reply count that belongs to an earlier record of the member, or to no round so far.
    fn check_heartbeat_reply(
        &self,
        index: MemberIndex,
        header: &Header,
        reply: &HeartbeatReply<I>,
    ) -> Result<Nanos, Unused<I>> {
        let Role::Leader(leading) = &self.role else { return Err(Unused::Stray) };
        if reply.request_term != leading.term || header.sent_at > self.now {
            return Err(Unused::Stray);
        }
        let follower = leading.progress.get(index.as_usize()).ok_or(Unused::Stray)?;
        if header.round <= follower.since || header.round > self.round {
            return Err(Unused::Stray);
        }
        match reply.answer {
            Answer::Granted(granted) => Ok(granted.min(self.timing.promise_limit())),
            Answer::Denied(denial) => Err(Unused::Denied(denial)),
        }
    }

    /// Records the promise of the member at `index`, and returns whether the lease is longer than was known. Rules 3.1 and
    /// 3.2.
    #[inline]
    pub(super) fn record_promise(&mut self, index: MemberIndex, sent_at: Timestamp, granted: Nanos) -> bool {
        let until = bound_until(sent_at, granted, self.timing.clock);
        let Role::Leader(leading) = &mut self.role else { return false };
        leading.extend_promise(index, until, &self.hard.membership)
    }

    /// Updates the progress of the member at `index`. Rule 2.8: a reply that is not the newest brings only a longer
    /// promise, and `ready` may come in a second reply to the newest round.
    ///
    /// B wants to leave, and says so in its reply to round 7. The reply is late: meanwhile B was removed and
    /// added again, and has answered round 90. If the reply to round 7 counted, B would be removed once more.
    fn record_reply(
        &mut self,
        index: MemberIndex,
        granted: Nanos,
        header: &Header,
        reply: &HeartbeatReply<I>,
    ) -> Option<ReplyEffect> {
        let lengthens_lease = self.record_promise(index, header.sent_at, granted);
        let version = self.hard.membership.version();
        let Role::Leader(leading) = &mut self.role else { return None };
        let follower = leading.progress.get_mut(index.as_usize())?;
        let is_newest = header.round > follower.newest;
        let is_ready = reply.ready && header.round >= follower.newest;
        if !is_newest {
            let (acknowledges, changes_leaving) = (false, false);
            return Some(ReplyEffect { acknowledges, changes_leaving, lengthens_lease, is_ready });
        }
        follower.newest = header.round;
        follower.answered = true;
        // Rule 7.3: term and version from the same reply. Rule 9.5: the newest one counts.
        let holds_version = header.term == leading.term && header.version == version;
        let acknowledges = !follower.acknowledged && holds_version;
        follower.acknowledged = holds_version;
        // Rule 2.8: a member that does not know that it was added again tells of a wish from before.
        let leaving = reply.leaving && header.version >= self.hard.membership.added_at(index);
        let changes_leaving = follower.leaving != leaving;
        if changes_leaving {
            follower.leaving = leaving;
            leading.unranked = true;
            leading.tasks.begin_reconfiguration();
        }
        if (follower.position, follower.priority) != (reply.position, reply.priority) {
            (follower.position, follower.priority) = (reply.position, reply.priority);
            leading.unranked = true;
        }
        Some(ReplyEffect { acknowledges, changes_leaving, lengthens_lease, is_ready })
    }
}

/// What all heartbeats of one round have in common.
struct HeartbeatTemplate<'a, I> {
    header: Header,
    promise: Nanos,
    long_promise: Nanos,
    /// The successor, and the round with which the attempt to hand over to it began.
    attempt: Option<(I, Round)>,
    inherited: Option<MembershipVersion>,
    members: &'a Membership<I>,
}

impl<I: NodeId> HeartbeatTemplate<'_, I> {
    /// Inlined in any case, so that each heartbeat of a round is made in the buffer and not copied into it.
    #[inline(always)]
    fn message_to(&self, to: I, follower: &Progress) -> Output<I> {
        // Rule 7.1.
        let knows_members = follower.acknowledged || self.inherited.is_some();
        let (order, promise) = match self.attempt {
            // Rule 3.5: a successor writes before it reports that it is ready.
            Some((successor, attempt)) if successor == to => (Order::Prepare { attempt }, self.long_promise),
            _ => (Order::Follow, self.promise),
        };
        let heartbeat = Heartbeat {
            promise,
            rank: follower.rank,
            order,
            inherited: self.inherited,
            membership: (!knows_members).then(|| Box::new(self.members.clone())),
        };
        Output::Send { to, message: Message::of_heartbeat(self.header, heartbeat) }
    }
}

//! Leadership: how it begins with a quorum of promises, and how it ends with the lease.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::Rng;

use super::{Durability, Election};
use crate::event::{Event, StepDown};
use crate::io::Output;
use crate::membership::{Membership, majority};
use crate::message::{Body, Heartbeat, Message, Order};
use crate::progress::Progress;
use crate::reconfig::Target;
use crate::role::{Following, Handover, Leading, Leaving, Reconfiguration, Role, Tasks};
use crate::tally::Tally;
use crate::types::{MemberIndex, MembershipVersion, NEVER, Nanos, NodeId, Position, Round, Term, Timestamp};

/// What a leader is about to do when its leadership begins.
struct Plans<I> {
    handover: Option<Box<Handover<I>>>,
    reconfiguration: Option<Box<Reconfiguration<I>>>,
    to_carry_over: Position,
}

impl<I: NodeId, R: Rng> Election<I, R> {
    /// The only transition to the leader's role: a quorum of votes is in force at this instant. Rule 4.6. Spec:
    /// `BecomeLeader`.
    pub(super) fn become_leader(&mut self, tally: &Tally, out: &mut Vec<Output<I>>) {
        let (term, before) = (self.hard.term, self.hard.membership.version());
        let (progress, target) = self.establish_membership(tally, before, out);
        let is_founding = target.is_some();
        let lease = self.lease_of(&progress, Timestamp::ORIGIN);
        let since = if let Role::Leader(renewed) = &self.role { renewed.since } else { self.now };
        let Plans { handover, reconfiguration, to_carry_over } = self.carry_over_plans(lease, target);
        self.end_trial(self.id);
        self.peer_log.forget_denial();
        self.lost_candidacies = 0;
        self.trouble.end_quorum_check();
        self.role = Role::Leader(Leading {
            term,
            since,
            lease,
            // The broadcast below counts them.
            beyond_lease: 0,
            next_heartbeat: self.now,
            progress,
            unranked: true,
            is_write_due: false,
            tasks: Tasks::new(handover, reconfiguration),
            to_carry_over,
        });
        out.push(Output::Event(Event::Elected { term }));
        if is_founding {
            out.push(self.membership_event());
        }
        // Rule 7.1: two starting points of one version may list different members.
        let inherited = Some(before).filter(|before| before.term > Term(0) && before.number > 0);
        self.broadcast_since(inherited, out);
        self.commit(out);
    }

    /// Gives the membership the version of the new leader's term, or, rule 8.4, founds the first membership of a
    /// group that forms, with a target to reconfigure to. Returns the progress of its members, and that target.
    ///
    /// A wins term 5 with a membership of version (3, 2): the version becomes (5, 2), the members stay, and the
    /// write waits for the commit (4.6). If A is forming, knows B, C and D and has the votes of B and C, its
    /// first membership is {A, B, C}: no other node holds that list yet, and A writes it at once. D is only in
    /// the target.
    fn establish_membership(
        &mut self,
        tally: &Tally,
        before: MembershipVersion,
        out: &mut Vec<Output<I>>,
    ) -> (Box<[Progress]>, Option<Target<I>>) {
        let term = self.hard.term;
        let Some((first, target)) = self.founding_membership(tally, term) else {
            let progress = self.initial_progress(tally, &self.hard.membership, |index, _| Some(index));
            // Spec: `BecomeLeader`, "configTerm' = newTerm".
            self.set_membership_version(MembershipVersion { term, number: before.number.max(1) });
            self.durability = Durability::VersionUnwritten;
            return (progress, None);
        };
        let index_of = |_, id| self.hard.membership.index_of(id);
        let progress = self.initial_progress(tally, &first, index_of);
        self.replace_membership(first);
        self.persist(out);
        (progress, Some(target))
    }

    /// The handover and the reconfiguration of a new leader: what it was about to do before a renewal, and what
    /// it has to do now.
    ///
    /// A leads term 4 with a lease until 500 and wins its renewal, term 6, with promises that end at 420. A
    /// worker that has read the lease of term 4 may act until 500, so A takes no step before then (8.1 (e)).
    /// The handover or the reconfiguration that A had begun goes on in term 6.
    fn carry_over_plans(&mut self, lease: Timestamp, target: Option<Target<I>>) -> Plans<I> {
        let members = &self.hard.membership;
        // A group that has formed needs no more than a majority from its first step on. Rule 8.4.
        let has_founders_quorum =
            members.limits().is_some() && members.quorum() != majority(members.voters().len());
        let (handover, mut reconfiguration, older_lease_until, to_carry_over) = match &mut self.role {
            Role::Leader(renewed) => (
                renewed.tasks.end_handover(),
                renewed.tasks.end_reconfiguration(),
                renewed.lease,
                renewed.to_carry_over,
            ),
            // Rule 8.1 (h): what a quorum held under an earlier leader, this node holds too, since it was elected.
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) | Role::Recovering(_) => {
                (None, None, Timestamp::ORIGIN, self.position)
            }
        };
        if older_lease_until > lease {
            let change = reconfiguration.get_or_insert_with(Reconfiguration::new);
            change.older_lease_until = change.older_lease_until.max(older_lease_until);
        }
        if target.is_some() || has_founders_quorum || self.leaving != Leaving::No {
            let change = reconfiguration.get_or_insert_with(Reconfiguration::new);
            change.target = target.or(change.target.take());
        }
        Plans { handover, reconfiguration, to_carry_over }
    }

    /// The progress of `members` at the start of a leadership: the promises that elected the leader, and what it
    /// knew already if it renewed. `index_of` gives the index that a member had in the tally.
    fn initial_progress(
        &self,
        tally: &Tally,
        members: &Membership<I>,
        index_of: impl Fn(MemberIndex, I) -> Option<MemberIndex>,
    ) -> Box<[Progress]> {
        let progress_for = |(index, id): (MemberIndex, I)| {
            let is_self = id == self.id;
            let voter = index_of(index, id);
            let bound_until = voter.map_or(Timestamp::ORIGIN, |index| tally.granted_until(index));
            let (answered, acknowledged) = (is_self, is_self);
            let (was_bound, rank) = (true, None);
            let (position, priority) = (self.position, self.priority);
            let known = match self.progress_of(id) {
                _ if is_self => Progress { position, priority, ..Progress::default() },
                Some(follower) => follower.clone(),
                // Rule 2.8: what is answered from now on belongs to this leadership.
                None => Progress { since: self.round, newest: self.round, ..Progress::default() },
            };
            Progress { bound_until, answered, acknowledged, was_bound, rank, ..known }
        };
        members.indexed_members().map(progress_for).collect()
    }

    pub(super) fn tick_leader(&mut self, out: &mut Vec<Output<I>>) {
        let Role::Leader(leading) = &self.role else { return };
        if self.now >= leading.lease {
            // Rule 3.3: the leader steps down before it does anything else.
            return self.lapse(out);
        }
        if leading.is_requesting_votes() {
            if self.now >= leading.due() {
                self.request_votes(out);
                self.count_votes(out);
            }
            return;
        }
        self.write_prepared(out);
        if self.is_heartbeat_due() {
            self.forget_what_is_over();
            self.consider_takeover(out);
            self.broadcast(out);
            self.advance_reconfiguration(out);
            self.record_reached_positions();
            self.report_standstill(out);
        }
        self.advance_renewal();
        self.tick_handover(out);
    }

    fn is_heartbeat_due(&self) -> bool {
        matches!(&self.role, Role::Leader(leading) if self.now >= leading.next_heartbeat)
    }

    /// Rule 3.2: lengthens the lease to what the promises of a quorum give now.
    pub(super) fn refresh_lease(&mut self) {
        let Role::Leader(leading) = &self.role else { return };
        let lease = self.lease_of(&leading.progress, leading.lease);
        if let Role::Leader(leading) = &mut self.role {
            leading.set_lease(lease, &self.hard.membership);
        }
    }

    /// Rule 3.2: the latest instant until which a quorum of the voters is bound; `at_least` if that is later.
    fn lease_of(&self, progress: &[Progress], at_least: Timestamp) -> Timestamp {
        let until = |index: MemberIndex| {
            progress.get(index.as_usize()).map_or(Timestamp::ORIGIN, |member| member.bound_until)
        };
        self.hard.membership.quorum_value(at_least, until)
    }

    /// Rule 8.2: a forced step may have cost the lease.
    pub(super) fn lapse_if_ended(&mut self, out: &mut Vec<Output<I>>) {
        if matches!(&self.role, Role::Leader(leading) if leading.lease <= self.now) {
            self.lapse(out);
        }
    }

    /// Rules 3.3 and 5.2: the promises of a quorum have ended, and leadership with them.
    pub(super) fn lapse(&mut self, out: &mut Vec<Output<I>>) {
        self.trouble.record_lapse(self.now, self.lapse_backoff_unit());
        self.peer_log.schedule_review();
        self.step_down(StepDown::LeaseLapsed, None, out);
    }

    /// Ends leadership: reports it first, then releases the followers. A leader that requests votes releases
    /// none, since a member that has voted is bound in the new term. The election deadline of the former leader
    /// comes after those of all others.
    pub(super) fn step_down(&mut self, reason: StepDown<I>, successor: Option<I>, out: &mut Vec<Output<I>>) {
        let voters = u64::try_from(self.hard.membership.voters().len()).unwrap_or(0);
        let delay = self.timing.stagger().saturating_mul(voters);
        let deadline = self.draw_deadline_after(delay);
        let is_target_reached = self.is_target_reached();
        let former = core::mem::replace(&mut self.role, Role::Follower(Following::new(NEVER)));
        let Role::Leader(leading) = former else { return };
        self.become_follower(deadline);
        self.forget_takeover();
        out.push(Output::Event(Event::SteppedDown { term: leading.term, reason }));
        let has_target = leading.tasks.reconfiguration().is_some_and(|change| change.target.is_some());
        if has_target && !is_target_reached {
            out.push(Output::Event(Event::TargetAbandoned));
        }
        if !leading.is_requesting_votes() && !matches!(reason, StepDown::NewLeader { .. }) {
            self.release_followers(&leading, successor, out);
        }
    }

    /// Rules 5.2 and 6.3: sends the last heartbeat, which asks for no promise.
    fn release_followers(&mut self, leading: &Leading<I>, successor: Option<I>, out: &mut Vec<Output<I>>) {
        let round = self.next_round();
        for (&to, follower) in self.hard.membership.members().iter().zip(&leading.progress) {
            if to == self.id {
                continue;
            }
            let order = if successor == Some(to) { Order::Campaign } else { Order::Follow };
            let message = self.last_heartbeat(leading.term, round, follower.rank, order);
            out.push(Output::Send { to, message });
        }
    }

    /// A heartbeat that ends the promise of its receiver. Rule 2.2.
    pub(super) fn last_heartbeat(
        &self,
        term: Term,
        round: Round,
        rank: Option<u8>,
        order: Order,
    ) -> Message<I> {
        let body = Body::Heartbeat(Heartbeat {
            promise: Nanos::ZERO,
            rank,
            order,
            inherited: None,
            membership: None,
        });
        Message::new(self.header(term, round), body)
    }
}

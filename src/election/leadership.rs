//! Leadership: how it begins, and how it ends with its lease.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::Rng;

use super::{Durability, Election};
use crate::event::{Event, StepDown};
use crate::io::Output;
use crate::membership::majority;
use crate::message::{Body, Heartbeat, Message, Order};
use crate::reconfig::Target;
use crate::role::{Following, Handover, Leading, Leaving, Reconfiguration, Role};
use crate::succession::Progress;
use crate::tally::Tally;
use crate::types::{MembershipVersion, NEVER, Nanos, NodeId, Round, Term};

type Plan<T> = Option<Box<T>>;

impl<I: NodeId, R: Rng> Election<I, R> {
    /// The only way to a leader's role: a quorum of votes is in force at this instant. Rule 4.6.
    /// Spec: `BecomeLeader`.
    pub(super) fn become_leader(&mut self, tally: &Tally, out: &mut Vec<Output<I>>) {
        let (term, before) = (self.hard.term, self.hard.membership.version());
        let (progress, target) = self.establish_membership(tally, before, out);
        let first_membership = target.is_some();
        let until = |place: usize| progress.get(place).map_or(0, |follower| follower.bound_until);
        let lease = self.hard.membership.quorum_value(0, until);
        let (handover, reconfiguration) = self.carry_over_plans(lease, target);
        self.role = Role::Leader(Leading {
            term,
            lease,
            next_heartbeat: self.now,
            progress,
            unranked: true,
            renewal: None,
            handover,
            reconfiguration,
            tuning: None,
        });
        out.push(Output::Event(Event::Elected { term }));
        if first_membership {
            out.push(self.membership_event());
        }
        // Rule 7.1: starting points of one version may differ.
        let inherited = Some(before).filter(|before| before.term > Term(0) && before.number > 0);
        self.broadcast_since(inherited, out);
        self.commit(out);
    }

    /// The membership of a new leader's term: the one `before`, or, rule 8.4, the first of all, which is
    /// written at once and to be walked on from.
    fn establish_membership(
        &mut self,
        tally: &Tally,
        before: MembershipVersion,
        out: &mut Vec<Output<I>>,
    ) -> (Box<[Progress]>, Option<Target<I>>) {
        let term = self.hard.term;
        let Some((first, target)) = self.founding_membership(tally, term) else {
            let members = self.hard.membership.members();
            let progress = self.initial_progress(tally, members, |place, _| Some(place));
            // Spec: `BecomeLeader`, "configTerm' = newTerm".
            self.set_membership_version(MembershipVersion { term, number: before.number.max(1) });
            self.durability = Durability::VersionUnwritten;
            return (progress, None);
        };
        let place_of = |_, id| self.hard.membership.index_of(id);
        let progress = self.initial_progress(tally, first.members(), place_of);
        self.replace_membership(first);
        self.persist(out);
        (progress, Some(target))
    }

    /// What a leader that renewed was about to do, and what one that begins has to.
    fn carry_over_plans(
        &mut self,
        lease: Nanos,
        target: Option<Target<I>>,
    ) -> (Plan<Handover<I>>, Plan<Reconfiguration<I>>) {
        let members = &self.hard.membership;
        // A group that has formed needs no more than a majority from now on.
        let oversized = members.limits().is_some() && members.quorum() != majority(members.voters().len());
        let (handover, mut reconfiguration, older_lease_until) = match &mut self.role {
            Role::Leader(renewed) => (renewed.handover.take(), renewed.reconfiguration.take(), renewed.lease),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => (None, None, 0),
        };
        // Rule 8.1: what was given out in the term before may still be acted on.
        if older_lease_until > lease {
            let reconfiguration = reconfiguration.get_or_insert_with(Reconfiguration::new);
            reconfiguration.older_lease_until = reconfiguration.older_lease_until.max(older_lease_until);
        }
        if target.is_some() || oversized || self.leaving != Leaving::No {
            let reconfiguration = reconfiguration.get_or_insert_with(Reconfiguration::new);
            reconfiguration.target = target.or(reconfiguration.target.take());
        }
        (handover, reconfiguration)
    }

    /// What a new leader knows of `members`: the promises that elected it, by their places then, and, if
    /// it led before, what it knew then.
    fn initial_progress(
        &self,
        tally: &Tally,
        members: &[I],
        place_of: impl Fn(usize, I) -> Option<usize>,
    ) -> Box<[Progress]> {
        let progress_for = |(place, &id): (usize, &I)| {
            let me = id == self.id;
            let (position, priority, leaving) = match self.progress_of(id) {
                _ if me => (self.position, self.priority, false),
                Some(follower) => (follower.position, follower.priority, follower.leaving),
                None => Default::default(),
            };
            let until = place_of(place, id).map_or(0, |place| tally.granted_until(place));
            let (answered, acknowledged) = (me, me);
            Progress {
                bound_until: until,
                position,
                priority,
                answered,
                acknowledged,
                leaving,
                was_bound: true,
                rank: None,
            }
        };
        members.iter().enumerate().map(progress_for).collect()
    }

    pub(super) fn tick_leader(&mut self, out: &mut Vec<Output<I>>) {
        let Role::Leader(leading) = &self.role else { return };
        if self.now >= leading.lease {
            // Rule 3.3: before anything else.
            return self.lapse(out);
        }
        if leading.is_requesting_votes() {
            if self.now >= leading.due() {
                self.request_votes(out);
                self.count_votes(out);
            }
            return;
        }
        if self.now >= leading.next_heartbeat {
            self.consider_takeover(out);
            self.broadcast(out);
            self.advance_reconfiguration(out);
        }
        self.advance_renewal(out);
        self.tick_handover(out);
    }

    /// A forced step may cost the lease. Rule 8.2.
    pub(super) fn lapse_if_ended(&mut self, out: &mut Vec<Output<I>>) {
        if matches!(&self.role, Role::Leader(leading) if leading.lease <= self.now) {
            self.lapse(out);
        }
    }

    /// The promises of a quorum have ended, and leadership with them. Rules 3.3 and 5.2.
    pub(super) fn lapse(&mut self, out: &mut Vec<Output<I>>) {
        self.lapse_backoff.double(self.now, self.lapse_backoff_unit());
        self.step_down(StepDown::LeaseLapsed, None, out);
    }

    /// Leadership ends: said first, then the followers are released. One that renews releases
    /// nobody: who has voted for the new term is bound in that. The former leader's turn comes
    /// last.
    pub(super) fn step_down(&mut self, reason: StepDown<I>, successor: Option<I>, out: &mut Vec<Output<I>>) {
        let voters = u64::try_from(self.hard.membership.voters().len()).unwrap_or(0);
        let delay = self.timing.stagger().saturating_mul(voters);
        let deadline = self.draw_deadline_after(delay);
        let arrived = self.is_target_reached();
        let former = core::mem::replace(&mut self.role, Role::Follower(Following::new(NEVER)));
        let Role::Leader(leading) = former else { return };
        self.become_follower(deadline);
        self.forget_takeover();
        out.push(Output::Event(Event::SteppedDown { term: leading.term, reason }));
        if !arrived
            && leading
                .reconfiguration
                .as_ref()
                .is_some_and(|reconfiguration| reconfiguration.target.is_some())
        {
            out.push(Output::Event(Event::TargetAbandoned));
        }
        if !leading.is_requesting_votes() && !matches!(reason, StepDown::NewLeader { .. }) {
            self.release_followers(&leading, successor, out);
        }
    }

    /// The last heartbeat asks for nothing. Rules 5.2 and 6.3.
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

    pub(super) fn last_heartbeat(
        &self,
        term: Term,
        round: Round,
        rank: Option<u8>,
        order: Order,
    ) -> Message<I> {
        let body = Body::Heartbeat(Heartbeat { promise: 0, rank, order, inherited: None, membership: None });
        Message { header: self.header(term, round), body }
    }
}

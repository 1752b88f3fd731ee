//! Leadership: how it begins, and how it ends with its lease.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::Rng;

use super::{Disk, Election};
use crate::io::{Event, Output, StepDown};
use crate::membership::majority;
use crate::message::{Body, Heartbeat, Message, Order};
use crate::reconfig::Target;
use crate::role::{Following, Handover, Leading, Leaving, Role, Walk};
use crate::succession::Follower;
use crate::tally::Tally;
use crate::types::{NEVER, Nanos, NodeId, Round, Term, Version};

type Plan<T> = Option<Box<T>>;

impl<I: NodeId, R: Rng> Election<I, R> {
    /// The only way to a leader's role: a quorum of votes is in force at this instant. Rule 4.6.
    /// Spec: `BecomeLeader`.
    pub(super) fn become_leader(&mut self, tally: &Tally, out: &mut Vec<Output<I>>) {
        let (term, before) = (self.hard.term, self.hard.membership.version());
        let (followers, target) = self.take_members(tally, before, out);
        let founded = target.is_some();
        let until = |place: usize| followers.get(place).map_or(0, |follower| follower.until);
        let lease = self.hard.membership.quorum_value(0, until);
        let (handover, walk) = self.take_plans(lease, target);
        self.role = Role::Leader(Leading {
            term,
            lease,
            next_heartbeat: self.now,
            followers,
            unranked: true,
            renewal: None,
            handover,
            walk,
            tuning: None,
        });
        out.push(Output::Event(Event::Elected { term }));
        if founded {
            out.push(self.membership_event());
        }
        // Rule 7.1: starting points of one version may differ.
        let inherited = Some(before).filter(|before| before.term > Term(0) && before.number > 0);
        self.broadcast_since(inherited, out);
        self.commit(out);
    }

    /// The membership of a new leader's term: the one `before`, or, rule 8.4, the first of all, which is
    /// written at once and to be walked on from.
    fn take_members(
        &mut self,
        tally: &Tally,
        before: Version,
        out: &mut Vec<Output<I>>,
    ) -> (Box<[Follower]>, Option<Target<I>>) {
        let term = self.hard.term;
        let Some((first, target)) = self.found(tally, term) else {
            let members = self.hard.membership.members();
            let followers = self.first_records(tally, members, |place, _| Some(place));
            // Spec: `BecomeLeader`, "configTerm' = newTerm".
            self.give_version(Version { term, number: before.number.max(1) });
            self.disk = Disk::VersionBehind;
            return (followers, None);
        };
        let place_of = |_, id| self.hard.membership.index_of(id);
        let followers = self.first_records(tally, first.members(), place_of);
        self.replace_membership(first);
        self.record(out);
        (followers, Some(target))
    }

    /// What a leader that renewed was about to do, and what one that begins has to.
    fn take_plans(&mut self, lease: Nanos, target: Option<Target<I>>) -> (Plan<Handover<I>>, Plan<Walk<I>>) {
        let members = &self.hard.membership;
        // A group that has formed needs no more than a majority from now on.
        let oversized = members.limits().is_some() && members.quorum() != majority(members.voters().len());
        let (handover, mut walk, issued) = match &mut self.role {
            Role::Leader(renewed) => (renewed.handover.take(), renewed.walk.take(), renewed.lease),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => (None, None, 0),
        };
        // Rule 8.1: what was given out in the term before may still be acted on.
        if issued > lease {
            let walk = walk.get_or_insert_with(Walk::new);
            walk.issued = walk.issued.max(issued);
        }
        if target.is_some() || oversized || self.leaving != Leaving::No {
            let walk = walk.get_or_insert_with(Walk::new);
            walk.target = target.or(walk.target.take());
        }
        (handover, walk)
    }

    /// What a new leader knows of `members`: the promises that elected it, by their places then, and, if
    /// it led before, what it knew then.
    fn first_records(
        &self,
        tally: &Tally,
        members: &[I],
        place_of: impl Fn(usize, I) -> Option<usize>,
    ) -> Box<[Follower]> {
        let record = |(place, &id): (usize, &I)| {
            let me = id == self.id;
            let (position, priority, leaving) = match self.record_of(id) {
                _ if me => (self.position, self.priority, false),
                Some(follower) => (follower.position, follower.priority, follower.leaving),
                None => Default::default(),
            };
            let until = place_of(place, id).map_or(0, |place| tally.granted_until(place));
            let (answered, acknowledged) = (me, me);
            Follower {
                until,
                position,
                priority,
                answered,
                acknowledged,
                leaving,
                standing: true,
                rank: None,
            }
        };
        members.iter().enumerate().map(record).collect()
    }

    pub(super) fn tick_leader(&mut self, out: &mut Vec<Output<I>>) {
        let Role::Leader(leading) = &self.role else { return };
        if self.now >= leading.lease {
            // Rule 3.3: before anything else.
            return self.lapse(out);
        }
        if leading.asks_for_votes() {
            if self.now >= leading.due() {
                self.ask_votes(out);
                self.count_votes(out);
            }
            return;
        }
        if self.now >= leading.next_heartbeat {
            self.consider_takeover(out);
            self.broadcast(out);
            self.advance_walk(out);
        }
        self.advance_renewal(out);
        self.tick_handover(out);
    }

    /// A forced step may cost the lease. Rule 8.2.
    pub(super) fn lapse_if_over(&mut self, out: &mut Vec<Output<I>>) {
        if matches!(&self.role, Role::Leader(leading) if leading.lease <= self.now) {
            self.lapse(out);
        }
    }

    /// The promises of a quorum have ended, and leadership with them. Rules 3.3 and 5.2.
    pub(super) fn lapse(&mut self, out: &mut Vec<Output<I>>) {
        self.flap.double(self.now, self.flap_unit());
        self.step_down(StepDown::LeaseLapsed, None, out);
    }

    /// Leadership ends: said first, then the followers are released. One that renews releases
    /// nobody: who has voted for the new term is bound in that. The former leader's turn comes
    /// last.
    pub(super) fn step_down(&mut self, reason: StepDown<I>, successor: Option<I>, out: &mut Vec<Output<I>>) {
        let voters = u64::try_from(self.hard.membership.voters().len()).unwrap_or(0);
        let turn = self.lengths.stagger().saturating_mul(voters);
        let deadline = self.turn_after(turn);
        let arrived = self.has_arrived();
        let former = core::mem::replace(&mut self.role, Role::Follower(Following::new(NEVER)));
        let Role::Leader(leading) = former else { return };
        self.become_follower(deadline);
        self.forget_takeover();
        out.push(Output::Event(Event::SteppedDown { term: leading.term, reason }));
        if !arrived && leading.walk.as_ref().is_some_and(|walk| walk.target.is_some()) {
            out.push(Output::Event(Event::TargetForgotten));
        }
        if !leading.asks_for_votes() && !matches!(reason, StepDown::NewLeader { .. }) {
            self.release_followers(&leading, successor, out);
        }
    }

    /// The last heartbeat asks for nothing. Rules 5.2 and 6.3.
    fn release_followers(&mut self, leading: &Leading<I>, successor: Option<I>, out: &mut Vec<Output<I>>) {
        let round = self.next_round();
        for (&to, follower) in self.hard.membership.members().iter().zip(&leading.followers) {
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

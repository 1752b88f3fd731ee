//! Liveness: a group gets a leader when one of its nodes can lead, and keeps it while nothing disturbs it.

use quorate::{Life, Membership, Timing};

use crate::clock::{Instant, MS};
use crate::cluster::{Cluster, index_of};
use crate::harness::Disturbances;
use crate::safety::ViolationKind;

/// When nodes, links and disks were last disturbed, and when a lease was last in force.
#[derive(Clone, Debug)]
pub(crate) struct Liveness {
    disturbances: Disturbances,
    /// Since when each node is down, while it is.
    down_since: Vec<Instant>,
    /// When the disk of each node last stalled, or when its stall will end.
    stalled: Vec<Instant>,
    /// Since when no fault and no request has disturbed the group.
    calm_since: Instant,
    /// When a lease was last in force.
    pub(crate) last_lease: Instant,
    /// A longer time than this without a leader is a violation.
    pub(crate) bound: u64,
    /// A fault longer ago than this does not excuse the loss of leadership.
    window: u64,
}

/// How long a group may be without a leader once nothing disturbs it any more and some node reaches a
/// quorum in both directions.
///
/// All promises of the past end within `promise_limit`, and a restarted voter is bound that long too. The
/// election deadlines of all nodes pass within `n * stagger` after that. An attempt takes four message
/// delays (pre-vote, vote) and two writes, and one that fails at the last moment binds its voters for
/// another `promise_limit`. A leader that lost its lease again and again waits at most sixteen promises.
///
/// Clocks may be slow by as much as `clock_drift_ppm`. `lost_attempts` is the number of attempts that may
/// fail because messages are lost.
#[must_use]
pub fn leaderless_bound(timing: &Timing, nodes: usize, delay: u64, write: u64, lost_attempts: u64) -> u64 {
    let nanos = |length: std::time::Duration| length.as_nanos() as u64;
    let (promise, limit) = (nanos(timing.promise), nanos(timing.promise_limit));
    let attempt = nanos(timing.stagger) * nodes as u64 + 4 * delay + 2 * write + limit;
    let bound = 2 * limit + 16 * promise + attempt * (2 + lost_attempts) + 10 * MS;
    bound + (u128::from(bound) * u128::from(timing.clock_drift_ppm) / 1_000_000) as u64
}

impl Liveness {
    pub(crate) fn new(nodes: usize, bound: u64, timing: &Timing) -> Self {
        let window = 2 * timing.promise_limit.as_nanos() as u64;
        Liveness {
            disturbances: Disturbances::new(nodes, window),
            down_since: vec![0; nodes],
            stalled: vec![0; nodes],
            calm_since: 0,
            last_lease: 0,
            bound,
            window,
        }
    }

    pub(crate) fn mark_lost(&mut self, from: usize, to: usize, now: Instant) {
        self.disturbances.disturb_link(from, to, now);
    }

    /// Marks `node` as down from now on.
    pub(crate) fn mark_down(&mut self, node: usize, now: Instant) {
        if !self.disturbances.is_down(node) {
            self.down_since[node] = now;
        }
        self.disturbances.stop_node(node);
    }

    /// Whether `node` had been down for long at `then`, and is still down.
    fn was_dead(&self, node: usize, then: Instant) -> bool {
        self.disturbances.is_down(node) && then.saturating_sub(self.down_since[node]) > 2 * self.window
    }

    /// Marks the disk of `node` as stalled until `end`.
    pub(crate) fn mark_stalled(&mut self, node: usize, end: Instant) {
        self.stalled[node] = self.stalled[node].max(end);
        self.mark_disturbed(end);
    }

    /// Marks `node` as up again.
    pub(crate) fn mark_up(&mut self, node: usize, now: Instant) {
        self.disturbances.start_node(node, now);
    }

    /// Marks the group as disturbed until then.
    pub(crate) fn mark_disturbed(&mut self, until: Instant) {
        self.calm_since = self.calm_since.max(until);
    }

    /// Whether nothing has disturbed `leader` and at least `needed` of `voters`, and the links between
    /// them, for a while.
    fn was_unaffected(&self, leader: usize, voters: &[u64], needed: usize, now: Instant) -> bool {
        let with = |&node: &usize| {
            node == leader
                || self.is_unaffected(node, now) && self.disturbances.is_pair_undisturbed(leader, node, now)
        };
        self.is_unaffected(leader, now)
            && voters.iter().map(|&id| index_of(id)).filter(with).count() >= needed
    }

    /// Whether `node` has been up for a while, and its disk has not stalled.
    fn is_unaffected(&self, node: usize, now: Instant) -> bool {
        self.disturbances.is_node_undisturbed(node, now) && self.is_past(self.stalled[node], now)
    }

    /// Whether both nodes have been up for a while, and no message between them was lost or late.
    pub(crate) fn reaches(&self, one: usize, other: usize, now: Instant) -> bool {
        self.is_unaffected(one, now)
            && self.is_unaffected(other, now)
            && self.disturbances.is_pair_undisturbed(one, other, now)
    }

    /// Whether `at` is too long ago to excuse the loss of leadership.
    pub(crate) fn is_past(&self, at: Instant, now: Instant) -> bool {
        self.disturbances.is_past(at, now)
    }

    /// Since when no node has led although nothing disturbed the group.
    pub(crate) fn leaderless_since(&self) -> Instant {
        self.last_lease.max(self.calm_since)
    }

    /// Whether no node has led for too long.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        now.saturating_sub(self.leaderless_since()) > self.bound
    }
}

impl Cluster {
    /// Whether the leader at index `node`, which has led since `since`, loses its leadership needlessly.
    ///
    /// Soon after an election voters may still be bound to rivals, and soon after a membership change the
    /// lease depends on more than one quorum. Then a fault of any voter excuses the loss, except of voters
    /// that were dead before the change: the leader should not have made their promises necessary. A forced
    /// step may always cost the lease.
    pub(crate) fn was_needless(&self, node: usize, since: Instant) -> bool {
        let host = &self.hosts[node];
        let members = &host.durable.membership;
        let old = |at| self.liveness.is_past(at, self.now);
        let settled = old(since) && old(host.members_changed);
        // A leader chooses its steps without the voters that it knows to be dead.
        let dead = |&&id: &&u64| old(since) && self.liveness.was_dead(index_of(id), host.members_changed);
        let alive = members.voters().len() - members.voters().iter().filter(dead).count();
        let needed = if settled { members.quorum() } else { alive };
        host.forced.is_none_or(old) && self.liveness.was_unaffected(node, members.voters(), needed, self.now)
    }

    /// Whether nothing has disturbed the leader at index `node` and a quorum of the membership before its last
    /// step, if that was not long ago. Otherwise the step may come late, because the lease did not get long.
    pub(crate) fn had_former_quorum(&self, node: usize) -> bool {
        let host = &self.hosts[node];
        let is_old = self.liveness.is_past(host.members_changed, self.now);
        host.former.as_ref().filter(|_| !is_old).is_none_or(|former| {
            self.liveness.was_unaffected(node, former.voters(), former.quorum(), self.now)
        })
    }

    /// Checks that all nodes know the members, and removed nodes know that they are removed, if the leader
    /// has led for a while and the members have not changed for a while.
    pub(crate) fn check_knowledge(&mut self) {
        let Some((leader, _)) = self.leader() else { return };
        let host = &self.hosts[index_of(leader)];
        let since = host.process.as_ref().and_then(|process| process.leads_since);
        let old = |at| self.liveness.is_past(at, self.now);
        if !since.is_some_and(old) || !old(host.members_changed) {
            return;
        }
        let (life, members) = (host.durable.life, &host.durable.membership);
        let is_of_group = |node: &usize| {
            let host = &self.hosts[*node];
            host.is_of(life) || host.is_of(Life::NONE)
        };
        let ignorant = (0..self.hosts.len())
            .filter(is_of_group)
            .find(|&node| self.liveness.is_unaffected(node, self.now) && !self.knows(node, members));
        if let Some(node) = ignorant {
            let text = format!("{} has {:?}, not {members:?}", node + 1, self.hosts[node].durable.membership);
            self.fail(ViolationKind::Stuck, text);
        }
    }

    /// Whether the node at index `node` holds these members, or knows that it is removed. A removed node
    /// has to know it only if it asks and a node that knows more replies: a former learner asks only after
    /// a long time, and a node that was added and removed before it heard of either does not ask at all.
    fn knows(&self, node: usize, members: &Membership<u64>) -> bool {
        let (id, host) = (node as u64 + 1, &self.hosts[node]);
        let own = &host.durable.membership;
        if host.is_blank() {
            return true;
        }
        if members.contains(id) {
            return own.version() == members.version();
        }
        let knows_removal = host.process.as_ref().is_some_and(|process| process.knows_removal)
            || (host.durable.committed && !own.contains(id));
        // A member with the same version may know that it is committed.
        let knows_more = |voter: u64| {
            let theirs = self.durable(voter).membership.version();
            !self.is_blank(voter) && theirs > own.version()
                || (theirs == own.version() && members.contains(voter))
        };
        let answers = |&voter: &u64| voter != id && self.is_running(voter) && knows_more(voter);
        let asks = host.was_member || own.is_voter(id);
        let hears = asks && own.voters().iter().any(answers);
        knows_removal || !hears || (own.contains(id) && !own.is_voter(id))
    }

    /// Whether some node could be elected: it votes in every membership that may be in force, and reaches,
    /// in both directions, a quorum of each of them whose data reach no further.
    pub(crate) fn can_have_a_leader(&self) -> bool {
        (0..self.hosts.len()).any(|hub| {
            let life = self.hosts[hub].durable.life;
            self.may_campaign(hub)
                && self.in_force(life).into_iter().all(|members| self.reaches_quorum(hub, members))
        })
    }

    /// The memberships of this life that may be in force.
    fn in_force(&self, life: Life) -> Vec<&Membership<u64>> {
        let newest = self.members.newest(life);
        let held = self.hosts.iter().filter(|host| host.is_of(life)).map(|host| &host.durable.membership);
        let explicit = |members: &&Membership<u64>| members.quorum() > 0 && !members.is_forming();
        let mut in_force: Vec<_> =
            held.filter(explicit).filter(|members| members.version() >= newest).collect();
        in_force.dedup();
        in_force
    }

    /// Whether the node at index `hub` would campaign with a membership that may be in force. A node that
    /// holds an older one needs another node to tell it the newer one, and there may be none.
    fn may_campaign(&self, hub: usize) -> bool {
        let host = &self.hosts[hub];
        let members = &host.durable.membership;
        let forming = members.limits().filter(|_| members.is_forming());
        let knows = forming.is_none_or(|limits| members.voters().len() >= limits.min_members.into());
        host.takes_part()
            && host.config.priority.0 > 0
            && knows
            && host.config.position >= host.durable.position_floor
            && members.version() >= self.members.newest(host.durable.life)
            && self.reaches_quorum(hub, members)
    }

    fn reaches_quorum(&self, hub: usize, members: &Membership<u64>) -> bool {
        let follows = |&&id: &&u64| {
            let host = &self.hosts[index_of(id)];
            let required = host.config.position.max(host.durable.position_floor);
            let behind = required <= self.hosts[hub].config.position;
            let is_of_group = host.is_of(self.hosts[hub].durable.life) || host.is_of(Life::NONE);
            is_of_group && host.takes_part() && self.net.links.is_up_both_ways(hub, index_of(id)) && behind
        };
        members.is_voter(hub as u64 + 1)
            && members.voters().iter().filter(follows).count() >= members.quorum()
    }
}

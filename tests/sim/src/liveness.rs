//! Whether the group gets a leader when it could, and keeps it when it should.

use quorate::{Membership, Timing};

use crate::check::Kind;
use crate::clock::{Instant, MS};
use crate::cluster::{Cluster, place};
use crate::harness::Disturbances;

/// When what was last disturbed, and since when nobody leads.
#[derive(Clone, Debug)]
pub(crate) struct Liveness {
    disturbances: Disturbances,
    /// By node: since when it is down, while it is.
    down_since: Vec<Instant>,
    /// By node: when its disk last stalled, or will have.
    stalled: Vec<Instant>,
    /// Since when nothing was changed from outside.
    calm_since: Instant,
    /// When a lease was last in force.
    pub(crate) last_lease: Instant,
    /// Without a leader for longer than that is a violation.
    pub(crate) bound: u64,
    /// What happened longer ago than that is no excuse for losing leadership.
    window: u64,
}

/// How long a group may be without a leader once nothing disturbs it any more and some node reaches
/// a quorum both ways.
///
/// All promises of the past end within `promise_limit`, and a restarted voter is bound that long
/// too; every successor has then had its turn after `n * stagger`. An attempt costs four ways
/// (pre-vote, vote) and two writes, and one that fails at the last moment binds its voters for
/// another `promise_limit`. The delay of a leader that lost its lease again and again is at most
/// sixteen promises.
///
/// Clocks may be slow by as much as `clock_drift_ppm`. `loss` is a number of attempts to allow for messages that go astray.
#[must_use]
pub fn leaderless_bound(timing: &Timing, nodes: usize, delay: u64, write: u64, loss: u64) -> u64 {
    let nanos = |length: std::time::Duration| length.as_nanos() as u64;
    let (promise, limit) = (nanos(timing.promise), nanos(timing.promise_limit));
    let attempt = nanos(timing.stagger) * nodes as u64 + 4 * delay + 2 * write + limit;
    let bound = 2 * limit + 16 * promise + attempt * (2 + loss) + 10 * MS;
    bound + bound * u64::from(timing.clock_drift_ppm) / 1_000_000
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

    pub(crate) fn lost(&mut self, from: usize, to: usize, now: Instant) {
        self.disturbances.disturb_link(from, to, now);
    }

    /// `node` is down from now on.
    pub(crate) fn unwell(&mut self, node: usize, now: Instant) {
        if !self.disturbances.is_down(node) {
            self.down_since[node] = now;
        }
        self.disturbances.stop_node(node);
    }

    /// Whether `node` had been down for long at `then`, and is still.
    fn was_dead(&self, node: usize, then: Instant) -> bool {
        self.disturbances.is_down(node) && then.saturating_sub(self.down_since[node]) > 2 * self.window
    }

    /// The disk of `node` stalls until `end`.
    pub(crate) fn stalled(&mut self, node: usize, end: Instant) {
        self.stalled[node] = self.stalled[node].max(end);
        self.disturbed(end);
    }

    /// `node` is up again.
    pub(crate) fn recovered(&mut self, node: usize, now: Instant) {
        self.disturbances.start_node(node, now);
    }

    /// Something was changed from outside, or goes on changing until then.
    pub(crate) fn disturbed(&mut self, until: Instant) {
        self.calm_since = self.calm_since.max(until);
    }

    /// Whether `leader` has had nothing to complain of for a while, with so many of `voters` as are
    /// `needed`.
    fn was_unaffected(&self, leader: usize, voters: &[u64], needed: usize, now: Instant) -> bool {
        let with = |&node: &usize| {
            node == leader
                || self.is_unaffected(node, now) && self.disturbances.is_pair_undisturbed(leader, node, now)
        };
        self.is_unaffected(leader, now) && voters.iter().map(|&id| place(id)).filter(with).count() >= needed
    }

    /// Whether `node` has been up for a while, and its disk has not stalled.
    fn is_unaffected(&self, node: usize, now: Instant) -> bool {
        self.disturbances.is_node_undisturbed(node, now) && self.is_past(self.stalled[node], now)
    }

    /// Whether `at` is too long ago to be an excuse.
    fn is_past(&self, at: Instant, now: Instant) -> bool {
        self.disturbances.is_past(at, now)
    }

    /// Since when nobody has led although nothing was changed.
    pub(crate) fn leaderless_since(&self) -> Instant {
        self.last_lease.max(self.calm_since)
    }

    /// Whether nobody has led for too long.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        now.saturating_sub(self.leaderless_since()) > self.bound
    }
}

impl Cluster {
    /// Whether the leader at place `node`, which leads since then, loses leadership for nothing.
    ///
    /// While it is young a vote of the others may still be bound to its rivals; and while members
    /// change it depends on more than some quorum. Then all must have been well, but for those who
    /// were dead before: they are no excuse for a step that makes them count. A step that was forced
    /// may cost the lease whatever happens.
    pub(crate) fn was_needless(&self, node: usize, since: Instant) -> bool {
        let host = &self.hosts[node];
        let members = &host.durable.membership;
        let old = |at| self.liveness.is_past(at, self.now);
        let settled = old(since) && old(host.realigned);
        // Whoever is known to be dead does not count when the leader chooses a step.
        let dead = |&&id: &&u64| old(since) && self.liveness.was_dead(place(id), host.realigned);
        let alive = members.voters().len() - members.voters().iter().filter(dead).count();
        let needed = if settled { members.quorum() } else { alive };
        host.forced.is_none_or(old) && self.liveness.was_unaffected(node, members.voters(), needed, self.now)
    }

    /// Under a leader that has led for a while, with members that have not changed for a while, all
    /// that run and are not cut off know who is in; and who is out knows that.
    pub(crate) fn all_should_know(&mut self) {
        let Some((leader, _)) = self.leader() else { return };
        let host = &self.hosts[place(leader)];
        let since = host.process.as_ref().and_then(|process| process.leads_since);
        let old = |at| self.liveness.is_past(at, self.now);
        if !since.is_some_and(old) || !old(host.realigned) {
            return;
        }
        let members = &host.durable.membership;
        let ignorant = (0..self.hosts.len())
            .find(|&node| self.liveness.is_unaffected(node, self.now) && !self.knows(node, members));
        if let Some(node) = ignorant {
            let text = format!("{} has {:?}, not {members:?}", node + 1, self.hosts[node].durable.membership);
            self.fail(Kind::Stuck, text);
        }
    }

    /// Whether the node at place `node` has these members; or knows that it is not among them, if it
    /// asks and somebody answers who knows more: who only followed does so only after long, and who was
    /// added and removed before it heard of either does not ask at all.
    fn knows(&self, node: usize, members: &Membership<u64>) -> bool {
        let (id, host) = (node as u64 + 1, &self.hosts[node]);
        let own = &host.durable.membership;
        if members.contains(id) {
            return own.version() == members.version();
        }
        let told = host.process.as_ref().is_some_and(|process| process.told)
            || (host.durable.committed && !own.contains(id));
        // Of the same age it can still tell that it is committed, if it is a member.
        let knows_more = |voter: u64| {
            let theirs = self.durable(voter).membership.version();
            theirs > own.version() || (theirs == own.version() && members.contains(voter))
        };
        let answers = |&voter: &u64| voter != id && self.is_running(voter) && knows_more(voter);
        let asks = host.was_in || own.is_voter(id);
        let hears = asks && own.voters().iter().any(answers);
        told || !hears || (own.contains(id) && !own.is_voter(id))
    }

    /// Whether some node could be elected: a voter in every membership that may be in force, which
    /// reaches, both ways, a quorum of each of them whose data reach no further.
    pub(crate) fn can_have_a_leader(&self) -> bool {
        let newest = self.members.newest();
        let durable = || self.hosts.iter().map(|host| &host.durable.membership);
        let explicit = |members: &&Membership<u64>| members.quorum() > 0 && !members.is_forming();
        let mut in_force: Vec<&Membership<u64>> =
            durable().filter(explicit).filter(|members| members.version() >= newest).collect();
        in_force.dedup();
        (0..self.hosts.len()).any(|hub| {
            self.may_stand(hub) && in_force.iter().all(|members| self.reaches_quorum(hub, members))
        })
    }

    /// Whether the node at place `hub` would stand for election, with a membership that may be in
    /// force: who holds an older one waits to be told, and nobody may be there to tell it.
    fn may_stand(&self, hub: usize) -> bool {
        let host = &self.hosts[hub];
        let members = &host.durable.membership;
        let forming = members.limits().filter(|_| members.is_forming());
        let knows = forming.is_none_or(|limits| members.voters().len() >= limits.min_members.into());
        host.is_running()
            && host.config.priority.0 > 0
            && knows
            && members.version() >= self.members.newest()
            && self.reaches_quorum(hub, members)
    }

    fn reaches_quorum(&self, hub: usize, members: &Membership<u64>) -> bool {
        let follows = |&&id: &&u64| {
            let host = &self.hosts[place(id)];
            let behind = host.config.position <= self.hosts[hub].config.position;
            host.is_running() && self.net.links.is_up_both_ways(hub, place(id)) && behind
        };
        members.is_voter(hub as u64 + 1)
            && members.voters().iter().filter(follows).count() >= members.quorum()
    }
}

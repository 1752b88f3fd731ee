//! Data that hosts replicate while a run goes on: the leader's grow, and the members copy them, some of them late.
//! What a quorum of the voters is known to hold is committed, and no later leader may lack it.

use quorate::{Input, Position, Term};

use crate::clock::MS;
use crate::cluster::{Cluster, ScheduledEvent, index_of};
use crate::safety::ViolationKind;

/// How long it takes until the leader's data grow again.
const INTERVAL: (u64, u64) = (5 * MS, 40 * MS);
/// How long a member takes to copy what is new.
const LAG: (u64, u64) = (MS, 60 * MS);
/// A member that is so far behind copies all data anew.
const FAR_BEHIND: u64 = 50;
/// How long that takes.
const FULL_COPY: (u64, u64) = (100 * MS, 4_000 * MS);
/// How long a member takes that is slow just now.
const LONG_LAG: (u64, u64) = (100 * MS, 600 * MS);

impl Cluster {
    /// Lets the data of the acting leader grow, and sends them to the members that it reaches.
    pub(crate) fn grow(&mut self) {
        let next = self.now + self.dice.between(INTERVAL);
        self.schedule(next, ScheduledEvent::Grow);
        let Some((leader, lease)) = self.leader().filter(|_| self.options.replicates) else { return };
        let index = self.position(leader).index + 1;
        let position = Position { term: lease.term.0, index };
        let at = index_of(leader);
        let members = self.hosts[at].durable.membership.members().to_vec();
        for node in members.into_iter().map(index_of).filter(|&node| node != at) {
            if self.net.links.is_up(at, node) {
                let lag = if self.dice.chance(100_000) { LONG_LAG } else { LAG };
                let arrives = self.now + self.dice.between(lag);
                self.schedule(arrives, ScheduledEvent::Copied { node, position });
            }
        }
        self.reach(at, position);
    }

    /// The host of the node at index `node` has received the data up to `position`. Those of an earlier leader are
    /// refused.
    pub(crate) fn copy(&mut self, node: usize, position: Position) {
        let full_copy = self.now + self.dice.between(FULL_COPY);
        // The durable term is no measure: a vote that is reserved has raised it, and its node still follows.
        let term = self.hosts[node].process.as_ref().map(|process| process.election.term().0);
        let (now, host) = (self.now, &mut self.hosts[node]);
        if !host.is_running() || term.is_none_or(|term| position.term < term) {
            return;
        }
        if position.index > host.config.position.index + FAR_BEHIND
            && now < *host.copied_at.get_or_insert(full_copy)
        {
            return;
        }
        host.copied_at = None;
        self.reach(node, position);
    }

    fn reach(&mut self, node: usize, position: Position) {
        let host = &mut self.hosts[node];
        if position <= host.config.position {
            return;
        }
        host.config.position = position;
        if let Some(process) = &mut host.process {
            process.inbox.push_back(Input::SetPosition(position));
        }
        self.record_committed_data();
        self.serve(node);
    }

    /// What a quorum of the leader's voters has reached is committed, as soon as replies have shown it to the
    /// leader.
    fn record_committed_data(&mut self) {
        let Some((leader, lease)) = self.leader() else { return };
        let Some(election) = self.election(leader) else { return };
        let life = election.life();
        let members = election.status().members;
        let shown =
            members.iter().filter(|member| member.voter).filter_map(|member| member.follower.as_ref());
        let mut positions: Vec<Position> = shown.map(|follower| follower.position).collect();
        positions.sort_unstable_by(|a, b| b.cmp(a));
        let reached = election.membership().quorum().checked_sub(1).and_then(|index| positions.get(index));
        let reached = reached.copied().unwrap_or_default();
        let committed = self.committed_data.entry((life, lease.term)).or_default();
        *committed = reached.max(*committed);
    }

    /// Checks that the node at index `node`, which was elected in `term`, has all data that were committed in earlier
    /// terms. A host may act on its election late, when a later leader has committed more.
    pub(crate) fn check_committed_data(&mut self, node: usize, term: Term) {
        let position = self.hosts[node].config.position;
        let life = self.hosts[node].durable.life;
        let committed =
            self.committed_data.range((life, Term(0))..(life, term)).map(|(_, &committed)| committed).max();
        if let Some(committed) = committed.filter(|&committed| position < committed) {
            let text = format!("{} leads at position {position}, and {committed} was committed", node + 1);
            self.fail(ViolationKind::DataLost, text);
        }
    }
}

//! Nodes that forget: their disks are lost in a crash, and they start again under their old ids, blank.

use std::time::Duration;

use quorate::message::{Answer, Body, Phase};
use quorate::{HardState, Memory, Message, Nanos, Output, Position, RoleKind};

use crate::churn;
use crate::clock::{MS, SECOND};
use crate::cluster::{Cluster, index_of};
use crate::options::Start;
use crate::process::PendingFault;
use crate::rng::Dice;
use crate::safety::ViolationKind;

/// What the wall clocks of all nodes show at the beginning of a run: a time in the year 2023.
pub(crate) const RUN_BEGINS: Duration = Duration::from_secs(1_700_000_000);
/// How far the wall clocks are apart.
const WALL_CLOCKS_DIFFER: u64 = 2 * SECOND;

impl Cluster {
    /// Whether `node` has forgotten what it took part in, and has not come back yet.
    #[must_use]
    pub fn is_blank(&self, node: u64) -> bool {
        self.hosts[index_of(node)].is_blank()
    }

    /// Kills the process of `node`, whose disk is lost, and starts none. Its data are lost as well if `with_data`.
    ///
    /// # Panics
    /// If a list of the first nodes is no membership.
    pub fn lose_disk(&mut self, node: u64, with_data: bool) {
        self.kill(node);
        let at = index_of(node);
        let first: Vec<u64> = self.nodes().filter(|&id| self.options.start(id) != Start::Joining).collect();
        let since_1970 = self.read_wall_clock(at);
        let cluster = self.hosts[at].durable.cluster;
        self.hosts[at].config.memory = self.options.memory(node);
        self.hosts[at].forgotten = Some(self.hosts[at].last_known_version());
        self.hosts[at].durable =
            HardState::blank(cluster, first, since_1970).expect("a list of nodes, and a clock that is set");
        if with_data {
            self.hosts[at].config.position = Position::default();
        }
        self.safety.forget(node);
        self.liveness.mark_down(at, self.now);
        self.liveness.mark_disturbed(self.now);
        self.counts.forgotten += 1;
        self.log(node, || if with_data { "DISK LOST, and data" } else { "DISK LOST" }.into());
    }

    /// What the wall clock of the node at index `at` shows at a start. It may have been set back, though not to before what
    /// it showed at the start before.
    fn read_wall_clock(&mut self, at: usize) -> Duration {
        let ahead = Duration::from_nanos(self.dice.below(WALL_CLOCKS_DIFFER));
        let last = self.hosts[at].wall_clock;
        let mut shown = last.max(RUN_BEGINS + self.now() + ahead);
        if self.dice.chance(200_000) {
            shown = last + Duration::from_nanos(self.dice.below((shown - last).as_nanos() as u64 + 1));
        }
        self.hosts[at].wall_clock = shown;
        shown
    }

    /// Tells the checks what a node without storage holds after a step, as a write before the other outputs.
    pub(crate) fn show_memory(&self, node: usize, outputs: &mut Vec<Output<u64>>) {
        let host = &self.hosts[node];
        let Some(process) = host.process.as_ref().filter(|_| host.config.memory == Memory::Volatile) else {
            return;
        };
        if outputs.is_empty() || matches!(outputs.as_slice(), [Output::Rejected(_)]) {
            return;
        }
        let (election, known) = (&process.election, &host.durable);
        let blank = known.blank.filter(|_| election.role() == RoleKind::Recovering);
        let is_back = known.blank.is_some() && blank.is_none();
        let position_floor = if is_back { self.furthest_position() } else { known.position_floor };
        let held = HardState {
            term: election.term(),
            voted_for: election.status().voted_for,
            promised: host.config.timing.promise_limit,
            membership: election.membership().clone(),
            committed: election.is_committed(),
            position_floor,
            blank,
            ..known.clone()
        };
        if held != *known {
            outputs.insert(0, Output::Persist(held));
        }
    }

    /// How far the data reach that a node which comes back may have held, at the most.
    fn furthest_position(&self) -> Position {
        self.hosts.iter().map(|host| host.config.position).max().unwrap_or_default()
    }

    /// Whether the others suffice to bring `node` back, in each membership that may be in force: as many voters as make
    /// a quorum have not forgotten.
    pub(crate) fn may_forget(&self, node: u64) -> bool {
        let newest = self.members.newest();
        let remembers = |&&id: &&u64| id != node && !self.is_blank(id);
        let mut in_force =
            self.hosts.iter().filter(|host| !host.is_blank()).map(|host| &host.durable.membership);
        // A node that forms a group and forgets would count as another one.
        let forms = |host: &crate::process::Host| !host.is_blank() && host.durable.membership.is_forming();
        !self.hosts.iter().any(forms)
            && in_force.all(|members| {
                members.quorum() == 0
                    || members.version() < newest
                    || members.voters().iter().filter(remembers).count() >= members.quorum()
            })
    }

    /// Removes the traps that no promise has sprung.
    pub(crate) fn remove_traps(&mut self) {
        for process in self.hosts.iter_mut().filter_map(|host| host.process.as_mut()) {
            let is_trap =
                |(_, fault): &(u32, PendingFault)| matches!(fault, PendingFault::Forget { trap: true, .. });
            process.pending_fault = process.pending_fault.filter(|fault| !is_trap(fault));
        }
    }

    /// Loses the disk of a process that has just made a promise, before anything else happens to it, if that was
    /// wanted. The asker does not hear of it again before links are mended. Returns whether the process is gone.
    pub(crate) fn spring_trap(&mut self, node: usize, to: u64, message: &Message<u64>) -> bool {
        let Some(process) = &self.hosts[node].process else { return true };
        let Some((_, PendingFault::Forget { with_data, trap: true })) = process.pending_fault else {
            return false;
        };
        let name = node as u64 + 1;
        if !is_promise(message) || !self.may_forget(name) {
            return false;
        }
        self.lose_disk(name, with_data);
        self.cut(name, to);
        self.restart(name);
        true
    }

    /// Checks that every node that has forgotten is back, if a leader has led for a while, and enough others remember.
    pub(crate) fn check_recovery(&mut self) {
        let Some((leader, _)) = self.leader() else { return };
        let host = &self.hosts[index_of(leader)];
        let since = host.process.as_ref().and_then(|process| process.leads_since);
        let long_ago = |at: u64| self.now.saturating_sub(at) > self.liveness.bound;
        if !since.is_some_and(long_ago) || !long_ago(host.members_changed) {
            return;
        }
        let members = &host.durable.membership;
        let lives = |id: u64| self.is_running(id) && !self.is_blank(id);
        let first = || self.nodes().filter(|&id| self.options.start(id) != Start::Joining);
        let is_told = |node: u64| {
            let voters = members.voters().iter().filter(|&&id| id != node && lives(id)).count();
            voters >= members.quorum() && first().any(|id| id != node && lives(id) && members.contains(id))
        };
        let waits = |node: &u64| {
            let host = &self.hosts[index_of(*node)];
            host.is_blank() && host.is_running() && long_ago(host.started)
        };
        if let Some(node) = self.nodes().filter(waits).find(|&node| is_told(node)) {
            let status = self.election(node).and_then(|election| election.status().recovery);
            self.fail(ViolationKind::Stuck, format!("{node} does not recover: {status:?}"));
        }
    }
}

/// Which of the nodes of a group have storage, and of those that may join it later: all, none, or some.
pub(crate) fn memories(seed: u64, nodes: usize) -> Vec<Memory> {
    let mut dice = Dice::new(seed ^ 0x3e30);
    let volatile = dice.pick(&[0, 0, 1_000_000, 1_000_000, 300_000, 600_000]);
    let draw = |_| if dice.chance(volatile) { Memory::Volatile } else { Memory::Durable };
    (0..nodes + churn::POOL).map(draw).collect()
}

/// Whether a message gives a promise of some length.
fn is_promise(message: &Message<u64>) -> bool {
    let answer = match &message.body {
        Body::VoteReply(reply) if reply.phase == Phase::Real => reply.answer,
        Body::HeartbeatReply(reply) => reply.answer,
        _ => return false,
    };
    matches!(answer, Answer::Granted(length) if length > Nanos::ZERO)
}

/// Lets `node`, or another one, forget: at once, between two outputs, or just after a promise.
pub(crate) fn forget(cluster: &mut Cluster, dice: &mut Dice, node: u64) {
    let with_data = dice.chance(500_000);
    match dice.below(8) {
        0 | 1 if cluster.has_run(node) && cluster.may_forget(node) => {
            cluster.lose_disk(node, with_data);
            if dice.chance(800_000) {
                cluster.restart(node);
            }
        }
        2 => cluster.forget_after_outputs(node, dice.below(30) as u32, with_data),
        // A voter falls into the trap of a candidate, or of the leader that has just written to it.
        3..=5 => {
            let others: Vec<u64> = cluster.nodes().filter(|&id| cluster.is_running(id)).collect();
            let count = 1 + dice.below(2) as usize;
            for &victim in others.iter().skip(dice.below(others.len() as u64 + 1) as usize).take(count) {
                cluster.set_trap(victim, with_data);
            }
            disturb_leader(cluster, dice);
        }
        6 => disturb_leader(cluster, dice),
        _ => churn::restart_all(cluster),
    }
}

/// Makes an election likely: the leader dies, is cut off, or another node is made to campaign.
fn disturb_leader(cluster: &mut Cluster, dice: &mut Dice) {
    let Some((leader, _)) = cluster.leader() else { return };
    match dice.below(4) {
        0 => cluster.crash(leader),
        1 => {
            let others: Vec<u64> = cluster.nodes().filter(|&id| id != leader).collect();
            others.into_iter().for_each(|other| cluster.cut(leader, other));
        }
        2 => {
            let length = Duration::from_nanos(dice.between((100 * MS, SECOND)));
            cluster.fail_after_outputs(leader, dice.below(30) as u32, Some(length));
        }
        _ => {}
    }
}

//! Nodes that forget: their disks are lost in a crash, and they start again under their old ids, blank.

use std::time::Duration;

use quorate::message::{Answer, Body, Phase};
use quorate::{Blank, HardState, Incarnation, Life, Memory, Message, Nanos, Output, Position, RoleKind};

use crate::churn;
use crate::clock::{MS, SECOND};
use crate::cluster::{Cluster, index_of};
use crate::lost_groups;
use crate::options::Start;
use crate::process::{Host, PendingFault, UnmountedDisk};
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
        let first = self.options.list(self.hosts.len());
        let since_1970 = self.read_wall_clock(at);
        let cluster = self.hosts[at].durable.cluster;
        self.hosts[at].config.memory = self.options.memory(node);
        let host = &mut self.hosts[at];
        if !host.is_blank() {
            let disk = UnmountedDisk { state: host.durable.clone(), position: host.config.position };
            host.unmounted = (host.config.memory == Memory::Durable).then_some(disk);
        }
        self.mark_forgotten(at);
        let blank = HardState::blank(cluster, first, since_1970).expect("a list, and a clock that is set");
        // The nodes of another group may not found one: it may have left its first nodes behind (rule 9.6 (c)).
        self.hosts[at].durable = if self.options.begins_blank() { blank } else { blank.without_founding() };
        if with_data {
            self.hosts[at].config.position = Position::default();
        }
        self.log(node, || if with_data { "DISK LOST, and data" } else { "DISK LOST" }.into());
        self.tell(|timeline, now| timeline.forget(now, node));
    }

    /// The node at index `at` has forgotten: by the loss of its disk, or of its own accord.
    pub(crate) fn mark_forgotten(&mut self, at: usize) {
        self.hosts[at].forgotten = Some(self.hosts[at].last_known());
        self.hosts[at].has_lost_quorum = false;
        self.hosts[at].was_member = false;
        self.safety.forget(at as u64 + 1);
        self.liveness.mark_down(at, self.now);
        self.liveness.mark_disturbed(self.now);
        self.counts.forgotten += 1;
    }

    /// The node at index `at` is back: in the group that it knew, or in one of this life that is founded.
    pub(crate) fn mark_back(&mut self, at: usize, life: Life) {
        if !self.hosts.iter().any(|host| host.is_of(life)) {
            self.mark_founding();
        }
        (self.hosts[at].forgotten, self.hosts[at].unmounted) = (None, None);
        self.liveness.mark_up(at, self.now);
        self.liveness.mark_disturbed(self.now);
        self.counts.recovered += 1;
    }

    /// What the wall clock of the node at index `at` shows at a start. It may have been set back, though not to before what
    /// it showed at the start before, or when a group was founded (rule 9.8).
    fn read_wall_clock(&mut self, at: usize) -> Duration {
        let ahead = Duration::from_nanos(self.dice.below(WALL_CLOCKS_DIFFER));
        let (last, _) = self.hosts[at].wall_clock;
        let mut shown = last.max(RUN_BEGINS + self.now() + ahead);
        if self.dice.chance(200_000) {
            shown = last + Duration::from_nanos(self.dice.below((shown - last).as_nanos() as u64 + 1));
        }
        self.hosts[at].wall_clock = (shown, self.now);
        shown
    }

    /// A group is founded: from now on no wall clock may be set back to before what it shows now.
    fn mark_founding(&mut self) {
        for host in &mut self.hosts {
            let (shown, at) = host.wall_clock;
            host.wall_clock = (shown + Duration::from_nanos(self.now - at), self.now);
        }
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
        let blank = (election.role() == RoleKind::Recovering).then(|| Blank {
            pledge: outputs.iter().find_map(told_pledge).or(known.blank.and_then(|blank| blank.pledge)),
            ..known.blank.unwrap_or(NOTHING)
        });
        let is_back = known.blank.is_some() && blank.is_none();
        let position_floor = if is_back { self.furthest_position() } else { known.position_floor };
        let held = HardState {
            life: election.life(),
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

    /// Checks that every node that has forgotten is back, if a leader has led for a while, and enough others remember;
    /// and that none without storage is left behind in an earlier life.
    pub(crate) fn check_recovery(&mut self) {
        let Some((leader, _)) = self.leader() else { return };
        let host = &self.hosts[index_of(leader)];
        let since = host.process.as_ref().and_then(|process| process.leads_since);
        let long_ago = |at: u64| self.now.saturating_sub(at) > self.founding_bound();
        if !since.is_some_and(long_ago) || !long_ago(host.members_changed) {
            return;
        }
        let (life, members) = (host.durable.life, &host.durable.membership);
        let lives = |id: u64| self.is_running(id) && self.hosts[index_of(id)].is_of(life);
        let first = self.options.list(self.hosts.len());
        let is_told = |node: u64| {
            let voters = members.voters().iter().filter(|&&id| id != node && lives(id)).count();
            voters >= members.quorum()
                && first.iter().any(|&id| id != node && lives(id) && members.contains(id))
        };
        let waits = |node: &u64| {
            let host = &self.hosts[index_of(*node)];
            // A node that was removed, and is no founder, stands in nobody's way.
            let is_needed = first.contains(node) || host.durable.membership.contains(*node);
            let is_left = is_needed && host.config.memory == Memory::Volatile && host.durable.life != life;
            (host.is_blank() || is_left) && host.is_running() && long_ago(host.started)
        };
        if let Some(node) = self.nodes().filter(waits).find(|&node| is_told(node)) {
            let status = self.election(node).map(|election| election.status().to_string());
            self.fail(ViolationKind::Stuck, format!("{node} does not recover: {status:?}"));
        }
    }

    /// Whether `node` can become a member under `leader`. What a node with storage knows of another life, its operator has
    /// to give up first, and so what any node knows of a group that was not founded.
    pub(crate) fn may_join(&self, node: u64, leader: u64) -> bool {
        let host = &self.hosts[index_of(node)];
        let lives = [self.durable(leader).life, Life::NONE];
        let gives_up =
            host.config.memory == Memory::Volatile && !host.durable.membership.founders().is_empty();
        gives_up || lives.contains(&host.durable.life)
    }

    /// How long a group is without a leader at the most after everything was mended, if its founders can found it again:
    /// those that know of a lost quorum ask for it twice, the second time when all others have waited.
    pub(crate) fn founding_bound(&self) -> u64 {
        let limit = self.options.longest_timing().promise_limit.as_nanos() as u64;
        self.liveness.bound + 20 * limit
    }

    /// Checks that the group is led, or waits for an operator, once everything is mended.
    pub(crate) fn check_founding(&mut self) {
        let bound = Duration::from_nanos(self.founding_bound());
        self.cancel_pending_faults();
        if !self.options.begins_blank()
            || self.run_till(bound, |cluster| cluster.leader().is_some()).is_some()
        {
            return;
        }
        let is_ready = |id: u64| {
            let host = &self.hosts[index_of(id)];
            self.is_running(id) && (host.is_blank() || host.config.memory == Memory::Volatile)
        };
        let all_ready = self.options.list(self.hosts.len()).into_iter().all(is_ready);
        if all_ready && self.violation.is_none() && !self.waits_for_data() {
            let status = self.election(1).map(|election| election.status().to_string());
            self.fail(ViolationKind::Stuck, format!("nobody leads, and no group is founded: {status:?}"));
        }
    }

    /// Whether a quorum remembers, and lacks the data that it may have held.
    fn waits_for_data(&self) -> bool {
        let lacks = |host: &Host| !host.is_blank() && host.config.position < host.durable.position_floor;
        self.hosts.iter().any(lacks)
    }
}

/// How the nodes of a group start: two groups in three begin with nothing.
pub(crate) fn starts(seed: u64, nodes: usize, churns: bool) -> Vec<Start> {
    let mut starts = if churns { churn::starts(seed, nodes) } else { vec![Start::Bootstrapped; nodes] };
    if Dice::new(seed ^ 0xb1a2).chance(667_000) {
        starts[..nodes].fill(Start::Blank);
    }
    starts
}

/// Which of the nodes of a group have storage, and of those that may join it later: all, none, or some.
pub(crate) fn memories(seed: u64, nodes: usize) -> Vec<Memory> {
    let mut dice = Dice::new(seed ^ 0x3e30);
    // A group that is over goes on if disks are mounted again: so every second one that may end has storage everywhere.
    let has_storage = lost_groups::may_end(seed) && seed.is_multiple_of(2);
    let drawn = dice.pick(&[0, 0, 1_000_000, 1_000_000, 300_000, 600_000]);
    let volatile = if has_storage { 0 } else { drawn };
    let draw = |_| if dice.chance(volatile) { Memory::Volatile } else { Memory::Durable };
    (0..nodes + churn::POOL).map(draw).collect()
}

/// What a node knows that has just given up all that it knew.
const NOTHING: Blank = Blank { incarnation: Incarnation(0), pledge: None, may_found: true };

/// The pledge that a message tells of.
fn told_pledge(output: &Output<u64>) -> Option<Life> {
    let Output::Send { message, .. } = output else { return None };
    let Body::BlankReply(reply) = &message.body() else { return None };
    reply.pledge
}

/// Whether a message gives a promise of some length.
fn is_promise(message: &Message<u64>) -> bool {
    let answer = match &message.body() {
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

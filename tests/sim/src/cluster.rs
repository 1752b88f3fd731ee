//! The cluster: virtual time, its events, and what can be seen of it.

use std::time::Duration;

use quorate::{Config, Election, Event, HardState, Input, Lease, Message, Position, RoleKind, StepDown};

use crate::check::{Kind, Safety, Violation};
use crate::clock::Instant;
use crate::harness::{EventQueue, FaultyGroup};
use crate::host::Host;
use crate::liveness::{Liveness, leaderless_bound};
use crate::members::Members;
use crate::net::Network;
use crate::options::{Options, Start};
use crate::rng::Dice;
use crate::trace::Trace;

/// What a run amounted to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Messages delivered, wake-ups, writes and mishaps.
    pub events: u64,
    /// Messages sent.
    pub messages: u64,
    /// Times a node became leader, renewals not counted.
    pub elections: u64,
    /// Times a leader took a higher term without stepping down.
    pub renewals: u64,
    /// Times a leader stepped down.
    pub step_downs: u64,
    /// Terms in which anybody asked for votes.
    pub candidacies: u64,
    /// Memberships that were committed.
    pub commits: u64,
    /// Targets that were reached.
    pub targets: u64,
    /// Nodes that were told that they are out.
    pub removals: u64,
    /// Wishes that could not be met.
    pub refusals: u64,
}

/// A cluster in virtual time. The same seed and the same calls give the same run.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub(crate) seed: u64,
    pub(crate) now: Instant,
    pub(crate) options: Options,
    pub(crate) dice: Dice,
    pub(crate) hosts: Vec<Host>,
    pub(crate) net: Network,
    queue: EventQueue<What>,
    pub(crate) safety: Safety,
    pub(crate) members: Members,
    pub(crate) liveness: Liveness,
    pub(crate) trace: Trace,
    pub(crate) violation: Option<Violation>,
    pub(crate) counts: Counts,
    /// Every `Elected` and `SteppedDown` a host acted on.
    pub(crate) news: Vec<News>,
    /// What hosts learnt of the members.
    pub(crate) changes: Vec<Change>,
    /// How often members changed since anybody last wished for anything.
    pub(crate) steps: u32,
    /// The highest term in which votes were asked for.
    pub(crate) asked: quorate::Term,
}

/// A change of leadership, as a host learnt of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct News {
    /// True time.
    pub at: Instant,
    /// The node.
    pub node: u64,
    /// The term.
    pub term: quorate::Term,
    /// Whether it was elected, or stepped down.
    pub elected: bool,
    /// Why it stepped down.
    pub reason: Option<StepDown<u64>>,
}

/// News of the members, as a host learnt of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// True time.
    pub at: Instant,
    /// The node.
    pub node: u64,
    /// What it learnt: one of `MembershipChanged`, `TargetReached`, `TargetAbandoned`, `Removed`.
    pub event: Event<u64>,
}

impl Change {
    /// Whether `leader` is done with its target.
    pub(crate) fn is_arrival_of(&self, leader: u64) -> bool {
        self.node == leader && matches!(self.event, Event::TargetReached { .. } | Event::TargetAbandoned)
    }
}

/// What happens next. `node` is a place, from 0; `life` names the process it is meant for.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Deliver { node: usize, from: u64, message: Message<u64> },
    Wake { node: usize, life: u32 },
    Written { node: usize, life: u32 },
    Thaw { node: usize, life: u32 },
    Wish { node: usize, life: u32, input: Input<u64> },
}

/// Node `n` stands at place `n - 1`.
pub(crate) fn place(node: u64) -> usize {
    node as usize - 1
}

impl Cluster {
    /// `n` nodes, bootstrapped as one group unless [`Options::starts`] says otherwise, all starting
    /// now.
    ///
    /// # Panics
    /// If `n` is no number of nodes or the timing is invalid.
    #[must_use]
    pub fn new(seed: u64, n: usize, options: Options) -> Self {
        let mut cluster = Cluster::asleep(seed, n, options);
        for node in 1..=n as u64 {
            cluster.restart(node);
        }
        cluster
    }

    /// `n` nodes of which none runs yet.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    #[must_use]
    pub fn asleep(seed: u64, n: usize, options: Options) -> Self {
        let host = |node| Host {
            config: Config { timing: options.timing, ..Config::new(node) },
            durable: options.first(node, n),
            process: None,
            life: 0,
            was_in: options.start(node) == Start::Bootstrapped,
            realigned: 0,
            forced: None,
        };
        let (delay, write) = (options.net.delay.1, options.disk.write.1);
        let bound = leaderless_bound(&options.timing, n, delay, write, options.patience.unwrap_or(0));
        Cluster {
            seed,
            now: 0,
            dice: Dice::new(seed),
            hosts: (1..=n as u64).map(host).collect(),
            net: Network::new(n, options.net),
            queue: EventQueue::new(),
            safety: Safety::default(),
            members: Members::new(options.starting(n, |start| matches!(start, Start::Forming(_)))),
            liveness: Liveness::new(n, bound, &options.timing),
            trace: Trace::new(options.traced),
            violation: None,
            counts: Counts::default(),
            news: Vec::new(),
            changes: Vec::new(),
            steps: 0,
            asked: quorate::Term(0),
            options,
        }
    }

    /// Lets time pass. Stops early at a violation.
    ///
    /// # Panics
    /// At a violation, unless [`Options::panics`] is off.
    pub fn run_for(&mut self, length: Duration) {
        let end = self.now + length.as_nanos() as u64;
        self.run_until(end, |_| false);
    }

    /// Lets time pass until `done`, which is asked after every event, or until `limit` has passed.
    /// Returns how long it took, or `None` if it did not come about.
    pub fn run_till(&mut self, limit: Duration, done: impl FnMut(&Self) -> bool) -> Option<Duration> {
        let start = self.now;
        self.run_until(start + limit.as_nanos() as u64, done).then(|| Duration::from_nanos(self.now - start))
    }

    fn run_until(&mut self, end: Instant, mut done: impl FnMut(&Self) -> bool) -> bool {
        while self.violation.is_none() {
            if done(self) {
                return true;
            }
            let Some((at, what)) = self.queue.pop_until(end) else { break };
            self.now = at;
            self.counts.events += 1;
            self.happen(what);
            self.check();
        }
        if self.violation.is_none() {
            self.now = self.now.max(end);
            self.check();
        }
        self.complain();
        false
    }

    pub(crate) fn schedule(&mut self, at: Instant, what: What) {
        self.queue.schedule(at, what);
    }

    /// True time since the start.
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.now)
    }

    /// The names of all nodes.
    pub fn nodes(&self) -> impl Iterator<Item = u64> + use<> {
        1..=self.hosts.len() as u64
    }

    /// Every way a message can take, as sender and receiver.
    #[must_use]
    pub fn pairs(&self) -> Vec<(u64, u64)> {
        let from = |a| self.nodes().filter(move |&b| a != b).map(move |b| (a, b));
        self.nodes().flat_map(from).collect()
    }

    /// Who may act as leader at this instant, and under which lease.
    #[must_use]
    pub fn leader(&self) -> Option<(u64, Lease)> {
        self.hosts.iter().find_map(|host| Some((host.config.id, host.acts_under(self.now)?)))
    }

    /// The node's election, if the node runs.
    #[must_use]
    pub fn election(&self, node: u64) -> Option<&Election<u64, rand_chacha::ChaCha8Rng>> {
        Some(&self.hosts[place(node)].process.as_ref()?.election)
    }

    /// Whom `node` follows, or whether it leads, as it knows.
    #[must_use]
    pub fn follows(&self, node: u64) -> Option<u64> {
        Some(self.election(node)?.leader()?.0)
    }

    /// Whether `node` believes that it leads.
    #[must_use]
    pub fn leads(&self, node: u64) -> bool {
        self.election(node).is_some_and(|election| election.role() == RoleKind::Leader)
    }

    /// Whether `node` stands for election or tries whether it could.
    #[must_use]
    pub fn stands(&self, node: u64) -> bool {
        let standing = [RoleKind::PreCandidate, RoleKind::Candidate];
        self.election(node).is_some_and(|election| standing.contains(&election.role()))
    }

    /// What of `node` would survive a crash.
    #[must_use]
    pub fn durable(&self, node: u64) -> &HardState<u64> {
        &self.hosts[place(node)].durable
    }

    /// How far the data of `node` reach.
    #[must_use]
    pub fn position(&self, node: u64) -> Position {
        self.hosts[place(node)].config.position
    }

    /// Changes of leadership so far.
    #[must_use]
    pub fn news(&self) -> &[News] {
        &self.news
    }

    /// What hosts learnt of the members so far.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// What happened so far, counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What happened so far, if the trace is kept.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The first violation, if there was one.
    #[must_use]
    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// Whether `node` has a process.
    #[must_use]
    pub fn is_up(&self, node: u64) -> bool {
        self.hosts[place(node)].process.is_some()
    }

    /// Whether `node` has ever had a process.
    #[must_use]
    pub fn has_run(&self, node: u64) -> bool {
        self.hosts[place(node)].life > 0
    }

    /// Whether `node` has a process that is not frozen.
    #[must_use]
    pub fn is_running(&self, node: u64) -> bool {
        self.hosts[place(node)].is_running()
    }

    pub(crate) fn note(&mut self, node: u64, text: impl FnOnce() -> String) {
        self.trace.note(self.now, || format!("n{node} {}", text()));
    }

    pub(crate) fn fail(&mut self, kind: Kind, text: String) {
        if self.violation.is_none() {
            self.trace.note(self.now, || format!("!!!! {kind:?}: {text}"));
            self.violation = Some(Violation { at: self.now, kind, text });
        }
    }

    /// Panics at a violation, if that is wanted, with all that is needed to see it again.
    fn complain(&self) {
        if let Some(violation) = self.violation.as_ref().filter(|_| self.options.panics) {
            let replay = self.options.replay.as_deref().unwrap_or("run this test again");
            panic!("{}\nseed {}: {violation}\nreplay: {replay}\n", self.trace.tail(80), self.seed);
        }
    }
}

impl FaultyGroup for Cluster {
    fn size(&self) -> usize {
        self.hosts.len()
    }

    fn true_time(&self) -> Instant {
        self.now
    }

    fn acting_leader(&self) -> Option<usize> {
        self.leader().map(|(leader, _)| place(leader))
    }

    fn pass(&mut self, length: u64) {
        self.run_for(Duration::from_nanos(length));
    }

    fn set_link(&mut self, from: usize, to: usize, up: bool) {
        self.link(from as u64 + 1, to as u64 + 1, up);
    }

    fn has_ended(&self) -> bool {
        self.violation.is_some()
    }
}

//! The cluster: virtual time, its events, and the view of a test.

use std::collections::BTreeMap;
use std::time::Duration;

use quorate::adapters::record::{MessageNumber, Timeline};
use quorate::{
    Config, Election, HardState, Input, Lease, Life, Memory, Message, Position, Rejection, RoleKind,
};

use crate::amnesia::RUN_BEGINS;
use crate::clock::Instant;
use crate::clock_faults::Overlaps;
use crate::evidence::Evidence;
use crate::harness::{EventQueue, FaultyGroup};
use crate::liveness::{Liveness, leaderless_bound};
use crate::membership_safety::MembershipSafety;
use crate::net::Network;
use crate::old_messages::OldMessages;
use crate::options::{Options, Start};
use crate::process::Host;
use crate::records::{Counts, LeadershipChange, MembershipEvent};
use crate::rng::Dice;
use crate::safety::{Safety, Violation, ViolationKind};
use crate::timeline;
use crate::trace::Trace;

/// A cluster in virtual time. The same seed and the same calls give the same run.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub(crate) seed: u64,
    pub(crate) now: Instant,
    pub(crate) options: Options,
    pub(crate) dice: Dice,
    pub(crate) hosts: Vec<Host>,
    pub(crate) net: Network,
    queue: EventQueue<ScheduledEvent>,
    pub(crate) safety: Safety,
    pub(crate) members: MembershipSafety,
    pub(crate) liveness: Liveness,
    pub(crate) evidence: Evidence,
    pub(crate) old_messages: OldMessages,
    pub(crate) trace: Trace,
    pub(crate) timeline: Option<Timeline<u64>>,
    pub(crate) violation: Option<Violation>,
    pub(crate) counts: Counts,
    /// Every `Elected` and `SteppedDown` that a host has acted on.
    pub(crate) leadership_changes: Vec<LeadershipChange>,
    /// The events about the members that hosts have acted on.
    pub(crate) membership_events: Vec<MembershipEvent>,
    /// How many times the members have changed since the last request.
    pub(crate) steps: u32,
    /// The times at which two leases held at once, if they are measured.
    pub(crate) overlaps: Overlaps,
    /// How far the data reach that a quorum was known to hold, by the life and the term of the leader that knew it.
    pub(crate) committed_data: BTreeMap<(Life, quorate::Term), Position>,
    /// The rejection that a host has seen last.
    pub(crate) last_rejection: Option<Rejection<u64>>,
    /// The highest term in which votes were asked for.
    pub(crate) asked: quorate::Term,
    /// Messages that wait for the caller to carry them, if there is to be no network here.
    pub(crate) outbox: Option<Vec<Outgoing>>,
}

/// A message that its host has handed over, and that the caller has yet to carry. `node` is an index, from 0.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) node: usize,
    pub(crate) to: u64,
    pub(crate) message: Message<u64>,
    pub(crate) number: MessageNumber,
}

/// A scheduled event. `node` is an index, from 0; `process_number` says which process of the node it is
/// meant for.
#[derive(Clone, Debug)]
pub(crate) enum ScheduledEvent {
    Deliver {
        node: usize,
        from: u64,
        sent: Instant,
        message: Message<u64>,
        number: MessageNumber,
    },
    Wake {
        node: usize,
        process_number: u32,
    },
    Written {
        node: usize,
        process_number: u32,
    },
    Thaw {
        node: usize,
        process_number: u32,
    },
    Request {
        node: usize,
        process_number: u32,
        input: Input<u64>,
    },
    /// The data of the leader grow.
    Grow,
    /// The host of a node has received data up to there.
    Copied {
        node: usize,
        position: Position,
    },
}

/// The index of a node: node `n` has index `n - 1`.
pub(crate) fn index_of(node: u64) -> usize {
    node as usize - 1
}

impl Cluster {
    /// `n` nodes that all start now, bootstrapped as one group unless [`Options::starts`] says otherwise.
    ///
    /// # Panics
    /// If a group cannot have `n` nodes or the timing is invalid.
    #[must_use]
    pub fn new(seed: u64, n: usize, options: Options) -> Self {
        let mut cluster = Cluster::stopped(seed, n, options);
        for node in 1..=n as u64 {
            cluster.restart(node);
        }
        cluster
    }

    /// `n` nodes, none of which runs yet.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    #[must_use]
    pub fn stopped(seed: u64, n: usize, options: Options) -> Self {
        let host = |node| Host {
            config: Config {
                timing: options.timing_of(node),
                memory: if options.begins_blank() { options.memory(node) } else { Memory::Durable },
                ..Config::new(node)
            },
            durable: options.first(node, n),
            process: None,
            forgotten: None,
            started: 0,
            wall_clock: (RUN_BEGINS, 0),
            process_number: 0,
            was_member: options.start(node) == Start::Bootstrapped,
            members_changed: 0,
            former: None,
            copied_at: None,
            forced: None,
            has_lost_quorum: false,
            unmounted: None,
            disk: None,
            disk_is_full: false,
            sent: 0,
        };
        let (delay, write) = (options.net.delay.1, options.disk.write.1);
        let longest = options.longest_timing();
        let bound = leaderless_bound(&longest, n, delay, write, options.lost_attempts.unwrap_or(0));
        Cluster {
            seed,
            now: 0,
            dice: Dice::new(seed),
            hosts: (1..=n as u64).map(host).collect(),
            net: Network::new(n, options.net),
            queue: EventQueue::new(),
            safety: Safety::default(),
            members: MembershipSafety::new(options.starting(n, |start| matches!(start, Start::Forming(_)))),
            liveness: Liveness::new(n, bound, &longest),
            evidence: Evidence::default(),
            old_messages: OldMessages::new(n),
            trace: Trace::new(options.traced),
            timeline: timeline::of_nodes(options.timeline.as_ref(), n),
            violation: None,
            counts: Counts::default(),
            leadership_changes: Vec::new(),
            membership_events: Vec::new(),
            steps: 0,
            overlaps: Overlaps::default(),
            committed_data: BTreeMap::new(),
            last_rejection: None,
            asked: quorate::Term(0),
            outbox: None,
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
    /// Returns how long it took, or `None` if `done` never returned true.
    pub fn run_till(&mut self, limit: Duration, done: impl FnMut(&Self) -> bool) -> Option<Duration> {
        let start = self.now;
        self.run_until(start + limit.as_nanos() as u64, done).then(|| Duration::from_nanos(self.now - start))
    }

    /// Lets time pass until that long after the start, or until so many events have happened. Returns whether it has passed
    /// until then: not, if there were more events, or at a violation. However the time until an instant is divided, the
    /// same happens.
    ///
    /// # Panics
    /// At a violation, unless [`Options::panics`] is off.
    pub fn run_some(&mut self, end: Duration, most_events: u64) -> bool {
        let end = end.as_nanos() as u64;
        let last = self.counts.events + most_events;
        let stopped = self.run_until(end, |cluster| cluster.counts.events >= last && cluster.is_due(end));
        !stopped && self.violation.is_none()
    }

    /// Whether an event happens before `end`, or then.
    fn is_due(&self, end: Instant) -> bool {
        self.next_event().is_some_and(|next| next <= end)
    }

    /// Lets the next event happen. Returns whether there was one.
    ///
    /// # Panics
    /// At a violation, unless [`Options::panics`] is off.
    pub fn run_one(&mut self) -> bool {
        let is_due = self.violation.is_none() && self.next_event().is_some();
        if is_due {
            self.run_next();
            self.panic_at_violation();
        }
        is_due
    }

    fn run_until(&mut self, end: Instant, mut done: impl FnMut(&Self) -> bool) -> bool {
        while self.violation.is_none() {
            if done(self) {
                return true;
            }
            if self.next_event().is_none_or(|next| next > end) {
                break;
            }
            self.run_next();
        }
        if self.violation.is_none() {
            self.now = self.now.max(end);
            self.check();
        }
        self.panic_at_violation();
        false
    }

    /// When the next event happens.
    pub(crate) fn next_event(&self) -> Option<Instant> {
        self.queue.next_time()
    }

    /// Lets the next event happen.
    pub(crate) fn run_next(&mut self) {
        let Some((at, event)) = self.queue.pop_until(Instant::MAX) else { return };
        self.now = at;
        self.counts.events += 1;
        self.handle(event);
        self.check();
    }

    pub(crate) fn schedule(&mut self, at: Instant, event: ScheduledEvent) {
        self.queue.schedule(at, event);
    }

    /// True time since the start.
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.now)
    }

    /// The ids of all nodes.
    pub fn nodes(&self) -> impl Iterator<Item = u64> + use<> {
        1..=self.hosts.len() as u64
    }

    /// Every pair of sender and receiver.
    #[must_use]
    pub fn pairs(&self) -> Vec<(u64, u64)> {
        let from = |a| self.nodes().filter(move |&b| a != b).map(move |b| (a, b));
        self.nodes().flat_map(from).collect()
    }

    /// The node that may act as leader now, and its lease.
    #[must_use]
    pub fn leader(&self) -> Option<(u64, Lease)> {
        self.hosts.iter().find_map(|host| Some((host.config.id, host.acts_under(self.now)?)))
    }

    /// The node's election, if the node runs.
    #[must_use]
    pub fn election(&self, node: u64) -> Option<&Election<u64, rand_chacha::ChaCha8Rng>> {
        Some(&self.hosts[index_of(node)].process.as_ref()?.election)
    }

    /// Why a command of the host of `node`, or of another one, was rejected last.
    #[must_use]
    pub fn last_rejection(&self) -> Option<&Rejection<u64>> {
        self.last_rejection.as_ref()
    }

    /// The leader that `node` knows, which may be `node` itself.
    #[must_use]
    pub fn follows(&self, node: u64) -> Option<u64> {
        Some(self.election(node)?.leader()?.id)
    }

    /// Whether `node` believes that it leads.
    #[must_use]
    pub fn leads(&self, node: u64) -> bool {
        self.election(node).is_some_and(|election| election.role() == RoleKind::Leader)
    }

    /// Whether `node` is a candidate or a pre-candidate.
    #[must_use]
    pub fn is_campaigning(&self, node: u64) -> bool {
        let campaigning = [RoleKind::PreCandidate, RoleKind::Candidate];
        self.election(node).is_some_and(|election| campaigning.contains(&election.role()))
    }

    /// The durable state of `node`.
    #[must_use]
    pub fn durable(&self, node: u64) -> &HardState<u64> {
        &self.hosts[index_of(node)].durable
    }

    /// How far the data of `node` reach.
    #[must_use]
    pub fn position(&self, node: u64) -> Position {
        self.hosts[index_of(node)].config.position
    }

    /// The changes of leadership so far.
    #[must_use]
    pub fn leadership_changes(&self) -> &[LeadershipChange] {
        &self.leadership_changes
    }

    /// The events about the members so far.
    #[must_use]
    pub fn membership_events(&self) -> &[MembershipEvent] {
        &self.membership_events
    }

    /// The counts so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The trace so far, if it is kept.
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
        self.hosts[index_of(node)].process.is_some()
    }

    /// Whether `node` has ever had a process.
    #[must_use]
    pub fn has_run(&self, node: u64) -> bool {
        self.hosts[index_of(node)].process_number > 0
    }

    /// Whether `node` has a process that is not frozen.
    #[must_use]
    pub fn is_running(&self, node: u64) -> bool {
        self.hosts[index_of(node)].is_running()
    }

    pub(crate) fn log(&mut self, node: u64, text: impl FnOnce() -> String) {
        self.trace.log(self.now, || format!("n{node} {}", text()));
    }

    pub(crate) fn fail(&mut self, kind: ViolationKind, text: String) {
        if self.violation.is_none() {
            self.trace.log(self.now, || format!("!!!! {kind:?}: {text}"));
            let violation = Violation { at: self.now, kind, text };
            self.tell(|timeline, now| timeline.violate(now, &violation.to_string()));
            self.violation = Some(violation);
        }
    }

    /// Panics at a violation, unless that is off, with all that is needed to replay the run.
    fn panic_at_violation(&self) {
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
        self.leader().map(|(leader, _)| index_of(leader))
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

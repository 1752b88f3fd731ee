//! The cluster: virtual time, its events, and what a test may do to it.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::time::Duration;

use quorate::{ClusterId, Config, Election, HardState, Input, Lease, Message, Position, Priority, RoleKind, Timing};

use crate::check::{Kind, Safety, Violation};
use crate::clock::{Clock, Drift, Instant};
use crate::dice::{Dice, Ppm};
use crate::disk::DiskOptions;
use crate::host::{Ambush, Habit, Host, Process};
use crate::live::{Liveness, leaderless_bound};
use crate::net::{NetOptions, Network};
use crate::trace::{self, Trace};

/// What a cluster is like from the start. Nodes are named 1, 2, 3, …
#[derive(Clone, Debug)]
pub struct Options {
    /// The same for all nodes.
    pub timing: Timing,
    /// Messages.
    pub net: NetOptions,
    /// Writes.
    pub disk: DiskOptions,
    /// Clocks.
    pub drift: Drift,
    /// How late a process may wake up, in nanoseconds.
    pub oversleep: u64,
    /// Whether a host that is told that it is behind catches up, after that many nanoseconds.
    pub catch_up: Option<u64>,
    /// Whether a trace is kept.
    pub traced: bool,
    /// Whether a violation ends the run with a panic, or is left in [`Cluster::violation`].
    pub panics: bool,
    /// How often to allow for lost attempts in [`leaderless_bound`]; `None` looks only for what
    /// is unsafe.
    pub patience: Option<u64>,
    /// How to replay the run, for the message of the panic.
    pub replay: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            timing: Timing::lan(),
            net: NetOptions::default(),
            disk: DiskOptions::default(),
            drift: Drift::Within,
            oversleep: 0,
            catch_up: None,
            traced: false,
            panics: true,
            patience: Some(0),
            replay: None,
        }
    }
}

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
    queue: BinaryHeap<Reverse<Scheduled>>,
    sequence: u64,
    pub(crate) safety: Safety,
    pub(crate) live: Liveness,
    pub(crate) trace: Trace,
    pub(crate) violation: Option<Violation>,
    pub(crate) counts: Counts,
    /// Every `Elected` and `SteppedDown` a host acted on.
    pub(crate) news: Vec<News>,
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
}

#[derive(Clone, Debug)]
pub(crate) struct Scheduled {
    at: Instant,
    sequence: u64,
    what: What,
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

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Scheduled {}

/// Node `n` stands at place `n - 1`.
fn place(node: u64) -> usize {
    node as usize - 1
}

impl Cluster {
    /// `n` nodes, bootstrapped as one group, all starting now.
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
        let first = HardState::bootstrap(ClusterId(7), 1..=n as u64).expect("a lawful number of nodes");
        let host = |node| Host {
            config: Config { timing: options.timing, ..Config::new(node) },
            durable: first.clone(),
            process: None,
            life: 0,
        };
        let (delay, write) = (options.net.delay.1, options.disk.write.1);
        let bound = leaderless_bound(&options.timing, n, delay, write, options.patience.unwrap_or(0));
        Cluster {
            seed,
            now: 0,
            dice: Dice::new(seed),
            hosts: (1..=n as u64).map(host).collect(),
            net: Network::new(n, options.net),
            queue: BinaryHeap::new(),
            sequence: 0,
            safety: Safety::default(),
            live: Liveness::new(n, bound, &options.timing),
            trace: Trace::new(options.traced),
            violation: None,
            counts: Counts::default(),
            news: Vec::new(),
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
            let Some(Reverse(next)) = self.queue.peek() else { break };
            if next.at > end {
                break;
            }
            let Some(Reverse(next)) = self.queue.pop() else { break };
            self.now = next.at;
            self.counts.events += 1;
            self.happen(next.what);
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
        self.sequence += 1;
        self.queue.push(Reverse(Scheduled { at, sequence: self.sequence, what }));
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

    /// What of `node` would survive a crash.
    #[must_use]
    pub fn durable(&self, node: u64) -> &HardState<u64> {
        &self.hosts[place(node)].durable
    }

    /// Changes of leadership so far.
    #[must_use]
    pub fn news(&self) -> &[News] {
        &self.news
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

    /// Whether `node` has a process that is not frozen.
    #[must_use]
    pub fn is_running(&self, node: u64) -> bool {
        self.hosts[place(node)].is_running()
    }

    /// The process of `node` dies. What it was writing is lost, or is not.
    pub fn crash(&mut self, node: u64) {
        let at = place(node);
        let Some(process) = self.hosts[at].process.take() else { return };
        let survives = self.dice.chance(500_000);
        self.note(node, || if process.writing.is_some() && survives { "CRASH, written" } else { "CRASH" }.into());
        self.live.unwell(at, self.now);
        if let Some(state) = process.writing.filter(|_| survives) {
            self.store(at, state);
        }
        self.check();
    }

    /// The process of `node` dies, or freezes, after it has acted on `outputs` more.
    pub fn ambush(&mut self, node: u64, outputs: u32, freeze: Option<Duration>) {
        let mishap = freeze.map_or(Ambush::Crash, |length| Ambush::Freeze(length.as_nanos() as u64));
        if let Some(process) = &mut self.hosts[place(node)].process {
            process.ambush = Some((outputs, mishap));
        }
    }

    /// A new process of `node` starts from what is durable, unless one runs.
    ///
    /// # Panics
    /// If what is durable is refused.
    pub fn restart(&mut self, node: u64) {
        let at = place(node);
        if self.hosts[at].process.is_some() {
            return;
        }
        let clock = Clock::start(self.now, self.options.drift, self.options.timing.clock_drift_ppm, &mut self.dice);
        let habit = Habit { separate: self.dice.chance(500_000), burst: self.dice.chance(500_000) };
        let generator = self.dice.generator();
        let host = &mut self.hosts[at];
        host.life += 1;
        let reading = clock.read(self.now);
        let election = Election::new(host.config, host.durable.clone(), reading, generator)
            .expect("what was stored is lawful");
        host.process = Some(Process {
            election,
            clock,
            pending: Default::default(),
            inbox: Default::default(),
            ticked: 0,
            writing: None,
            frozen: false,
            published: None,
            wake: None,
            ambush: None,
            habit,
        });
        let text = format!("START {}", trace::hard_state(&host.durable));
        self.note(node, || text);
        self.live.unwell(at, self.now);
        self.serve(at);
        self.check();
    }

    /// The process of `node` does nothing until it is thawed, and does not notice.
    pub fn freeze(&mut self, node: u64) {
        let at = place(node);
        if let Some(process) = &mut self.hosts[at].process {
            process.frozen = true;
            self.note(node, || "FREEZE".into());
            self.live.unwell(at, self.now);
        }
    }

    /// The process of `node` goes on where it was.
    pub fn thaw(&mut self, node: u64) {
        let at = place(node);
        if let Some(process) = self.hosts[at].process.as_mut().filter(|process| process.frozen) {
            process.frozen = false;
            self.note(node, || "THAW".into());
            self.live.unwell(at, self.now);
            self.serve(at);
            self.check();
        }
    }

    /// No message passes between `a` and `b`.
    pub fn cut(&mut self, a: u64, b: u64) {
        self.cut_one_way(a, b);
        self.cut_one_way(b, a);
    }

    /// No message passes from `from` to `to`.
    pub fn cut_one_way(&mut self, from: u64, to: u64) {
        self.link(from, to, false);
    }

    /// Opens or cuts the link from `from` to `to`.
    pub fn link(&mut self, from: u64, to: u64, up: bool) {
        if self.net.is_up(place(from), place(to)) != up && from != to {
            self.net.set(place(from), place(to), up);
            self.live.lost(place(from), place(to), self.now);
            self.live.calm_since = self.now;
            self.note(from, || format!("{} to {to}", if up { "MEND" } else { "CUT" }));
        }
    }

    /// Only links between the pairs listed are up, both ways.
    pub fn connect_only(&mut self, pairs: &[(u64, u64)]) {
        for (a, b) in self.nodes().flat_map(|a| self.nodes().map(move |b| (a, b))) {
            self.link(a, b, pairs.contains(&(a, b)) || pairs.contains(&(b, a)));
        }
    }

    /// All links are up again.
    pub fn heal(&mut self) {
        for (a, b) in self.nodes().flat_map(|a| self.nodes().map(move |b| (a, b))) {
            self.link(a, b, true);
        }
        self.net.heal();
    }

    /// The host of `node` wishes for something, or a message reaches it.
    pub fn step(&mut self, node: u64, input: Input<u64>) {
        let at = place(node);
        if let Some(process) = &mut self.hosts[at].process {
            process.inbox.push_back(input);
            self.serve(at);
            self.check();
        }
    }

    /// The data of `node` reach that far from now on. The host knows that across a crash.
    pub fn set_position(&mut self, node: u64, position: Position) {
        self.hosts[place(node)].config.position = position;
        self.step(node, Input::SetPosition(position));
    }

    /// `node` wants to lead that much from now on.
    pub fn set_priority(&mut self, node: u64, priority: Priority) {
        self.hosts[place(node)].config.priority = priority;
        self.step(node, Input::SetPriority(priority));
    }

    /// From now on messages are lost so often.
    pub fn set_loss(&mut self, loss: Ppm) {
        self.net.options.loss = loss;
        self.live.calm_since = self.now;
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
            panic!(
                "{}\nseed {}: {violation}\nreplay: {replay}\n",
                self.trace.tail(80),
                self.seed
            );
        }
    }
}

//! Runs under faults, which a seed determines.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use quorate::adapters::record::Timeline;
use quorate::{Input, Position, Priority, Timing, Urgency};

use crate::amnesia;
use crate::churn;
use crate::clock::{MS, SECOND};
use crate::cluster::Cluster;
use crate::disk::DiskOptions;
use crate::faults::Faults;
use crate::harness::{self, Calm, Severity};
use crate::lengths;
use crate::lost_groups;
use crate::net::NetOptions;
use crate::options::Options;
use crate::records::Counts;
use crate::rng::Dice;
use crate::safety::{Violation, ViolationKind};
use crate::timeline::of_a_run;
use crate::wishes;

/// The slowest write that does not stall.
const SLOWEST_WRITE: u64 = 100 * MS;

/// One run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scenario {
    /// The seed, which determines the run.
    pub seed: u64,
    /// How many nodes.
    pub nodes: usize,
    /// The kinds of faults.
    pub faults: Faults,
    /// The length of the run in virtual seconds.
    pub seconds: u64,
}

/// The outcome of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The first violation.
    pub violation: Option<Violation>,
    /// The counts.
    pub counts: Counts,
    /// The trace, if it was requested.
    pub lines: Vec<String>,
    /// The timeline, if it was requested.
    pub timeline: Option<Timeline<u64>>,
}

impl Outcome {
    /// The outcome when `run` drives `cluster`. A panic of the code counts as a violation.
    pub(crate) fn of(cluster: &mut Cluster, run: impl FnOnce(&mut Cluster)) -> Self {
        if let Err(cause) = catch_unwind(AssertUnwindSafe(|| run(cluster))) {
            let text = cause.downcast_ref::<String>().cloned();
            let text = text.or_else(|| cause.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            cluster.fail(ViolationKind::Panic, text.unwrap_or_default());
        }
        let lines = cluster.trace.lines().to_vec();
        let now = cluster.now();
        let timeline = cluster.timeline.take().map(|mut timeline| {
            timeline.pass(now);
            timeline
        });
        Outcome { violation: cluster.violation.take(), counts: cluster.counts, lines, timeline }
    }
}

impl Outcome {
    /// The same outcome, whose timeline shows the command that draws it again.
    pub(crate) fn with_command(self, command: &str) -> Self {
        Outcome { timeline: self.timeline.map(|timeline| timeline.with_command(command)), ..self }
    }
}

/// The command that draws the run that `replay` shows.
pub(crate) fn page_command(replay: &str) -> String {
    format!("{replay} --html run.html")
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scenario { seed, nodes, faults, seconds } = self;
        write!(f, "--seed {seed} --nodes {nodes} --faults {faults} --seconds {seconds}")
    }
}

impl Scenario {
    /// The command that replays this run.
    #[must_use]
    pub fn replay(&self) -> String {
        format!("cargo run -p quorate-sim --release -- replay {self}")
    }

    /// Runs it.
    ///
    /// # Panics
    /// At a violation, with the end of the trace and the command that replays the run.
    pub fn run(&self) -> Counts {
        let outcome = self.outcome(false);
        let Some(violation) = outcome.violation else { return outcome.counts };
        let lines = self.outcome(true).lines;
        let tail = lines[lines.len().saturating_sub(80)..].join("\n");
        let (seed, replay) = (self.seed, self.replay());
        panic!("{tail}\n{violation}\nseed {seed}; replay: {replay}\npage: {}\n", page_command(&replay));
    }

    /// Runs it and returns the outcome. A panic of the code counts as a violation.
    #[must_use]
    pub fn outcome(&self, traced: bool) -> Outcome {
        self.outcome_keeping(traced, None)
    }

    /// Runs it and returns the outcome with a timeline that is to be drawn, and with a trace.
    #[must_use]
    pub fn outcome_with_timeline(&self) -> Outcome {
        let Scenario { seed, nodes, faults, seconds } = self;
        let title = format!("Seed {seed}: {nodes} nodes, faults {faults}, {seconds} seconds");
        let outcome = self.outcome_keeping(true, Some(of_a_run(&title)));
        outcome.with_command(&page_command(&self.replay()))
    }

    fn outcome_keeping(&self, traced: bool, timeline: Option<Timeline<u64>>) -> Outcome {
        let mut cluster = self.cluster(traced, timeline);
        let mut dice = Dice::new(!self.seed);
        let end = self.seconds * SECOND;
        Outcome::of(&mut cluster, |cluster| {
            if self.faults == Faults::Lengths {
                return wishes::run(cluster, &mut dice);
            }
            churn::begin(cluster, &mut dice);
            while cluster.now < end && cluster.violation.is_none() {
                self.fault_phase(cluster, &mut dice);
                self.quiet_phase(cluster, &mut dice);
            }
        })
    }

    /// Whether this run has faults of this kind.
    fn has(&self, fault: Faults) -> bool {
        match self.faults {
            Faults::All => {
                let drawn = Dice::new(self.seed ^ 0x5eed).below(1 << Faults::ALL.len());
                self.seed.is_multiple_of(4) || drawn >> (fault as u32) & 1 == 1
            }
            // What wears memories out: other members, clocks at the bound, slow disks.
            Faults::Amnesia
                if matches!(fault, Faults::Churn | Faults::Drift | Faults::Clocks | Faults::SlowDisks) =>
            {
                Dice::new(self.seed ^ 0xa3e5).below(1 << Faults::ALL.len()) >> (fault as u32) & 1 == 1
            }
            only => only.has(fault),
        }
    }

    fn cluster(&self, traced: bool, timeline: Option<Timeline<u64>>) -> Cluster {
        let options = if self.faults == Faults::Lengths {
            lengths::options(self.seed, self.nodes)
        } else {
            options(self.seed, self.nodes, |fault| self.has(fault))
        };
        let options = Options { traced, timeline, ..options };
        let hosts = self.nodes.max(options.starts.len());
        Cluster::stopped(self.seed, hosts, options)
    }

    /// A phase of faults close together.
    fn fault_phase(&self, cluster: &mut Cluster, dice: &mut Dice) {
        harness::storm(cluster, dice, |cluster, dice| self.inject_random_fault(cluster, dice));
    }

    /// A phase without new faults, in which some node must lead in time. All old faults may be mended before.
    fn quiet_phase(&self, cluster: &mut Cluster, dice: &mut Dice) {
        let bound = cluster.liveness.bound;
        let Calm { is_mended, is_long } = harness::calm(cluster, dice, bound, mend);
        if is_mended && is_long && self.has(Faults::Amnesia) {
            cluster.check_founding();
            cluster.check_lost_quorum();
            cluster.check_recovery();
        }
        if is_mended && is_long && self.has(Faults::Churn) {
            cluster.check_knowledge();
            churn::check_progress(cluster, dice);
        }
    }

    fn inject_random_fault(&self, cluster: &mut Cluster, dice: &mut Dice) {
        let fault = dice.pick(&[
            Faults::Partitions,
            Faults::Crashes,
            Faults::Frozen,
            Faults::Requests,
            Faults::Churn,
            Faults::Churn,
            Faults::Clocks,
            Faults::OldMessages,
            Faults::Amnesia,
            Faults::Amnesia,
        ]);
        if self.has(fault) {
            inject(cluster, dice, fault);
        }
    }
}

/// The options of a cluster of `nodes` nodes, and of those that join later, with the faults that it `has`.
pub(crate) fn options(seed: u64, nodes: usize, has: impl Fn(Faults) -> bool) -> Options {
    let severity = Severity::new(seed, &has);
    // A leader that changes the members writes, and its host must see a lease meanwhile.
    let blocks = has(Faults::SlowDisks) || has(Faults::Churn) && seed.is_multiple_of(2);
    let write = if blocks { (0, SLOWEST_WRITE) } else { severity.disk.write };
    let is_late = [Faults::Duplicates, Faults::Loss, Faults::Crashes, Faults::Requests, Faults::Churn]
        .into_iter()
        .any(&has);
    let net = NetOptions {
        delay: match (has(Faults::Clocks), has(Faults::Drift)) {
            (true, _) => (MS / 50, MS / 5),
            (false, true) => (MS / 10, 2 * MS),
            (false, false) => (MS / 5, 8 * MS),
        },
        loss: severity.loss,
        duplicates: severity.duplicates,
        late: if is_late { 5_000 } else { 0 },
        // Older than attempts to hand over, than removals that were undone, and than restarts.
        lateness: (MS, 40 * SECOND),
        old: match (has(Faults::OldMessages), is_late) {
            (true, _) => 10_000,
            (false, true) => 300,
            (false, false) => 0,
        },
        old_bursts: has(Faults::OldMessages),
    };
    // A node with an older membership learns of newer ones from node to node.
    let hops = if has(Faults::Churn) { 4 } else { 0 };
    let lost_attempts = if has(Faults::Loss) {
        20
    } else if blocks {
        8
    } else {
        2
    };
    let timing = timing(seed, has(Faults::Drift) && !blocks);
    let tick = if has(Faults::Clocks) { longest_tick(&timing) } else { Duration::from_nanos(1) };
    let clock_resolution = tick.max(timing.clock_resolution);
    Options {
        timing: Timing { clock_drift_ppm: severity.drift_ppm, clock_resolution, ..timing },
        net,
        disk: DiskOptions { write, ..severity.disk },
        drift: severity.drift,
        tick: tick.as_nanos() as u64,
        // A leader that sends in the middle of a tick is what the resolution is taken off its lease for.
        oversleep: if has(Faults::Clocks) { 4 * MS } else { MS / 2 },
        catch_up: Some(5 * MS),
        replicates: has(Faults::Churn) && seed & 2 == 2,
        panics: false,
        lost_attempts: Some(lost_attempts + hops),
        starts: if has(Faults::Amnesia) {
            amnesia::starts(seed, nodes, has(Faults::Churn))
        } else if has(Faults::Churn) {
            churn::starts(seed, nodes)
        } else {
            Vec::new()
        },
        memories: if has(Faults::Amnesia) { amnesia::memories(seed, nodes) } else { Vec::new() },
        may_end: has(Faults::Amnesia) && lost_groups::may_end(seed),
        ..Options::default()
    }
}

/// The longest tick that the clocks of a group may have: 9.7 ms if its promises allow that. No promise is a multiple
/// of it, which would end a tick late by itself.
fn longest_tick(timing: &Timing) -> Duration {
    (timing.tuned_from.unwrap_or(timing.promise) / 11).min(Duration::from_micros(9_700))
}

/// The timing. Two groups in five tune their promises, down to very short ones if delays and writes are
/// short.
fn timing(seed: u64, quick: bool) -> Timing {
    let ms = Duration::from_millis;
    match seed % 5 {
        2 | 4 if quick => Timing::tuned(ms(5), ms(50)),
        2 | 4 => Timing::tuned(ms(20), Timing::lan().promise),
        _ => Timing::lan(),
    }
}

/// Mends all faults: no link is cut and no process is frozen or down any more.
pub(crate) fn mend(cluster: &mut Cluster) {
    cluster.remove_traps();
    cluster.wipe_lost_groups();
    cluster.mount_missing_disks();
    cluster.heal();
    for node in cluster.nodes() {
        cluster.thaw(node);
        cluster.set_priority(node, Priority::default());
    }
    churn::restart_all(cluster);
    churn::introduce_all(cluster);
}

/// Injects one fault of this kind.
pub(crate) fn inject(cluster: &mut Cluster, dice: &mut Dice, fault: Faults) {
    let index = harness::choose_victim(cluster, dice);
    let node = index as u64 + 1;
    match fault {
        Faults::Partitions => harness::partition(cluster, dice, index),
        Faults::Crashes => crash(cluster, dice, node),
        Faults::Frozen => freeze(cluster, dice, node),
        Faults::Churn => churn::churn(cluster, dice, node),
        Faults::Amnesia => amnesia::forget(cluster, dice, node),
        Faults::Clocks => cluster.slew_within_the_bound(node),
        Faults::OldMessages => cluster.burst(index),
        _ => request(cluster, dice, node),
    }
}

/// Cuts off `node`, and restarts all others at once, so that none of them remembers what it heard.
fn restart_all_others(cluster: &mut Cluster, node: u64) {
    let others: Vec<u64> = cluster.nodes().filter(|&other| other != node).collect();
    for other in others {
        cluster.crash(other);
        cluster.restart(other);
        cluster.cut(node, other);
    }
}

fn crash(cluster: &mut Cluster, dice: &mut Dice, node: u64) {
    match dice.below(7) {
        0 => restart_all_others(cluster, node),
        1 => cluster.crash(node),
        2 => {
            cluster.crash(node);
            cluster.restart(node);
        }
        3 => cluster.fail_after_outputs(node, dice.below(30) as u32, None),
        // Candidates crash, with the new term on disk or without.
        4 => cluster
            .nodes()
            .filter(|&node| cluster.is_campaigning(node))
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|node| {
                cluster.fail_after_outputs(node, dice.below(6) as u32, None);
            }),
        _ => churn::restart_all(cluster),
    }
}

fn freeze(cluster: &mut Cluster, dice: &mut Dice, node: u64) {
    match dice.below(3) {
        0 => cluster.freeze(node),
        1 => {
            let length = Duration::from_nanos(harness::freeze_length(dice));
            cluster.fail_after_outputs(node, dice.below(30) as u32, Some(length));
        }
        _ => cluster.nodes().for_each(|node| cluster.thaw(node)),
    }
}

fn request(cluster: &mut Cluster, dice: &mut Dice, node: u64) {
    let other = 1 + dice.below(cluster.nodes().count() as u64 + 1);
    let urgency = dice.pick(&[Urgency::WhenReady, Urgency::WhenReady, Urgency::Now]);
    match dice.below(6) {
        0 => cluster.step(node, Input::Campaign),
        1 => cluster.step(node, Input::Resign { successor: None, urgency }),
        2 => cluster.step(node, Input::Resign { successor: Some(other), urgency }),
        3 => cluster.set_priority(node, Priority(dice.below(4) as u8)),
        _ => {
            let position = cluster.position(node);
            let index = position.index + dice.below(3);
            cluster.set_position(node, Position { index, ..position });
        }
    }
}

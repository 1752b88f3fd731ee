//! Runs under faults, which a seed determines.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use quorate::{Input, Position, Priority, Timing, Urgency};

use crate::churn;
use crate::clock::{Drift, MS, SECOND};
use crate::cluster::{Cluster, Counts};
use crate::disk::DiskOptions;
use crate::faults::Faults;
use crate::net::NetOptions;
use crate::options::Options;
use crate::rng::Dice;
use crate::safety::{Violation, ViolationKind};

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
        Outcome { violation: cluster.violation.take(), counts: cluster.counts, lines }
    }
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
        panic!("{tail}\n{violation}\nseed {}; replay: {}\n", self.seed, self.replay());
    }

    /// Runs it and returns the outcome. A panic of the code counts as a violation.
    #[must_use]
    pub fn outcome(&self, traced: bool) -> Outcome {
        let mut cluster = self.cluster(traced);
        let mut dice = Dice::new(!self.seed);
        let end = self.seconds * SECOND;
        Outcome::of(&mut cluster, |cluster| {
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
            Faults::Drift => matches!(fault, Faults::Drift | Faults::Partitions),
            only => only == fault,
        }
    }

    fn cluster(&self, traced: bool) -> Cluster {
        let options = Options { traced, ..options(self.seed, self.nodes, |fault| self.has(fault)) };
        let hosts = self.nodes.max(options.starts.len());
        Cluster::stopped(self.seed, hosts, options)
    }

    /// A phase of faults close together.
    fn fault_phase(&self, cluster: &mut Cluster, dice: &mut Dice) {
        let interval = dice.pick(&[20 * MS, 100 * MS, 500 * MS]);
        let end = cluster.now + dice.between((2 * SECOND, 12 * SECOND));
        while cluster.now < end && cluster.violation.is_none() {
            cluster.run_for(Duration::from_nanos(dice.between((0, 2 * interval))));
            self.inject_random_fault(cluster, dice);
        }
    }

    /// A phase without new faults, in which some node must lead in time. All old faults may be mended
    /// before.
    fn quiet_phase(&self, cluster: &mut Cluster, dice: &mut Dice) {
        let healed = dice.chance(700_000);
        if healed {
            mend(cluster);
        }
        let whole = cluster.liveness.bound + dice.between((SECOND, 4 * SECOND));
        let long = dice.chance(400_000);
        let length = if long { whole } else { dice.below(2 * SECOND) };
        cluster.run_for(Duration::from_nanos(length));
        if healed && long && self.has(Faults::Churn) {
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
        ]);
        if self.has(fault) {
            inject(cluster, dice, fault);
        }
    }
}

/// The options of a cluster of `nodes` nodes, and of those that join later, with the faults that it `has`.
pub(crate) fn options(seed: u64, nodes: usize, has: impl Fn(Faults) -> bool) -> Options {
    let net = NetOptions {
        delay: if has(Faults::Drift) { (MS / 10, 2 * MS) } else { (MS / 5, 8 * MS) },
        loss: if has(Faults::Loss) { 200_000 } else { 0 },
        duplicates: if has(Faults::Duplicates) { 200_000 } else { 0 },
        late: if has(Faults::Duplicates) || has(Faults::Loss) { 5_000 } else { 0 },
        ..NetOptions::default()
    };
    let disk = DiskOptions {
        write: if has(Faults::SlowDisks) { (0, 100 * MS) } else { (0, 2 * MS) },
        stalls: if has(Faults::SlowDisks) { 20_000 } else { 0 },
        ..DiskOptions::default()
    };
    let drift = if has(Faults::Drift) { Drift::AtTheBound } else { Drift::Within };
    // A node with an older membership learns of newer ones from node to node.
    let hops = if has(Faults::Churn) { 4 } else { 0 };
    let lost_attempts = if has(Faults::Loss) {
        20
    } else if has(Faults::SlowDisks) {
        8
    } else {
        2
    };
    // With a large drift, errors show that the delays hide with a small one.
    let wide = has(Faults::Drift) && seed.is_multiple_of(2);
    let clock_drift_ppm = if wide { 200_000 } else { Timing::lan().clock_drift_ppm };
    let timing = timing(seed, has(Faults::Drift) && !has(Faults::SlowDisks));
    Options {
        timing: Timing { clock_drift_ppm, ..timing },
        net,
        disk,
        drift,
        oversleep: MS / 2,
        catch_up: Some(5 * MS),
        panics: false,
        lost_attempts: Some(lost_attempts + hops),
        starts: if has(Faults::Churn) { churn::starts(seed, nodes) } else { Vec::new() },
        ..Options::default()
    }
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
    // Leaders are chosen more often than other nodes.
    let any = 1 + dice.below(cluster.nodes().count() as u64);
    let node = cluster.leader().map(|(leader, _)| leader).filter(|_| dice.chance(300_000)).unwrap_or(any);
    match fault {
        Faults::Partitions => partition(cluster, dice, node),
        Faults::Crashes => crash(cluster, dice, node),
        Faults::Frozen => freeze(cluster, dice, node),
        Faults::Churn => churn::churn(cluster, dice, node),
        _ => request(cluster, dice, node),
    }
}

fn partition(cluster: &mut Cluster, dice: &mut Dice, node: u64) {
    let others: Vec<u64> = cluster.nodes().filter(|&other| other != node).collect();
    if others.is_empty() {
        return;
    }
    let other = dice.pick(&others);
    match dice.below(8) {
        0 => cluster.cut(node, other),
        1 => cluster.cut_one_way(node, other),
        2 => others.iter().for_each(|&other| cluster.cut(node, other)),
        3 => others.iter().for_each(|&other| cluster.cut_one_way(node, other)),
        4 => others.iter().for_each(|&other| cluster.cut_one_way(other, node)),
        5 => split(cluster, dice),
        6 => {
            cluster.link(node, other, true);
            cluster.link(other, node, true);
        }
        _ => cluster.heal(),
    }
}

/// Cuts the links between two sides, or between random pairs.
fn split(cluster: &mut Cluster, dice: &mut Dice) {
    let sides: Vec<bool> = cluster.nodes().map(|_| dice.chance(500_000)).collect();
    let random = dice.chance(500_000);
    for (a, b) in cluster.pairs() {
        let together = sides[a as usize - 1] == sides[b as usize - 1];
        cluster.link(a, b, if random { dice.chance(600_000) } else { together });
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
            let length = Duration::from_nanos(dice.between((10 * MS, 2 * SECOND)));
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
            let index = cluster.position(node).index + dice.below(3);
            cluster.set_position(node, Position { term: 0, index });
        }
    }
}

//! The command that compares tuned promises with fixed ones.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::Args;
use quorate::Timing;
use quorate_sim::{Dice, Failover, FastCluster, FastClusterTally, MS, Ppm, SECOND, Summary, Traffic};

use crate::fault_runs::on_all_cores;

/// The delays of a quiet local network: 0.15 to 0.35 ms.
const QUIET: (u64, u64) = (150_000, 350_000);
/// Delays a hundred times as long.
const SLOW: (u64, u64) = (15 * MS, 35 * MS);
const SHORTEST: Duration = Duration::from_millis(25);
const LONGEST: Duration = Duration::from_millis(150);
const MINUTE: u64 = 60 * SECOND;
/// After this time a leader on a quiet network asks for the shortest promise.
const SETTLED: u64 = MINUTE;
const HOUR: u64 = 3_600 * SECOND;

/// Compares tuned promises with fixed ones; fails if tuned ones do not meet their goals.
#[derive(Args)]
pub(crate) struct Tuned {
    /// Crashes for each line of the first table; with 0 a table is left out.
    #[arg(long, default_value_t = 1_000)]
    crashes: u64,
    /// Virtual hours of quiet traffic for each line of the second table.
    #[arg(long, default_value_t = 1_000)]
    hours: u64,
    /// Networks that become slow and quick again, for each line of the third table.
    #[arg(long, default_value_t = 500)]
    jumps: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long each write takes, in milliseconds. A host does nothing else meanwhile.
    #[arg(long, default_value_t = 10)]
    write_ms: u64,
}

fn tuned() -> Timing {
    Timing::tuned(SHORTEST, LONGEST)
}

/// The results of `work` for `count` seeds.
fn gather<T: Send>(seed: u64, count: u64, work: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let results = Mutex::new(Vec::new());
    on_all_cores(count, |item| {
        let result = work(seed + item);
        results.lock().expect("no thread panics here").push(result);
        true
    });
    results.into_inner().expect("no thread panics here")
}

impl Tuned {
    fn traffic(&self, loss: Ppm) -> Traffic {
        Traffic { delay: QUIET, loss, oversleep: MS / 10, write: self.write_ms * MS }
    }

    pub(crate) fn run(&self) -> bool {
        println!(
            "tuned: promise {SHORTEST:?} to {LONGEST:?}; fixed: Timing::lan(); delays 0.15 to 0.35 ms; nodes wake \
             up to 0.1 ms late; writes of {} ms, and a host does nothing else meanwhile",
            self.write_ms
        );
        let detected = self.crashes == 0 || self.detection();
        let kept = self.hours == 0 || self.quiet_hours();
        let survived = self.jumps == 0 || self.jumps();
        detected && kept && survived
    }

    fn detection(&self) -> bool {
        println!(
            "\nFrom a crash of the leader until the first node notices, and until another one leads, ms; {} each",
            self.crashes
        );
        println!(
            " n    loss  noticed: fixed    p99   tuned    p99  less by   replaced: fixed  tuned   datagrams/s: fixed  tuned"
        );
        let mut well = true;
        for (nodes, loss) in [(3, 0), (3, 1_000), (5, 0), (5, 1_000)] {
            let of = |timing: Timing, settled| {
                let crashes = gather(self.seed, self.crashes, |seed| {
                    crash(seed, nodes, timing, self.traffic(loss), settled)
                });
                let summary = |of: fn(&Crash) -> Duration| {
                    let trial = |crash| Failover { length: of(crash), candidacies: 1 };
                    Summary::of(&crashes.iter().map(trial).collect::<Vec<_>>())
                };
                let sent = crashes.iter().map(|crash| crash.sent).sum::<u64>() / self.crashes;
                (summary(|crash| crash.noticed), summary(|crash| crash.replaced), sent)
            };
            let (fixed, replaced, sent) = of(Timing::lan(), 5 * SECOND);
            let (tuned, soon, often) = of(tuned(), SETTLED);
            let less = 100.0 * (1.0 - tuned.mean / fixed.mean);
            well &= less >= 80.0;
            println!(
                "{nodes:>2} {:>5.1} % {:>15.1} {:>6.1} {:>7.1} {:>6.1} {less:>6.1} % {:>17.1} {:>6.1} {sent:>20} {often:>6}",
                f64::from(loss) / 1e4,
                fixed.mean,
                fixed.p99,
                tuned.mean,
                tuned.p99,
                replaced.mean,
                soon.mean,
            );
        }
        verdict("a crash is noticed in a fifth of the time", well)
    }

    fn quiet_hours(&self) -> bool {
        println!("\nQuiet traffic of 3 nodes; {} virtual hours each", self.hours);
        println!("    loss    events  events/s  elections but the first  leaders that lost it  pre-votes");
        let mut well = true;
        for loss in [0, 1_000] {
            let started = Instant::now();
            let tallies = gather(self.seed, self.hours, |seed| {
                let mut cluster = FastCluster::new(seed, 3, tuned(), self.traffic(loss));
                cluster.run_for(HOUR);
                (cluster.tally, cluster.leader().is_some())
            });
            let sum =
                |of: fn(&FastClusterTally) -> u64| tallies.iter().map(|(tally, _)| of(tally)).sum::<u64>();
            let (events, pre_votes) = (sum(|tally| tally.events), sum(|tally| tally.pre_votes));
            let elections = sum(|tally| tally.elections) - tallies.len() as u64;
            let lost = sum(|tally| tally.step_downs);
            let rate = events as f64 / started.elapsed().as_secs_f64();
            well &= elections == 0 && lost == 0 && tallies.iter().all(|(_, led)| *led);
            println!(
                "{:>6.1} % {events:>9.2e} {rate:>9.1e} {elections:>24} {lost:>21} {pre_votes:>10}",
                f64::from(loss) / 1e4
            );
        }
        verdict("no leader is lost needlessly", well)
    }

    fn jumps(&self) -> bool {
        println!("\nDelays are a hundred times as long for a minute; {} times each", self.jumps);
        println!(" n    loss  leaders lost: mean  most  elections: most  promise before, within, after, ms");
        let mut well = true;
        for (nodes, loss) in [(3, 0), (3, 10_000), (5, 0), (5, 10_000)] {
            let trials = gather(self.seed, self.jumps, |seed| jump(seed, nodes, self.traffic(loss)));
            let most = |of: fn(&Jump) -> u64| trials.iter().map(of).max().unwrap_or(0);
            let mean =
                |of: &dyn Fn(&Jump) -> f64| trials.iter().map(of).sum::<f64>() / trials.len().max(1) as f64;
            let (lost, elections) = (most(|jump| jump.lost), most(|jump| jump.elections));
            well &= lost <= 1 && elections <= 1;
            let [before, within, after] = [0, 1, 2].map(|phase| mean(&|jump| jump.promises[phase]));
            println!(
                "{nodes:>2} {:>5.1} % {:>19.2} {lost:>5} {elections:>16}  {before:.1}, {within:.1}, {after:.1}",
                f64::from(loss) / 1e4,
                mean(&|jump| jump.lost as f64),
            );
        }
        verdict("a jump costs one election at most", well)
    }
}

fn verdict(claim: &str, holds: bool) -> bool {
    println!("{claim}: {}", if holds { "yes" } else { "NO" });
    holds
}

struct Crash {
    /// The time until the promise of the first survivor has ended.
    noticed: Duration,
    /// The time until another node has been elected.
    replaced: Duration,
    /// The number of datagrams in the second before.
    sent: u64,
}

fn crash(seed: u64, nodes: u64, timing: Timing, traffic: Traffic, settled: u64) -> Crash {
    let mut cluster = FastCluster::new(seed, nodes, timing, traffic);
    cluster.run_for(settled + Dice::new(!seed).below(SECOND));
    let before = cluster.tally.sent;
    cluster.run_for(SECOND);
    let sent = cluster.tally.sent - before;
    cluster.run_for(Dice::new(seed).below(100 * MS));
    let (leader, _) = cluster.leader().unwrap_or_else(|| panic!("seed {seed}: no leader"));
    let crashed = cluster.now();
    cluster.crash(leader);
    let since = |cluster: &FastCluster| Duration::from_nanos(cluster.now() - crashed);
    assert!(
        cluster.run_till(10 * SECOND, |cluster| cluster.tally.leader_lost_at > crashed),
        "seed {seed}: no node noticed"
    );
    let noticed = since(&cluster);
    assert!(
        cluster.run_till(10 * SECOND, |cluster| cluster.leader().is_some()),
        "seed {seed}: no node leads"
    );
    Crash { noticed, replaced: since(&cluster), sent }
}

struct Jump {
    lost: u64,
    elections: u64,
    /// The promises before the slow time, at its end, and at the end of the run, in milliseconds.
    promises: [f64; 3],
}

/// A quiet network becomes slow at once, and quick again later.
fn jump(seed: u64, nodes: u64, traffic: Traffic) -> Jump {
    let mut cluster = FastCluster::new(seed, nodes, tuned(), traffic);
    let promise = |cluster: &FastCluster| {
        cluster.leader().map_or(0.0, |(_, timing)| timing.promise.as_secs_f64() * 1e3)
    };
    cluster.run_for(SETTLED + Dice::new(!seed).below(SECOND));
    let (before, first) = (cluster.tally, promise(&cluster));
    cluster.traffic.delay = SLOW;
    cluster.run_for(MINUTE);
    let within = promise(&cluster);
    cluster.traffic.delay = QUIET;
    cluster.run_for(2 * MINUTE);
    Jump {
        lost: cluster.tally.step_downs - before.step_downs,
        elections: cluster.tally.elections - before.elections,
        promises: [first, within, promise(&cluster)],
    }
}

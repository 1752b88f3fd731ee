//! The commands that measure how long a group has no leader.

use std::sync::Mutex;
use std::time::Duration;

use clap::Args;
use quorate_sim::{HandoverSettings, Setting, Summary, cold_start, failover, handover};

use crate::fault_runs::on_all_cores;

/// The highest percentage of failovers without loss that may need more than one term.
const MOST_SPLIT: f64 = 0.1;

/// Measures failovers, cold starts and handovers; fails if a failover takes too long or too many split.
#[derive(Args)]
pub(crate) struct FailoverTable {
    /// Trials for each line.
    #[arg(long, default_value_t = 10_000)]
    trials: u64,
}

/// Groups of three and five, disks that always or sometimes take a length, links that lose messages, and
/// staggers: the lines of the table for each fault.
fn settings() -> Vec<Setting> {
    let ms = Duration::from_millis;
    let always = |write| (ms(write), ms(write));
    let mut settings = Vec::new();
    for nodes in [3, 5] {
        for write in [0, 10, 20, 40, 70, 100].map(always).into_iter().chain([(ms(0), ms(100))]) {
            settings.push(Setting { nodes, write, loss: 0, stagger: ms(20) });
        }
        for (write, loss, stagger) in [(0, 50_000, 20), (0, 0, 30), (0, 50_000, 30), (50, 50_000, 20)] {
            settings.push(Setting { nodes, write: always(write), loss, stagger: ms(stagger) });
        }
    }
    settings
}

impl FailoverTable {
    pub(crate) fn run(&self) -> bool {
        println!(
            "promise 150 ms, heartbeat 50 ms, one way 2 to 8 ms; a host does nothing else while it writes; \
             {} trials each; times in ms",
            self.trials
        );
        let heads = ["mean", "median", "p99", "p99.9", "max", "split %"];
        println!(
            "{:>10} {:>2} {:>9} {:>5} {:>8}  {}",
            "",
            "n",
            "write",
            "loss",
            "stagger",
            heads.map(|head| format!("{head:>8}")).join(" ")
        );
        let mut passed = true;
        for (name, trial) in [
            ("failover", failover as fn(&Setting, u64) -> _),
            ("cold start", cold_start),
            ("handover", handover),
        ] {
            for setting in settings() {
                let results = trials(self.trials, |seed| trial(&setting, seed));
                let sum = Summary::of(&results);
                let Setting { nodes, write: (shortest, longest), loss, stagger } = setting;
                let write = format!("{}..{}", shortest.as_millis(), longest.as_millis());
                let (loss_percent, stagger_ms) = (loss / 10_000, stagger.as_millis());
                println!(
                    "{name:>10} {nodes:>2} {write:>9} {loss_percent:>3} % {stagger_ms:>5} ms  {:>8.1} {:>8.1} {:>8.1} \
                     {:>8.1} {:>8.1} {:>8.2}",
                    sum.mean, sum.median, sum.p99, sum.p999, sum.max, sum.split
                );
                if name == "failover" && loss == 0 {
                    let longest = results.iter().map(|result| result.length).max().unwrap_or_default();
                    let is_met = longest <= setting.bound() && sum.split <= MOST_SPLIT;
                    if !is_met {
                        println!("    more than {:?}, or more splits than {MOST_SPLIT} %", setting.bound());
                    }
                    passed &= is_met;
                }
            }
        }
        passed
    }
}

/// One result for each seed below `count`.
pub(crate) fn trials<T: Send>(count: u64, trial: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let results = Mutex::new(Vec::new());
    on_all_cores(count, |seed| {
        let result = trial(seed);
        results.lock().expect("no thread panics here").push(result);
        true
    });
    results.into_inner().expect("no thread panics here")
}

/// Measures the time without a leader in handovers; fails if it is longer than allowed.
#[derive(Args)]
pub(crate) struct HandoverTable {
    /// Trials for each line.
    #[arg(long, default_value_t = 1_000)]
    trials: u64,
}

impl HandoverTable {
    pub(crate) fn run(&self) -> bool {
        println!("Without a leader; {} trials each; times in ms", self.trials);
        println!(
            "| nodes | delay | write | handover, mean | max | 3 delays and a write | to a successor that cannot win, max |"
        );
        println!("|---|---|---|---|---|---|---|");
        let groups = [3, 5].into_iter().flat_map(|nodes| {
            [(250, 0), (5_000, 0), (5_000, 5_000), (5_000, 20_000), (8_000, 50_000)]
                .map(|(delay, write)| (nodes, Duration::from_micros(delay), Duration::from_micros(write)))
        });
        let mut passed = true;
        for (nodes, delay, write) in groups {
            let settings = HandoverSettings { nodes, delay, write };
            let planned = trials(self.trials, |seed| settings.planned(seed));
            let hopeless = (nodes > 3).then(|| trials(self.trials, |seed| settings.hopeless(seed)));
            let hopeless = hopeless.map(|times| millis(longest(&times)));
            let (max, bound) = (longest(&planned), settings.bound());
            passed &= max <= bound && hopeless.is_none_or(|longest| longest == 0.0);
            println!(
                "| {nodes} | {} | {} | {:.2} | {:.2} | {:.2} | {} |",
                millis(delay),
                millis(write),
                millis(mean(&planned)),
                millis(max),
                millis(bound),
                hopeless.map_or("-".to_owned(), |longest| longest.to_string()),
            );
        }
        let settings =
            HandoverSettings { nodes: 5, delay: Duration::from_millis(5), write: Duration::from_millis(5) };
        for (graceful, how) in [(true, "handing over first"), (false, "killed")] {
            let times = trials(self.trials, |seed| settings.rolling_restart(seed, graceful));
            println!(
                "All five of a group restarted in turn, {how}, 5 ms one way and for a write: in total {:.1} on average, {:.1} at most",
                millis(mean(&times)),
                millis(longest(&times))
            );
        }
        passed
    }
}

fn longest(times: &[Duration]) -> Duration {
    times.iter().copied().max().unwrap_or_default()
}

fn mean(times: &[Duration]) -> Duration {
    times.iter().sum::<Duration>() / times.len().max(1) as u32
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

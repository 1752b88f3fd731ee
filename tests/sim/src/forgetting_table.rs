//! The command that measures what it takes that nodes may forget.

use std::time::Duration;

use clap::Args;
use quorate::adapters::wire;
use quorate_sim::ForgettingSetting;

use crate::time_tables::trials;

/// Measures groups without storage beside groups with it; fails if they do not send the same at rest.
#[derive(Args)]
pub(crate) struct ForgettingTable {
    /// Trials for each time of the tables.
    #[arg(long, default_value_t = 2_000)]
    trials: u64,
}

/// The storage of each column: none, or one with writes that take this many microseconds.
const STORAGE: [Option<u64>; 5] = [None, Some(100), Some(1_000), Some(10_000), Some(40_000)];
/// For how long messages are counted.
const COUNTED: Duration = Duration::from_secs(60);

/// A time that is measured.
type Trial = fn(&ForgettingSetting, u64) -> Duration;

const TRIALS: [(&str, Trial); 5] = [
    ("first start, until a leader", ForgettingSetting::first_start),
    ("planned handover, without a leader", ForgettingSetting::handover),
    ("the leader crashes, until another leads", ForgettingSetting::failover),
    ("one node has forgotten, until it takes part", ForgettingSetting::one_back),
    ("all have forgotten, until a leader", ForgettingSetting::all_forget),
];

impl ForgettingTable {
    pub(crate) fn run(&self) -> bool {
        println!(
            "Promise 150 ms, longest promise 450 ms, one way 2 to 8 ms; a host does nothing else while it writes. {} \
             trials each; median / p99 / max in ms.",
            self.trials
        );
        let mut passed = true;
        for nodes in [3, 5] {
            print_heads(&format!("{nodes} nodes"));
            for (name, trial) in TRIALS {
                self.print_line(name, nodes, trial);
            }
            self.print_restarts(nodes);
            passed &= print_messages(nodes);
        }
        print_heads("2 nodes");
        let storage_waits = |setting: &ForgettingSetting| setting.write.is_some();
        let one_of_two = self.columns(2, |setting| {
            (!storage_waits(setting)).then_some(ForgettingSetting::one_too_many_forgets as Trial)
        });
        println!("| one has forgotten, without a leader | {} |", one_of_two.join(" | "));
        passed
    }

    fn print_line(&self, name: &str, nodes: usize, trial: Trial) {
        println!("| {name} | {} |", self.columns(nodes, |_| Some(trial)).join(" | "));
    }

    /// A restart of all nodes is the loss of all memory where there is no storage.
    fn print_restarts(&self, nodes: usize) {
        let restart = |setting: &ForgettingSetting| {
            setting.write.is_some().then_some(ForgettingSetting::all_restart as Trial)
        };
        println!(
            "| all start again with their files, until a leader | {} |",
            self.columns(nodes, restart).join(" | ")
        );
    }

    /// The cell of each column, which is empty where there is nothing to measure.
    fn columns(&self, nodes: usize, trial: impl Fn(&ForgettingSetting) -> Option<Trial>) -> Vec<String> {
        let cell = |setting: ForgettingSetting| match trial(&setting) {
            Some(trial) => summary(trials(self.trials, |seed| trial(&setting, seed))),
            None => String::new(),
        };
        settings(nodes).map(cell).collect()
    }
}

fn settings(nodes: usize) -> impl Iterator<Item = ForgettingSetting> {
    STORAGE.into_iter().map(move |write| ForgettingSetting { nodes, write: write.map(Duration::from_micros) })
}

fn print_heads(group: &str) {
    let head = |write: Option<u64>| {
        write.map_or("no storage".to_owned(), |micros| format!("writes of {} ms", micros as f64 / 1e3))
    };
    println!("\n| {group} | {} |\n|---|{}", STORAGE.map(head).join(" | "), "---|".repeat(STORAGE.len()));
}

/// What a group sends while it has a leader. Returns whether it is the same with storage and without.
fn print_messages(nodes: usize) -> bool {
    let counts = settings(nodes).map(|setting| {
        let sent = setting.messages_at_rest(1, COUNTED);
        let bytes: usize = sent.iter().map(|message| wire::encode(message).len()).sum();
        let each_second = |count: usize| count as f64 / COUNTED.as_secs_f64();
        (each_second(sent.len()), each_second(bytes))
    });
    let counts: Vec<(f64, f64)> = counts.collect();
    let cells: Vec<String> =
        counts.iter().map(|(messages, bytes)| format!("{messages:.0} / {bytes:.0}")).collect();
    println!("| at rest, messages and bytes in a second | {} |", cells.join(" | "));
    let differs = |(a, b): (f64, f64)| (a - b).abs() > a.max(b) / 100.0;
    let [without, with @ ..] = counts.as_slice() else { return false };
    let same = !with.iter().any(|with| differs((with.0, without.0)) || differs((with.1, without.1)));
    if !same {
        println!("    a group without storage does not send the same as one with it");
    }
    same
}

/// The median, the time that one trial in a hundred exceeds, and the longest.
fn summary(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: f64| {
        let index = ((times.len() as f64 - 1.0) * share).round() as usize;
        times.get(index).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    };
    let show = |millis: f64| if millis < 100.0 { format!("{millis:.1}") } else { format!("{millis:.0}") };
    [0.5, 0.99, 1.0].map(|share| show(at(share))).join(" / ")
}

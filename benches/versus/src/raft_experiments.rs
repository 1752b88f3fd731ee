//! The command `raft-experiments`: what the inventors of Raft measured, repeated with raft-rs and quorate.

use std::time::Duration;

use clap::Args;

use quorate_sim::MS;
use quorate_versus::conditions::WriteTimes;
use quorate_versus::failover::Setting;
use quorate_versus::library::Timings;
use quorate_versus::setups::{LibrarySetup, QUORATE, RAFT_RS_1, RAFT_RS_PLAIN};
use quorate_versus::summary::{Distribution, Summary};

/// Failovers as in the paper on Raft (Figure 16) and in the thesis (chapter 9), with raft-rs and quorate.
#[derive(Args)]
pub(crate) struct RaftExperiments {
    /// Runs of each library in each setting.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
}

/// The election timeouts of Figure 16, with the median, the 99th percentile and the longest failover.
const FIGURE_16: [((u64, u64), [f64; 3]); 7] = [
    ((150, 155), [287.0, 1225.0, 2145.0]),
    ((150, 200), [146.0, 345.0, 513.0]),
    ((150, 300), [171.0, 406.0, 604.0]),
    ((12, 24), [30.0, 87.0, 152.0]),
    ((25, 50), [43.0, 118.0, 276.0]),
    ((50, 100), [67.0, 168.0, 253.0]),
    ((100, 200), [120.0, 273.0, 335.0]),
];

const FIGURE_16_HEAD: &str = "\
Figure 16 of the paper on Raft: five servers, 0.2 to 0.3 ms one way, writes of 3 ms (candidate) and 10 ms
(voter). The four survivors have logs of different lengths, two of them too short to win. Median / p99 /
longest failover in ms, and the share of runs that took more than one term.

| timeouts | the paper | raft-rs, plain | raft-rs, pre-vote + check-quorum | quorate |
|---|---|---|---|---|";

const FIGURE_16_NOTES: &str = "\
Heartbeats come at half the shortest timeout, and the leader crashes at any moment between two. raft-rs has
ticks of 1 ms. It restarts its timeout at each higher term that it hears of, not only when it votes as in the
paper, so that a candidate that cannot win delays one that can. quorate promises for the shortest timeout,
with a stagger of 30 ms and a retry interval of 20 ms; its candidate has persisted its vote in advance.";

const WIDE_AREA_HEAD: &str = "\
Chapter 9 of the thesis: five servers, 30 to 40 ms one way, timeouts of 300 to 600 ms. Mean / p99.9 / longest
failover in ms, and the share of runs that took more than one term.

| down | the thesis | raft-rs, plain | raft-rs, pre-vote + check-quorum | quorate |
|---|---|---|---|---|";

const WIDE_AREA_NOTES: &str = "\
Heartbeats come every 150 ms, writes take no time, and all logs have the same length. raft-rs has ticks of
1 ms. quorate has a promise of 300 ms, a stagger of 100 ms and a retry interval of 80 ms. p99.9 is the longest
but one of 1,000 runs.";

impl RaftExperiments {
    pub(crate) fn run(&self) -> bool {
        println!("{FIGURE_16_HEAD}");
        for ((shortest, longest), paper) in FIGURE_16 {
            let setting = figure_16(shortest, longest);
            let cells = self.cells(&setting, |of| [of.quantile(0.5), of.quantile(0.99), of.max()]);
            println!("| {shortest}–{longest} | {} | {cells} |", figures(paper));
        }
        println!("\n{FIGURE_16_NOTES}\n\n{WIDE_AREA_HEAD}");
        let thesis = ["mean about 475, 99.9 % below 1,500", "mean about 650, 99.9 % below 3,000"];
        for (down, (name, thesis)) in
            ["the leader", "the leader and one more"].into_iter().zip(thesis).enumerate()
        {
            let cells = self.cells(&wide_area(down), |of| [of.mean(), of.quantile(0.999), of.max()]);
            println!("| {name} | {thesis} | {cells} |");
        }
        println!("\n{WIDE_AREA_NOTES}");
        true
    }

    fn cells(&self, setting: &Setting, of: fn(&Distribution) -> [f64; 3]) -> String {
        let cell = |setup: LibrarySetup| {
            let summary = Summary::new(&setup.outcomes(setting, self.seeds));
            let lost = summary.never + summary.unsteady;
            let lost = if lost == 0 { String::new() } else { format!(" ({lost} without a leader)") };
            format!("{}, {:.0} %{lost}", figures(of(&summary.elected)), summary.split)
        };
        [RAFT_RS_PLAIN, RAFT_RS_1, QUORATE].map(cell).join(" | ")
    }
}

fn figure_16(shortest: u64, longest: u64) -> Setting {
    let timings = Timings {
        election_timeout: Duration::from_millis(shortest),
        longest_timeout: Duration::from_millis(longest),
        heartbeat: Duration::from_millis(shortest) / 2,
        retry: Duration::from_millis(20),
        stagger: Duration::from_millis(30),
    };
    let votes = WriteTimes::equal((10 * MS, 10 * MS));
    let writes = WriteTimes { candidacy: (3 * MS, 3 * MS), log: (0, 0), ..votes };
    let delay = (MS / 5, 3 * MS / 10);
    Setting { delay, writes, timings, unequal_logs: true, ..Setting::new(5, MS, 0) }
}

fn wide_area(down: usize) -> Setting {
    let timings = Timings {
        election_timeout: Duration::from_millis(300),
        longest_timeout: Duration::from_millis(600),
        heartbeat: Duration::from_millis(150),
        retry: Duration::from_millis(80),
        stagger: Duration::from_millis(100),
    };
    Setting { delay: (30 * MS, 40 * MS), timings, down, ..Setting::new(5, MS, 0) }
}

fn figures(figures: [f64; 3]) -> String {
    figures.map(|figure| format!("{figure:.0}")).join(" / ")
}

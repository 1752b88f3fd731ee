//! What the inventors of Raft measured, and the same here.

use std::time::Duration;

use clap::Args;

use quorate_versus::clock::MS;
use quorate_versus::competitor::{Competitor, QUORATE, RAFT_RS_1, RAFT_RS_PLAIN};
use quorate_versus::conditions::Writes;
use quorate_versus::failover::Setting;
use quorate_versus::rival::Pace;
use quorate_versus::summary::{Lengths, Summary};

/// Failover as in the paper on Raft (Figure 16) and the thesis (chapter 9), with raft-rs and quorate.
#[derive(Args)]
pub(crate) struct Papers {
    /// Runs of each in each setting.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
}

/// The election timeouts of Figure 16, and the median, the 99th percentile and the longest.
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
Figure 16 of the paper on Raft: five servers, a way of 0.2 to 0.3 ms, writes of 3 ms (candidate) and 10 ms
(voter), four logs of different lengths, two of them too short to win. Median / p99 / longest in ms, and how
many runs took more than one term.

| timeouts | the paper | raft-rs, plain | raft-rs, pre-vote + check-quorum | quorate |
|---|---|---|---|---|";

const FIGURE_16_NOTES: &str = "\
Heartbeats at half the shortest timeout; the leader crashes at any moment between two. raft-rs: ticks of
1 ms; it begins its timeout anew at each higher term it hears of, not only when it votes as in the paper,
so that who cannot win holds up who can. quorate: promise = the shortest timeout, stagger 30 ms, retry
20 ms; its candidate has written ahead.";

const WAN_HEAD: &str = "\
Chapter 9 of the thesis: five servers, a way of 30 to 40 ms, timeouts of 300 to 600 ms. Mean / p99.9
/ longest in ms, and how many runs took more than one term.

| down | the thesis | raft-rs, plain | raft-rs, pre-vote + check-quorum | quorate |
|---|---|---|---|---|";

const WAN_NOTES: &str = "\
Heartbeats every 150 ms, writes that take no time, logs of one length. raft-rs: ticks of 1 ms. quorate:
promise 300 ms, stagger 100 ms, retry 80 ms. p99.9 is the longest but one of 1,000 runs.";

impl Papers {
    pub(crate) fn run(&self) -> bool {
        println!("{FIGURE_16_HEAD}");
        for ((shortest, longest), paper) in FIGURE_16 {
            let setting = figure_16(shortest, longest);
            let cells = self.cells(&setting, |of| [of.quantile(0.5), of.quantile(0.99), of.max()]);
            println!("| {shortest}–{longest} | {} | {cells} |", figures(paper));
        }
        println!("\n{FIGURE_16_NOTES}\n\n{WAN_HEAD}");
        let thesis = ["mean about 475, 99.9 % below 1,500", "mean about 650, 99.9 % below 3,000"];
        for (down, (name, thesis)) in
            ["the leader", "the leader and one more"].into_iter().zip(thesis).enumerate()
        {
            let cells = self.cells(&wan(down), |of| [of.mean(), of.quantile(0.999), of.max()]);
            println!("| {name} | {thesis} | {cells} |");
        }
        println!("\n{WAN_NOTES}");
        true
    }

    fn cells(&self, setting: &Setting, of: fn(&Lengths) -> [f64; 3]) -> String {
        let cell = |competitor: Competitor| {
            let summary = Summary::of(&competitor.outcomes(setting, self.seeds));
            let lost = summary.never + summary.unsteady;
            let lost = if lost == 0 { String::new() } else { format!(" ({lost} without a leader)") };
            format!("{}, {:.0} %{lost}", figures(of(&summary.elected)), summary.split)
        };
        [RAFT_RS_PLAIN, RAFT_RS_1, QUORATE].map(cell).join(" | ")
    }
}

fn figure_16(shortest: u64, longest: u64) -> Setting {
    let pace = Pace {
        timeout: Duration::from_millis(shortest),
        longest: Duration::from_millis(longest),
        heartbeat: Duration::from_millis(shortest) / 2,
        retry: Duration::from_millis(20),
        stagger: Duration::from_millis(30),
    };
    let writes = Writes { candidacy: (3 * MS, 3 * MS), log: (0, 0), ..Writes::of((10 * MS, 10 * MS)) };
    let delay = (MS / 5, 3 * MS / 10);
    Setting { delay, writes, pace, ranked: true, ..Setting::new(5, MS, 0) }
}

fn wan(down: usize) -> Setting {
    let pace = Pace {
        timeout: Duration::from_millis(300),
        longest: Duration::from_millis(600),
        heartbeat: Duration::from_millis(150),
        retry: Duration::from_millis(80),
        stagger: Duration::from_millis(100),
    };
    Setting { delay: (30 * MS, 40 * MS), pace, down, ..Setting::new(5, MS, 0) }
}

fn figures(figures: [f64; 3]) -> String {
    figures.map(|figure| format!("{figure:.0}")).join(" / ")
}

//! How the failover times of quorate compare with those of the others, and whether they meet their targets.

use quorate_versus::setups::{OMNIPAXOS, QUORATE, QUORATE_AT_OMNIPAXOS, RAFT_RS_1, RAFT_RS_10};
use quorate_versus::summary::Summary;

use crate::failover_results::Results;

/// With fewer runs, the longest of them say too little about the tail of the distribution.
const ENOUGH: u64 = 500;

pub(crate) fn print_ratios(all: &[Results]) {
    println!("| quorate / | case | mean | median | p95 | p99 | max |\n|---|---|---|---|---|---|---|");
    for results in all {
        for (ours, theirs) in [
            (QUORATE, RAFT_RS_10),
            (QUORATE, RAFT_RS_1),
            (QUORATE, OMNIPAXOS),
            (QUORATE_AT_OMNIPAXOS, OMNIPAXOS),
        ] {
            let (Some(our), Some(their)) = (results.find(ours.name), results.find(theirs.name)) else {
                continue;
            };
            let ratios = figures(our).into_iter().zip(figures(their)).map(|(our, their)| our / their);
            let ratios: Vec<String> = ratios.map(|ratio| format!("{ratio:.2}")).collect();
            let same = if ours.name == QUORATE.name { "" } else { " (as many messages)" };
            println!("| {}{same} | {} | {} |", theirs.name, results.case.name(), ratios.join(" | "));
        }
    }
    println!();
}

fn figures(summary: &Summary) -> [f64; 5] {
    let elected = &summary.elected;
    [elected.mean(), elected.quantile(0.5), elected.quantile(0.95), elected.quantile(0.99), elected.max()]
}

/// Checks that quorate always has a new leader, and soon enough in groups of three, 5 ms apart.
pub(crate) fn check(all: &[Results], seeds: u64, write_ms: u64) -> bool {
    let ours =
        all.iter().flat_map(|results| [QUORATE, QUORATE_AT_OMNIPAXOS].map(|our| results.find(our.name)));
    let never = ours.flatten().map(|summary| summary.never + summary.unsteady).sum::<usize>();
    // The promise, five one-way delays, a stagger, and the writes of the candidate and of a voter.
    let longest = 150.0 + 5.0 * 5.0 + 20.0 + 2.0 * write_ms as f64;
    let mut targets = Targets { has_enough_runs: seeds >= ENOUGH, longest, all_met: never == 0 };
    println!("- Runs of quorate without a new leader: {never}.");
    for results in all.iter().filter(|results| results.case.nodes == 3 && results.case.delay_us == 5_000) {
        targets.check_beside_raft_rs(results);
        targets.check_beside_omnipaxos(results);
    }
    targets.all_met
}

struct Targets {
    /// Whether there were enough runs to tell.
    has_enough_runs: bool,
    /// The longest that a failover without loss may take, in milliseconds.
    longest: f64,
    all_met: bool,
}

impl Targets {
    fn check(&mut self, what: &str, figure: f64, most: f64) {
        let verdict = match (figure <= most, self.has_enough_runs) {
            (true, _) => "met",
            (false, true) => "MISSED",
            (false, false) => "missed, but there were too few runs to tell",
        };
        println!("- {what}: {figure:.2}, target at most {most:.2}: {verdict}.");
        self.all_met &= figure <= most || !self.has_enough_runs;
    }

    fn check_beside_raft_rs(&mut self, results: &Results) {
        let Some([_, our_median, _, our_p99, our_max]) = results.find(QUORATE.name).map(figures) else {
            return;
        };
        for raft in [RAFT_RS_10, RAFT_RS_1] {
            let Some([_, median, _, p99, _]) = results.find(raft.name).map(figures) else { continue };
            match results.case.loss_percent {
                0 => {
                    self.check(&format!("No loss, median / {}", raft.name), our_median / median, 0.80);
                    self.check(&format!("No loss, p99 / {}", raft.name), our_p99 / p99, 0.40);
                }
                5 => self.check(&format!("5 % loss, p99 / {}", raft.name), our_p99 / p99, 0.45),
                _ => {}
            }
        }
        if results.case.loss_percent == 0 {
            self.check("No loss, the longest failover in ms", our_max, self.longest);
        }
    }

    fn check_beside_omnipaxos(&mut self, results: &Results) {
        let (our, their) = (results.find(QUORATE_AT_OMNIPAXOS.name), results.find(OMNIPAXOS.name));
        let (Some(our), Some(their)) = (our, their) else { return };
        let ([our_mean, .., our_p99, _], [mean, .., p99, _]) = (figures(our), figures(their));
        let loss = results.case.loss_percent;
        // With more loss, hardly any leader of omnipaxos leads for long enough to be crashed.
        if loss > 5 {
            return;
        }
        if loss == 0 {
            self.check("No loss, messages at rest / omnipaxos", our.at_rest / their.at_rest, 1.01);
        }
        self.check(&format!("{loss} % loss, mean / omnipaxos"), our_mean / mean, 1.0);
        self.check(&format!("{loss} % loss, p99 / omnipaxos"), our_p99 / p99, 1.0);
    }
}

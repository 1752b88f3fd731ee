//! How quorate compares, and what is asked of it.

use quorate_versus::competitor::{OMNIPAXOS, QUORATE, QUORATE_AT_OMNIPAXOS, RAFT_RS_1, RAFT_RS_10};
use quorate_versus::summary::Summary;

use crate::race::Results;

/// With fewer runs the longest of them say nothing about the longest there are.
const ENOUGH: u64 = 500;

pub(crate) fn print_ratios(all: &[Results]) {
    println!(
        "| quorate's part of | where | mean | median | p95 | p99 | max |\n|---|---|---|---|---|---|---|"
    );
    for results in all {
        for (ours, theirs) in [
            (QUORATE, RAFT_RS_10),
            (QUORATE, RAFT_RS_1),
            (QUORATE, OMNIPAXOS),
            (QUORATE_AT_OMNIPAXOS, OMNIPAXOS),
        ] {
            let (Some(our), Some(their)) = (results.of(ours.name), results.of(theirs.name)) else { continue };
            let ratios = figures(our).into_iter().zip(figures(their)).map(|(our, their)| our / their);
            let ratios: Vec<String> = ratios.map(|ratio| format!("{ratio:.2}")).collect();
            let same = if ours.name == QUORATE.name { "" } else { " (same packets)" };
            println!("| {}{same} | {} | {} |", theirs.name, results.place.name(), ratios.join(" | "));
        }
    }
    println!();
}

fn figures(of: &Summary) -> [f64; 5] {
    let elected = &of.elected;
    [elected.mean(), elected.quantile(0.5), elected.quantile(0.95), elected.quantile(0.99), elected.max()]
}

/// Whether quorate always has a new leader, and soon enough in groups of three, 5 ms apart.
pub(crate) fn check(all: &[Results], seeds: u64) -> bool {
    let ours = all.iter().flat_map(|results| [QUORATE, QUORATE_AT_OMNIPAXOS].map(|our| results.of(our.name)));
    let never = ours.flatten().map(|summary| summary.never + summary.unsteady).sum::<usize>();
    let mut targets = Targets { enough: seeds >= ENOUGH, well: never == 0 };
    println!("- quorate, runs without a new leader: {never}");
    for results in all.iter().filter(|results| results.place.nodes == 3 && results.place.delay == 5_000) {
        targets.ask_beside_raft_rs(results);
        targets.ask_beside_omnipaxos(results);
    }
    targets.well
}

struct Targets {
    /// There were enough runs to tell.
    enough: bool,
    well: bool,
}

impl Targets {
    fn ask(&mut self, what: &str, figure: f64, most: f64) {
        let verdict = match (figure <= most, self.enough) {
            (true, _) => "holds",
            (false, true) => "MISSED",
            (false, false) => "missed, but of too few runs to tell",
        };
        println!("- {what}: {figure:.2}, at most {most:.2}: {verdict}");
        self.well &= figure <= most || !self.enough;
    }

    fn ask_beside_raft_rs(&mut self, results: &Results) {
        let Some([_, our_median, _, our_p99, our_max]) = results.of(QUORATE.name).map(figures) else {
            return;
        };
        for raft in [RAFT_RS_10, RAFT_RS_1] {
            let Some([_, median, _, p99, _]) = results.of(raft.name).map(figures) else { continue };
            match results.place.loss {
                0 => {
                    self.ask(&format!("no loss, median, part of {}", raft.name), our_median / median, 0.80);
                    self.ask(&format!("no loss, p99, part of {}", raft.name), our_p99 / p99, 0.40);
                }
                5 => self.ask(&format!("5 % loss, p99, part of {}", raft.name), our_p99 / p99, 0.45),
                _ => {}
            }
        }
        if results.place.loss == 0 {
            self.ask("no loss, the longest, in ms", our_max, 150.0 + 5.0 * 5.0 + 20.0);
        }
    }

    fn ask_beside_omnipaxos(&mut self, results: &Results) {
        let of = |name| results.of(name);
        let (Some(our), Some(their)) = (of(QUORATE_AT_OMNIPAXOS.name), of(OMNIPAXOS.name)) else { return };
        let ([our_mean, .., our_p99, _], [mean, .., p99, _]) = (figures(our), figures(their));
        let loss = results.place.loss;
        // With more loss hardly a leader of omnipaxos leads for long enough to be crashed.
        if loss > 5 {
            return;
        }
        if loss == 0 {
            self.ask("packets at rest, part of omnipaxos", our.at_rest / their.at_rest, 1.01);
        }
        self.ask(&format!("{loss} % loss, mean, part of omnipaxos"), our_mean / mean, 1.0);
        self.ask(&format!("{loss} % loss, p99, part of omnipaxos"), our_p99 / p99, 1.0);
    }
}

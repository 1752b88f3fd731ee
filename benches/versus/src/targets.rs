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
    let mut well = ours.flatten().all(|summary| summary.never + summary.unsteady == 0);
    println!("- quorate, a leader in every run: {}", if well { "holds" } else { "MISSED" });
    let mut ask = |what: &str, figure: f64, most: f64| {
        let verdict = match (figure <= most, seeds >= ENOUGH) {
            (true, _) => "holds",
            (false, true) => "MISSED",
            (false, false) => "missed, but of too few runs to tell",
        };
        println!("- {what}: {figure:.2}, at most {most:.2}: {verdict}");
        well &= figure <= most || seeds < ENOUGH;
    };
    for results in all.iter().filter(|results| results.place.nodes == 3 && results.place.delay == 5_000) {
        let of = |name| results.of(name).map(figures);
        let Some([.., our_p99, our_max]) = of(QUORATE.name) else { continue };
        let our_median = of(QUORATE.name).map_or(0.0, |[_, median, ..]| median);
        for raft in [RAFT_RS_10, RAFT_RS_1] {
            let Some([_, median, _, p99, _]) = of(raft.name) else { continue };
            match results.place.loss {
                0 => {
                    ask(&format!("no loss, median, part of {}", raft.name), our_median / median, 0.80);
                    ask(&format!("no loss, p99, part of {}", raft.name), our_p99 / p99, 0.40);
                }
                5 => ask(&format!("5 % loss, p99, part of {}", raft.name), our_p99 / p99, 0.45),
                _ => {}
            }
        }
        if results.place.loss == 0 {
            ask("no loss, the longest, in ms", our_max, 150.0 + 5.0 * 5.0 + 20.0);
        }
        let (Some(our), Some(their)) = (results.of(QUORATE_AT_OMNIPAXOS.name), results.of(OMNIPAXOS.name))
        else {
            continue;
        };
        let loss = results.place.loss;
        if loss == 0 {
            ask("packets at rest, part of omnipaxos", our.at_rest / their.at_rest, 1.01);
        }
        ask(&format!("{loss} % loss, mean, part of omnipaxos"), figures(our)[0] / figures(their)[0], 1.0);
        ask(&format!("{loss} % loss, p99, part of omnipaxos"), figures(our)[3] / figures(their)[3], 1.0);
    }
    well
}

//! How the failover times of quorate compare with those of the others, and whether they meet their targets.

use quorate_versus::setups::{OMNIPAXOS, QUORATE, QUORATE_AT_OMNIPAXOS, RAFT_RS_1, RAFT_RS_10};
use quorate_versus::summary::Summary;

use crate::failover_results::Results;

/// With fewer runs, the longest of them say too little about the tail of the distribution.
const ENOUGH: u64 = 500;
/// Ratios that differ from 1 by less say nothing: other seeds give others.
const NOISE: f64 = 1.05;
/// With more needless changes of the leader in a minute a group has no leader whose replacement could be measured.
const RESTLESS: f64 = 30.0;

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
            println!("| {}{same} | {} | {} |", theirs.name, results.name(), ratios.join(" | "));
        }
    }
    println!();
}

fn figures(summary: &Summary) -> [f64; 5] {
    let elected = &summary.elected;
    [elected.mean(), elected.quantile(0.5), elected.quantile(0.95), elected.quantile(0.99), elected.max()]
}

/// Checks that quorate always has a new leader, soon enough in groups of three that are 5 ms apart and have usual
/// disks, and sooner than omnipaxos with as many messages.
pub(crate) fn check(all: &[Results], seeds: u64) -> bool {
    let ours =
        all.iter().flat_map(|results| [QUORATE, QUORATE_AT_OMNIPAXOS].map(|our| results.find(our.name)));
    let never = ours.flatten().map(|summary| summary.never + summary.unsteady).sum::<usize>();
    let mut targets = Targets { has_enough_runs: seeds >= ENOUGH, all_met: never == 0 };
    println!("- Runs of quorate without a new leader: {never}.");
    for results in all {
        if results.case.nodes == 3 && results.case.delay_us == 5_000 && results.write_ms <= 10 {
            targets.check_beside_raft_rs(results);
        }
        targets.check_beside_omnipaxos(results);
    }
    targets.all_met
}

struct Targets {
    /// Whether there were enough runs to tell.
    has_enough_runs: bool,
    all_met: bool,
}

impl Targets {
    fn check(&mut self, what: &str, figure: f64, most: f64) {
        self.check_within(what, figure, most, most);
    }

    /// The same; up to `noise` the figure may be what it is by chance.
    fn check_within(&mut self, what: &str, figure: f64, most: f64, noise: f64) {
        let verdict = match self.has_enough_runs {
            _ if figure <= most => "met",
            _ if figure <= noise => "within noise",
            true => "MISSED",
            false => "missed, but there were too few runs to tell",
        };
        println!("- {what}: {figure:.2}, target at most {most:.2}: {verdict}.");
        self.all_met &= figure <= noise || !self.has_enough_runs;
    }

    fn check_beside_raft_rs(&mut self, results: &Results) {
        let Some([_, our_median, _, our_p99, our_max]) = results.find(QUORATE.name).map(figures) else {
            return;
        };
        let name = results.name();
        for raft in [RAFT_RS_10, RAFT_RS_1] {
            let Some([_, median, _, p99, _]) = results.find(raft.name).map(figures) else { continue };
            match results.case.loss_percent {
                0 => {
                    self.check(&format!("{name}, median / {}", raft.name), our_median / median, 0.80);
                    self.check(&format!("{name}, p99 / {}", raft.name), our_p99 / p99, 0.40);
                }
                5 => self.check(&format!("{name}, p99 / {}", raft.name), our_p99 / p99, 0.45),
                _ => {}
            }
        }
        if results.case.loss_percent == 0 {
            // The promise, five one-way delays, a stagger, and the writes of the candidate and of a voter.
            let longest = 150.0 + 5.0 * 5.0 + 20.0 + 2.0 * results.write_ms as f64;
            self.check(&format!("{name}, the longest failover in ms"), our_max, longest);
        }
    }

    fn check_beside_omnipaxos(&mut self, results: &Results) {
        let (our, their) = (results.row(QUORATE_AT_OMNIPAXOS.name), results.row(OMNIPAXOS.name));
        let (Some(our), Some(their)) = (our, their) else { return };
        let name = results.name();
        if results.case.loss_percent == 0 {
            let at_rest = our.failovers.at_rest / their.failovers.at_rest;
            self.check(&format!("{name}, messages at rest / omnipaxos"), at_rest, 1.01);
        }
        let (Some(our_peace), Some(their_peace)) = (our.peace, their.peace) else { return };
        let without = format!("{name}, time without a leader in a minute with one crash / omnipaxos");
        let our_minute = our.failovers.elected.mean() + our_peace.leaderless;
        let their_minute = their.failovers.elected.mean() + their_peace.leaderless;
        self.check_within(&without, our_minute / their_minute, 1.0, NOISE);
        let ([mean, .., p99, _], [their_mean, .., their_p99, _]) =
            (figures(&our.failovers), figures(&their.failovers));
        let ratios = [("mean", mean / their_mean), ("p99", p99 / their_p99)];
        // A leader that is about to be replaced anyway is soon replaced if it crashes.
        if their_peace.changes > RESTLESS {
            let [(_, mean), (_, p99)] = ratios;
            let (ours, theirs) = (our_peace.changes, their_peace.changes);
            println!(
                "- {name}, failovers / omnipaxos: mean {mean:.2}, p99 {p99:.2}. No target: omnipaxos has {theirs:.1} \
                 changes of the leader in a minute without a crash, quorate {ours:.1}."
            );
            return;
        }
        for (what, ratio) in ratios {
            self.check_within(&format!("{name}, {what} / omnipaxos"), ratio, 1.0, NOISE);
        }
    }
}

//! The leader of five nodes is killed again and again.

use std::fs;
use std::time::Duration;

use quorate_sim::{Failover, Summary};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::group::Group;
use crate::{Failure, GroupArgs, Kind, for_each, simulated};

const NODES: usize = 5;

/// How long after a kill the node is started again, and how long after that the next leader is killed.
const RESTART: (u64, u64) = (400, 600);
const NEXT: (u64, u64) = (700, 1_900);

pub(crate) fn main(args: &GroupArgs, kills: usize, seed: u64) -> Result<(), Failure> {
    let sealed = if args.sealed { "sealed" } else { "not sealed" };
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("{kills} kills each, seed {seed}, {sealed}; the load was {}", load.trim());
    println!();
    println!(
        "| host | promise, ms | leaderless p50, ms | mean | p99 | max | simulated p50 | mean | p99 | max | terms | \
         leases lost without a kill |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    for_each(args, |kind, promise| {
        let (real, terms, lost) = measure(args, kind, promise, kills, seed)?;
        let simulated = simulated::summary(promise);
        print!("| {kind} | {} ", promise.as_millis());
        for Summary { median, mean, p99, max, .. } in [real, simulated] {
            print!("| {median:.1} | {mean:.1} | {p99:.1} | {max:.1} ");
        }
        println!("| {terms} | {lost} |");
        Ok(())
    })
}

/// Returns for how long there was no leader, how many terms were used, and how many leases were lost without a kill.
fn measure(
    args: &GroupArgs,
    kind: Kind,
    promise: Duration,
    kills: usize,
    seed: u64,
) -> Result<(Summary, u64, usize), Failure> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut within = |(least, most): (u64, u64)| Duration::from_millis(rng.random_range(least..most));
    let mut group = Group::start(args, kind, promise, NODES)?;
    let (_, first, _) = group.wait_for_leader()?;
    group.wait(Duration::from_secs(2));
    group.lost = 0;
    let (mut trials, mut last) = (Vec::new(), first);
    for _ in 0..kills {
        group.wait(within(NEXT));
        let former = match group.leader {
            Some((leader, _)) => leader,
            None => group.wait_for_leader()?.0,
        };
        let killed = group.kill(former)?;
        let (_, term, since) = group.wait_for_leader()?;
        trials
            .push(Failover { length: since.saturating_sub(killed), candidacies: term.saturating_sub(last) });
        last = term;
        group.wait(within(RESTART).saturating_sub(since.saturating_sub(killed)));
        group.spawn(former)?;
    }
    let terms = group.leader.map_or(last, |(_, term)| term).saturating_sub(first).saturating_add(1);
    Ok((Summary::of(&trials), terms, group.lost))
}

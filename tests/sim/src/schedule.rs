//! A run of which bytes decide everything: what a fuzzer drives.

use std::time::Duration;

use crate::churn;
use crate::clock::SECOND;
use crate::cluster::{Cluster, Counts};
use crate::disk::DiskOptions;
use crate::faults::Faults;
use crate::net::NetOptions;
use crate::options::Options;
use crate::rng::Dice;
use crate::scenario::{Outcome, mend, options, strike};

/// One run, all of it decided by bytes: first what the cluster is like, then act after act, each with
/// the fates of the messages and writes that follow. Any bytes will do, and a change of some changes
/// little before them.
#[derive(Clone, Copy, Debug)]
pub struct Schedule<'a> {
    bytes: &'a [u8],
}

/// What an act takes: the time after it, the act, then fates.
const RECORD: usize = 16;
const ACT: usize = 6;

/// After so much virtual time a run is over.
const LONGEST: u64 = 30 * SECOND;
/// More acts take long and find nothing new.
const ACTS: usize = 500;

impl<'a> Schedule<'a> {
    /// The run that `bytes` decide.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Schedule { bytes }
    }

    /// Runs it.
    ///
    /// # Panics
    /// At a violation, with the end of the trace and how to see all of it.
    pub fn run(&self) -> Counts {
        let outcome = self.watch(false);
        let Some(violation) = outcome.violation else { return outcome.counts };
        let lines = self.watch(true).lines;
        let tail = lines[lines.len().saturating_sub(80)..].join("\n");
        let replay = "cargo run -p quorate-sim --release -- schedule <file with the bytes>";
        panic!("{tail}\n{violation}\nbytes {:02x?}\nreplay: {replay}\n", self.bytes);
    }

    /// Runs it and tells what came of it. A panic of the code counts as a violation.
    #[must_use]
    pub fn watch(&self, traced: bool) -> Outcome {
        let (setup, acts) = self.bytes.split_at(RECORD.min(self.bytes.len()));
        let mut dice = loaded(setup);
        let mut cluster = cluster(&mut dice, traced);
        Outcome::of(&mut cluster, |cluster| {
            churn::begin(cluster, &mut dice);
            for record in acts.chunks(RECORD).take(ACTS) {
                if cluster.now > LONGEST || cluster.violation.is_some() {
                    break;
                }
                play(cluster, record);
            }
        })
    }
}

/// Dice that throw `bytes`, and then what only these bytes decide.
fn loaded(bytes: &[u8]) -> Dice {
    let seed = bytes.iter().fold(0_u64, |seed, &byte| seed.rotate_left(8) ^ u64::from(byte));
    let mut dice = Dice::new(seed);
    dice.load(bytes);
    dice
}

fn cluster(dice: &mut Dice, traced: bool) -> Cluster {
    let nodes = 1 + dice.below(5) as usize;
    let faults = dice.below(256) << 8 | dice.below(256);
    // Every third forms itself.
    let seed = dice.below(256);
    let drawn = options(seed, nodes, |fault| faults >> (fault as u32) & 1 == 1);
    let options = Options { traced, panics: false, rigged: true, ..drawn };
    let hosts = nodes.max(options.starts.len());
    Cluster::asleep(seed, hosts, options)
}

fn play(cluster: &mut Cluster, record: &[u8]) {
    let Some((&wait, rest)) = record.split_first() else { return };
    let (actions, fates) = rest.split_at(ACT.min(rest.len()));
    cluster.dice.load(fates);
    let mut dice = loaded(actions);
    let churns = cluster.options.starts.len() > 1;
    match dice.below(16) {
        0 | 1 => strike(cluster, &mut dice, Faults::Partitions),
        2..=4 => strike(cluster, &mut dice, Faults::Crashes),
        5 => strike(cluster, &mut dice, Faults::Frozen),
        6 | 7 => strike(cluster, &mut dice, Faults::Wishes),
        8..=11 if churns => strike(cluster, &mut dice, Faults::Churn),
        12 => worsen(cluster, &mut dice),
        13 => calm(cluster, &mut dice),
        // Time passes, and the fates do their part.
        _ => {}
    }
    cluster.run_for(length(wait));
}

/// Roughly exponential, so that both two messages and two leases can be told apart: up to 1.5 s.
fn length(wait: u8) -> Duration {
    let step = 25_000 << (wait / 16);
    Duration::from_nanos(step * u64::from(wait % 16 + 16) / 16 - 25_000)
}

/// The network or the disks are as bad, from now on, as this cluster's ever get; or they are well.
fn worsen(cluster: &mut Cluster, dice: &mut Dice) {
    let often = dice.pick(&[0, 50_000, 300_000]);
    match dice.below(4) {
        0 => cluster.set_loss(often),
        1 => cluster.net.options.duplicates = often,
        2 => cluster.net.options.late = often / 10,
        _ => cluster.set_disk(DiskOptions { stalls: often / 10, ..cluster.options.disk }),
    }
}

/// All is well and stays so: somebody must lead in time, all must know the members, and a wish for
/// others must be met.
fn calm(cluster: &mut Cluster, dice: &mut Dice) {
    let before = cluster.net.options;
    cluster.net.options = NetOptions { loss: 0, duplicates: 0, late: 0, ..before };
    cluster.set_disk(DiskOptions { stalls: 0, ..cluster.options.disk });
    mend(cluster);
    cluster.run_for(Duration::from_nanos(cluster.liveness.bound + SECOND));
    cluster.all_should_know();
    if cluster.options.starts.len() > 1 && dice.chance(500_000) {
        churn::progress(cluster, dice);
    }
    cluster.net.options = before;
}

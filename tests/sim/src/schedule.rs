//! Runs in which bytes decide everything, for the fuzzer.

use std::time::Duration;

use quorate::adapters::record::Timeline;

use crate::churn;
use crate::clock::SECOND;
use crate::cluster::Cluster;
use crate::disk::DiskOptions;
use crate::faults::Faults;
use crate::net::NetOptions;
use crate::options::Options;
use crate::records::Counts;
use crate::rng::Dice;
use crate::scenario::{Outcome, inject, mend, options, page_command};
use crate::timeline::of_a_run;

/// One run that bytes decide: first the options of the cluster, then one action after another, each with
/// the fates of the messages and writes that follow it. Any bytes are a run, and a change of some bytes
/// changes little before them.
#[derive(Clone, Copy, Debug)]
pub struct Schedule<'a> {
    bytes: &'a [u8],
}

/// The bytes of an action: the time after it, the action, then fates.
const RECORD: usize = 16;
/// How many bytes of a record decide the action.
const ACTION: usize = 6;

/// A run ends after this virtual time.
const LONGEST: u64 = 30 * SECOND;
/// More actions than this take long and find nothing new.
const MAX_ACTIONS: usize = 500;

impl<'a> Schedule<'a> {
    /// The run that `bytes` decide.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Schedule { bytes }
    }

    /// Runs it.
    ///
    /// # Panics
    /// At a violation, with the end of the trace and the command that replays the run.
    pub fn run(&self) -> Counts {
        let outcome = self.outcome(false);
        let Some(violation) = outcome.violation else { return outcome.counts };
        let lines = self.outcome(true).lines;
        let tail = lines[lines.len().saturating_sub(80)..].join("\n");
        let replay = self.replay();
        panic!("{tail}\n{violation}\nreplay: {replay}\npage: {}\n", page_command(&replay));
    }

    /// Runs it and returns the outcome. A panic of the code counts as a violation.
    #[must_use]
    pub fn outcome(&self, traced: bool) -> Outcome {
        self.outcome_keeping(traced, None)
    }

    /// Runs it and returns the outcome with a timeline that is to be drawn, and with a trace.
    #[must_use]
    pub fn outcome_with_timeline(&self) -> Outcome {
        let outcome = self.outcome_keeping(true, Some(of_a_run("A run of the fuzz target faults")));
        outcome.with_command(&page_command(&self.replay()))
    }

    /// The command that replays this run.
    #[must_use]
    pub fn replay(&self) -> String {
        format!("cargo run -p quorate-sim --release -- schedule --bytes {}", digits_of(self.bytes))
    }

    fn outcome_keeping(&self, traced: bool, timeline: Option<Timeline<u64>>) -> Outcome {
        let (setup, actions) = self.bytes.split_at(RECORD.min(self.bytes.len()));
        let mut dice = loaded(setup);
        let mut cluster = cluster(&mut dice, traced, timeline);
        Outcome::of(&mut cluster, |cluster| {
            churn::begin(cluster, &mut dice);
            for record in actions.chunks(RECORD).take(MAX_ACTIONS) {
                if cluster.now > LONGEST || cluster.violation.is_some() {
                    break;
                }
                perform(cluster, record);
            }
        })
    }
}

/// Bytes as hexadecimal digits, two for each.
pub(crate) fn digits_of(bytes: &[u8]) -> String {
    if bytes.is_empty() { "''".into() } else { bytes.iter().map(|byte| format!("{byte:02x}")).collect() }
}

/// Dice that throw `bytes`, and then numbers that depend on these bytes alone.
fn loaded(bytes: &[u8]) -> Dice {
    let seed = bytes.iter().fold(0_u64, |seed, &byte| seed.rotate_left(8) ^ u64::from(byte));
    let mut dice = Dice::new(seed);
    dice.load(bytes);
    dice
}

fn cluster(dice: &mut Dice, traced: bool, timeline: Option<Timeline<u64>>) -> Cluster {
    let nodes = 1 + dice.below(5) as usize;
    let faults = dice.below(256) << 8 | dice.below(256);
    // With every third seed the group forms itself.
    let seed = dice.below(256);
    let drawn = options(seed, nodes, |fault| faults >> (fault as u32) & 1 == 1);
    let options = Options { traced, timeline, panics: false, adversarial: true, ..drawn };
    let hosts = nodes.max(options.starts.len());
    Cluster::stopped(seed, hosts, options)
}

fn perform(cluster: &mut Cluster, record: &[u8]) {
    let Some((&wait, rest)) = record.split_first() else { return };
    let (actions, fates) = rest.split_at(ACTION.min(rest.len()));
    cluster.dice.load(fates);
    let mut dice = loaded(actions);
    let churns = cluster.options.starts.len() > 1;
    match dice.below(16) {
        0 | 1 => inject(cluster, &mut dice, Faults::Partitions),
        2..=4 => inject(cluster, &mut dice, Faults::Crashes),
        5 => inject(cluster, &mut dice, Faults::Frozen),
        6 | 7 => inject(cluster, &mut dice, Faults::Requests),
        8..=11 if churns => inject(cluster, &mut dice, Faults::Churn),
        12 => change_fault_levels(cluster, &mut dice),
        13 => quiet_phase(cluster, &mut dice),
        14 => inject(cluster, &mut dice, Faults::OldMessages),
        10 | 11 | 15 => inject(cluster, &mut dice, Faults::Amnesia),
        // Only time passes, with the fates of this record.
        _ => {}
    }
    cluster.run_for(length(wait));
}

/// A roughly exponential length of up to 1.5 s, fine enough to separate two messages, and long enough to
/// separate two leases.
fn length(wait: u8) -> Duration {
    let step = 25_000 << (wait / 16);
    Duration::from_nanos(step * u64::from(wait % 16 + 16) / 16 - 25_000)
}

/// Sets the faults of the network or of the disks to some level, or to none.
fn change_fault_levels(cluster: &mut Cluster, dice: &mut Dice) {
    let often = dice.pick(&[0, 50_000, 300_000]);
    match dice.below(4) {
        0 => cluster.set_loss(often),
        1 => cluster.net.options.duplicates = often,
        2 => cluster.net.options.late = often / 10,
        _ => cluster.set_disk(DiskOptions { stalls: often / 10, ..cluster.options.disk }),
    }
}

/// Ends all faults for a while. Some node must lead in time, all nodes must know the members, and a
/// membership change must end.
fn quiet_phase(cluster: &mut Cluster, dice: &mut Dice) {
    let before = cluster.net.options;
    cluster.net.options = NetOptions { loss: 0, duplicates: 0, late: 0, ..before };
    cluster.set_disk(DiskOptions { stalls: 0, ..cluster.options.disk });
    mend(cluster);
    cluster.run_for(Duration::from_nanos(cluster.liveness.bound + SECOND));
    cluster.check_knowledge();
    if cluster.options.starts.len() > 1 && dice.chance(500_000) {
        churn::check_progress(cluster, dice);
    }
    cluster.net.options = before;
}

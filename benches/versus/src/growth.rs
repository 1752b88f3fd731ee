//! What grows with the number of nodes, the number of groups, the loss and the delay.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use quorate_versus::cost::fleet::{Fleet, Rest};
use quorate_versus::cost::omnipaxos::OmniPaxosNode;
use quorate_versus::cost::quorate::Quorate;
use quorate_versus::cost::raft_rs::Checked;
use quorate_versus::cost::timers::{Array, Heap, TickAll, Wheel};
use quorate_versus::cost::work::{Seconds, Work};
use quorate_versus::failover::{Setting, millis};
use quorate_versus::setups::{self, LibrarySetup, OMNIPAXOS, QUORATE, QUORATE_AT_OMNIPAXOS, RAFT_RS_10};
use quorate_versus::summary::{Summary, replaced};

use crate::cost_report::library::{Library, Subject};
use crate::cost_report::measure::{Measured, alternately};
use crate::cost_report::{machine, measure, results};
use crate::failover_results::Case;
use crate::failover_table::{USUAL_WRITE_MS, WIDE, setting};

/// Nodes of a group.
const SIZES: [usize; 8] = [3, 5, 7, 11, 21, 51, 101, 255];
/// Groups in a process.
pub(crate) const GROUPS: [usize; 5] = [1, 10, 100, 1_000, 10_000];
const LOSSES: [u32; 7] = [0, 1, 2, 5, 10, 15, 20];
/// One way, in microseconds.
const DELAYS: [u64; 10] = [250, 1_000, 2_000, 5_000, 10_000, 15_000, 20_000, 25_000, 30_000, 35_000];
/// Runs for each point.
const SEEDS: u64 = 400;
/// Runs for each curve of a distribution.
const MANY_SEEDS: u64 = 1_000;

/// The name of a drawing.
const NO_LOSS: &str = "failover-no-loss";

/// A point of a curve. For what was timed, `low` and `high` hold nine in ten of the rounds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Point {
    pub(crate) plot: String,
    pub(crate) curve: String,
    pub(crate) x: f64,
    pub(crate) y: f64,
    low: f64,
    high: f64,
}

impl Point {
    fn new(plot: &str, curve: &str, x: f64, y: f64) -> Self {
        let y = rounded(y);
        Point { plot: plot.to_owned(), curve: curve.to_owned(), x, y, low: y, high: y }
    }

    fn timed<L>(plot: &str, curve: &str, x: usize, measured: &Measured<L>, unit: f64) -> Self {
        let sample = measured.nanoseconds.per(unit);
        let point = Point::new(plot, curve, x as f64, sample.median);
        Point { low: rounded(sample.low), high: rounded(sample.high), ..point }
    }
}

/// All points, and the machine on which they were measured.
pub(crate) struct Growth {
    pub(crate) machine: String,
    pub(crate) points: Vec<Point>,
}

impl Growth {
    /// Measures everything, and keeps it in `results`.
    pub(crate) fn record() -> Result<(), Box<dyn Error>> {
        let before = machine::load();
        let points = [by_size(), by_groups(), by_loss(), by_delay(), distributions()].concat();
        let load = machine::load_between(before, machine::load());
        let mut writer = csv::Writer::from_writer(Vec::new());
        for point in points {
            writer.serialize(point)?;
        }
        let lines = String::from_utf8(writer.into_inner()?)?;
        fs::write(path(), format!("# {}, {load}\n{lines}", machine::description()))?;
        Ok(())
    }

    /// What was measured last.
    pub(crate) fn recorded() -> Result<Self, Box<dyn Error>> {
        let text = fs::read_to_string(path())?;
        let machine = text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or_default().to_owned();
        let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
        Ok(Growth { machine, points: reader.deserialize().collect::<Result<_, _>>()? })
    }

    /// How long failovers take, in a sentence.
    pub(crate) fn failover_sentence(&self) -> String {
        let within = |share: f64| {
            [QUORATE, RAFT_RS_10, OMNIPAXOS].map(|setup| {
                let mut curve = self
                    .points
                    .iter()
                    .filter(|point| point.plot == NO_LOSS && point.curve == setup.name && point.y >= share);
                curve.next().map_or(f64::NAN, |point| point.x)
            })
        };
        let ([half, raft_half, omni_half], [most, raft_most, omni_most]) = (within(50.0), within(99.0));
        format!(
            "With three nodes, promises of 150 ms, 5 ms one way and hosts that write for {USUAL_WRITE_MS} ms and do \
             nothing else meanwhile, half of\nall failovers take no more than {half:.0} ms (raft-rs {raft_half:.0}, \
             omnipaxos {omni_half:.0}) and 99 in 100 no more than {most:.0} ({raft_most:.0}, {omni_most:.0}); \
             omnipaxos\nsends three times the messages (`cargo run --release --manifest-path \
             benches/versus/Cargo.toml -- failover`)."
        )
    }

    /// The CPU time of groups at rest, as a table.
    pub(crate) fn groups_table(&self) -> String {
        let of_groups = || self.points.iter().filter(|point| point.plot == "groups");
        let mut curves: Vec<&str> = of_groups().map(|point| &*point.curve).collect();
        curves.dedup();
        let sizes = GROUPS.map(|groups| groups.to_string()).join(" | ");
        let mut text = format!("| groups | {sizes} |\n|---{}|\n", "|---".repeat(GROUPS.len()));
        curves.sort_unstable();
        curves.dedup();
        for curve in curves {
            let points = of_groups().filter(|point| point.curve == curve);
            let cells = points.map(|Point { y, low, high, .. }| format!("{y:.1} ({low:.1}–{high:.1})"));
            text += &format!("| {curve} | {} |\n", cells.collect::<Vec<_>>().join(" | "));
        }
        text
    }
}

fn path() -> PathBuf {
    results("growth")
}

fn by_size() -> Vec<Point> {
    let mut points = Vec::new();
    for (subject, plot, unit) in [
        (Subject::Follower, "size-follower", 1.0),
        (Subject::Broadcast, "size-broadcast", 1.0),
        (Subject::Answers, "size-answers", 1.0),
        (Subject::Failover, "size-failover", 1000.0),
    ] {
        for members in SIZES {
            eprintln!("{}, {members} nodes", subject.name());
            let libraries = [Library::Quorate, Library::RaftRs, Library::Omnipaxos];
            for measured in measure(subject, members, &libraries, Duration::from_millis(300)) {
                points.push(Point::timed(plot, measured.library.name(), members, &measured, unit));
            }
        }
    }
    points
}

/// A fleet of one library with one kind of timers.
type Start = fn(usize) -> Box<dyn Rest>;

const FLEETS: [(&str, Start); 6] = [
    ("quorate, all ticked every 10 ms", |groups| Box::new(Fleet::<Quorate, TickAll>::new(groups))),
    ("quorate, heap of deadlines", |groups| Box::new(Fleet::<Quorate, Heap>::new(groups))),
    ("quorate, wheel of 1 ms", |groups| Box::new(Fleet::<Quorate, Wheel>::new(groups))),
    ("quorate, array of deadlines", |groups| Box::new(Fleet::<Quorate, Array>::new(groups))),
    ("raft-rs (checked), all ticked every 10 ms", |groups| Box::new(Fleet::<Checked, TickAll>::new(groups))),
    ("omnipaxos, all ticked every 10 ms", |groups| Box::new(Fleet::<OmniPaxosNode<5>, TickAll>::new(groups))),
];

/// Microseconds of CPU time in a second for each group at rest, on one of its three hosts.
fn by_groups() -> Vec<Point> {
    let mut points = Vec::new();
    for groups in GROUPS {
        eprintln!("{groups} groups at rest");
        let work = |start: Start| Box::new(Seconds::new(start(groups), groups)) as Box<dyn Work>;
        let works = FLEETS.map(|(name, start)| (name, work(start))).into();
        for measured in alternately(works, Duration::from_secs(2)) {
            points.push(Point::timed("groups", measured.library, groups, &measured, 1000.0));
        }
    }
    points
}

fn by_loss() -> Vec<Point> {
    let at = |&loss_percent: &u32| {
        let case = Case { nodes: 3, delay_us: 5_000, loss_percent };
        failover_times("loss", f64::from(loss_percent), &setting(case, USUAL_WRITE_MS))
    };
    LOSSES.iter().flat_map(at).collect()
}

/// All delays have the timings that the longest needs.
fn by_delay() -> Vec<Point> {
    let at = |&delay_us: &u64| {
        let setting = setting(Case { nodes: 3, delay_us, loss_percent: 0 }, USUAL_WRITE_MS);
        failover_times("delay", delay_us as f64 / 1e3, &Setting { timings: WIDE, ..setting })
    };
    DELAYS.iter().flat_map(at).collect()
}

/// The mean and the 99th percentile of each library. Where fewer than half of the runs have a result, the
/// times say nothing about the others, and there is no point.
fn failover_times(plot: &str, x: f64, setting: &Setting) -> Vec<Point> {
    eprintln!("{plot} {x}");
    let of = |setup: LibrarySetup| {
        let outcomes = setup.outcomes(setting, SEEDS);
        let Summary { elected, runs, never, unsteady, .. } = Summary::new(&outcomes);
        let is_known = 2 * (never + unsteady) < runs;
        let points = [
            Point::new(plot, setup.name, x, elected.mean()),
            Point::new(plot, &format!("{}{WORST}", setup.name), x, elected.quantile(0.99)),
        ];
        points.into_iter().filter(move |_| is_known)
    };
    [QUORATE, QUORATE_AT_OMNIPAXOS, OMNIPAXOS, RAFT_RS_10].into_iter().flat_map(of).collect()
}

/// The end of the name of a curve of 99th percentiles.
pub(crate) const WORST: &str = ": 99 of 100";

/// By library, the percentage of runs that have a leader, over time.
fn distributions() -> Vec<Point> {
    let mut points = Vec::new();
    for (plot, loss_percent) in [(NO_LOSS, 0), ("failover-loss", 5)] {
        let setting = setting(Case { nodes: 3, delay_us: 5_000, loss_percent }, USUAL_WRITE_MS);
        for setup in setups::ALL {
            eprintln!("{plot}: {}", setup.name);
            let outcomes = setup.outcomes(&setting, MANY_SEEDS);
            let lengths = outcomes.iter().filter_map(replaced).map(|failover| millis(failover.elected));
            let curve = distribution(lengths.collect());
            points.extend(curve.into_iter().map(|(x, y)| Point::new(plot, setup.name, x, y)));
        }
    }
    points
}

/// The distribution of `lengths`, reduced to about a hundred points to keep the file small.
fn distribution(mut lengths: Vec<f64>) -> Vec<(f64, f64)> {
    lengths.sort_by(f64::total_cmp);
    let last = lengths.len().saturating_sub(1);
    let step = |step: usize| {
        let rank = step * last / 100;
        Some((*lengths.get(rank)?, (rank + 1) as f64 * 100.0 / lengths.len() as f64))
    };
    let points: Vec<(f64, f64)> = (0..=100).filter_map(step).collect();
    let begin = points.first().map(|&(length, _)| (length, 0.0));
    begin.into_iter().chain(points).map(|(length, share)| (rounded(length), share)).collect()
}

/// More digits than these are noise.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

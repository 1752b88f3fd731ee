//! Measures the libraries in turns, many times, so that a disturbance of the machine affects all alike.

use std::fmt;
use std::ops::Div;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use quorate_versus::cost::idle::HEARTBEAT_TICKS;
use quorate_versus::cost::work::{Work, repeated, tallied, timed};

use super::library::{GROUPS, Library, Subject};

/// Runs of one library in a row, after one that is not counted.
const RUNS: usize = 8;
/// The least number of samples.
const SAMPLES: usize = 5;

/// The median of many figures, and the bounds between which nine in ten lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) median: f64,
    low: f64,
    high: f64,
}

impl Sample {
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |part: usize| values[(values.len() - 1) * part / 20];
        Sample { median: at(10), low: at(1), high: at(19) }
    }

    pub(crate) fn exact(value: f64) -> Self {
        Sample { median: value, low: value, high: value }
    }
}

impl Div<f64> for Sample {
    type Output = Sample;

    fn div(self, by: f64) -> Sample {
        Sample { median: self.median / by, low: self.low / by, high: self.high / by }
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.low == self.high {
            return write!(f, "{}", short(self.median));
        }
        write!(f, "{} ({}–{})", short(self.median), short(self.low), short(self.high))
    }
}

/// A figure with three significant digits.
pub(crate) fn short(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 || size.fract() == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 0.1 => 2,
        _ => 4,
    };
    format!("{value:.decimals$}")
}

/// What one library took for one kind of work.
pub(crate) struct Measured {
    pub(crate) library: Library,
    /// In nanoseconds.
    pub(crate) sample: Sample,
    pub(crate) messages: usize,
    pub(crate) allocations: f64,
}

/// Measures all libraries in turns, for at least `length`.
pub(crate) fn alternately(
    subject: Subject,
    mut works: Vec<(Library, Box<dyn Work>)>,
    length: Duration,
) -> Vec<Measured> {
    // One run of thousands of groups is long enough.
    let runs = if matches!(subject, Subject::Idle | Subject::IdleWhenDue) { 1 } else { RUNS };
    works.iter_mut().for_each(|(_, work)| _ = repeated(&mut **work, 1)); // Lists grow to their final size.
    let tallies: Vec<(usize, f64)> = works.iter_mut().map(|(_, work)| tallied(&mut **work)).collect();
    let mut lengths = vec![Vec::new(); works.len()];
    let start = Instant::now();
    while start.elapsed() < length || lengths[0].len() < SAMPLES {
        for ((_, work), lengths) in works.iter_mut().zip(&mut lengths) {
            timed(&mut **work);
            lengths.extend((0..runs).map(|_| timed(&mut **work)));
        }
    }
    let all = works.iter().zip(lengths).zip(tallies);
    all.map(|(((library, _), lengths), (messages, allocations))| Measured {
        library: *library,
        sample: Sample::of(lengths),
        messages,
        allocations,
    })
    .collect()
}

/// Measures one library for at least `length`, and prints the result.
pub(crate) fn print(subject: Subject, library: Library, work: Box<dyn Work>, length: Duration) {
    for Measured { sample, messages, allocations, .. } in alternately(subject, vec![(library, work)], length)
    {
        println!("{}: {sample} ns, {messages} messages, {allocations} allocations", library.name());
    }
}

/// Measures a tick of a group between two heartbeats, in nanoseconds.
pub(crate) fn between_heartbeats(subject: Subject, length: Duration) -> Vec<(Library, Sample)> {
    let host = |&library: &Library| Some((library, library.host(subject)?, Vec::new()));
    let mut hosts: Vec<_> = Library::value_variants().iter().filter_map(host).collect();
    let start = Instant::now();
    let ticks = (GROUPS * (HEARTBEAT_TICKS - 1)) as f64;
    while start.elapsed() < length || hosts[0].2.len() < SAMPLES {
        for (_, host, lengths) in &mut hosts {
            let start = Instant::now();
            host.tick_between_heartbeats();
            lengths.push(start.elapsed().as_nanos() as f64 / ticks);
            host.tick_heartbeats();
        }
    }
    hosts.into_iter().map(|(library, _, lengths)| (library, Sample::of(lengths))).collect()
}

//! Measures many times, the libraries in turns, so that what befalls a shared machine befalls all alike.

use std::fmt;
use std::ops::Div;
use std::time::{Duration, Instant};

use quorate_versus::cost::work::{Work, tallied, timed};

use super::Library;

/// Of one library in a row before it is another's turn; the first is not counted.
const RUNS: usize = 8;
/// Turns at least.
const TURNS: usize = 5;

/// The median of many, and between what nine of ten lie.
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

/// Three digits that mean something.
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

/// All do the same in turns, for at least `length`.
pub(crate) fn alternately(mut works: Vec<(Library, Box<dyn Work>)>, length: Duration) -> Vec<Measured> {
    let tallies: Vec<(usize, f64)> = works
        .iter_mut()
        .map(|(_, work)| {
            timed(&mut **work); // Lists grow to their size.
            tallied(&mut **work)
        })
        .collect();
    let mut lengths = vec![Vec::new(); works.len()];
    let start = Instant::now();
    while start.elapsed() < length || lengths[0].len() < TURNS * RUNS {
        for ((_, work), lengths) in works.iter_mut().zip(&mut lengths) {
            timed(&mut **work);
            lengths.extend((0..RUNS).map(|_| timed(&mut **work)));
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

//! Measures the libraries in turns, many times, so that a disturbance of the machine affects all alike.

use std::time::{Duration, Instant};

use quorate_versus::cost::work::{Tally, Work, tallied, timed, warm_up};

use super::figure::Sample;

/// Runs of one library in a round, after one that is not counted, unless they take long.
const RUNS: usize = 8;
/// How long the runs of one library in a round may take.
const TURN: Duration = Duration::from_millis(2);
/// The least number of rounds.
const ROUNDS: usize = 5;

/// What one library took for one kind of work.
pub(crate) struct Measured<L> {
    pub(crate) library: L,
    pub(crate) nanoseconds: Sample,
    pub(crate) tally: Tally,
}

/// Measures all libraries in turns, for at least `length`. Each round begins with another library.
pub(crate) fn alternately<L>(works: Vec<(L, Box<dyn Work>)>, length: Duration) -> Vec<Measured<L>> {
    let (libraries, mut works): (Vec<L>, Vec<Box<dyn Work>>) = works.into_iter().unzip();
    works.iter_mut().for_each(|work| warm_up(&mut **work));
    let tallies: Vec<Tally> = works.iter_mut().map(|work| tallied(&mut **work)).collect();
    let mut rounds = vec![Vec::new(); works.len()];
    let start = Instant::now();
    for round in 0.. {
        if start.elapsed() >= length && round >= ROUNDS {
            break;
        }
        for turn in 0..works.len() {
            let at = (round + turn) % works.len();
            rounds[at].push(one_turn(&mut *works[at]));
        }
    }
    let measured = libraries.into_iter().zip(rounds).zip(tallies);
    measured
        .map(|((library, rounds), tally)| Measured { library, nanoseconds: Sample::of(rounds), tally })
        .collect()
}

/// Returns the median of a few runs, in nanoseconds.
fn one_turn(work: &mut dyn Work) -> f64 {
    let start = Instant::now();
    let mut runs = vec![timed(work)];
    if start.elapsed() < TURN {
        runs.clear(); // It has only brought the library back into the caches.
        while runs.len() < RUNS && (runs.is_empty() || start.elapsed() < TURN) {
            runs.push(timed(work));
        }
    }
    runs.sort_by(f64::total_cmp);
    runs[runs.len() / 2]
}

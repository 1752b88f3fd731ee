//! Figures of many runs.

use crate::clock::MS;
use crate::failover::{Outcome, Trial};

/// Lengths, in milliseconds, in order.
#[derive(Clone, Debug, Default)]
pub struct Lengths(Vec<f64>);

impl Lengths {
    /// From nanoseconds.
    #[must_use]
    pub fn new(lengths: impl Iterator<Item = u64>) -> Self {
        let mut lengths: Vec<f64> = lengths.map(|length| length as f64 / MS as f64).collect();
        lengths.sort_by(f64::total_cmp);
        Lengths(lengths)
    }

    #[must_use]
    pub fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len() as f64
    }

    /// What so many parts of one do not exceed.
    #[must_use]
    pub fn quantile(&self, part: f64) -> f64 {
        let rank = (self.0.len() as f64 * part).ceil() as usize;
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }

    #[must_use]
    pub fn max(&self) -> f64 {
        self.quantile(1.0)
    }
}

/// What became of the runs of one competitor in one setting.
#[derive(Clone, Debug)]
pub struct Summary {
    pub runs: usize,
    pub never: usize,
    pub unsteady: usize,
    pub elected: Lengths,
    pub known: Lengths,
    /// Parts in a hundred that took more than one term.
    pub split: f64,
    /// Messages in a second at rest.
    pub at_rest: f64,
    /// Messages of a failover.
    pub sent: f64,
}

impl Summary {
    #[must_use]
    pub fn of(outcomes: &[Outcome]) -> Self {
        let trials: Vec<Trial> = outcomes.iter().filter_map(replaced).collect();
        let count = |what| outcomes.iter().filter(|&&outcome| outcome == what).count();
        let mean = |of: fn(&Trial) -> f64| trials.iter().map(of).sum::<f64>() / trials.len() as f64;
        Summary {
            runs: outcomes.len(),
            never: count(Outcome::Never),
            unsteady: count(Outcome::Unsteady),
            elected: Lengths::new(trials.iter().map(|trial| trial.elected)),
            known: Lengths::new(trials.iter().map(|trial| trial.known)),
            split: mean(|trial| if trial.terms > 1 { 100.0 } else { 0.0 }),
            at_rest: mean(|trial| trial.at_rest as f64),
            sent: mean(|trial| trial.sent as f64),
        }
    }
}

/// The run, if the leader was replaced.
#[must_use]
pub fn replaced(outcome: &Outcome) -> Option<Trial> {
    match outcome {
        Outcome::Replaced(trial) => Some(*trial),
        Outcome::Never | Outcome::Unsteady => None,
    }
}

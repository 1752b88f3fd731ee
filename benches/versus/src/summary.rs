//! Figures of many runs.

use quorate_sim::{MS, SECOND};

use crate::failover::{Failover, Outcome, Peace};

/// Lengths of time in milliseconds, in ascending order.
#[derive(Clone, Debug, Default)]
pub struct Distribution(Vec<f64>);

impl Distribution {
    /// The distribution of lengths in nanoseconds.
    #[must_use]
    pub fn new(lengths: impl Iterator<Item = u64>) -> Self {
        let mut lengths: Vec<f64> = lengths.map(|length| length as f64 / MS as f64).collect();
        lengths.sort_by(f64::total_cmp);
        Distribution(lengths)
    }

    #[must_use]
    pub fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len() as f64
    }

    /// The length that this share of all lengths, from 0 to 1, does not exceed.
    #[must_use]
    pub fn quantile(&self, share: f64) -> f64 {
        let rank = (self.0.len() as f64 * share).ceil() as usize;
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }

    #[must_use]
    pub fn max(&self) -> f64 {
        self.quantile(1.0)
    }
}

/// The runs of one library in one setting.
#[derive(Clone, Debug)]
pub struct Summary {
    pub runs: usize,
    pub never: usize,
    pub unsteady: usize,
    pub elected: Distribution,
    pub known: Distribution,
    /// Runs that took more than one term, in percent.
    pub split: f64,
    /// Messages in a second at rest.
    pub at_rest: f64,
    /// Messages of a failover.
    pub sent: f64,
}

impl Summary {
    #[must_use]
    pub fn new(outcomes: &[Outcome]) -> Self {
        let failovers: Vec<Failover> = outcomes.iter().filter_map(replaced).collect();
        let count = |what| outcomes.iter().filter(|&&outcome| outcome == what).count();
        let mean = |of: fn(&Failover) -> f64| failovers.iter().map(of).sum::<f64>() / failovers.len() as f64;
        Summary {
            runs: outcomes.len(),
            never: count(Outcome::Never),
            unsteady: count(Outcome::Unsteady),
            elected: Distribution::new(failovers.iter().map(|failover| failover.elected)),
            known: Distribution::new(failovers.iter().map(|failover| failover.known)),
            split: mean(|failover| if failover.terms > 1 { 100.0 } else { 0.0 }),
            at_rest: mean(|failover| failover.at_rest as f64),
            sent: mean(|failover| failover.sent as f64),
        }
    }
}

/// How groups did while nothing crashed, in a minute on average.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PeaceSummary {
    /// How often the leadership changed, each time needlessly.
    pub changes: f64,
    /// For how long no node led, in milliseconds.
    pub leaderless: f64,
}

impl PeaceSummary {
    #[must_use]
    pub fn new(all: &[Peace]) -> Self {
        let sum = |of: fn(&Peace) -> u64| all.iter().map(of).sum::<u64>() as f64;
        let minutes = sum(|peace| peace.lasted) / (60 * SECOND) as f64;
        let leaderless = sum(|peace| peace.leaderless) / MS as f64;
        PeaceSummary { changes: sum(|peace| peace.changes) / minutes, leaderless: leaderless / minutes }
    }
}

/// The failover of a run in which the leader was replaced.
#[must_use]
pub fn replaced(outcome: &Outcome) -> Option<Failover> {
    match outcome {
        Outcome::Replaced(failover) => Some(*failover),
        Outcome::Never | Outcome::Unsteady => None,
    }
}

//! The targets of quorate, and whether its figures meet them.

use super::figure::{Figures, Metric, Profile, Row, short};
use super::library::{Library, Subject};

/// A time that misses or meets its target by less than this part of the target does so by chance: the layout
/// of the program alone makes such a difference.
pub(crate) const NOISE: f64 = 0.2;

/// The most that quorate may take.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Target {
    /// This value.
    Value(f64),
    /// This share of what the library takes.
    Share(Library, f64),
    /// Less than the library takes.
    Ahead(Library),
    /// An allocation for each write, and so many more.
    WritesPlus(f64),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Met,
    WithinNoise,
    Missed,
}

impl Verdict {
    pub(crate) const ALL: [Verdict; 3] = [Verdict::Met, Verdict::WithinNoise, Verdict::Missed];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Verdict::Met => "met",
            Verdict::WithinNoise => "within noise",
            Verdict::Missed => "missed",
        }
    }
}

/// A target, what was reached of it, and the verdict.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judgement {
    pub(crate) target: Target,
    /// In the unit of the target: a value, or a share.
    pub(crate) reached: f64,
    pub(crate) verdict: Verdict,
}

/// The targets of a row.
pub(crate) fn targets(row: Row) -> Vec<Target> {
    use Metric::*;
    let ahead = Target::Ahead(Library::Omnipaxos);
    let of_raft = |most| Target::Share(Library::RaftRs, most);
    let broadcast = if row.profile == Profile::ThinLto { 0.38 } else { 0.30 };
    match (row.subject, row.metric) {
        (Subject::Follower, Nanoseconds) => vec![of_raft(0.18), ahead],
        (Subject::Broadcast, Nanoseconds) => vec![of_raft(broadcast), ahead],
        (Subject::Answers, Nanoseconds) => vec![of_raft(0.40), ahead],
        (Subject::Failover, Nanoseconds) => vec![of_raft(0.28), ahead],
        (Subject::Failover, Messages) => vec![of_raft(1.0), ahead],
        (Subject::Failover, Allocations) => vec![Target::WritesPlus(5.0), ahead],
        (Subject::Follower | Subject::Broadcast, Allocations) => vec![Target::Value(0.0), ahead],
        (Subject::Instance, Bytes) => vec![of_raft(1.0 / 5.0), ahead],
        (Subject::Program, BuildSeconds) => vec![of_raft(1.0 / 4.0)],
        (Subject::Program, Kibibytes) if row.profile == Profile::Small => vec![Target::Value(140.0)],
        (Subject::FixedGroup, Kibibytes) if row.profile == Profile::Small => vec![Target::Value(120.0)],
        _ => Vec::new(),
    }
}

impl Target {
    pub(crate) fn name(self) -> String {
        match self {
            Target::Value(most) => format!("≤ {}", short(most)),
            Target::Share(of, most) => format!("≤ {} of {}", short(most), of.name()),
            Target::Ahead(of) => format!("< 1 of {}", of.name()),
            Target::WritesPlus(more) => format!("≤ writes + {more}"),
        }
    }

    /// The most, without the library to which it is related.
    pub(crate) fn bound(self) -> String {
        match self {
            Target::Share(_, most) => format!("≤ {}", short(most)),
            Target::Ahead(_) => "< 1".to_owned(),
            Target::Value(_) | Target::WritesPlus(_) => self.name(),
        }
    }

    /// To what the figure is related.
    pub(crate) fn against(self) -> String {
        match self {
            Target::Share(of, _) | Target::Ahead(of) => format!("a share of {}", of.name()),
            Target::Value(_) | Target::WritesPlus(_) => self.name().replace("≤ ", ""),
        }
    }

    /// What is reached of the target, and what is allowed; `None` where either was not measured.
    fn reached(self, row: Row, figures: &Figures) -> Option<(f64, f64)> {
        let own = figures.sample(row, Library::Quorate).map(|sample| sample.median);
        match self {
            Target::Value(most) => Some((own?, most)),
            Target::Share(of, most) => Some((figures.ratio(row, of)?, most)),
            Target::Ahead(of) => Some((figures.ratio(row, of)?, 1.0)),
            Target::WritesPlus(more) => {
                let writes = Row { metric: Metric::Writes, ..row };
                Some((own?, figures.sample(writes, Library::Quorate)?.median + more))
            }
        }
    }

    pub(crate) fn judge(self, row: Row, figures: &Figures) -> Option<Judgement> {
        let (reached, most) = self.reached(row, figures)?;
        let is_noise = !row.metric.is_exact() && (reached / most - 1.0).abs() <= NOISE;
        let is_met = reached < most || (reached == most && !matches!(self, Target::Ahead(_)));
        let verdict = match (is_noise, is_met) {
            (true, _) => Verdict::WithinNoise,
            (false, true) => Verdict::Met,
            (false, false) => Verdict::Missed,
        };
        Some(Judgement { target: self, reached, verdict })
    }
}

/// The judgements on a row.
pub(crate) fn judge(row: Row, figures: &Figures) -> Vec<Judgement> {
    targets(row).into_iter().filter_map(|target| target.judge(row, figures)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost_report::figure::Sample;

    fn verdict(metric: Metric, quorate: f64, raft: f64) -> Verdict {
        let row = Row { profile: Profile::Release, subject: Subject::Follower, members: 3, metric };
        let all = [(Library::Quorate, quorate), (Library::RaftRs, raft)];
        let all = all.map(|(library, value)| row.figure(library, Sample::exact(value))).to_vec();
        let figures = Figures { machine: String::new(), all };
        Target::Share(Library::RaftRs, 0.5).judge(row, &figures).expect("both were measured").verdict
    }

    #[test]
    fn a_time_within_a_fifth_of_its_target_is_noise_on_either_side() {
        let verdicts = [39.0, 41.0, 59.0, 61.0].map(|own| verdict(Metric::Nanoseconds, own, 100.0));
        use Verdict::*;
        assert_eq!(verdicts, [Met, WithinNoise, WithinNoise, Missed]);
    }

    #[test]
    fn a_count_is_met_or_missed() {
        let verdicts = [50.0, 51.0].map(|own| verdict(Metric::Allocations, own, 100.0));
        assert_eq!(verdicts, [Verdict::Met, Verdict::Missed]);
    }
}

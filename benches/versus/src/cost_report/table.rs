//! The tables of costs, and what they say of the targets.

use super::figure::{Figures, Metric, Profile, Row, Sample, short};
use super::library::Library;
use super::verdict::{Judgement, NOISE, Target, Verdict, judge};

/// The two usual profiles, with the names that they have in tables.
pub(crate) const PROFILES: [(Profile, &str); 2] =
    [(Profile::Release, "cargo's default release"), (Profile::ThinLto, "thin LTO, one codegen unit")];

const COLUMNS: [Library; 5] =
    [Library::Quorate, Library::RaftRs, Library::Omnipaxos, Library::RaftRsPlain, Library::AlmostRaft];

/// The profiles in which programs are built.
pub(crate) const PROGRAM_PROFILES: [(Profile, &str); 2] =
    [(Profile::Release, "release"), (Profile::Small, "opt-level \"s\"")];
const PROGRAM_COLUMNS: [Library; 4] =
    [Library::Quorate, Library::RaftRs, Library::Omnipaxos, Library::AlmostRaft];

impl Metric {
    /// The unit in a table, and how much of what was measured makes one.
    fn unit(self, row: Row) -> (&'static str, f64) {
        match self {
            Metric::Nanoseconds if row.subject == super::library::Subject::Failover => ("µs", 1000.0),
            Metric::Nanoseconds => ("ns", 1.0),
            Metric::Instructions => ("instructions", 1.0),
            Metric::Messages => ("messages", 1.0),
            Metric::Allocations => ("allocations", 1.0),
            Metric::Writes => ("writes", 1.0),
            Metric::Bytes => ("bytes", 1.0),
            Metric::Crates => ("crates it depends on", 1.0),
            Metric::BuildSeconds => ("s of a clean build", 1.0),
            Metric::Kibibytes => ("KiB more than an empty one", 1.0),
        }
    }
}

/// All rows of a profile, by subject, size and metric.
pub(crate) fn full(figures: &Figures, profile: Profile) -> String {
    let names = COLUMNS.map(Library::name).join(" | ");
    let head = format!("| | nodes | | {names} | / raft-rs (checked) | / omnipaxos |\n");
    let line = format!("|---|---|---{}|---|---|\n", "|---".repeat(COLUMNS.len()));
    let mut rows = figures.rows(profile);
    rows.sort_by_key(|row| (row.subject as u8, row.members, row.metric as u8));
    head + &line + &rows.into_iter().map(|row| full_row(figures, row)).collect::<String>()
}

fn full_row(figures: &Figures, row: Row) -> String {
    let (unit, scale) = row.metric.unit(row);
    let judgements = judge(row, figures);
    let cell = |library: Library| {
        let sample = figures.sample(row, library).map(|sample: Sample| sample.per(scale));
        sample.map_or("—".to_owned(), |sample| sample.to_string())
    };
    let mut cells = COLUMNS.map(cell);
    let is_own = |target: Target| matches!(target, Target::Value(_) | Target::WritesPlus(_));
    cells[0] += &verdicts(&judgements, is_own);
    let ratio = |to: Library| {
        let is_to = |target| matches!(target, Target::Share(of, _) | Target::Ahead(of) if of == to);
        let ratio = figures.ratio(row, to).map_or("—".to_owned(), |ratio| format!("{ratio:.3}"));
        ratio + &verdicts(&judgements, is_to)
    };
    let (raft, omnipaxos) = (ratio(Library::RaftRs), ratio(Library::Omnipaxos));
    let (subject, members) = (row.subject.name(), row.members);
    format!("| {subject} | {members} | {unit} | {} | {raft} | {omnipaxos} |\n", cells.join(" | "))
}

/// The rows of programs, in both profiles in which they are built.
pub(crate) fn programs(figures: &Figures) -> String {
    let names = PROGRAM_COLUMNS.map(Library::name).join(" | ");
    let mut text =
        format!("| | | {names} | target |\n|---|---{}|---|\n", "|---".repeat(PROGRAM_COLUMNS.len()));
    for (profile, name) in PROGRAM_PROFILES {
        for row in figures.rows(profile) {
            let (unit, _) = row.metric.unit(row);
            let cell =
                |library| figures.sample(row, library).map_or("—".to_owned(), |sample| sample.to_string());
            let cells = PROGRAM_COLUMNS.map(cell).join(" | ");
            let verdicts = verdicts(&judge(row, figures), |_| true);
            text += &format!("| {}, {name} | {unit} | {cells} |{verdicts} |\n", row.subject.name());
        }
    }
    text
}

/// The verdicts on those targets that a column is about.
fn verdicts(judgements: &[Judgement], is_about: impl Fn(Target) -> bool) -> String {
    let about = judgements.iter().filter(|judgement| is_about(judgement.target));
    about.map(|judgement| format!(" ({}: {})", judgement.target.bound(), judgement.verdict.name())).collect()
}

/// A line for each target, with the verdicts at all sizes in each profile.
pub(crate) fn targets(figures: &Figures) -> String {
    let names = PROFILES.map(|(_, name)| name).join(" | ");
    let mut text = format!("| | quorate, 3 nodes | at most | {names} |\n|---|---|---|---|---|\n");
    let (first, _) = PROFILES[0];
    let mut rows = figures.rows(first);
    rows.sort_by_key(|row| (row.subject as u8, row.metric as u8, row.members));
    rows.dedup_by_key(|row| (row.subject, row.metric));
    for row in rows {
        for (at, Judgement { target, .. }) in judge(row, figures).into_iter().enumerate() {
            let cells = PROFILES.map(|(profile, _)| target_cell(figures, Row { profile, ..row }, at));
            let (unit, scale) = row.metric.unit(row);
            let own = figures.sample(row, Library::Quorate).map_or(f64::NAN, |sample| sample.median / scale);
            let (subject, own) = (row.subject.name(), short(own));
            let target = target.against();
            text += &format!("| {subject}, {unit} | {own} | {target} | {} |\n", cells.join(" | "));
        }
    }
    text
}

/// What was reached of one target of a kind of row, at all sizes.
fn target_cell(figures: &Figures, kind: Row, at: usize) -> String {
    let alike = figures.rows(kind.profile).into_iter();
    let alike = alike.filter(|row| (row.subject, row.metric) == (kind.subject, kind.metric));
    let judged = alike.filter_map(|row| Some((row.members, *judge(row, figures).get(at)?)));
    let judged: Vec<(usize, Judgement)> = judged.collect();
    let Some((_, Judgement { target, .. })) = judged.first() else { return "—".to_owned() };
    let reached = judged.iter().map(|(_, judgement)| judgement.reached);
    let low = reached.clone().fold(f64::INFINITY, f64::min);
    let high = reached.fold(f64::NEG_INFINITY, f64::max);
    let range = if low == high { short(low) } else { format!("{}–{}", short(low), short(high)) };
    let bound = match target {
        Target::Share(..) | Target::Ahead(_) => format!(" ({})", target.bound()),
        Target::Value(_) | Target::WritesPlus(_) => String::new(),
    };
    format!("{range}{bound}: {}", by_verdict(&judged))
}

/// The verdicts with the sizes at which they were given, or the only one.
fn by_verdict(judged: &[(usize, Judgement)]) -> String {
    let of = |verdict| judged.iter().filter(move |(_, judgement)| judgement.verdict == verdict);
    let given: Vec<Verdict> =
        Verdict::ALL.into_iter().filter(|&verdict| of(verdict).next().is_some()).collect();
    if let [only] = given[..] {
        return only.name().to_owned();
    }
    let part = |&verdict: &Verdict| {
        let sizes: Vec<String> = of(verdict).map(|(members, _)| members.to_string()).collect();
        format!("{} at {}", verdict.name(), sizes.join(", "))
    };
    given.iter().map(part).collect::<Vec<_>>().join("; ")
}

/// A sentence for each target that is missed, by how much.
pub(crate) fn missed(figures: &Figures, profiles: &[(Profile, &str)]) -> String {
    let mut text = String::new();
    for &(profile, name) in profiles {
        for row in figures.rows(profile) {
            for Judgement { target, reached, .. } in
                judge(row, figures).into_iter().filter(Judgement::is_missed)
            {
                let (subject, members, (unit, _)) = (row.subject.name(), row.members, row.metric.unit(row));
                let (reached, target) = (short(reached), target.name());
                text +=
                    &format!("- {subject}, {members} nodes, {unit} ({name}): {reached}, target {target}.\n");
            }
        }
    }
    if text.is_empty() { "No target is missed.\n".to_owned() } else { text }
}

impl Judgement {
    pub(crate) fn is_missed(&self) -> bool {
        self.verdict == Verdict::Missed
    }
}

/// A sentence on the verdicts, to stand beside a table.
pub(crate) fn rule_of_noise() -> String {
    let percent = NOISE * 100.0;
    format!(
        "A time within {percent:.0} % of its target, on either side, is *within noise*, because the layout of \
         a program alone moves a ratio by as much; counts and sizes are the same in every run, and are met or \
         missed."
    )
}

//! The figures that were measured, and the files that keep them.

use std::fmt;
use std::path::Path;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::library::{Library, Subject};

/// How the programs are built whose costs are measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Profile {
    /// Cargo's default for release builds.
    Release,
    /// The same with thin link-time optimization and one codegen unit.
    ThinLto,
    /// The same as `Release` with `opt-level = "s"`.
    Small,
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Metric {
    Nanoseconds,
    Instructions,
    Messages,
    Allocations,
    Writes,
    Bytes,
    Crates,
    BuildSeconds,
    Kibibytes,
}

impl Metric {
    /// Whether the figure is the same in every run, so that no verdict on it is noise.
    pub(crate) fn is_exact(self) -> bool {
        !matches!(self, Metric::Nanoseconds | Metric::BuildSeconds)
    }
}

/// The median of the rounds, and the bounds between which nine in ten of them lie.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Sample {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Sample {
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |part: usize| rounded(values[(values.len() - 1) * part / 20]);
        Sample { median: at(10), low: at(1), high: at(19) }
    }

    pub(crate) fn exact(value: f64) -> Self {
        let value = rounded(value);
        Sample { median: value, low: value, high: value }
    }

    pub(crate) fn per(self, unit: f64) -> Self {
        Sample { median: self.median / unit, low: self.low / unit, high: self.high / unit }
    }
}

/// More digits than these are noise.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
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

/// One line of a file.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) profile: Profile,
    pub(crate) subject: Subject,
    pub(crate) members: usize,
    pub(crate) metric: Metric,
    pub(crate) library: Library,
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// One row of a table: what the figures of all libraries have in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    pub(crate) profile: Profile,
    pub(crate) subject: Subject,
    pub(crate) members: usize,
    pub(crate) metric: Metric,
}

impl Row {
    pub(crate) fn figure(self, library: Library, Sample { median, low, high }: Sample) -> Figure {
        let Row { profile, subject, members, metric } = self;
        Figure { profile, subject, members, metric, library, median, low, high }
    }
}

impl Figure {
    pub(crate) fn row(&self) -> Row {
        let &Figure { profile, subject, members, metric, .. } = self;
        Row { profile, subject, members, metric }
    }
}

/// All figures of a measurement, and the machine on which it was made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) machine: String,
    pub(crate) all: Vec<Figure>,
}

impl Figures {
    pub(crate) fn sample(&self, row: Row, library: Library) -> Option<Sample> {
        let figure = self.all.iter().find(|figure| figure.row() == row && figure.library == library)?;
        Some(Sample { median: figure.median, low: figure.low, high: figure.high })
    }

    /// What quorate takes, divided by what another library takes.
    pub(crate) fn ratio(&self, row: Row, to: Library) -> Option<f64> {
        let ratio = self.sample(row, Library::Quorate)?.median / self.sample(row, to)?.median;
        ratio.is_finite().then_some(ratio)
    }

    /// The rows, each once, in the order in which they were measured.
    pub(crate) fn rows(&self, profile: Profile) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        for row in self.all.iter().map(Figure::row).filter(|row| row.profile == profile) {
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
        rows
    }

    /// The content of a file: the machine as a comment, and a line for each figure.
    pub(crate) fn to_csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        self.all.iter().for_each(|figure| writer.serialize(figure).expect("a line of plain values"));
        let lines = writer.into_inner().expect("a list grows");
        format!("# {}\n{}", self.machine, String::from_utf8_lossy(&lines))
    }

    pub(crate) fn from_csv(text: &str) -> Result<Self, csv::Error> {
        let machine = text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or_default().to_owned();
        let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
        Ok(Figures { machine, all: reader.deserialize().collect::<Result<_, _>>()? })
    }

    pub(crate) fn read(path: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        Ok(Figures::from_csv(&std::fs::read_to_string(path)?)?)
    }
}

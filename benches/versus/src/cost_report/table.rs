//! The table: rows, columns, and whether targets are met.

use clap::ValueEnum;

use super::library::Library;
use super::machine;
use super::measure::{Sample, short};

/// The target of a row.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// At most this value.
    Value(f64),
    /// At most this share of what the library takes.
    Ratio(Library, f64),
}

/// One line of the table.
pub(crate) struct Row {
    what: String,
    cells: Vec<(Library, Sample)>,
    targets: Vec<Target>,
}

impl Row {
    pub(crate) fn new(what: String, cells: Vec<(Library, Sample)>) -> Self {
        Row { what, cells, targets: Vec::new() }
    }

    pub(crate) fn target(mut self, target: Target) -> Self {
        self.targets.push(target);
        self
    }

    fn cell(&self, library: Library) -> Option<Sample> {
        self.cells.iter().find(|(of, _)| *of == library).map(|(_, sample)| *sample)
    }

    fn ratio(&self, to: Library) -> Option<f64> {
        Some(self.cell(Library::Quorate)?.median / self.cell(to)?.median)
    }

    fn judge(&self, target: Target) -> (String, bool) {
        let (name, value, most) = match target {
            Target::Value(most) => (String::new(), self.cell(Library::Quorate).map(|cell| cell.median), most),
            Target::Ratio(to, most) => (format!(" of {}", to.name()), self.ratio(to), most),
        };
        let met = value.is_some_and(|value| value <= most);
        (format!("≤ {}{name}: {}", short(most), if met { "met" } else { "missed" }), met)
    }

    fn line(&self) -> String {
        let cell = |library| self.cell(library).map_or("—".to_owned(), |cell| cell.to_string());
        let cells: Vec<String> = Library::value_variants().iter().copied().map(cell).collect();
        let ratio = self.ratio(Library::RaftRs).filter(|ratio| ratio.is_finite());
        let ratio = ratio.map_or("—".to_owned(), |ratio| format!("{ratio:.3}"));
        let verdicts: Vec<String> = self.targets.iter().map(|&target| self.judge(target).0).collect();
        format!("| {} | {} | {ratio} | {} |", self.what, cells.join(" | "), verdicts.join("; "))
    }
}

/// Prints each row as soon as it is measured. Returns whether all targets are met.
pub(crate) fn print(rows: impl IntoIterator<Item = Row>) -> bool {
    let names: Vec<&str> = Library::value_variants().iter().map(|library| library.name()).collect();
    println!("{}\n", machine::description());
    println!("| | {} | ratio | target |", names.join(" | "));
    println!("|---{}|---|---|", "|---".repeat(names.len()));
    let mut all_met = true;
    for row in rows {
        println!("{}", row.line());
        all_met &= row.targets.iter().all(|&target| row.judge(target).1);
    }
    all_met
}

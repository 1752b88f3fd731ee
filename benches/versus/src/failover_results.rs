//! What the table of failover times holds: the results of each library in each case.

use quorate_versus::setups::LibrarySetup;
use quorate_versus::summary::{PeaceSummary, Summary};

/// A case of the table, in the units in which it is named.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) nodes: usize,
    /// One way, in microseconds.
    pub(crate) delay_us: u64,
    /// Messages lost, in percent.
    pub(crate) loss_percent: u32,
}

impl Case {
    pub(crate) fn name(self) -> String {
        let loss = if self.loss_percent == 0 {
            "no loss".to_owned()
        } else {
            format!("{} % loss", self.loss_percent)
        };
        format!("{} nodes, {} ms one way, {loss}", self.nodes, self.delay_us as f64 / 1e3)
    }
}

/// The results of a library in a case.
pub(crate) struct Row {
    pub(crate) setup: LibrarySetup,
    pub(crate) failovers: Summary,
    /// The results of a few libraries.
    pub(crate) peace: Option<PeaceSummary>,
}

/// The results of a case, by library.
pub(crate) struct Results {
    pub(crate) case: Case,
    pub(crate) write_ms: u64,
    pub(crate) rows: Vec<Row>,
}

impl Results {
    pub(crate) fn name(&self) -> String {
        format!("{}, writes of {} ms", self.case.name(), self.write_ms)
    }

    /// The results of the library with this name, if it was measured.
    pub(crate) fn find(&self, name: &str) -> Option<&Summary> {
        self.row(name).map(|row| &row.failovers)
    }

    pub(crate) fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.setup.name == name)
    }
}

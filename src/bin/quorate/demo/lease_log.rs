//! A log of the leases that the processes held. It is checked at the end, since reports of different
//! processes arrive in any order; their times are all of one clock.

use super::Id;

/// A process of a node: the node, and the number of its start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Process {
    pub(crate) id: Id,
    pub(crate) life: u32,
}

/// An interval in which a process was allowed to act as leader, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeaseInterval {
    process: Process,
    pub(crate) term: u64,
    from: u64,
    until: u64,
}

#[derive(Default)]
pub(crate) struct LeaseLog {
    intervals: Vec<LeaseInterval>,
    reports: u32,
}

impl LeaseLog {
    /// At `from` the process may act until `until`, unless it drops the lease before.
    pub(crate) fn held(&mut self, process: Process, term: u64, from: u64, until: u64) {
        self.reports = self.reports.saturating_add(1);
        let last = self.intervals.iter_mut().rev().find(|interval| interval.process == process);
        match last {
            Some(last) if last.term == term && from <= last.until => last.until = last.until.max(until),
            Some(_) | None => self.intervals.push(LeaseInterval { process, term, from, until }),
        }
    }

    /// The process had stopped acting as leader at this time.
    pub(crate) fn dropped(&mut self, process: Process, at: u64) {
        for interval in self.intervals.iter_mut().filter(|interval| interval.process == process) {
            interval.until = interval.until.min(at);
        }
    }

    pub(crate) fn intervals(&self) -> impl Iterator<Item = &LeaseInterval> {
        self.intervals.iter()
    }

    /// How many leases were reported.
    pub(crate) fn reports(&self) -> u32 {
        self.reports
    }

    /// All violations in the reports so far.
    pub(crate) fn violations(&self) -> Vec<String> {
        let mut intervals = self.intervals.clone();
        intervals.sort_unstable_by_key(|interval| interval.from);
        let mut found = Vec::new();
        for (index, earlier) in intervals.iter().enumerate() {
            for later in intervals.iter().skip(index.saturating_add(1)) {
                if later.process == earlier.process {
                    continue;
                }
                if later.from < earlier.until {
                    found.push(format!("two leases at the same time: {earlier:?} and {later:?}"));
                }
                if later.term <= earlier.term {
                    found.push(format!("terms do not grow: {earlier:?}, then {later:?}"));
                }
            }
        }
        for (earlier, later) in intervals.iter().zip(intervals.iter().skip(1)) {
            if earlier.process == later.process && later.term < earlier.term {
                found.push(format!("a term ran backwards: {earlier:?}, then {later:?}"));
            }
        }
        found
    }
}

//! The stamps that all copies of the command wrote into one file, in the order of writing, and the audit
//! of that file.

use std::collections::BTreeMap;
use std::fmt;

use libtest_mimic::Trial;

/// A copy of the command: its process, and when that process started.
pub(crate) type Copy = (u32, u64);

/// The end of every complete line of the file.
pub(crate) const LINE_END: &str = " .";

/// One line of the file, without its end. Times are readings of the boot clock, in nanoseconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Stamp {
    pub(crate) at: u64,
    pub(crate) term: u64,
    pub(crate) node: u64,
    pub(crate) copy: Copy,
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stamp { at, term, node, copy: (pid, started) } = self;
        write!(f, "{at} {term} {node} {pid} {started}")
    }
}

impl Stamp {
    pub(crate) fn parse(line: &str) -> Option<Stamp> {
        let mut numbers = line.split(' ').map(|word| word.parse::<u64>().ok());
        let mut number = || numbers.next().flatten();
        let (at, term, node) = (number()?, number()?, number()?);
        let copy = (u32::try_from(number()?).ok()?, number()?);
        Some(Stamp { at, term, node, copy })
    }
}

#[derive(Default)]
pub(crate) struct Audit {
    last: Option<Stamp>,
    /// The node that ran the command in each term.
    nodes: BTreeMap<u64, u64>,
    /// The times at which each copy wrote first and last.
    copies: BTreeMap<Copy, (u64, u64)>,
    stamps: u64,
    violations: Vec<String>,
}

impl Audit {
    pub(crate) fn add(&mut self, stamp: Stamp) {
        self.stamps += 1;
        let node = *self.nodes.entry(stamp.term).or_insert(stamp.node);
        if node != stamp.node {
            self.violations.push(format!("nodes {node} and {} in one term: {stamp:?}", stamp.node));
        }
        let is_new = !self.copies.contains_key(&stamp.copy);
        self.copies.entry(stamp.copy).or_insert((stamp.at, stamp.at)).1 = stamp.at;
        if let Some(last) = self.last.as_ref().filter(|last| last.copy != stamp.copy) {
            if !is_new {
                self.violations.push(format!("two copies at one time: {last:?}, then again {stamp:?}"));
            }
            if stamp.term < last.term {
                self.violations.push(format!("the term falls: {last:?}, then {stamp:?}"));
            }
        }
        self.last = Some(stamp);
    }

    /// The first violations in the file.
    pub(crate) fn violations(&self) -> Vec<String> {
        let mut found = self.violations.clone();
        let mut copies: Vec<_> = self.copies.iter().map(|(copy, &(from, to))| (from, to, copy)).collect();
        copies.sort_unstable();
        for pair in copies.windows(2) {
            if pair[1].0 <= pair[0].1 {
                found.push(format!("two copies at one time: {pair:?}"));
            }
        }
        // One violation fails the test, and a long list tells no more than its beginning.
        found.truncate(10);
        found
    }

    pub(crate) fn last(&self) -> Option<&Stamp> {
        self.last.as_ref()
    }

    /// The times at which a copy wrote first and last.
    pub(crate) fn lifetime(&self, copy: Copy) -> Option<(u64, u64)> {
        self.copies.get(&copy).copied()
    }

    /// The numbers of terms, copies and stamps.
    pub(crate) fn size(&self) -> (usize, usize, u64) {
        (self.nodes.len(), self.copies.len(), self.stamps)
    }
}

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name, stamps: &'static [(u64, u64, u64, u32)], expected: &'static str| {
        Trial::test(name, move || {
            let mut audit = Audit::default();
            for &(at, term, node, pid) in stamps {
                let stamp = Stamp { at, term, node, copy: (pid, 0) };
                assert_eq!(Stamp::parse(&stamp.to_string()), Some(stamp.clone()));
                audit.add(stamp);
            }
            let found = audit.violations();
            assert_eq!(found.is_empty(), expected.is_empty(), "{found:?}");
            assert!(
                expected.is_empty() || found.iter().any(|found| found.starts_with(expected)),
                "{found:?}"
            );
            Ok(())
        })
    };
    vec![
        trial("copies_one_after_another_are_no_violation", &[(1, 1, 1, 7), (2, 1, 1, 8), (3, 4, 2, 9)], ""),
        trial("a_copy_that_writes_again_is_found", &[(1, 1, 1, 7), (2, 2, 2, 8), (3, 1, 1, 7)], "two copies"),
        trial(
            "a_stamp_that_was_written_late_is_found",
            &[(1, 1, 1, 7), (5, 1, 1, 7), (4, 2, 2, 8)],
            "two copies",
        ),
        trial("a_term_that_falls_is_found", &[(1, 2, 1, 7), (2, 1, 2, 8)], "the term falls"),
        trial("a_term_on_two_nodes_is_found", &[(1, 1, 1, 7), (2, 1, 2, 8)], "nodes 1 and 2"),
    ]
}

//! The records in the nodes' journals, and the audit of all journals together. Times are readings of the
//! machine's boot clock, which all namespaces share, in nanoseconds.

use std::collections::BTreeMap;
use std::fmt;

use crate::Id;

/// A term, and the node that got the vote in it. S1 and S3 are checked with these.
pub(crate) type TermAndVote = (u64, Option<Id>);

/// One line of a node's journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Record {
    /// A process of the node starts, and has read this from its disk.
    Start(TermAndVote),
    /// A process of the node starts with nothing, and stores its state from then on or does not.
    Blank {
        stores: bool,
    },
    /// The node is about to store this.
    Store(TermAndVote),
    /// The last [`Record::Store`] is durable now.
    Stored,
    /// The last [`Record::Store`] failed, and a part of it may be on the disk.
    Failed,
    /// The last [`Record::Store`] was refused before a part of it could be on the disk.
    Refused,
    /// At `from` the node may act as leader until `until`, unless it drops the lease before.
    Lease {
        term: u64,
        from: u64,
        until: u64,
    },
    /// The node had stopped acting as leader at this time.
    Dropped(u64),
    Elected(u64),
    Follows(Option<(Id, u64)>),
    /// A membership that is known to be committed: its version, and a bit for each member.
    Members {
        term: u64,
        number: u64,
        voters: u128,
        learners: u128,
    },
    /// An event that reports that something is wrong with the group.
    Alarm(String),
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Record::Start((term, vote)) => write!(f, "start {term} {}", vote.unwrap_or(0)),
            Record::Blank { stores } => write!(f, "blank {}", u8::from(*stores)),
            Record::Store((term, vote)) => write!(f, "store {term} {}", vote.unwrap_or(0)),
            Record::Stored => write!(f, "stored"),
            Record::Failed => write!(f, "failed"),
            Record::Refused => write!(f, "refused"),
            Record::Lease { term, from, until } => write!(f, "lease {term} {from} {until}"),
            Record::Dropped(at) => write!(f, "dropped {at}"),
            Record::Elected(term) => write!(f, "elected {term}"),
            Record::Follows(None) => write!(f, "follows 0 0"),
            Record::Follows(Some((leader, term))) => write!(f, "follows {leader} {term}"),
            Record::Members { term, number, voters, learners } => {
                write!(f, "members {term} {number} {voters} {learners}")
            }
            Record::Alarm(news) => write!(f, "alarm {news}"),
        }
    }
}

impl Record {
    pub(crate) fn parse(line: &str) -> Option<Record> {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut numbers = rest.split(' ').map(|word| word.parse::<u128>().ok());
        let mut bits = || numbers.next().flatten();
        let mut number = || u64::try_from(bits()?).ok();
        let id = |id: u64| Id::try_from(id).ok().filter(|&id| id > 0);
        match kind {
            "start" => Some(Record::Start((number()?, id(number()?)))),
            "store" => Some(Record::Store((number()?, id(number()?)))),
            "blank" => Some(Record::Blank { stores: number()? == 1 }),
            "stored" => Some(Record::Stored),
            "failed" => Some(Record::Failed),
            "refused" => Some(Record::Refused),
            "lease" => Some(Record::Lease { term: number()?, from: number()?, until: number()? }),
            "dropped" => Some(Record::Dropped(number()?)),
            "elected" => Some(Record::Elected(number()?)),
            "follows" => {
                let (leader, term) = (id(number()?), number()?);
                Some(Record::Follows(leader.map(|leader| (leader, term))))
            }
            "members" => {
                let (term, number) = (number()?, number()?);
                Some(Record::Members { term, number, voters: bits()?, learners: bits()? })
            }
            "alarm" => Some(Record::Alarm(rest.into())),
            _ => None,
        }
    }
}

/// A process of a node: the node, and the number of its start.
type Life = (Id, u32);

/// An interval in which a process was allowed to act as leader.
#[derive(Clone, Copy, Debug)]
struct LeaseInterval {
    life: Life,
    term: u64,
    from: u64,
    until: u64,
}

/// The state of a node, as its journal shows it.
#[derive(Debug, Default)]
struct Node {
    lives: u32,
    /// Whether it stores nothing.
    is_volatile: bool,
    durable: TermAndVote,
    storing: Option<TermAndVote>,
    failed: bool,
    /// What the disk refused, and the node has to store before anything else.
    refused: Option<TermAndVote>,
}

#[derive(Debug, Default)]
pub(crate) struct Audit {
    nodes: BTreeMap<Id, Node>,
    leaders: BTreeMap<u64, Id>,
    intervals: Vec<LeaseInterval>,
    lease_records: u32,
    /// How many writes were refused before a part of them could be on a disk.
    pub(crate) refusals: u64,
    /// How many processes have started with nothing.
    pub(crate) forgotten: u64,
    violations: Vec<String>,
}

impl Audit {
    /// Takes the next record in the journal of `id`.
    pub(crate) fn add(&mut self, id: Id, record: &Record) {
        match *record {
            Record::Start(found) => self.start(id, found),
            Record::Blank { stores } => self.forget(id, stores),
            Record::Store(next) => self.store(id, next),
            Record::Stored => {
                let node = self.nodes.entry(id).or_default();
                node.durable = node.storing.take().unwrap_or(node.durable);
            }
            Record::Failed => self.nodes.entry(id).or_default().failed = true,
            Record::Refused => self.refused(id),
            Record::Lease { term, from, until } => self.lease(id, term, from, until),
            Record::Dropped(at) => self.dropped(id, at),
            Record::Elected(term) => self.elected(id, term),
            Record::Follows(Some((leader, term))) => self.elected(leader, term),
            Record::Follows(None) | Record::Members { .. } => {}
            Record::Alarm(ref event) => self.violations.push(format!("node {id} reports {event}")),
        }
    }

    fn start(&mut self, id: Id, found: TermAndVote) {
        let node = self.nodes.entry(id).or_default();
        if let Some(violation) = contradiction(node.durable, found) {
            self.violations.push(format!("node {id} starts again: {violation}"));
        }
        *node = Node { lives: node.lives + 1, durable: found, ..Node::default() };
    }

    /// What the node took part in before does not bind it any more, but S1, S2 and S5 hold for the group.
    fn forget(&mut self, id: Id, stores: bool) {
        let node = self.nodes.entry(id).or_default();
        *node = Node { lives: node.lives + 1, is_volatile: !stores, ..Node::default() };
        self.forgotten += 1;
    }

    fn store(&mut self, id: Id, next: TermAndVote) {
        let node = self.nodes.entry(id).or_default();
        if node.is_volatile {
            self.violations.push(format!("node {id} has no storage, and stores"));
        }
        if let Some(violation) = contradiction(node.durable, next) {
            self.violations.push(format!("node {id} stores: {violation}"));
        }
        if node.failed {
            self.violations.push(format!("node {id} goes on after a write that failed"));
        }
        // What the disk holds already may be stored at any time, to find out whether the disk works.
        if node.refused.take().is_some_and(|refused| refused != next && refused != node.durable) {
            self.violations.push(format!("node {id} does not store again what was refused"));
        }
        node.storing = Some(next);
    }

    fn refused(&mut self, id: Id) {
        let node = self.nodes.entry(id).or_default();
        node.refused = node.storing.take();
        self.refusals += 1;
    }

    /// `id` leads in `term`. S1: no other node may.
    fn elected(&mut self, id: Id, term: u64) {
        let first = *self.leaders.entry(term).or_insert(id);
        if first != id {
            self.violations.push(format!("two leaders in term {term}: {first} and {id}"));
        }
    }

    fn lease(&mut self, id: Id, term: u64, from: u64, until: u64) {
        self.elected(id, term);
        self.lease_records += 1;
        let node = self.nodes.entry(id).or_default();
        if node.durable.0 < term && !node.is_volatile {
            self.violations.push(format!("node {id} leads term {term}, which it has not stored"));
        }
        let life = (id, node.lives);
        match self.intervals.iter_mut().rev().find(|interval| interval.life == life) {
            Some(last) if last.term == term && from <= last.until => last.until = last.until.max(until),
            Some(_) | None => self.intervals.push(LeaseInterval { life, term, from, until }),
        }
    }

    fn dropped(&mut self, id: Id, at: u64) {
        let life = (id, self.nodes.entry(id).or_default().lives);
        for interval in self.intervals.iter_mut().filter(|interval| interval.life == life) {
            interval.until = interval.until.min(at);
        }
    }

    /// All violations in the records so far.
    pub(crate) fn violations(&self) -> Vec<String> {
        let mut intervals = self.intervals.clone();
        intervals.sort_unstable_by_key(|interval| interval.from);
        let mut found = self.violations.clone();
        for (index, earlier) in intervals.iter().enumerate() {
            for later in &intervals[index + 1..] {
                // S2.
                if later.life != earlier.life && later.from < earlier.until {
                    found.push(format!("two leases at the same time: {earlier:?} and {later:?}"));
                }
                // S5.
                if later.term < earlier.term || (later.life != earlier.life && later.term == earlier.term) {
                    found.push(format!("terms do not grow: {earlier:?}, then {later:?}"));
                }
            }
        }
        found
    }

    /// The leader of the latest term in which a lease was held.
    pub(crate) fn leader(&self) -> Option<Id> {
        self.intervals.iter().max_by_key(|interval| interval.term).map(|interval| interval.life.0)
    }

    /// The time until which the leader of `term` may act, unless it has stopped.
    pub(crate) fn until(&self, term: u64) -> u64 {
        let of_term = self.intervals.iter().filter(|interval| interval.term == term);
        of_term.map(|interval| interval.until).max().unwrap_or(0)
    }

    /// How many terms had a leader, and how many lease records there are.
    pub(crate) fn size(&self) -> (usize, u32) {
        (self.leaders.len(), self.lease_records)
    }
}

/// Why `next` must not follow what is durable, if it must not. S1 and S3.
fn contradiction(durable: TermAndVote, next: TermAndVote) -> Option<String> {
    let ((term, vote), (next_term, next_vote)) = (durable, next);
    if next_term < term {
        return Some(format!("its term falls from {term} to {next_term}"));
    }
    let changed = next_term == term && vote.is_some() && next_vote != vote;
    changed.then(|| format!("its vote in term {term} changes from {vote:?} to {next_vote:?}"))
}

//! What the nodes write down, each in a file of its own that only grows, and what must not be found
//! in all of them together. The times are those of the machine's boot clock, which all namespaces
//! share, in nanoseconds.

use std::collections::BTreeMap;
use std::fmt;

use crate::Id;

/// A term and whom the node voted for in it: what S1 and S3 rest on.
pub(crate) type Ballot = (u64, Option<Id>);

/// One line of a node's file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Record {
    /// A life begins, with this read from the disk.
    Start(Ballot),
    /// About to be stored.
    Store(Ballot),
    /// That is durable now.
    Stored,
    /// It could not be stored.
    Refused,
    /// At `from` the node may act until `until`, unless it says otherwise before.
    Lease {
        term: u64,
        from: u64,
        until: u64,
    },
    /// At this time it has stopped acting.
    Dropped(u64),
    Elected(u64),
    Follows(Option<(Id, u64)>),
    /// A membership that is known to be committed, by its version; the voters as bits.
    Members {
        term: u64,
        number: u64,
        voters: u128,
        learners: u128,
    },
    /// News that says that something is wrong with the group.
    Alarm(String),
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Record::Start((term, vote)) => write!(f, "start {term} {}", vote.unwrap_or(0)),
            Record::Store((term, vote)) => write!(f, "store {term} {}", vote.unwrap_or(0)),
            Record::Stored => write!(f, "stored"),
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
            "stored" => Some(Record::Stored),
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

/// One life of a node, from a start to its end.
type Life = (Id, u32);

/// A stretch of time in which a node was allowed to act as leader.
#[derive(Clone, Copy, Debug)]
struct Reign {
    life: Life,
    term: u64,
    from: u64,
    until: u64,
}

/// A node, as its file shows it.
#[derive(Debug, Default)]
struct Node {
    lives: u32,
    durable: Ballot,
    storing: Option<Ballot>,
    refused: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Audit {
    nodes: BTreeMap<Id, Node>,
    leaders: BTreeMap<u64, Id>,
    reigns: Vec<Reign>,
    stamps: u32,
    wrong: Vec<String>,
}

impl Audit {
    /// The next line of the file of `id`.
    pub(crate) fn add(&mut self, id: Id, record: &Record) {
        match *record {
            Record::Start(ballot) => self.start(id, ballot),
            Record::Store(ballot) => self.store(id, ballot),
            Record::Stored => {
                let node = self.nodes.entry(id).or_default();
                node.durable = node.storing.take().unwrap_or(node.durable);
            }
            Record::Refused => self.nodes.entry(id).or_default().refused = true,
            Record::Lease { term, from, until } => self.lease(id, term, from, until),
            Record::Dropped(at) => self.dropped(id, at),
            Record::Elected(term) => self.leads(id, term),
            Record::Follows(Some((leader, term))) => self.leads(leader, term),
            Record::Follows(None) | Record::Members { .. } => {}
            Record::Alarm(ref news) => self.wrong.push(format!("node {id} reports {news}")),
        }
    }

    fn start(&mut self, id: Id, found: Ballot) {
        let node = self.nodes.entry(id).or_default();
        if let Some(wrong) = contradiction(node.durable, found) {
            self.wrong.push(format!("node {id} starts again: {wrong}"));
        }
        *node = Node { lives: node.lives + 1, durable: found, storing: None, refused: false };
    }

    fn store(&mut self, id: Id, next: Ballot) {
        let node = self.nodes.entry(id).or_default();
        if let Some(wrong) = contradiction(node.durable, next) {
            self.wrong.push(format!("node {id} stores: {wrong}"));
        }
        if node.refused {
            self.wrong.push(format!("node {id} goes on after a write that failed"));
        }
        node.storing = Some(next);
    }

    /// S1.
    fn leads(&mut self, id: Id, term: u64) {
        let first = *self.leaders.entry(term).or_insert(id);
        if first != id {
            self.wrong.push(format!("two leaders in term {term}: {first} and {id}"));
        }
    }

    fn lease(&mut self, id: Id, term: u64, from: u64, until: u64) {
        self.leads(id, term);
        self.stamps += 1;
        let node = self.nodes.entry(id).or_default();
        if node.durable.0 < term {
            self.wrong.push(format!("node {id} leads term {term}, which it has not stored"));
        }
        let life = (id, node.lives);
        match self.reigns.iter_mut().rev().find(|reign| reign.life == life) {
            Some(last) if last.term == term && from <= last.until => last.until = last.until.max(until),
            Some(_) | None => self.reigns.push(Reign { life, term, from, until }),
        }
    }

    fn dropped(&mut self, id: Id, at: u64) {
        let life = (id, self.nodes.entry(id).or_default().lives);
        for reign in self.reigns.iter_mut().filter(|reign| reign.life == life) {
            reign.until = reign.until.min(at);
        }
    }

    /// Everything that must not have happened and did.
    pub(crate) fn violations(&self) -> Vec<String> {
        let mut reigns = self.reigns.clone();
        reigns.sort_unstable_by_key(|reign| reign.from);
        let mut found = self.wrong.clone();
        for (place, earlier) in reigns.iter().enumerate() {
            for later in &reigns[place + 1..] {
                // S2.
                if later.life != earlier.life && later.from < earlier.until {
                    found.push(format!("two leases at one moment: {earlier:?} and {later:?}"));
                }
                // S5.
                if later.term < earlier.term || (later.life != earlier.life && later.term == earlier.term) {
                    found.push(format!("terms do not grow: {earlier:?}, then {later:?}"));
                }
            }
        }
        found
    }

    /// Who was the last to lead.
    pub(crate) fn leader(&self) -> Option<Id> {
        self.reigns.iter().max_by_key(|reign| reign.term).map(|reign| reign.life.0)
    }

    /// Until when the leader of `term` may act, if it has not stopped.
    pub(crate) fn until(&self, term: u64) -> u64 {
        self.reigns.iter().filter(|reign| reign.term == term).map(|reign| reign.until).max().unwrap_or(0)
    }

    /// How many terms had a leader, and how often a lease was written down.
    pub(crate) fn size(&self) -> (usize, u32) {
        (self.leaders.len(), self.stamps)
    }
}

/// S1 and S3: what may not follow what is durable.
fn contradiction(durable: Ballot, next: Ballot) -> Option<String> {
    let ((term, vote), (next_term, next_vote)) = (durable, next);
    if next_term < term {
        return Some(format!("its term falls from {term} to {next_term}"));
    }
    let changed = next_term == term && vote.is_some() && next_vote != vote;
    changed.then(|| format!("its vote in term {term} changes from {vote:?} to {next_vote:?}"))
}

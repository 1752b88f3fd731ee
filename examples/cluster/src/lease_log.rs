//! Who held a lease when. Kept as it comes, audited at the end: the pipes of different processes
//! do not keep time with each other, but all stamps are of one clock.

use crate::Id;

/// One life of a node, from its start to its death.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Process {
    pub(crate) id: Id,
    pub(crate) life: u32,
}

/// A stretch of time in which a process was allowed to act as leader, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    process: Process,
    pub(crate) term: u64,
    from: u64,
    until: u64,
}

#[derive(Default)]
pub(crate) struct LeaseLog {
    claims: Vec<Claim>,
    stamps: u32,
}

impl LeaseLog {
    /// At `from`, the process may act until `until`, unless it says otherwise before.
    pub(crate) fn held(&mut self, process: Process, term: u64, from: u64, until: u64) {
        self.stamps += 1;
        let last = self.claims.iter_mut().rev().find(|claim| claim.process == process);
        match last {
            Some(claim) if claim.term == term && from <= claim.until => claim.until = claim.until.max(until),
            Some(_) | None => self.claims.push(Claim { process, term, from, until }),
        }
    }

    /// At `at`, the process has stopped acting.
    pub(crate) fn dropped(&mut self, process: Process, at: u64) {
        for claim in self.claims.iter_mut().filter(|claim| claim.process == process) {
            claim.until = claim.until.min(at);
        }
    }

    pub(crate) fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.claims.iter()
    }

    pub(crate) fn stamps(&self) -> u32 {
        self.stamps
    }

    /// Everything that must not have happened and did.
    pub(crate) fn violations(&self) -> Vec<String> {
        let mut claims = self.claims.clone();
        claims.sort_unstable_by_key(|claim| claim.from);
        let mut found = Vec::new();
        for (place, earlier) in claims.iter().enumerate() {
            for later in &claims[place + 1..] {
                if later.process == earlier.process {
                    continue;
                }
                if later.from < earlier.until {
                    found.push(format!("two leases at one moment: {earlier:?} and {later:?}"));
                }
                if later.term <= earlier.term {
                    found.push(format!("terms do not grow: {earlier:?}, then {later:?}"));
                }
            }
        }
        for pair in claims.windows(2).filter(|pair| pair[0].process == pair[1].process) {
            if pair[1].term < pair[0].term {
                found.push(format!("a term ran backwards: {:?}, then {:?}", pair[0], pair[1]));
            }
        }
        found
    }
}

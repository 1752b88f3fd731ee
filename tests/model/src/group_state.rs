//! A state of the whole group. States share their unchanged parts, so they are small and cheap to copy.

use std::fmt::{self, Debug, Formatter};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use super::history::History;
use super::host::Host;
use super::network::Network;

/// A shared value whose hash is computed once.
#[derive(Clone)]
pub struct Shared<T> {
    hash: u64,
    value: Arc<T>,
}

impl<T: Hash> Shared<T> {
    pub(super) fn new(value: T) -> Self {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        Shared { hash: hasher.finish(), value: Arc::new(value) }
    }
}

impl<T> Hash for Shared<T> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.hash);
    }
}

impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && (Arc::ptr_eq(&self.value, &other.value) || self.value == other.value)
    }
}

impl<T: Debug> Debug for Shared<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: Eq> Eq for Shared<T> {}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// All nodes with their hosts, the network, the history, and how far the bounds are used up.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    /// The hosts, beginning with that of node 1.
    pub(super) hosts: Vec<Shared<Host>>,
    pub(super) network: Network,
    pub(super) history: Shared<History>,
    /// The requests that were made, with a bit for each.
    pub(super) requested: u32,
    pub(super) crashes: u8,
    pub(super) forgets: u8,
    pub(super) copies: u8,
    pub(super) old_replies: u8,
    /// How many times the clocks have moved.
    pub(super) passes: u8,
}

/// Prints each node on a line.
impl fmt::Display for State {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for host in &self.hosts {
            let (election, durable) = (&host.election, &host.durable);
            let members = &durable.membership;
            write!(
                f,
                "{} at {}: {:?} of term {}",
                election.id(),
                host.clock,
                election.role(),
                election.term()
            )?;
            write!(f, "; durable term {} vote {:?}", durable.term, durable.voted_for)?;
            write!(f, " membership {} {:?}", members.version(), members.voters())?;
            if !members.learners().is_empty() {
                write!(f, " + {:?}", members.learners())?;
            }
            write!(f, " quorum {}", members.quorum())?;
            if let Some(lease) = host.published {
                write!(f, "; acts in term {} until {}", lease.term, lease.until)?;
            }
            writeln!(f)?;
        }
        writeln!(f, "{:?}", self.history)
    }
}

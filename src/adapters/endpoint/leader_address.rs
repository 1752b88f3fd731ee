//! The answer to the question who leads.

use core::net::SocketAddr;
use std::fmt;

use crate::adapters::Advertised;
use crate::types::{ClusterId, Term};

/// A leader and its address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LeaderAddress<I> {
    /// Its group.
    pub cluster: ClusterId,
    /// Its id.
    pub id: I,
    /// The term it leads.
    pub term: Term,
    /// Its address, if the node that was asked knows one that means something to the asker.
    pub address: Option<SocketAddr>,
    /// What it advertises, if it is known to do so.
    pub advertised: Option<Advertised>,
}

impl<I: fmt::Debug> fmt::Display for LeaderAddress<I> {
    /// `node 3 in term 7 at 10.0.0.1:7000, https://a.example`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {:?} in term {} at ", self.id, self.term)?;
        match self.address {
            Some(address) => write!(f, "{address}")?,
            None => f.write_str("an unknown address")?,
        }
        self.advertised.map_or(Ok(()), |text| write!(f, ", {text}"))
    }
}

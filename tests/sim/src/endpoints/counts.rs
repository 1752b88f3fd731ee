//! What happened to datagrams and addresses, in numbers.

use std::ops::AddAssign;

/// What went by, in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AddressCounts {
    /// Datagrams sent.
    pub datagrams: u64,
    /// Datagrams to an address that no node had, or that arrived at another node than they were meant for.
    pub astray: u64,
    /// Nodes that got another address, while they ran or between two runs.
    pub moves: u64,
    /// Newcomers at an address that another node had before.
    pub takeovers: u64,
    /// Nodes that an operator had to tell an address, because no running node could have found them.
    pub helped: u64,
}

impl AddAssign for AddressCounts {
    fn add_assign(&mut self, other: Self) {
        self.datagrams += other.datagrams;
        self.astray += other.astray;
        self.moves += other.moves;
        self.takeovers += other.takeovers;
        self.helped += other.helped;
    }
}

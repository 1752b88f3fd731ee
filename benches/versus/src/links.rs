//! The ways between nodes, each direction of its own.

use crate::rival::{Mask, Place};

#[derive(Clone, Debug)]
pub(crate) struct Links {
    /// By sender: whom it reaches.
    up: Vec<Mask>,
}

impl Links {
    pub(crate) fn new(nodes: usize) -> Self {
        Links { up: vec![all(nodes); nodes] }
    }

    pub(crate) fn is_up(&self, from: Place, to: Place) -> bool {
        self.up[from] >> to & 1 == 1
    }

    pub(crate) fn set(&mut self, from: Place, to: Place, up: bool) {
        let bit = 1 << to;
        self.up[from] = if up { self.up[from] | bit } else { self.up[from] & !bit };
    }

    /// Those of `running` with whom `node` can talk both ways, itself among them.
    pub(crate) fn both_ways(&self, node: Place, running: Mask) -> Mask {
        let back = |other: Place| self.is_up(other, node);
        let heard = (0..self.up.len()).filter(|&other| back(other)).fold(0, |mask, other| mask | 1 << other);
        (self.up[node] & heard | 1 << node) & running
    }

    /// Those of `running` that `node` can talk to both ways, be it through others.
    pub(crate) fn component(&self, node: Place, running: Mask) -> Mask {
        let mut found: Mask = 1 << node;
        loop {
            let members = (0..self.up.len()).filter(|&member| found >> member & 1 == 1);
            let next = members.fold(found, |mask, member| mask | self.both_ways(member, running));
            if next == found {
                return found;
            }
            found = next;
        }
    }
}

pub(crate) fn all(nodes: usize) -> Mask {
    (1 << nodes) - 1
}

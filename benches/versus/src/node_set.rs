//! Sets of nodes, and which nodes can talk to which.

use quorate_sim::harness::Links;

/// A node, from 0.
pub type NodeIndex = usize;

/// A set of nodes. A group has at most 32.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NodeSet(u32);

impl NodeSet {
    /// The set without nodes.
    pub const EMPTY: NodeSet = NodeSet(0);

    /// All nodes of a group of `size`.
    #[must_use]
    pub fn all(size: usize) -> Self {
        (0..size).collect()
    }

    #[must_use]
    pub fn contains(self, node: NodeIndex) -> bool {
        self.0 >> node & 1 == 1
    }

    #[must_use]
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::EMPTY
    }

    /// The nodes of the set, in order.
    pub fn iter(self) -> impl Iterator<Item = NodeIndex> {
        (0..u32::BITS as NodeIndex).filter(move |&node| self.contains(node))
    }

    /// Whether these are more than half of `size` nodes.
    #[must_use]
    pub fn is_majority(self, size: usize) -> bool {
        2 * self.len() > size
    }
}

impl FromIterator<NodeIndex> for NodeSet {
    fn from_iter<T: IntoIterator<Item = NodeIndex>>(nodes: T) -> Self {
        NodeSet(nodes.into_iter().fold(0, |set, node| set | 1 << node))
    }
}

/// The running nodes with which `node` can talk both ways, itself among them if it runs.
pub(crate) fn neighbours(links: &Links, node: NodeIndex, running: NodeSet) -> NodeSet {
    running.iter().filter(|&other| links.is_up_both_ways(node, other)).collect()
}

/// The running nodes that `node` can talk to both ways, directly or through others, and `node` itself.
pub(crate) fn component(links: &Links, node: NodeIndex, running: NodeSet) -> NodeSet {
    let mut found = NodeSet::from_iter([node]);
    loop {
        let reached = found.iter().flat_map(|member| neighbours(links, member, running).iter());
        let next = found.iter().chain(reached).collect();
        if next == found {
            return found;
        }
        found = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_what_can_be_reached_both_ways_through_running_nodes() {
        let mut links = Links::new(4);
        for (from, to) in [(0, 2), (2, 0), (0, 3), (3, 0), (1, 3)] {
            links.set(from, to, false);
        }
        let set = |nodes: &[NodeIndex]| nodes.iter().copied().collect::<NodeSet>();
        assert_eq!(neighbours(&links, 0, NodeSet::all(4)), set(&[0, 1]));
        assert_eq!(component(&links, 0, NodeSet::all(4)), NodeSet::all(4));
        assert_eq!(component(&links, 0, set(&[0, 2, 3])), set(&[0]));
    }

    #[test]
    fn a_majority_is_more_than_half() {
        assert!(NodeSet::all(3).is_majority(5) && !NodeSet::all(2).is_majority(4));
        assert!(NodeSet::EMPTY.is_empty() && !NodeSet::EMPTY.contains(0));
    }
}

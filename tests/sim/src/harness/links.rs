//! Which node can send to which.

/// The links between nodes. Each direction is a link of its own.
#[derive(Clone, Debug)]
pub struct Links {
    nodes: usize,
    /// By sender, then by receiver.
    up: Vec<bool>,
}

impl Links {
    /// The links between `nodes`, all of them up.
    #[must_use]
    pub fn new(nodes: usize) -> Self {
        Links { nodes, up: vec![true; nodes * nodes] }
    }

    /// Whether messages pass from `from` to `to`.
    #[must_use]
    pub fn is_up(&self, from: usize, to: usize) -> bool {
        self.up[from * self.nodes + to]
    }

    /// Whether messages pass between `a` and `b` both ways. A node always reaches itself.
    #[must_use]
    pub fn is_up_both_ways(&self, a: usize, b: usize) -> bool {
        a == b || self.is_up(a, b) && self.is_up(b, a)
    }

    /// Opens or cuts the link from `from` to `to`.
    pub fn set(&mut self, from: usize, to: usize, up: bool) {
        self.up[from * self.nodes + to] = up;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_cut_in_one_direction_only() {
        let mut links = Links::new(3);
        links.set(0, 2, false);
        assert!(!links.is_up(0, 2) && links.is_up(2, 0));
        assert!(!links.is_up_both_ways(0, 2) && !links.is_up_both_ways(2, 0));
        assert!(links.is_up_both_ways(0, 1) && links.is_up_both_ways(1, 2));
    }

    #[test]
    fn a_node_reaches_itself() {
        let mut links = Links::new(2);
        links.set(1, 1, false);
        assert!(links.is_up_both_ways(1, 1));
    }
}

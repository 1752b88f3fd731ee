//! What was disturbed, and when.

use crate::clock::Instant;

/// While a node is down it is disturbed at every instant.
const DOWN: Instant = Instant::MAX;

/// When each node was last down and each link last lost a message. A leader that was not disturbed, and
/// had a quorum that was not disturbed either, has no excuse for losing leadership.
#[derive(Clone, Debug)]
pub struct Disturbances {
    nodes: usize,
    /// For how long a disturbance counts after its end.
    window: u64,
    /// By sender and receiver: when a message was last lost or late, or the link changed.
    links: Vec<Instant>,
    /// By node: when it last ran again after it had not; [`DOWN`] while it does not run.
    down: Vec<Instant>,
}

impl Disturbances {
    /// The record of `nodes` of which none runs yet. A disturbance counts for `window` nanoseconds after
    /// its end.
    #[must_use]
    pub fn new(nodes: usize, window: u64) -> Self {
        Disturbances { nodes, window, links: vec![0; nodes * nodes], down: vec![DOWN; nodes] }
    }

    /// A message from `from` to `to` was lost or late, or the link between them has changed.
    pub fn disturb_link(&mut self, from: usize, to: usize, now: Instant) {
        self.links[from * self.nodes + to] = now;
    }

    /// `node` has stopped running.
    pub fn stop_node(&mut self, node: usize) {
        self.down[node] = DOWN;
    }

    /// `node` runs from now on.
    pub fn start_node(&mut self, node: usize, now: Instant) {
        self.down[node] = now;
    }

    /// Whether `node` has stopped and not started since.
    #[must_use]
    pub fn is_down(&self, node: usize) -> bool {
        self.down[node] == DOWN
    }

    /// Whether something that happened at `at` counts no longer at `now`.
    #[must_use]
    pub fn is_past(&self, at: Instant, now: Instant) -> bool {
        now.saturating_sub(at) > self.window
    }

    /// Whether `node` has been running for a whole window.
    #[must_use]
    pub fn is_node_undisturbed(&self, node: usize, now: Instant) -> bool {
        self.is_past(self.down[node], now)
    }

    /// Whether no message between `a` and `b`, either way, was lost or late for a whole window. A node
    /// always reaches itself.
    #[must_use]
    pub fn is_pair_undisturbed(&self, a: usize, b: usize, now: Instant) -> bool {
        let is_undisturbed = |from: usize, to: usize| self.is_past(self.links[from * self.nodes + to], now);
        a == b || is_undisturbed(a, b) && is_undisturbed(b, a)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_undisturbed_a_window_after_it_started() {
        let mut disturbances = Disturbances::new(2, 100);
        assert!(disturbances.is_down(0) && !disturbances.is_node_undisturbed(0, 1_000));
        disturbances.start_node(0, 1_000);
        assert!(!disturbances.is_node_undisturbed(0, 1_100));
        assert!(disturbances.is_node_undisturbed(0, 1_101));
        disturbances.stop_node(0);
        assert!(disturbances.is_down(0) && !disturbances.is_node_undisturbed(0, 9_000));
    }

    #[test]
    fn a_message_lost_either_way_disturbs_the_pair_for_a_window() {
        let mut disturbances = Disturbances::new(3, 100);
        disturbances.disturb_link(2, 0, 500);
        assert!(!disturbances.is_pair_undisturbed(0, 2, 600));
        assert!(!disturbances.is_pair_undisturbed(2, 0, 600));
        assert!(disturbances.is_pair_undisturbed(0, 1, 600));
        assert!(disturbances.is_pair_undisturbed(0, 2, 601));
    }
}

//! The metrics of a host.

use super::Host;
use super::node::Snapshot;
use super::shared::Shared;
use crate::adapters::metrics::Metrics;
use crate::types::NodeId;

impl<I: NodeId> Host<I> {
    /// The node and all that was counted, at this moment. The host's thread is not asked, so the answer waits for nothing.
    #[must_use]
    pub fn metrics(&self) -> Metrics<I> {
        self.shared.metrics()
    }
}

impl<I: NodeId> Shared<I> {
    pub(super) fn metrics(&self) -> Metrics<I> {
        let Snapshot { status, leader, election } = self.snapshot();
        let mut metrics = Metrics::new(status, election, self.clock.now());
        metrics.leader_address = leader.and_then(|leader| leader.address);
        metrics.leader_advertised = leader.and_then(|leader| leader.advertised);
        metrics.datagrams = Some(self.datagrams());
        #[cfg(feature = "register")]
        {
            metrics.register = self.register_status();
        }
        if self.end.is_set() {
            metrics.end();
        }
        metrics
    }
}

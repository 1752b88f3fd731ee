//! The metrics of a node.

use std::boxed::Box;
use std::fmt;

use super::handle::Command;
use super::task::Task;
use super::{Handle, Stopped, Transport};
use crate::adapters::metrics::Metrics;
use crate::types::NodeId;

/// What takes the metrics that were asked for: a task or a thread.
pub(super) struct MetricsReply<I>(Box<dyn FnOnce(Metrics<I>) + Send>);

impl<I> MetricsReply<I> {
    pub(super) fn new(take: impl FnOnce(Metrics<I>) + Send + 'static) -> Self {
        MetricsReply(Box::new(take))
    }

    pub(super) fn give(self, metrics: Metrics<I>) {
        (self.0)(metrics);
    }
}

impl<I> fmt::Debug for MetricsReply<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsReply").finish_non_exhaustive()
    }
}

impl<I: NodeId + Send + Sync + 'static> Handle<I> {
    /// The node and all that was counted, as of the last thing that the node did.
    ///
    /// # Errors
    /// [`Stopped`] when the node has.
    pub async fn metrics(&self) -> Result<Metrics<I>, Stopped> {
        let command = |reply: tokio::sync::oneshot::Sender<_>| {
            Command::Metrics(MetricsReply::new(|metrics| {
                let _gone = reply.send(metrics);
            }))
        };
        self.ask(command).await
    }
}

impl<I, T> Task<I, T>
where
    I: NodeId + Send + Sync + 'static,
    T: Transport<I>,
{
    pub(super) fn metrics(&self) -> Metrics<I> {
        let mut metrics = Metrics::new(self.status(), self.count_elections(), self.watch.now());
        let leader = metrics.leader();
        metrics.leader_address = leader.and_then(|leader| self.transport.address(leader.id));
        metrics.leader_advertised = leader.and_then(|leader| self.transport.advertised(leader.id));
        #[cfg(feature = "endpoint")]
        {
            metrics.datagrams = self.transport.datagrams();
        }
        #[cfg(feature = "register")]
        {
            metrics.register = self.register.as_ref().map(|register| register.status());
        }
        metrics
    }
}

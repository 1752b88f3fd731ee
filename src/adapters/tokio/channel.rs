//! A network within one process.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::prelude::rust_2024::*;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::transport::Transport;
use crate::message::Message;
use crate::types::NodeId;

/// How many messages wait for a node that does not read; more are lost.
const KEPT: usize = 1_024;

/// The sender, and what it sent.
type Sent<I> = (I, Message<I>);

/// Nodes of one process, each reached by every other. Clones are the same network.
pub struct Network<I>(Arc<Mutex<BTreeMap<I, Sender<Sent<I>>>>>);

impl<I: NodeId> Network<I> {
    /// A network without nodes.
    #[must_use]
    pub fn new() -> Self {
        Network(Arc::new(Mutex::new(BTreeMap::new())))
    }

    /// The channel of node `id`. The channel that the node had before receives nothing any more.
    #[must_use]
    pub fn join(&self, id: I) -> Channel<I> {
        let (sender, inbox) = channel(KEPT);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, sender);
        Channel { id, network: self.clone(), inbox }
    }
}

impl<I: NodeId> Default for Network<I> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I> Clone for Network<I> {
    fn clone(&self) -> Self {
        Network(Arc::clone(&self.0))
    }
}

impl<I> fmt::Debug for Network<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}

/// The channel of a node to a [`Network`].
#[derive(Debug)]
pub struct Channel<I> {
    id: I,
    network: Network<I>,
    inbox: Receiver<Sent<I>>,
}

impl<I: NodeId + Send + 'static> Transport<I> for Channel<I> {
    fn send(&mut self, to: I, message: &Message<I>) {
        let network = self.network.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(inbox) = network.get(&to) {
            let _lost_if_full_or_gone = inbox.try_send((self.id, message.clone()));
        }
    }

    async fn recv(&mut self) -> io::Result<Option<Sent<I>>> {
        let replaced = || io::Error::new(io::ErrorKind::NotConnected, "the node has another channel");
        self.inbox.recv().await.map(Some).ok_or_else(replaced)
    }
}

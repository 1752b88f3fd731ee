//! Names are looked up on threads of their own, and the host's thread is given the answers as commands.

use std::boxed::Box;
use std::io;
use std::sync::mpsc::Sender;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::host_thread::HostThread;
use super::node::lock;
use super::waker::Waker;
use super::{Command, Resolver};
use crate::adapters::endpoint::PeerName;
use crate::types::NodeId;

/// Begins to look a name up, if there is a thread for it.
pub(super) type LookUp = Box<dyn Fn(PeerName) -> io::Result<()> + Send>;

/// Looks names up by `resolver`, gives the answers to the `host`, and wakes its thread. A look-up that hangs does not keep
/// the socket.
pub(super) fn look_up_for<I: NodeId + Send + 'static>(
    host: Sender<Command<I>>,
    resolver: Resolver,
    waker: Waker,
) -> LookUp {
    Box::new(move |name| {
        let (host, waker) = (host.clone(), waker.clone());
        resolver.look_up(name, move |name, answer| {
            let _host_has_ended = host.send(Command::LookedUp { name, answer });
            waker.wake();
        })
    })
}

impl<I: NodeId + Serialize + DeserializeOwned> HostThread<I> {
    /// Has those names looked up that are due.
    pub(super) fn look_up_names(&mut self) {
        loop {
            let name = lock(&self.node).endpoint.poll_lookup();
            let Some(name) = name else { return };
            if let Err(error) = (self.look_up)(name.clone()) {
                let now = self.shared.clock.now();
                lock(&self.node).endpoint.complete_lookup(&name, Err(error), now);
            }
        }
    }
}

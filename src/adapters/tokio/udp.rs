//! Messages as datagrams, in the format of the thread host: the two may be in one group.

use std::boxed::Box;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{self, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::vec;
use std::vec::Vec;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UdpSocket;
use tokio::select;
use tokio::time::sleep;

use super::peers::{Peers, UdpState};
use super::transport::Transport;
use super::{BindError, Clock, NodeView, Protection};
use crate::adapters::endpoint::{Endpoint, Transmit, UnusableAddress};
use crate::adapters::seal::{Keyring, SystemRng};
use crate::adapters::socket;
use crate::diagnosis::Diagnosis;
use crate::event::Event;
use crate::message::Message;
use crate::types::{NodeId, Timestamp};

/// How long to leave a broken socket alone.
const RESPITE: Duration = Duration::from_millis(1);

/// How long the transport waits at most before it looks after its endpoint.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// A UDP socket round an [endpoint](crate::adapters::endpoint): addresses travel with the membership,
/// datagrams are sealed, and the question who leads is answered, as the thread host does all three.
pub struct Udp<I: NodeId> {
    socket: UdpSocket,
    /// The same socket, to send without waiting for the runtime to know that it is ready.
    sender: net::UdpSocket,
    local: SocketAddr,
    buffer: Vec<u8>,
    peers: Peers<I>,
    transmits: Vec<Transmit>,
}

impl<I: NodeId> Udp<I> {
    /// Listens on `address`, which only this machine can send to, without a seal; port 0 takes any free
    /// one. To be called within a runtime that does IO.
    ///
    /// # Errors
    /// If the address cannot be listened on, or is no loopback address ([`BindError::Unsealed`]).
    pub fn bind(address: SocketAddr) -> Result<Self, BindError> {
        Self::bind_with(address, Protection::OnlyLoopback)
    }

    /// Listens on `address`, and seals with `keys`, the same on all nodes of the group.
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub fn bind_sealed(address: SocketAddr, keys: Keyring) -> Result<Self, BindError> {
        Self::bind_with(address, Protection::Sealed(keys))
    }

    /// Listens on any `address` without a seal: see [`Protection::Unsealed`].
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub fn bind_unsealed(address: SocketAddr) -> Result<Self, BindError> {
        Self::bind_with(address, Protection::Unsealed)
    }

    fn bind_with(address: SocketAddr, protection: Protection) -> Result<Self, BindError> {
        let listen = |source| BindError::Listen { address, source };
        let (sender, local) = socket::bind(address, &protection)?;
        let socket = sender.try_clone().and_then(UdpSocket::from_std).map_err(listen)?;
        let state = UdpState::Bound { peers: Vec::new(), keys: protection.into_keys() };
        Ok(Udp {
            socket,
            sender,
            local,
            buffer: vec![0; Endpoint::<I, SystemRng>::BUFFER],
            peers: Peers(Arc::new(Mutex::new(state))),
            transmits: Vec::new(),
        })
    }

    /// Adds a peer: see [`Peers::introduce`].
    ///
    /// # Errors
    /// [`UnusableAddress`] if no node can be there.
    pub fn peer(self, id: I, address: SocketAddr) -> Result<Self, UnusableAddress> {
        self.peers.introduce(id, address)?;
        Ok(self)
    }

    /// What it knows, for as long as you like.
    #[must_use]
    pub fn peers(&self) -> Peers<I> {
        self.peers.clone()
    }

    /// The address it listens on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Lets the endpoint act, if the transport was started, and sends what comes of it.
    fn with_endpoint<T>(
        &mut self,
        act: impl FnOnce(&mut Endpoint<I, SystemRng>, &mut [u8], Timestamp, &mut Vec<Transmit>) -> T,
    ) -> Option<T> {
        let mut state = self.peers.lock();
        let (endpoint, clock) = state.started()?;
        let acted = act(endpoint, &mut self.buffer, clock.now(), &mut self.transmits);
        socket::send_all(&self.sender, endpoint, &mut self.transmits);
        Some(acted)
    }
}

impl<I: NodeId + Serialize + DeserializeOwned> Udp<I> {
    /// Does what is due, and returns how long to wait for a datagram.
    fn handle_timeout(&mut self) -> io::Result<Duration> {
        let wait = self.with_endpoint(|endpoint, _, now, transmits| {
            endpoint.handle_timeout(now, transmits);
            endpoint
                .deadline()
                .map_or(LONGEST_WAIT, |due| due.saturating_duration_since(now).min(LONGEST_WAIT))
        });
        wait.ok_or_else(|| io::Error::new(ErrorKind::NotConnected, "the transport was not started"))
    }
}

impl<I: NodeId + Serialize + DeserializeOwned + Send + Sync + 'static> Transport<I> for Udp<I> {
    fn start(&mut self, node: &NodeView<'_, I>, clock: &Clock) -> io::Result<()> {
        let mut state = self.peers.lock();
        if let UdpState::Bound { peers, keys } = &mut *state {
            let rng = SystemRng::new().map_err(io::Error::other)?;
            let endpoint = Endpoint::new(node.id, node.cluster, keys.take(), rng);
            let mut endpoint = endpoint.map_err(io::Error::other)?;
            endpoint.bind(self.local);
            socket::send_buffer(&self.sender).into_iter().for_each(|bytes| endpoint.set_send_buffer(bytes));
            for &(id, address) in &*peers {
                endpoint.configure(id, address).map_err(io::Error::other)?;
            }
            endpoint.observe(node);
            *state = UdpState::Started { endpoint: Box::new(endpoint), clock: clock.clone() };
        }
        Ok(())
    }

    fn send(&mut self, to: I, message: &Message<I>) {
        self.with_endpoint(|endpoint, _, now, transmits| endpoint.send(to, message, now, transmits));
    }

    async fn recv(&mut self) -> io::Result<(I, Message<I>)> {
        loop {
            let wait = self.handle_timeout()?;
            let received = select! {
                biased;
                received = self.socket.recv_from(&mut self.buffer) => received,
                () = sleep(wait) => continue,
            };
            match received {
                Ok((length, source)) => {
                    let message = self.with_endpoint(|endpoint, buffer, now, transmits| {
                        let bytes = buffer.get_mut(..length).unwrap_or_default();
                        endpoint.handle_datagram(bytes, source, now, transmits)
                    });
                    if let Some(Some(received)) = message {
                        return Ok(received);
                    }
                }
                Err(error) => {
                    self.with_endpoint(|endpoint, _, _, _| endpoint.count_receive_error());
                    if socket::is_closed(&error) {
                        return Err(error);
                    }
                    // News of a datagram that was sent earlier, to where no socket listens, is no reason to wait.
                    if !matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset) {
                        sleep(RESPITE).await;
                    }
                }
            }
        }
    }

    fn observe(&mut self, node: &NodeView<'_, I>) {
        self.with_endpoint(|endpoint, _, _, _| endpoint.observe(node));
    }

    fn finds_problems(&self) -> bool {
        true
    }

    fn diagnosis(&self) -> Option<Diagnosis<I>> {
        let mut state = self.peers.lock();
        let (endpoint, clock) = state.started()?;
        endpoint.diagnosis(clock.now())
    }

    fn poll_event(&mut self) -> Option<Event<I>> {
        self.with_endpoint(|endpoint, _, _, _| endpoint.poll_event()).flatten()
    }
}

impl<I: NodeId> fmt::Debug for Udp<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Udp").field("local", &self.local).finish_non_exhaustive()
    }
}

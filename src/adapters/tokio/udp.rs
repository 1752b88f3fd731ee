//! Messages as datagrams, in the format of the thread host: the two may be in one group.

use std::boxed::Box;
use std::fmt;
use std::io::{self, ErrorKind};
use std::iter;
use std::mem;
use std::net::{self, SocketAddr};
use std::string::String;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use std::vec;
use std::vec::Vec;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UdpSocket;
use tokio::select;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::peers::{Peers, UdpState};
use super::transport::Transport;
use super::{BindError, Clock, NodeView, Protection};
use crate::adapters::Advertised;
use crate::adapters::backlog::Backlog;
use crate::adapters::endpoint::operator::Request;
use crate::adapters::endpoint::{
    DatagramCounters, Endpoint, PeerAddress, PeerName, Transmit, UnusableAddress, is_usable,
};
use crate::adapters::resolver::Resolver;
use crate::adapters::seal::{Keyring, SystemRng};
use crate::adapters::socket;
use crate::diagnosis::Diagnosis;
use crate::event::Event;
use crate::message::Message;
use crate::status::Status;
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
    /// The node, once it has started.
    me: Option<I>,
    takes_commands: bool,
    advertised: Option<Advertised>,
    transmits: Vec<Transmit>,
    /// What came while a state was written.
    backlog: Backlog,
    resolver: Resolver,
    /// Notified when a look-up has ended.
    looked_up: Arc<Notify>,
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
            me: None,
            takes_commands: false,
            advertised: None,
            transmits: Vec::new(),
            backlog: Backlog::new(),
            resolver: Resolver::default(),
            looked_up: Arc::new(Notify::new()),
        })
    }

    /// Advertises this to the others, for example the URL at which the program of this node is reached.
    /// [`Peers::advertise`] changes it later.
    #[must_use]
    pub fn advertising(mut self, text: Advertised) -> Self {
        self.advertised = Some(text);
        self
    }

    /// Takes commands of everybody who has the group's key: see
    /// [`operator`](crate::adapters::endpoint::operator).
    #[must_use]
    pub fn taking_commands(mut self) -> Self {
        self.takes_commands = true;
        self
    }

    /// Adds a peer: `"10.0.0.2:7000".parse()?`, `"db-2.example:7000".parse()?`, or a `SocketAddr` by `into()`. See
    /// [`Peers::introduce`].
    ///
    /// # Errors
    /// [`UnusableAddress`] if no node can be there.
    pub fn peer(self, id: I, address: PeerAddress) -> Result<Self, UnusableAddress> {
        self.peers.introduce(id, address)?;
        Ok(self)
    }

    /// Looks the names of peers up in another way than by the operating system.
    #[must_use]
    pub fn resolver(mut self, resolver: Resolver) -> Self {
        self.resolver = resolver;
        self
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
        if !self.transmits.is_empty() {
            socket::send_all(&self.sender, endpoint, &mut self.transmits);
        }
        Some(acted)
    }
}

impl<I: NodeId + Serialize + DeserializeOwned + Send + Sync + 'static> Udp<I> {
    /// Does what is due, and returns how long to wait for a datagram.
    fn handle_timeout(&mut self) -> io::Result<Duration> {
        let done = self.with_endpoint(|endpoint, _, now, transmits| {
            endpoint.handle_timeout(now, transmits);
            let names: Vec<PeerName> = iter::from_fn(|| endpoint.poll_lookup()).collect();
            let due = endpoint.deadline();
            (names, due.map_or(LONGEST_WAIT, |due| due.saturating_duration_since(now).min(LONGEST_WAIT)))
        });
        let not_started = || io::Error::new(ErrorKind::NotConnected, "the transport was not started");
        let (names, wait) = done.ok_or_else(not_started)?;
        names.into_iter().for_each(|name| self.look_up(name));
        Ok(wait)
    }

    /// Takes the datagram in the buffer, if it is a request for the status, and else keeps it. Returns whether it is one.
    fn take_status_request(&mut self, length: usize, source: SocketAddr) -> bool {
        let mut state = self.peers.lock();
        let Some((endpoint, clock)) = state.started() else { return false };
        let bytes = self.buffer.get(..length).unwrap_or_default();
        let is_request = endpoint.take_status_request(bytes, source, clock.now());
        if !is_request && !self.backlog.push(bytes, source) {
            endpoint.count_overflow();
        }
        is_request
    }

    async fn fail_to_receive(&mut self, error: io::Error) -> io::Result<()> {
        self.with_endpoint(|endpoint, _, _, _| endpoint.count_receive_error());
        if socket::is_closed(&error) {
            return Err(error);
        }
        // News of a datagram that was sent earlier, to where no socket listens, is no reason to wait.
        if !matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset) {
            sleep(RESPITE).await;
        }
        Ok(())
    }

    /// Has a name looked up, on a thread of its own: a runtime that ends waits for the threads of its pool, also for one
    /// that hangs. A look-up that hangs does not keep the endpoint.
    fn look_up(&mut self, name: PeerName) {
        let (peers, looked_up) = (Arc::downgrade(&self.peers.0), Arc::clone(&self.looked_up));
        let started = self.resolver.look_up(name.clone(), move |name, answer| {
            complete_lookup(&peers, &name, answer);
            looked_up.notify_one();
        });
        if let Err(error) = started {
            self.with_endpoint(|endpoint, _, now, _| endpoint.complete_lookup(&name, Err(error), now));
        }
    }
}

fn complete_lookup<I: NodeId>(
    peers: &Weak<Mutex<UdpState<I>>>,
    name: &PeerName,
    answer: io::Result<Vec<SocketAddr>>,
) {
    let Some(peers) = peers.upgrade().map(Peers) else { return };
    if let Some((endpoint, clock)) = peers.lock().started() {
        endpoint.complete_lookup(name, answer, clock.now());
    }
}

impl<I: NodeId + Serialize + DeserializeOwned + Send + Sync + 'static> Transport<I> for Udp<I> {
    fn start(&mut self, node: &NodeView<'_, I>, clock: &Clock) -> io::Result<()> {
        self.me = Some(node.id);
        let mut state = self.peers.lock();
        if let UdpState::Bound { peers, keys } = &mut *state {
            let rng = SystemRng::new().map_err(io::Error::other)?;
            let endpoint = Endpoint::new(node.id, node.cluster, keys.take(), rng);
            let mut endpoint = endpoint.map_err(io::Error::other)?;
            node.register_voter.into_iter().for_each(|voter| endpoint.expect_register_voter(voter));
            endpoint.bind(self.local);
            endpoint.take_commands(self.takes_commands);
            endpoint.advertise(self.advertised);
            socket::send_buffer(&self.sender).into_iter().for_each(|bytes| endpoint.set_send_buffer(bytes));
            for (id, address) in mem::take(peers) {
                endpoint.configure_peer(id, address).map_err(io::Error::other)?;
            }
            endpoint.observe(node);
            *state = UdpState::Started { endpoint: Box::new(endpoint), clock: clock.clone() };
        }
        Ok(())
    }

    fn send(&mut self, to: I, message: &Message<I>) {
        let mut state = self.peers.lock();
        if let Some((endpoint, clock)) = state.started() {
            endpoint.send(to, message, clock.now(), &mut self.transmits);
        }
    }

    fn flush(&mut self) {
        self.with_endpoint(|_, _, _, _| ());
    }

    async fn recv(&mut self) -> io::Result<Option<(I, Message<I>)>> {
        loop {
            let wait = self.handle_timeout()?;
            let received = match self.backlog.pop_into(&mut self.buffer) {
                Some(datagram) => Ok(datagram),
                None => select! {
                    biased;
                    received = self.socket.recv_from(&mut self.buffer) => received,
                    () = self.looked_up.notified() => continue,
                    () = sleep(wait) => continue,
                },
            };
            match received {
                Ok((length, source)) => {
                    let received = self.with_endpoint(|endpoint, buffer, now, transmits| {
                        let bytes = buffer.get_mut(..length).unwrap_or_default();
                        let message = endpoint.handle_datagram(bytes, source, now, transmits);
                        (message, endpoint.has_request())
                    });
                    if let Some((message, has_request)) = received
                        && (message.is_some() || has_request)
                    {
                        return Ok(message);
                    }
                }
                Err(error) => self.fail_to_receive(error).await?,
            }
        }
    }

    async fn recv_status_request(&mut self) -> io::Result<()> {
        loop {
            match self.socket.recv_from(&mut self.buffer).await {
                Ok((length, source)) => {
                    if self.take_status_request(length, source) {
                        return Ok(());
                    }
                }
                Err(error) => self.fail_to_receive(error).await?,
            }
        }
    }

    fn observe(&mut self, node: &NodeView<'_, I>) {
        self.with_endpoint(|endpoint, _, _, _| endpoint.observe(node));
    }

    fn advertised(&self, id: I) -> Option<Advertised> {
        self.peers.advertised(id)
    }

    fn poll_request(&mut self) -> Option<Request<I>> {
        self.with_endpoint(|endpoint, _, _, _| endpoint.poll_request()).flatten()
    }

    fn answer_status(&mut self, status: Status<I>, wall_clock: Duration) {
        self.with_endpoint(|endpoint, _, _, transmits| endpoint.answer_status(status, wall_clock, transmits));
    }

    fn answer_command(&mut self, outcome: Result<(), String>) {
        self.with_endpoint(|endpoint, _, _, transmits| endpoint.answer_command(outcome, transmits));
    }

    fn finds_problems(&self) -> bool {
        true
    }

    fn diagnosis(&self) -> Option<Diagnosis<I>> {
        let mut state = self.peers.lock();
        let (endpoint, clock) = state.started()?;
        endpoint.diagnosis(clock.now())
    }

    fn address(&self, id: I) -> Option<SocketAddr> {
        let own = || Some(self.local).filter(|&local| is_usable(local));
        if self.me == Some(id) { own() } else { self.peers.address(id) }
    }

    fn datagrams(&self) -> Option<DatagramCounters> {
        Some(self.peers.counters())
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

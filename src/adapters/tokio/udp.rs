//! Messages as datagrams, in the format of the blocking host: the two may be in one group.

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

use super::peers::{Heard, ManualNetwork, Peers};
use super::transport::{NodeView, Transport};
use crate::adapters::clock::BootClock;
use crate::adapters::seal::{Keyring, MAX_SEALED};
use crate::adapters::udp::book::Book;
use crate::adapters::udp::cover::{Cover, Uncovered};
use crate::adapters::udp::datagram::{self, Datagram, Letter, Nonce, Report, Sighting};
use crate::adapters::udp::post::{self, HELLO_EVERY, TIDY_EVERY, Unsent};
use crate::adapters::udp::socket::enlarge;
use crate::adapters::udp::{Counters, Leader, Protection, StartError};
use crate::message::Message;
use crate::types::{ClusterId, NodeId, Term, Timestamp};

/// How long to leave a broken socket alone.
const RESPITE: Duration = Duration::from_millis(1);

/// How many greetings wait for the node to say whether it knows who sends them.
const GREETINGS: usize = 64;

/// A UDP socket, and where the members are. Addresses travel with the membership, as they do among
/// the blocking hosts: see [`adapters::udp`](crate::adapters::udp#addresses). It answers
/// [`who_leads`](crate::adapters::udp::who_leads) too, and datagrams are sealed as theirs are.
pub struct Udp<I> {
    socket: UdpSocket,
    /// The same socket, to send without waiting for the runtime to know that it is ready.
    sender: net::UdpSocket,
    local: SocketAddr,
    buffer: Vec<u8>,
    clock: BootClock,
    peers: Peers<I>,
    node: Option<Node<I>>,
    /// Who has been heard, and not yet been let into the book.
    heard: Vec<Heard<I>>,
    /// Who is answered now, and where its datagram came from.
    asker: Option<(I, SocketAddr)>,
    next_hello: Timestamp,
    next_tidy: Timestamp,
}

#[derive(Clone, Copy)]
struct Node<I> {
    id: I,
    cluster: ClusterId,
    leader: Option<(I, Term)>,
}

impl<I: NodeId> Udp<I> {
    /// Listens on `address`, which only this machine can send to, without a seal; port 0 takes any free
    /// one. To be called within a runtime that does IO.
    ///
    /// # Errors
    /// If the address cannot be listened on, or is no loopback address ([`StartError::Unsealed`]).
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        if !address.ip().is_loopback() {
            return Err(io::Error::new(ErrorKind::InvalidInput, StartError::Unsealed { address }));
        }
        Self::bind_with(address, Protection::OnlyLoopback)
    }

    /// Listens on `address`, and seals with `keys`, the same on all nodes of the group.
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub fn bind_sealed(address: SocketAddr, keys: Keyring) -> io::Result<Self> {
        Self::bind_with(address, Protection::Sealed(keys))
    }

    /// Listens on any `address` without a seal: see [`Protection::Unsealed`].
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub fn bind_unsealed(address: SocketAddr) -> io::Result<Self> {
        Self::bind_with(address, Protection::Unsealed)
    }

    fn bind_with(address: SocketAddr, protection: Protection) -> io::Result<Self> {
        let sender = net::UdpSocket::bind(address)?;
        enlarge(&sender);
        sender.set_nonblocking(true)?;
        let socket = UdpSocket::from_std(sender.try_clone()?)?;
        let (book, counters) = (Book::new(&[]), Counters::default());
        let desk = ManualNetwork { book, counters, protection, cover: None };
        Ok(Udp {
            local: sender.local_addr()?,
            socket,
            sender,
            // One byte more than the longest datagram, to tell a longer one.
            buffer: vec![0; MAX_SEALED.saturating_add(1)],
            clock: BootClock::new(),
            peers: Peers(Arc::new(Mutex::new(desk))),
            node: None,
            heard: Vec::new(),
            asker: None,
            next_hello: Timestamp::ORIGIN,
            next_tidy: Timestamp::ORIGIN,
        })
    }

    /// Adds a peer: see [`Peers::introduce`].
    #[must_use]
    pub fn peer(self, id: I, address: SocketAddr) -> Self {
        self.peers.introduce(id, address);
        self
    }

    /// What it knows, for as long as you like.
    #[must_use]
    pub fn peers(&self) -> Peers<I> {
        self.peers.clone()
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    fn send_bytes(&self, bytes: &[u8], address: SocketAddr) {
        let sent = self.sender.send_to(bytes, address).is_ok();
        self.peers.count(|counters| if sent { &mut counters.sent } else { &mut counters.send_errors });
    }
}

impl<I: NodeId + Serialize + DeserializeOwned> Udp<I> {
    /// "I am here", for as long as nobody leads.
    fn greet(&mut self) {
        let (now, Some(node)) = (self.clock.now(), self.node) else { return };
        if now < self.next_hello || node.leader.is_some() {
            return;
        }
        self.next_hello = now.saturating_add(HELLO_EVERY);
        let configured = self.peers.lock().book.configured();
        for (id, address) in configured {
            self.greet_at(node, id, address);
        }
    }

    /// A letter; or a hello of the seal, to one that has not been met.
    fn greet_at(&self, node: Node<I>, to: I, address: SocketAddr) {
        if let Some(hello) = datagram::hello(node.id, node.cluster) {
            let letter = self.peers.lock().letter(to, hello);
            self.send_covered(letter, &[address]);
        }
    }

    /// None is what could not be sealed.
    fn send_covered(&self, bytes: Option<Vec<u8>>, addresses: &[SocketAddr]) {
        match bytes {
            Some(bytes) => addresses.iter().for_each(|&address| self.send_bytes(&bytes, address)),
            None => self.peers.count(|counters| &mut counters.send_errors),
        }
    }

    fn open(&mut self, length: usize, source: SocketAddr) -> Option<(I, Message<I>)> {
        let node = self.node?;
        let datagram = self.buffer.get_mut(..length).unwrap_or_default();
        let opened = self.peers.lock().open(datagram)?;
        match opened {
            Uncovered::Datagram(Datagram::Peer(letter)) => return self.take(letter, source),
            Uncovered::Datagram(Datagram::Hello(from, cluster)) => {
                self.note(from, cluster, source, Vec::new());
            }
            Uncovered::Datagram(Datagram::Question(nonce, asked)) => self.answer(nonce, asked, source),
            Uncovered::Met(from) => self.greet_at(node, from, source),
            Uncovered::Reply(reply) => self.send_bytes(&reply, source),
            Uncovered::Refused => {}
            Uncovered::Oversized => self.peers.count(|counters| &mut counters.oversized),
            Uncovered::Datagram(Datagram::Answer(..)) | Uncovered::Undecodable => {
                self.peers.count(|counters| &mut counters.undecodable);
            }
        }
        None
    }

    fn take(&mut self, letter: Letter<I>, source: SocketAddr) -> Option<(I, Message<I>)> {
        let Letter { from, to, addresses, message } = letter;
        let node = self.node?;
        if from == node.id {
            self.peers.count(|counters| &mut counters.namesakes);
            return None;
        }
        // Another node may have been where this one is.
        if to != node.id {
            self.peers.count(|counters| &mut counters.misdirected);
            return None;
        }
        let ours = message.header.cluster == node.cluster;
        self.peers.count(|counters| if ours { &mut counters.received } else { &mut counters.foreign });
        self.note(from, message.header.cluster, source, addresses);
        self.asker = Some((from, source));
        Some((from, message))
    }

    /// Keeps in mind who was heard where, until the node says whether it has to do with it.
    fn note(&mut self, from: I, cluster: ClusterId, source: SocketAddr, addresses: Vec<(I, Sighting)>) {
        if self.heard.len() < GREETINGS {
            let at = self.clock.now();
            self.heard.push(Heard { from, cluster, source, at, addresses });
        }
    }

    /// "Who leads?"
    fn answer(&self, nonce: Nonce, asked: usize, source: SocketAddr) {
        let Some(node) = self.node else { return };
        let leader = node.leader.map(|(id, term)| {
            let address = self.peers.lock().book.address(id);
            Leader { cluster: node.cluster, id, term, address }
        });
        match datagram::answer(nonce, asked, &Report::new(node.id, node.cluster, leader, source)) {
            Some(bytes) => {
                let note = self.peers.lock().cover.as_ref().and_then(|cover| cover.note(bytes));
                self.send_covered(note, &[source]);
                self.peers.count(|counters| &mut counters.answered);
            }
            None => self.peers.count(|counters| &mut counters.short_questions),
        }
    }
}

impl<I: NodeId + Serialize + DeserializeOwned + Send + Sync + 'static> Transport<I> for Udp<I> {
    fn send(&mut self, to: I, message: &Message<I>) {
        let (now, Some(node)) = (self.clock.now(), self.node) else { return };
        let written = post::write(&mut self.peers.lock().book, node.id, to, message, self.asker, now);
        match written {
            Ok((bytes, route)) => {
                let letter = self.peers.lock().letter(to, bytes);
                self.send_covered(letter, &route);
            }
            Err(Unsent::Unroutable) => self.peers.count(|counters| &mut counters.unroutable),
            Err(Unsent::Unwritable) => self.peers.count(|counters| &mut counters.send_errors),
        }
    }

    async fn recv(&mut self) -> io::Result<(I, Message<I>)> {
        self.asker = None;
        loop {
            self.greet();
            let received = select! {
                biased;
                received = self.socket.recv_from(&mut self.buffer) => received,
                () = sleep(HELLO_EVERY) => continue,
            };
            match received {
                Ok((length, source)) => {
                    if let Some(letter) = self.open(length, source) {
                        return Ok(letter);
                    }
                }
                Err(error) => {
                    self.peers.count(|counters| &mut counters.receive_errors);
                    // News of a datagram sent earlier, to where nobody listens, is no reason to wait.
                    if !matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset) {
                        sleep(RESPITE).await;
                    }
                }
            }
        }
    }

    fn observe(&mut self, view: &NodeView<'_, I>) {
        let NodeView { id, cluster, leader, .. } = *view;
        let mut desk = self.peers.lock();
        if desk.cover.is_none() {
            desk.cover = Cover::new(id, desk.protection.clone()).ok();
        }
        self.node = Some(Node { id, cluster, leader });
        for heard in self.heard.drain(..).filter(|heard| heard.cluster == cluster) {
            desk.learn(heard, view);
        }
        let now = self.clock.now();
        if now >= self.next_tidy {
            self.next_tidy = now.saturating_add(TIDY_EVERY);
            desk.book.keep(|id| view.is_concerned_with(id));
            let hellos = desk.hellos(now);
            drop(desk);
            for (hello, route) in hellos {
                self.send_covered(hello, &route);
            }
        }
    }
}

impl<I> fmt::Debug for Udp<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Udp").field("local", &self.local).finish_non_exhaustive()
    }
}

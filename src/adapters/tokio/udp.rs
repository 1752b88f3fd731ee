//! Messages as datagrams, in the format of the blocking host: the two may be in one group.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{self, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::vec;
use std::vec::Vec;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UdpSocket;
use tokio::select;
use tokio::time::sleep;

use super::transport::{NodeView, Transport};
use crate::adapters::clock::BootClock;
use crate::adapters::udp::book::Book;
use crate::adapters::udp::datagram::{self, Datagram, LONGEST, Letter, Nonce, Report, Sighting};
use crate::adapters::udp::post::{self, HELLO_EVERY, TIDY_EVERY, Unsent};
use crate::adapters::udp::{Counters, Leader};
use crate::message::Message;
use crate::types::{ClusterId, NodeId, Term};

/// How long to leave a broken socket alone.
const RESPITE: Duration = Duration::from_millis(1);

/// How many greetings wait for the node to say whether it knows who sends them.
const GREETINGS: usize = 64;

/// A UDP socket, and where the members are. Addresses travel with the membership, as they do among
/// the blocking hosts: see [`adapters::udp`](crate::adapters::udp#addresses). It answers
/// [`who_leads`](crate::adapters::udp::who_leads) too. Datagrams are neither signed nor encrypted.
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
    next_hello: Duration,
    next_tidy: Duration,
}

#[derive(Clone, Copy)]
struct Node<I> {
    id: I,
    cluster: ClusterId,
    leader: Option<(I, Term)>,
}

struct Heard<I> {
    from: I,
    cluster: ClusterId,
    source: SocketAddr,
    at: Duration,
    addresses: Vec<(I, Sighting)>,
}

/// What a [`Udp`] transport knows, to be read and added to while its node runs. Clones are the same.
pub struct Peers<I>(Arc<Mutex<Desk<I>>>);

struct Desk<I> {
    book: Book<I>,
    counters: Counters,
}

impl<I: NodeId> Udp<I> {
    /// Listens on `address`; port 0 takes any free one. To be called within a runtime that does IO.
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let sender = net::UdpSocket::bind(address)?;
        sender.set_nonblocking(true)?;
        let socket = UdpSocket::from_std(sender.try_clone()?)?;
        let desk = Desk { book: Book::new(&[]), counters: Counters::default() };
        Ok(Udp {
            local: sender.local_addr()?,
            socket,
            sender,
            // One byte more than the longest datagram, to tell a longer one.
            buffer: vec![0; LONGEST.saturating_add(1)],
            clock: BootClock::new(),
            peers: Peers(Arc::new(Mutex::new(desk))),
            node: None,
            heard: Vec::new(),
            asker: None,
            next_hello: Duration::ZERO,
            next_tidy: Duration::ZERO,
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
        if let Some(hello) = datagram::hello(node.id, node.cluster) {
            configured.into_iter().for_each(|address| self.send_bytes(&hello, address));
        }
    }

    fn open(&mut self, length: usize, source: SocketAddr) -> Option<(I, Message<I>)> {
        if length > LONGEST {
            self.peers.count(|counters| &mut counters.oversized);
            return None;
        }
        match datagram::open(self.buffer.get(..length).unwrap_or_default()) {
            Some(Datagram::Peer(letter)) => self.take(letter, source),
            Some(Datagram::Hello(from, cluster)) => {
                self.note(from, cluster, source, Vec::new());
                None
            }
            Some(Datagram::Question(nonce)) => {
                self.answer(nonce, length, source);
                None
            }
            Some(Datagram::Answer(..)) | None => {
                self.peers.count(|counters| &mut counters.undecodable);
                None
            }
        }
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
                self.send_bytes(&bytes, source);
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
            Ok((bytes, route)) => route.into_iter().for_each(|address| self.send_bytes(&bytes, address)),
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
        self.node = Some(Node { id, cluster, leader });
        let mut desk = self.peers.lock();
        for heard in self.heard.drain(..).filter(|heard| heard.cluster == cluster) {
            desk.learn(heard, view);
        }
        let now = self.clock.now();
        if now >= self.next_tidy {
            self.next_tidy = now.saturating_add(TIDY_EVERY);
            desk.book.keep(|id| view.is_concerned_with(id));
        }
    }
}

impl<I: NodeId> Desk<I> {
    /// Addresses are kept of those that the node has to do with, and of configured peers.
    fn learn(&mut self, heard: Heard<I>, view: &NodeView<'_, I>) {
        let Heard { from, source, at, addresses, .. } = heard;
        let admits =
            |book: &Book<I>, id: I| id != view.id && (view.is_concerned_with(id) || book.is_configured(id));
        if !admits(&self.book, from) {
            bump(&mut self.counters.strangers);
            return;
        }
        self.book.heard(from, source, at);
        for (id, sighting) in addresses {
            if admits(&self.book, id) {
                self.book.told(id, sighting, at);
            }
        }
    }
}

impl<I: NodeId> Peers<I> {
    /// Node `id` is at `address`, as far as you know; where it is heard counts more. Never forgotten.
    pub fn introduce(&self, id: I, address: SocketAddr) {
        self.lock().book.configure(id, address);
    }

    /// Where `id` is, if that is known.
    #[must_use]
    pub fn address(&self, id: I) -> Option<SocketAddr> {
        self.lock().book.address(id)
    }

    /// Everybody that it knows an address of: worth saving for the next start, where members come
    /// and go.
    #[must_use]
    pub fn addresses(&self) -> Vec<(I, SocketAddr)> {
        self.lock().book.all()
    }

    /// What came and went.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.lock().counters
    }

    fn count(&self, which: impl FnOnce(&mut Counters) -> &mut u64) {
        bump(which(&mut self.lock().counters));
    }
}

impl<I> Peers<I> {
    /// Every change under it is whole, so a poisoned lock does no harm.
    fn lock(&self) -> MutexGuard<'_, Desk<I>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bump(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

impl<I> Clone for Peers<I> {
    fn clone(&self) -> Self {
        Peers(Arc::clone(&self.0))
    }
}

impl<I> fmt::Debug for Peers<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers").field("counters", &self.lock().counters).finish_non_exhaustive()
    }
}

impl<I> fmt::Debug for Udp<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Udp").field("local", &self.local).finish_non_exhaustive()
    }
}

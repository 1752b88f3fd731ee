//! All that a host does with datagrams, without a socket or a clock.
//!
//! An [`Endpoint`] stands between an [`Election`](crate::Election) and a datagram socket. Bytes, their source
//! and the time go in; messages for the election, datagrams to send and a deadline come out. It seals and
//! opens datagrams, keeps the addresses of the members, announces its own address, answers the question who
//! leads, and counts. Its randomness comes from a generator of the caller's, so that a run with a seeded
//! generator can be replayed. The hosts of the features `udp` and `tokio-udp` are a socket, a clock and a loop
//! round it; a program with a loop of its own does the same:
//!
//! ```
//! use std::net::{SocketAddr, UdpSocket};
//!
//! use quorate::adapters::clock::BootClock;
//! use quorate::adapters::endpoint::{Endpoint, NodeView, Transmit};
//! use quorate::{ClusterId, Config, Election, HardState, Input, Output};
//! # use rand_chacha::ChaCha20Rng;
//! # use rand_chacha::rand_core::SeedableRng;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (listen, known): (SocketAddr, SocketAddr) = ("127.0.0.1:0".parse()?, "127.0.0.1:9".parse()?);
//! # let first = HardState::bootstrap(ClusterId(7), [1_u32, 2])?;
//! let (socket, clock) = (UdpSocket::bind(listen)?, BootClock::new());
//! let mut election = Election::new(Config::new(1), first, clock.now(), ChaCha20Rng::seed_from_u64(1))?;
//! // Without keys; with a keyring, bring the generator of the operating system (`SystemRng`).
//! let mut endpoint = Endpoint::new(1, ClusterId(7), None, ChaCha20Rng::seed_from_u64(2))?;
//! endpoint.bind(socket.local_addr()?);
//! endpoint.configure(2, known)?;
//!
//! let mut buffer = vec![0; Endpoint::<u32, ChaCha20Rng>::BUFFER];
//! let (mut outputs, mut transmits) = (Vec::new(), Vec::<Transmit>::new());
//! let mut input = None;
//! # for _ in 0..3 {
//! // loop {
//! // 1. Read the clock, tick, step the message that was received, if any.
//! let now = clock.now();
//! election.tick_into(now, &mut outputs);
//! if let Some((from, message)) = input.take() {
//!     election.step_into(Input::Receive { from, message }, &mut outputs);
//! }
//! // 2. Let the endpoint see what has changed, before anything is sent.
//! endpoint.observe(&NodeView::of(&election));
//! // 3. Act on the outputs, in order.
//! for output in outputs.drain(..) {
//!     match output {
//!         Output::Send { to, message } => endpoint.send(to, &message, now, &mut transmits),
//!         Output::Persist(_state) => { /* returns when the state is durable */ }
//!         Output::Event(_event) => { /* at `SteppedDown`, stop all work first */ }
//!         Output::Rejected(_reason) => {}
//!     }
//! }
//! endpoint.handle_timeout(now, &mut transmits);
//! for Transmit { to, bytes } in transmits.drain(..) {
//!     endpoint.count_transmit(&socket.send_to(&bytes, to));
//! }
//! // 4. Wait for a datagram, no longer than both deadlines allow.
//! let due = [election.deadline(), endpoint.deadline()].into_iter().flatten().min();
//! # let due = due.map(|due| due.min(clock.now().saturating_add(std::time::Duration::from_millis(5))));
//! let wait = due.map(|due| due.saturating_duration_since(clock.now()).max(std::time::Duration::from_micros(100)));
//! socket.set_read_timeout(wait)?;
//! if let Ok((length, source)) = socket.recv_from(&mut buffer) {
//!     input = endpoint.handle_datagram(&mut buffer[..length], source, clock.now(), &mut transmits);
//! }
//! // }
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! # Addresses
//!
//! Addresses travel with the membership. An endpoint is given the addresses of some peers at its start
//! ([`Endpoint::configure`]), and the addresses of newcomers later ([`Endpoint::introduce`]). The source of a
//! member's datagrams is its address, once the member has echoed a challenge from there; members tell each other where
//! they know the others to be, and how long ago this was true, and the latest counts. An address stays a *candidate*
//! until the member has answered at another one later. So
//!
//! - a newcomer needs no peers: the leader writes to it, and every member learns its address with the
//!   membership that has it, so that the newcomer is reached even if that leader dies at once;
//! - a member may move to another address, if it is told the address of one member at its start: a silent
//!   member is tried at every address where it was ever seen, and the node that hears it tells the others;
//! - of a member that does not answer, a node tells every address that it holds, and not only the best: a follower
//!   writes to its leader alone, and may hold the one address at which the leader reaches the member;
//! - a follower answers the announcement of a member with the address of the leader, by no more bytes than came. So a
//!   node behind a translator that shows each destination another source, where the others cannot tell each other
//!   where it is, needs the address of one member that runs, whichever that is;
//! - a new node may have the address of a lost one: a message names its receiver, and has no meaning for
//!   another node;
//! - no address is kept of a node that is neither a member, nor about to become one, nor configured. A
//!   removed node is forgotten once it has been told; it is answered at the address that it asks from.
//!
//! Inside, an address has one form: IPv4 as such, not mapped into IPv6. A socket is given the form that it takes
//! ([`Endpoint::bind`]), and another node only addresses that mean the same to it: none of a link, and none of one
//! machine unless the other node is on that machine.
//!
//! Two members do not find each other if no member holds a right address of one of them: both have moved since any
//! member that runs heard them, or have lost what they knew. A newcomer that has not been told the members yet does not
//! count here: it takes them for strangers, and tells them nothing. Tell one of the two ([`Endpoint::configure`]) where a
//! member is. Nor can anybody tell a node behind such a translator where a member is that all others reach by an
//! address of one link or one machine: configure an address of that member that means the same everywhere.
//!
//! Addresses are not part of the durable state, since no agreement depends on them: a wrong or lost address
//! costs time, never safety. A node that restarts is found by any member that is still up. But should **all**
//! restart at once, each must be told the address of another one: where members come and go, save
//! [`Endpoint::addresses`] whenever [`Endpoint::poll_addresses`] says that they have changed, and configure
//! them at the next start.
//!
//! While no leader is known, an endpoint *announces* itself twice a second to every node in its book, at every
//! address that the node may have: the others may not know where this node is, and a node that never campaigns
//! is never asked. With keys, it also begins a *handshake* with every node in its book once a second until the
//! handshake is done, because the first datagram to a node before this is lost.
//!
//! # Names
//!
//! A peer may be given by a name and a port instead of an address ([`Endpoint::configure_name`]). The endpoint says when a
//! name is to be looked up ([`Endpoint::poll_lookup`]), and the program looks it up, on another thread, and says what it
//! stands for ([`Endpoint::complete_lookup`]). Both hosts do that. A name is looked up
//!
//! - at the start, and when the program gives it again,
//! - and again because of silence alone: while the node leaves unanswered what is sent to it for a quarter of a second, or
//!   has no address at all; then after a quarter of a second, and after pauses that double up to ten seconds.
//!
//! All addresses that a name stands for are candidates, beside all others: no more than eight of a node at a time, and if
//! there are more, others with the next look-up. A name that stands for none is no error, since its node may start later;
//! it is looked up again, [counted](DatagramCounters::failed_lookups), and [named](Diagnosis::unresolved) when something
//! is wrong. An address that a name stands for counts only once the node has echoed a challenge there, and one at which the
//! node answers goes on being used, whatever a name server says.
//!
//! # Bounds
//!
//! Nobody who cannot show to receive at an address has a program at that address sent more than came from there: a
//! source that is new, also of a member, is sent a challenge, and no more bytes than came, until it has echoed the
//! challenge. The same goes for strangers, which may ask, without keys. And, without keys, the
//! addresses that a datagram tells of are together sent as many bytes as the datagram had, and beyond that one datagram
//! for each node now and then, at intervals that grow up to 30 s.
//!
//! A node that does not answer for a second is written to more rarely, so that what the system keeps for all such nodes
//! takes half of the socket's buffer at most: machines that are gone from a subnet cannot keep datagrams from others.
//! What is for silent nodes goes out behind all else. Use a socket that does not block.
//!
//! Whatever comes in, the memory of an endpoint stays below a constant for each configured peer and each node
//! that the election sends to, and, with keys, for each of the 1,024 nodes that the seal remembers. One call
//! of [`handle_datagram`](Endpoint::handle_datagram) puts out at most one datagram, one of
//! [`send`](Endpoint::send) at most one for each of the nineteen addresses that a node may have here, and one of
//! [`handle_timeout`](Endpoint::handle_timeout) at most five for each of these.

mod address;
mod address_book;
mod advertisements;
mod candidate;
mod candidates;
mod confirmation;
mod counters;
mod datagram;
mod evidence;
mod incoming;
mod leader_address;
mod names;
mod news;
pub mod operator;
mod outgoing;
mod own_addresses;
mod pacing;
mod question;
mod requests;
mod sealed_datagram;
mod sealing;

use core::net::SocketAddr;
use std::fmt;
use std::mem;
use std::prelude::rust_2024::*;

use rand_core::TryCryptoRng;

use self::address_book::AddressBook;
use self::advertisements::Advertisements;
use self::confirmation::Confirmation;
use self::evidence::Evidence;
use self::incoming::{Requester, Unsettled};
use self::names::Names;
use self::news::{Allowance, News};
use self::own_addresses::OwnAddresses;
use self::requests::Requests;
use self::sealing::Sealing;
use super::diagnostics::Diagnostics;
use super::seal::{Keyring, MAX_SEALED};
use crate::diagnosis::Diagnosis;
use crate::event::Event;
use crate::types::{ClusterId, Leader, NodeId, Timestamp};

pub use self::address::UnusableAddress;
#[cfg(any(feature = "udp", feature = "tokio-udp"))]
pub(super) use self::address::{check, is_usable};
pub use self::counters::DatagramCounters;
pub use self::leader_address::LeaderAddress;
pub use self::names::MAX_ANSWERS;
pub use self::question::Question;
pub use super::node_view::NodeView;
pub use super::peer_address::{PeerAddress, PeerAddressError, PeerName};

/// A datagram to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transmit {
    /// The address to send it to.
    pub to: SocketAddr,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// The datagrams of one node: see the [module](self).
///
/// `R` is the source of the seal's randomness, as of [`Seal`](crate::adapters::seal::Seal); without keys it is
/// not used.
pub struct Endpoint<I, R> {
    id: I,
    /// A voter that has no machine.
    register_voter: Option<I>,
    cluster: ClusterId,
    sealing: Sealing<I, R>,
    book: AddressBook<I>,
    names: Names<I>,
    confirmation: Confirmation,
    own: OwnAddresses,
    /// When the endpoint was last called.
    now: Timestamp,
    /// What goes out behind all else.
    deferred: Vec<Transmit>,
    /// The leader, the members and the nodes that the election sends to, as it was observed last.
    leader: Option<Leader<I>>,
    members: Vec<I>,
    recipients: Vec<I>,
    /// The leader that a follower has named, while this node knows none.
    referred: Option<I>,
    /// The message that was handed out last, whose step may bring the membership that its addresses go with.
    unsettled: Option<Unsettled<I>>,
    requester: Option<Requester<I>>,
    requests: Requests<I>,
    advertisements: Advertisements<I>,
    counters: DatagramCounters,
    news: News<I>,
    diagnostics: Diagnostics<I>,
    evidence: Evidence<I>,
    next_announcement: Timestamp,
    next_maintenance: Timestamp,
    /// Whether the book may have nodes that it has no need of any more. They are not forgotten at once, since what
    /// the last step sends them is still to come.
    has_strangers: bool,
    /// The addresses that were reported last.
    reported: Vec<(I, SocketAddr)>,
    reports: Allowance,
}

impl<I: NodeId, R: TryCryptoRng> Endpoint<I, R> {
    /// The length of a buffer to receive into: one byte more than the longest datagram, to tell a longer one.
    pub const BUFFER: usize = MAX_SEALED + 1;

    /// The endpoint of node `id` of group `cluster`, which seals its datagrams if there are `keys`. All nodes
    /// of a group have keys, or none.
    ///
    /// # Errors
    /// The generator's own, if it has no randomness to give.
    pub fn new(id: I, cluster: ClusterId, keys: Option<Keyring>, mut rng: R) -> Result<Self, R::Error> {
        let confirmation = Confirmation::new(&mut rng)?;
        let requests = Requests::new(&mut rng)?;
        let advertisements = Advertisements::new(&mut rng)?;
        Ok(Endpoint {
            id,
            register_voter: None,
            cluster,
            sealing: Sealing::new(id, cluster, keys, rng)?,
            book: AddressBook::new(),
            names: Names::new(),
            confirmation,
            own: OwnAddresses::default(),
            now: Timestamp::ORIGIN,
            deferred: Vec::new(),
            leader: None,
            members: Vec::new(),
            recipients: Vec::new(),
            referred: None,
            unsettled: None,
            requester: None,
            requests,
            advertisements,
            counters: DatagramCounters::default(),
            news: News::new(),
            diagnostics: Diagnostics::new(None),
            evidence: Evidence::new(),
            next_announcement: Timestamp::ORIGIN,
            next_maintenance: Timestamp::ORIGIN,
            has_strangers: false,
            reported: Vec::new(),
            reports: Allowance::new(),
        })
    }

    /// Voter `id` is in a register, and has no machine: nothing is sent to it, nobody looks for its address, and datagrams
    /// that claim to be from it are dropped. To be called before anything else.
    pub fn expect_register_voter(&mut self, id: I) {
        self.register_voter = Some(id);
        self.diagnostics = Diagnostics::new(Some(id));
    }

    /// Whether `id` is on another machine, as far as this endpoint knows.
    fn is_elsewhere(&self, id: I) -> bool {
        id != self.id && self.register_voter != Some(id)
    }

    /// The socket is bound to `local`: what is to be sent is given in the form that this socket takes, IPv4 addresses
    /// mapped if it is one of IPv6, and a leader that is asked where it is knows its address.
    pub fn bind(&mut self, local: SocketAddr) {
        self.own.bind(local);
    }

    /// The send buffer of the socket has so many bytes, by the system's own count. Nodes that do not answer are
    /// written to so seldom that what waits for them takes half of it at most. 212,992 unless told otherwise.
    pub fn set_send_buffer(&mut self, bytes: usize) {
        self.book.set_send_buffer(bytes);
    }

    /// Node `id` is at `address`, as far as the program knows; where the node answers counts more. Of each node the
    /// last four addresses are kept, and never forgotten. Give all that may be right: those of a file of
    /// configuration, and those that were [learned](Self::addresses) before a restart.
    ///
    /// # Errors
    /// [`UnusableAddress`] if no node can be there: the address is unspecified, one of several machines, or one of a link
    /// (`fe80::1`) that does not name the link (`fe80::1%2`), or its port is 0.
    pub fn configure(&mut self, id: I, address: SocketAddr) -> Result<(), UnusableAddress> {
        address::check(address)?;
        if self.is_elsewhere(id) {
            self.book.configure(id, address);
        }
        Ok(())
    }

    /// Node `id` is at `address` now: a newcomer, or a member that the program has seen. Addresses are kept
    /// only of configured peers and of nodes that the election sends to, so introduce a newcomer after
    /// [`observe`](Self::observe) has shown the step that makes it one, and before its messages are sent.
    ///
    /// # Errors
    /// [`UnusableAddress`], as of [`configure`](Self::configure).
    pub fn introduce(&mut self, id: I, address: SocketAddr, now: Timestamp) -> Result<(), UnusableAddress> {
        address::check(address)?;
        if self.is_admitted(id) {
            self.book.introduce(id, address, now);
        }
        Ok(())
    }

    /// Uses other keys from now on: see [`Keyring`] on how to rotate. Returns whether there is a seal to use
    /// them.
    pub fn set_keys(&mut self, keys: Keyring) -> bool {
        self.sealing.set_keys(keys)
    }

    /// Shows the endpoint what a step or a tick has changed: call it after each, before the outputs are acted
    /// on. Do not handle the next datagram before the outputs were acted on: the answers to other programs
    /// would speak of what is not durable yet. Only an operator's request for the status need not wait
    /// ([`take_status_request`](Self::take_status_request)).
    pub fn observe(&mut self, node: &NodeView<'_, I>) {
        self.watch(node);
        self.sealing.set_life(node.life);
        self.leader = node.leader;
        if self.leader.is_some() && self.referred.take().is_some() {
            self.has_strangers = true;
        }
        let register_voter = self.register_voter;
        let is_on_a_machine = |id: &&I| register_voter != Some(**id);
        self.members.clear();
        self.members.extend(node.members().iter().filter(is_on_a_machine));
        if !self.recipients.iter().eq(node.recipients().iter().filter(is_on_a_machine)) {
            self.recipients.clear();
            self.recipients.extend(node.recipients().iter().filter(is_on_a_machine));
            self.next_maintenance = Timestamp::ORIGIN;
            self.has_strangers = true;
        }
        self.settle();
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due; `None` if nothing is to be done before the next
    /// datagram.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let review = self.diagnostics.deadline();
        if self.book.is_empty() {
            return review;
        }
        if !self.deferred.is_empty() {
            return Some(self.now);
        }
        let announcement = self.leader.is_none().then_some(self.next_announcement);
        let advertisement = self.advertisements.deadline();
        let maintenance = Some(self.next_maintenance);
        let dues = [announcement, maintenance, advertisement, review, self.names.deadline()];
        dues.into_iter().flatten().min()
    }

    /// The leader and its address, as far as this node knows; no address if it is this node itself.
    #[must_use]
    pub fn leader(&self) -> Option<LeaderAddress<I>> {
        let Leader { id, term } = self.leader?;
        let (address, advertised) = (self.book.address(id), self.advertised(id));
        Some(LeaderAddress { cluster: self.cluster, id, term, address, advertised })
    }

    /// The address of `id`, if it is known.
    #[must_use]
    pub fn address(&self, id: I) -> Option<SocketAddr> {
        self.book.address(id)
    }

    /// The known addresses of the other members: worth saving for the next start.
    #[must_use]
    pub fn addresses(&self) -> Vec<(I, SocketAddr)> {
        self.member_addresses().collect()
    }

    fn member_addresses(&self) -> impl Iterator<Item = (I, SocketAddr)> {
        self.members.iter().filter_map(|&id| Some((id, self.book.address(id)?)))
    }

    /// The known addresses of all nodes: members, nodes that are about to become members, and configured peers.
    #[must_use]
    pub fn known_addresses(&self) -> Vec<(I, SocketAddr)> {
        self.book.addresses().collect()
    }

    /// Takes the [`addresses`](Self::addresses), if they have changed since they were taken last. However often they
    /// change, they are given out no more than eight times at once, and twice a minute in the long run: somebody who
    /// leads the datagrams of a node through ever other addresses must not have the program write to its disk each time.
    pub fn poll_addresses(&mut self) -> Option<Vec<(I, SocketAddr)>> {
        if self.member_addresses().eq(self.reported.iter().copied()) || !self.reports.take(self.now) {
            return None;
        }
        let addresses = self.addresses();
        self.reported.clone_from(&addresses);
        Some(addresses)
    }

    /// Takes the next event that the election does not see: datagrams of another group, two processes of one node, a
    /// leader that is lost, what keeps the node from its work.
    pub fn poll_event(&mut self) -> Option<Event<I>> {
        self.news.take().or_else(|| self.diagnostics.poll_event())
    }

    /// What has kept the node from its work for seconds, if anything has. [`Event::Diagnosed`] has said so, unless it
    /// was said of late.
    #[must_use]
    pub fn diagnosis(&self, now: Timestamp) -> Option<Diagnosis<I>> {
        self.diagnostics.current(now)
    }

    /// What came and went.
    #[must_use]
    pub fn counters(&self) -> DatagramCounters {
        DatagramCounters { refused: self.sealing.refused(), ..self.counters }
    }

    /// Counts what became of a datagram that the program was to send. If the system refused it because of its length,
    /// [report](Self::report_too_long) that too.
    pub fn count_transmit<T, E>(&mut self, result: &Result<T, E>) {
        let sent = result.is_ok();
        self.counters.count(|counters| if sent { &mut counters.sent } else { &mut counters.send_errors });
    }

    /// Counts a datagram that came while a state was written, and that there was no room for until then.
    pub fn count_overflow(&mut self) {
        self.counters.count(|counters| &mut counters.overflowed);
    }

    /// Counts an error of the socket while it was listened to.
    pub fn count_receive_error(&mut self) {
        self.counters.count(|counters| &mut counters.receive_errors);
    }

    /// Whether `id` may have an address here.
    fn is_admitted(&self, id: I) -> bool {
        let is_recipient = self.recipients.binary_search(&id).is_ok() || self.referred == Some(id);
        (is_recipient || self.book.is_configured(id)) && self.is_elsewhere(id)
    }

    /// Forgets the addresses of nodes that this node has nothing to do with any more.
    fn forget_strangers(&mut self) {
        if !mem::take(&mut self.has_strangers) {
            return;
        }
        let recipients = mem::take(&mut self.recipients);
        let is_needed = |id| recipients.binary_search(&id).is_ok() || self.referred == Some(id);
        self.book.retain(is_needed);
        let book = &self.book;
        self.advertisements.retain(|id| is_needed(id) || book.is_configured(id));
        self.recipients = recipients;
    }
}

impl<I: NodeId, R> fmt::Debug for Endpoint<I, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("id", &self.id)
            .field("leader", &self.leader)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

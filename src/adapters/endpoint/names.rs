//! The names of nodes: when they are looked up, and what becomes of the answers.
//!
//! A name is looked up at the start, and again while a node that it is for is *missing*: it leaves what is sent to it
//! unanswered, or has no address at all. Which node is at an address that a name stands for, only that node can show, so
//! the answers are candidates like all addresses. A name server that is wrong, or somebody's, costs time, and some
//! datagrams to addresses where nobody answers.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::VecDeque;
use std::prelude::rust_2024::*;

use rand_core::TryCryptoRng;

use super::address::{canonical, for_socket, is_usable};
use super::{Endpoint, PeerAddress, PeerName, UnusableAddress};
use crate::types::{NodeId, Timestamp};

/// How many addresses of one answer are used. Not all at once: a node has room for a few.
pub const MAX_ANSWERS: usize = 64;

/// How many addresses a node has from all of its names together, at any time, and how many names.
pub(super) const MOST_RESOLVED: usize = 8;
const MOST_NAMES: usize = 4;

/// How soon a name is looked up again at the earliest, at first and at last. Each look-up doubles the pause, until the
/// nodes that the name is for are heard.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(10);

/// How often it is asked which nodes are missing, and how much later that may be, so that a node at rest need not be woken
/// for it: a heartbeat is there before.
const REVIEW_EVERY: Duration = Duration::from_millis(100);
const REVIEW_SLACK: Duration = Duration::from_millis(50);

/// How many look-ups are under way at once, those not counted that take so long that they seem to hang. Of one name
/// there is one at a time, so that there are never more than names.
const AT_ONCE: usize = 16;
const HANGS_AFTER: Duration = Duration::from_secs(10);

/// The names that the program gave.
pub(super) struct Names<I> {
    all: Vec<Named<I>>,
    next_review: Timestamp,
    /// The names that the program is to look up.
    wanted: VecDeque<PeerName>,
}

struct Named<I> {
    name: PeerName,
    /// The nodes that the program says to be there.
    ids: Vec<I>,
    /// What the name stands for, as of the last answer that had any addresses.
    addresses: Vec<SocketAddr>,
    look_up: LookUp,
    pause: Duration,
    /// How many addresses of the answers were passed over so far, since there was no room for them.
    passed: usize,
    /// Whether the last answer had no address that can be used.
    is_unresolved: bool,
}

#[derive(Clone, Copy)]
enum LookUp {
    /// None yet, or the program has given the name again.
    Due,
    UnderWay {
        since: Timestamp,
    },
    Done {
        at: Timestamp,
    },
}

/// What is known of the nodes that a name is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whereabouts {
    /// One of them is missing.
    Missing,
    /// All of them are heard.
    Heard,
    /// Some of them are not written to.
    Unknown,
}

impl<I: NodeId> Names<I> {
    pub(super) fn new() -> Self {
        Names { all: Vec::new(), next_review: Timestamp::ORIGIN, wanted: VecDeque::new() }
    }

    /// Node `id` has this name too. Of each node the last names are kept.
    fn give(&mut self, id: I, name: PeerName) {
        self.next_review = Timestamp::ORIGIN;
        let known = self.all.iter().position(|named| named.name == name);
        let mut named = match known.map(|index| self.all.remove(index)) {
            Some(named) => named,
            None => Named::new(name),
        };
        if let LookUp::Done { .. } = named.look_up {
            (named.look_up, named.pause) = (LookUp::Due, FIRST_PAUSE);
        }
        if !named.ids.contains(&id) {
            named.ids.push(id);
        }
        self.all.push(named);
        let of_node = self.all.iter_mut().filter(|named| named.ids.contains(&id));
        for oldest in of_node.rev().skip(MOST_NAMES) {
            oldest.ids.retain(|&other| other != id);
        }
        self.all.retain(|named| !named.ids.is_empty());
    }

    /// When the nodes are to be asked after at the latest.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let is_new = self.next_review == Timestamp::ORIGIN;
        let slack = if is_new { Duration::ZERO } else { REVIEW_SLACK };
        (!self.all.is_empty()).then_some(self.next_review.saturating_add(slack))
    }

    fn is_review_due(&self, now: Timestamp) -> bool {
        !self.all.is_empty() && now >= self.next_review
    }

    /// Finds out which names are to be looked up, by the `whereabouts` of each node.
    fn review(&mut self, now: Timestamp, whereabouts: impl Fn(I) -> Whereabouts) {
        self.next_review = now.saturating_add(REVIEW_EVERY);
        for named in &mut self.all {
            let of_nodes = || named.ids.iter().map(|&id| whereabouts(id));
            if of_nodes().all(|node| node == Whereabouts::Heard) {
                named.pause = FIRST_PAUSE;
            }
            let is_missing = of_nodes().any(|node| node == Whereabouts::Missing);
            named.renew(is_missing, now);
            if named.is_due() && !self.wanted.contains(&named.name) {
                self.wanted.push_back(named.name.clone());
            }
        }
    }

    /// Takes a name that is to be looked up now.
    fn take(&mut self, now: Timestamp) -> Option<PeerName> {
        let is_alive = |since: Timestamp| now.saturating_duration_since(since) < HANGS_AFTER;
        let under_way =
            self.all.iter().filter(|it| matches!(it.look_up, LookUp::UnderWay { since } if is_alive(since)));
        if under_way.count() >= AT_ONCE {
            return None;
        }
        let name = self.wanted.pop_front()?;
        if let Some(named) = self.find(&name) {
            named.look_up = LookUp::UnderWay { since: now };
        }
        Some(name)
    }

    /// The look-up of `name` has ended. Returns the nodes that have the name; `None` if none was under way.
    fn complete(&mut self, name: &PeerName, mut answer: Vec<SocketAddr>, now: Timestamp) -> Option<Vec<I>> {
        let named = self.find(name).filter(|named| matches!(named.look_up, LookUp::UnderWay { .. }))?;
        named.look_up = LookUp::Done { at: now };
        named.is_unresolved = answer.is_empty();
        if answer.len() > MOST_RESOLVED {
            let start = named.passed.checked_rem(answer.len()).unwrap_or(0);
            named.passed = start.saturating_add(MOST_RESOLVED);
            answer.rotate_left(start);
        }
        if !answer.is_empty() {
            named.addresses = answer;
        }
        Some(named.ids.clone())
    }

    /// The addresses that the names of `id` stand for: of each name as many.
    fn addresses(&self, id: I) -> Vec<SocketAddr> {
        let of_node =
            || self.all.iter().filter(|named| named.ids.contains(&id) && !named.addresses.is_empty());
        let share = MOST_RESOLVED.checked_div(of_node().count()).unwrap_or(0);
        of_node().flat_map(|named| named.addresses.iter().take(share).copied()).collect()
    }

    /// Whether `id` has names, and none of them stands for an address.
    pub(super) fn is_unresolved(&self, id: I) -> bool {
        let mut of_node = self.all.iter().filter(|named| named.ids.contains(&id)).peekable();
        of_node.peek().is_some() && of_node.all(|named| named.is_unresolved)
    }

    fn find(&mut self, name: &PeerName) -> Option<&mut Named<I>> {
        self.all.iter_mut().find(|named| named.name == *name)
    }
}

impl<I> Named<I> {
    fn new(name: PeerName) -> Self {
        Named {
            name,
            ids: Vec::new(),
            addresses: Vec::new(),
            look_up: LookUp::Due,
            pause: FIRST_PAUSE,
            passed: 0,
            is_unresolved: false,
        }
    }

    /// Makes another look-up due if a node of the name is missing and the pause is over. The next pause is longer.
    fn renew(&mut self, is_missing: bool, now: Timestamp) {
        let is_over = |at: Timestamp| now.saturating_duration_since(at) >= self.pause;
        if is_missing && matches!(self.look_up, LookUp::Done { at } if is_over(at)) {
            self.look_up = LookUp::Due;
            self.pause = self.pause.saturating_mul(2).min(LAST_PAUSE);
        }
    }

    fn is_due(&self) -> bool {
        matches!(self.look_up, LookUp::Due)
    }
}

impl<I: NodeId, R: TryCryptoRng> Endpoint<I, R> {
    /// Node `id` is where `name` says, as far as the program knows; where the node answers counts more. Of each node the
    /// last four names are kept, and never forgotten. The name is looked up at once, and again while the node does not
    /// answer, at most four times a second, and ever more rarely, up to every ten seconds: by the program, which is told
    /// by [`poll_lookup`](Self::poll_lookup).
    pub fn configure_name(&mut self, id: I, name: PeerName) {
        if self.is_elsewhere(id) {
            self.book.name(id);
            self.names.give(id, name);
        }
    }

    /// Node `id` is there, as far as the program knows: as of [`configure`](Self::configure), or
    /// [`configure_name`](Self::configure_name).
    ///
    /// # Errors
    /// [`UnusableAddress`] if no node can be there.
    pub fn configure_peer(&mut self, id: I, address: PeerAddress) -> Result<(), UnusableAddress> {
        match address {
            PeerAddress::Address(address) => self.configure(id, address),
            PeerAddress::Name(name) => {
                self.configure_name(id, name);
                Ok(())
            }
        }
    }

    /// Takes a name that is to be looked up. Ask after each [`handle_timeout`](Self::handle_timeout), until there is none;
    /// look the name up on another thread, and say what it stands for by [`complete_lookup`](Self::complete_lookup). A
    /// look-up may take as long as it likes: until it ends, the name is not looked up again.
    ///
    /// ```
    /// use quorate::adapters::endpoint::{Endpoint, Transmit};
    /// use quorate::{ClusterId, Timestamp};
    /// # use rand_chacha::ChaCha20Rng;
    /// # use rand_chacha::rand_core::SeedableRng;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (now, rng) = (Timestamp::ORIGIN, ChaCha20Rng::seed_from_u64(1));
    /// let mut endpoint = Endpoint::new(1_u32, ClusterId(7), None, rng)?;
    /// endpoint.configure_name(2, "db-2.example:7000".parse()?);
    /// endpoint.handle_timeout(now, &mut Vec::<Transmit>::new());
    /// let name = endpoint.poll_lookup().expect("the first look-up");
    /// assert_eq!((name.host(), endpoint.poll_lookup()), ("db-2.example", None));
    /// // As another thread has found out:
    /// endpoint.complete_lookup(&name, Ok::<_, std::io::Error>(vec!["10.0.0.2:7000".parse()?]), now);
    /// assert_eq!(endpoint.address(2), Some("10.0.0.2:7000".parse()?));
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_lookup(&mut self) -> Option<PeerName> {
        let name = self.names.take(self.now)?;
        self.counters.count(|counters| &mut counters.lookups);
        Some(name)
    }

    /// A look-up that [`poll_lookup`](Self::poll_lookup) has asked for has ended. No more than eight addresses of a node
    /// are tried at a time, and if there are more, others the next time. If there is none, or the look-up has failed, the
    /// addresses of the answer before go on being tried. An answer that was not asked for is ignored.
    pub fn complete_lookup<E>(
        &mut self,
        name: &PeerName,
        answer: Result<Vec<SocketAddr>, E>,
        now: Timestamp,
    ) {
        self.now = now;
        let local = self.own.local();
        let can_reach = |&address: &SocketAddr| is_usable(address) && for_socket(local, address).is_some();
        let addresses = answer.unwrap_or_default().into_iter().take(MAX_ANSWERS).map(canonical);
        let mut usable: Vec<SocketAddr> = Vec::new();
        for address in addresses.filter(can_reach) {
            if !usable.contains(&address) {
                usable.push(address);
            }
        }
        let has_failed = usable.is_empty();
        let Some(ids) = self.names.complete(name, usable, now) else { return };
        if has_failed {
            self.counters.count(|counters| &mut counters.failed_lookups);
        }
        for id in ids {
            if self.book.resolve(id, &self.names.addresses(id), now) {
                // The node may be at one of these, and wait to hear of this one.
                (self.next_announcement, self.next_maintenance) = (now, now);
            }
        }
    }

    /// Finds out which names are to be looked up.
    pub(super) fn review_names(&mut self, now: Timestamp) {
        if self.names.is_review_due(now) {
            let book = &self.book;
            self.names.review(now, |id| {
                if book.is_missing(id, now) {
                    Whereabouts::Missing
                } else if book.is_arriving(id, now) {
                    Whereabouts::Heard
                } else {
                    Whereabouts::Unknown
                }
            });
        }
    }
}

//! A whole host on one thread and one UDP socket.
//!
//! [`Host::start`] runs an election: it receives, ticks, stores, sends. What is left to the
//! program is its work, done under [`Host::lease`]:
//!
//! ```no_run
//! use quorate::adapters::seal::Keyring;
//! use quorate::adapters::store::Store;
//! use quorate::adapters::udp::{Host, HostConfig};
//! use quorate::{ClusterId, Config, HardState};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let first = HardState::bootstrap(ClusterId(7), [1_u32, 2, 3])?;
//! let mut store = Store::create("node-1", &first)?; // the first time; Store::open ever after
//! let config = HostConfig::new(Config::new(1), "10.0.0.1:7000".parse()?)
//!     .sealed(Keyring::read("group.key")?)
//!     .peer(2, "10.0.0.2:7000".parse()?)
//!     .peer(3, "10.0.0.3:7000".parse()?);
//! let host = Host::start(config, first, move |state| store.save(state))?;
//!
//! while host.failure().is_none() {
//!     if let Some(lease) = host.lease() {
//!         // One piece of work, done by `lease.until` and stamped with `lease.term`.
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The host's contract, and how it is kept here:
//!
//! 1. *Act on outputs in order.* What follows a state to be stored waits until the store returns;
//!    if it fails, the host stops and says so. What follows a step-down waits until
//!    [`Host::lease`] gives none and every watcher knows.
//! 2. *Receive, then read the clock, tick and step.*
//! 3. *Work under a lease.* [`Host::lease`] reads a fresh clock and waits for no disk; watchers
//!    ([`Host::watch`]) are told by a thread of their own. [`Host::run_while_leader`] runs work that
//!    asks.
//!
//! # Addresses
//!
//! Addresses travel with the membership. A host is given those of some peers at its start
//! ([`HostConfig::peers`]), and those of newcomers by [`Host::reconfigure`] and
//! [`Host::discovered`]. Where a member is heard is where it is; members tell each other where they
//! know the others to be, and how long ago that was true, and what was seen last counts. So
//!
//! - a newcomer needs no peers: the leader writes to it, and every member learns where it is with
//!   the membership that has it, so that it is reached also if that leader dies at once;
//! - a member may move to another address, if it is told that of one member at its start: whoever
//!   is silent is tried wherever it was said to be, and who hears it tells the others;
//! - a new node may be where a lost one was: a message names its receiver, and to others it says
//!   nothing;
//! - of nodes that are neither members, nor to become members, nor configured, no address is kept.
//!   A removed one is forgotten once it has been told; it is answered where it asks from.
//!
//! Addresses are not part of the durable state, for they are no part of what must be agreed on: a
//! wrong or lost one costs time, never safety. A host that restarts is found by any member that is
//! still up. But should **all** restart at once, each must be told where another one is: where
//! members come and go, save what [`Notice::Addresses`] says, and give it back as
//! [`HostConfig::peers`] (`examples/node.rs` does).
//!
//! # Members that go
//!
//! [`Event::Removed`](crate::Event::Removed) and [`Event::StateLost`](crate::Event::StateLost) are
//! reported like all news, and the host runs on: a removed node goes on telling who asks what the
//! members are, and one that lost its state does no harm. The program stops either when it likes.
//!
//! # Security
//!
//! With [keys](HostConfig::sealed) datagrams are [sealed](crate::adapters::seal): only nodes of the group
//! can read them, and nothing counts that others made, altered or sent again. Without, whoever can send
//! to the port can forge them; so a host that is not told to do [without](HostConfig::unsealed) starts only
//! on a loopback address. The page [`guide::security`](crate::guide::security) says against whom that
//! helps, and how to make, spread and change keys. All of a group have keys, or none.

pub(super) mod book;
mod commands;
pub(super) mod cover;
pub(super) mod datagram;
mod errors;
mod events;
mod inbox;
mod leases;
pub(super) mod post;
mod query;
pub(super) mod run;
mod settings;
pub(super) mod socket;
mod work;

use std::boxed::Box;
use std::error::Error;
use std::fmt;
use std::net::{SocketAddr, UdpSocket};
use std::prelude::rust_2024::*;
use std::sync::mpsc::{Sender, SyncSender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::cover::Cover;
use self::leases::Leases;
use self::run::Runner;
use crate::adapters::clock::BootClock;
use crate::adapters::random;
use crate::adapters::seal::{Keyring, Refused};
use crate::election::Election;
use crate::hard_state::HardState;
use crate::io::{Input, Lease};
use crate::rejection::Rejection;
use crate::status::Status;
use crate::types::{ClusterId, NodeId, Term};

pub use self::errors::{CommandError, HostFailure, StartError};
pub use self::events::{Events, Notice};
pub use self::query::{QueryError, who_leads, who_leads_sealed};
pub use self::settings::{HostConfig, Protection};
pub use self::work::{Stopped, Worker};

/// A leader, and where it is.
///
/// Non-exhaustive: a later version may know more. Only hosts make one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct LeaderAddress<I> {
    /// Its group.
    pub cluster: ClusterId,
    /// Its id.
    pub id: I,
    /// The term it leads.
    pub term: Term,
    /// Its address, if whoever was asked knows one that means something to the asker.
    pub address: Option<SocketAddr>,
}

impl<I: fmt::Debug> fmt::Display for LeaderAddress<I> {
    /// `node 3 in term 7 at 10.0.0.1:7000`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {:?} in term {} at ", self.id, self.term)?;
        match self.address {
            Some(address) => write!(f, "{address}"),
            None => f.write_str("an unknown address"),
        }
    }
}

/// What came and went, since the start.
///
/// Non-exhaustive: a later version may count more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Messages of this group that were handed to the election.
    pub received: u64,
    /// Datagrams sent.
    pub sent: u64,
    /// Questions about the leader that were answered.
    pub answered: u64,
    /// Of those received, messages of nodes that are neither members nor configured peers.
    pub strangers: u64,
    /// Messages of another group. The election is told, and ignores them.
    pub foreign: u64,
    /// Refused: longer than any datagram of ours, if they are not sealed.
    pub oversized: u64,
    /// Refused: truncated, of another version, or no datagram of ours at all; of sealed ones only those
    /// that somebody with the key has made.
    pub undecodable: u64,
    /// Refused: messages in the name of this node.
    pub namesakes: u64,
    /// Refused: messages to another node, which once was where this one is now.
    pub misdirected: u64,
    /// Refused: questions about the leader that are shorter than their answer.
    pub short_questions: u64,
    /// Messages that were not sent, because nobody knows where their receiver is.
    pub unroutable: u64,
    /// Datagrams that the system did not take.
    pub send_errors: u64,
    /// Errors of the socket while it was listened to; none of them ends the host.
    pub receive_errors: u64,
    /// What the seal refused. Of a flood, the part that the system had room for.
    pub refused: Refused,
}

/// A running host. Dropping it resigns, if it leads, and stops it.
#[derive(Debug)]
pub struct Host<I: NodeId> {
    shared: Arc<Shared<I>>,
    commands: Sender<Command<I>>,
    local: SocketAddr,
    wake: UdpSocket,
    thread: Option<JoinHandle<()>>,
}

/// What the host's thread is asked to do.
#[derive(Debug)]
enum Command<I> {
    Step {
        input: Input<I>,
        /// Where the nodes are that it is about.
        addresses: Vec<(I, SocketAddr)>,
        reply: SyncSender<Result<(), Rejection<I>>>,
    },
    SetKeys {
        keys: Keyring,
        /// Whether there is a seal.
        reply: SyncSender<bool>,
    },
    Stop,
}

/// What the host's thread shows.
struct Shared<I> {
    clock: BootClock,
    leases: Leases,
    events: Events<I>,
    view: Mutex<View<I>>,
}

#[derive(Clone, Debug)]
struct View<I> {
    status: Status<I>,
    leader: Option<LeaderAddress<I>>,
    addresses: Vec<(I, SocketAddr)>,
    counters: Counters,
    failure: Option<HostFailure>,
}

impl<I: NodeId + Serialize + DeserializeOwned + Send + 'static> Host<I> {
    /// Starts a node, from its durable state and the means to store the next. `save` returns when
    /// the state is durable; [`Store::save`](crate::adapters::store::Store::save) does.
    ///
    /// # Errors
    /// [`StartError`], if it cannot listen, or is configured wrongly.
    pub fn start<E>(
        config: HostConfig<I>,
        saved: HardState<I>,
        mut save: impl FnMut(&HardState<I>) -> Result<(), E> + Send + 'static,
    ) -> Result<Self, StartError>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let listen = |source| StartError::Listen { address: config.listen, source };
        let open = matches!(config.protection, Protection::OnlyLoopback);
        if open && !config.listen.ip().is_loopback() {
            return Err(StartError::Unsealed { address: config.listen });
        }
        let cover = Cover::new(config.config.id, config.protection).map_err(StartError::Seed)?;
        let socket = UdpSocket::bind(config.listen).map_err(listen)?;
        self::socket::enlarge(&socket);
        let (local, wake) = (socket.local_addr().map_err(listen)?, socket.try_clone().map_err(listen)?);
        let clock = BootClock::new();
        let rng = random::generator().map_err(StartError::Seed)?;
        let election = Election::new(config.config, saved, clock.now(), rng)?;
        let view = View {
            status: election.status(),
            leader: None,
            addresses: Vec::new(),
            counters: Counters::default(),
            failure: None,
        };
        let shared = Arc::new(Shared {
            clock,
            leases: Leases::new(clock, config.margin),
            events: Events::new(),
            view: Mutex::new(view),
        });
        let (commands, orders) = channel();
        let save = Box::new(move |state: &HardState<I>| save(state).map_err(Into::into));
        let runner =
            Runner::new(election, (socket, local), cover, &config.peers, save, Arc::clone(&shared), orders);
        let watched = Arc::clone(&shared);
        let watchers = spawn("quorate-lease", move || watched.leases.watch())?;
        let thread = spawn("quorate-udp", move || runner.run(watchers));
        if thread.is_err() {
            shared.leases.close();
        }
        Ok(Host { shared, commands, local, wake, thread: Some(thread?) })
    }

    /// The permission to act as leader, if there is one at this moment. Asked for afresh before
    /// each piece of work; the answer waits for nothing.
    #[must_use]
    pub fn lease(&self) -> Option<Lease> {
        self.shared.leases.get()
    }

    /// Has `watcher` called with each lease as it begins or grows, and with `None` as it ends
    /// ([`HostConfig::margin`] before that instant, if it ends by itself). A watcher that is told
    /// `None` has stopped acting as leader when it returns: until then nobody else is let in.
    ///
    /// Watchers run one after another on a thread of their own. They must be quick, and must not
    /// stop or drop the host.
    pub fn watch(&self, watcher: impl FnMut(Option<Lease>) + Send + 'static) {
        self.shared.leases.add(Box::new(watcher));
    }

    /// Who leads, as far as this node knows.
    #[must_use]
    pub fn leader(&self) -> Option<LeaderAddress<I>> {
        self.shared.view().leader
    }

    /// All there is to know about the node, as of the last thing it did.
    #[must_use]
    pub fn status(&self) -> Status<I> {
        self.shared.view().status
    }

    /// Where the other members are, as far as is known: what [`Notice::Addresses`] said last.
    #[must_use]
    pub fn addresses(&self) -> Vec<(I, SocketAddr)> {
        self.shared.update(|view| view.addresses.clone())
    }

    /// What came and went.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.view().counters
    }

    /// The news. At most 1,024 unread notices are kept.
    #[must_use]
    pub fn events(&self) -> Events<I> {
        self.shared.events.clone()
    }

    /// Why the host has stopped, if it has. It is also the last of its [`events`](Self::events).
    #[must_use]
    pub fn failure(&self) -> Option<HostFailure> {
        self.shared.view().failure
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Resigns at once, if it leads, and stops. Returns when the lease is withdrawn, the socket
    /// closed and the store dropped.
    ///
    /// # Errors
    /// [`HostFailure`] if it had failed before.
    pub fn shutdown(mut self) -> Result<(), HostFailure> {
        self.stop();
        self.failure().map_or(Ok(()), Err)
    }
}

impl<I: NodeId> Host<I> {
    /// Hands the thread a command, and wakes it with an empty datagram to itself. Should that get
    /// lost, the thread looks again soon.
    fn order(&self, command: Command<I>) -> Result<(), CommandError<I>> {
        self.commands.send(command).map_err(|_| CommandError::Stopped)?;
        let _looks_again_soon = self.wake.send_to(&[], socket::own_address(self.local));
        Ok(())
    }

    fn stop(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _already_stopped = self.order(Command::Stop);
            let _reported_as_failure = thread.join();
        }
    }
}

impl<I: NodeId> Drop for Host<I> {
    fn drop(&mut self) {
        self.stop();
    }
}

impl<I: NodeId> Shared<I> {
    fn view(&self) -> View<I> {
        self.update(|view| view.clone())
    }

    /// Every change of the view is whole, so a poisoned lock does no harm.
    fn update<T>(&self, change: impl FnOnce(&mut View<I>) -> T) -> T {
        change(&mut self.view.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<I: fmt::Debug> fmt::Debug for Shared<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("view", &self.view).finish_non_exhaustive()
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    thread::Builder::new().name(name.into()).spawn(body).map_err(StartError::Thread)
}

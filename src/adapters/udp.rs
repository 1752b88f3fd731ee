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
//!    if that fails, the host stops and says so. What follows a step-down waits until
//!    [`Host::lease`] returns none and every watcher knows.
//! 2. *Receive, then read the clock, tick and step.*
//! 3. *Work under a lease.* [`Host::lease`] reads a fresh clock and waits for no disk; watchers
//!    ([`Host::watch`]) are told by a thread of their own. [`Host::run_while_leader`] runs work that
//!    asks.
//!
//! # Addresses
//!
//! Addresses travel with the membership: see the [endpoint](crate::adapters::endpoint#addresses). A host is
//! given the addresses of some peers at its start ([`HostConfig::peers`]), or their names, others while it runs
//! ([`Host::introduce`]), and the addresses of newcomers by [`Host::reconfigure`] and [`Host::discovered`]. A name is
//! looked up on a thread of its own, at the start and while its node does not answer: see
//! [names](crate::adapters::endpoint#names). Where members come and go, save what
//! [`Notice::Addresses`] says, and give it back as [`HostConfig::peers`] (`quorate node` does): should all
//! hosts restart at once, each must be told the address of another one.
//!
//! # Members that go
//!
//! [`Event::Removed`](crate::Event::Removed) and [`Event::StateLost`](crate::Event::StateLost) are
//! reported like all news, and the host runs on: a removed node goes on answering, and tells what the
//! members are, and a node that lost its state recovers it from the others. The program stops either when it likes.
//!
//! # Nothing stored
//!
//! [`Host::start_in`] runs a node whose state is in a folder, at its first start, at each later one, and after its disk
//! was wiped. [`Host::start_volatile`] runs a node without storage: a container without a volume, a machine without a
//! disk. Both come back under their old id.
//!
//! # A register
//!
//! With `HostConfig::register` (feature `register`) the host speaks for a voter whose state is in a register: see
//! `adapters::register`. What the node sends to that voter never goes to the network, nobody looks for its address, and
//! datagrams that claim to be from it are dropped and [counted](DatagramCounters::from_register_voter). Calls of the
//! register run on a thread of their own, one at a time, and hold nothing up: one that takes too long is given up, and what
//! comes of it later is not used. `Host::register_status` shows the agent, `Notice::Register` its news, and
//! `Host::record_position` has the register hold how far the data of a leader reach. A client that panics is not called
//! again, and the voter is silent from then on. A host that stops waits 200 ms for a call that is under way.
//!
//! # Security
//!
//! With [keys](HostConfig::sealed) datagrams are [sealed](crate::adapters::seal): only nodes of the group
//! can read them, and datagrams that others made, altered or sent again are refused. Without keys, every
//! machine that can send to the port can forge them; so a host that is not told to do
//! [without](HostConfig::unsealed) starts only on a loopback address. The page
//! [`guide::security`](crate::guide::security) says against whom this helps, and how to make, spread and
//! change keys. All hosts of a group have keys, or none.

mod attending;
mod closed;
mod commands;
mod deployed;
mod errors;
mod events;
mod host_thread;
#[cfg(feature = "metrics")]
mod metrics;
mod names;
mod node;
mod operator;
#[cfg(feature = "probes")]
mod probes;
mod query;
#[cfg(feature = "record")]
mod record;
#[cfg(feature = "register")]
mod register;
mod requests;
mod run_while_leader;
mod settings;
mod shared;
mod waker;
mod without_storage;
mod writing;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::prelude::rust_2024::*;
use std::sync::mpsc::{Sender, SyncSender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::vec;

use rand_xoshiro::rand_core::SeedableRng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::host_thread::HostThread;
use self::names::look_up_for;
use self::node::Node;
use self::shared::Shared;
use self::waker::{Waker, own_address};
use crate::adapters::actions::Actions;
#[cfg(feature = "record")]
use crate::adapters::attendant::Attendant;
use crate::adapters::attendant::Called;
use crate::adapters::backlog::Backlog;
use crate::adapters::clock::BootClock;
use crate::adapters::departure::Departure;
use crate::adapters::disk::{Disk, Written};
use crate::adapters::endpoint::Endpoint;
use crate::adapters::lease_watch::Watcher;
use crate::adapters::random::JitterRng;
use crate::adapters::seal::{Keyring, SystemRng};
use crate::adapters::timer::{Legs, Precision};
#[cfg(feature = "tracing")]
use crate::adapters::trace::Spans;
use crate::adapters::upkeep::Upkeep;
use crate::adapters::{Advertised, random, socket};
use crate::config::Memory;
use crate::election::Election;
use crate::hard_state::HardState;
use crate::io::{Input, Lease};
use crate::rejection::Rejection;
use crate::status::Status;
#[cfg(feature = "register")]
use crate::types::Position;
use crate::types::{NodeId, Term};

pub use self::closed::Closed;
pub use self::errors::{HostCommandError, HostFailure, HostStartError, HostStopped};
pub use self::events::{Events, Notice};
pub use self::operator::{Operator, OperatorError};
pub use self::query::{who_leads, who_leads_sealed};
#[cfg(feature = "register")]
pub use self::register::HostRegister;
pub use self::run_while_leader::Worker;
pub use self::settings::HostConfig;
pub use crate::adapters::counters::ElectionCounters;
pub use crate::adapters::endpoint::{
    DatagramCounters, LeaderAddress, PeerAddress, PeerAddressError, PeerName, UnusableAddress,
};
pub use crate::adapters::query_error::QueryError;
pub use crate::adapters::resolver::Resolver;
pub use crate::adapters::socket::{BindError, Protection};
pub use crate::adapters::timer::StaggerTooShort;
pub use crate::adapters::{HealthCheck, HealthConfig, SaveError};

/// A running host. Dropping it stops it as [`abort`](Self::abort) does.
#[derive(Debug)]
pub struct Host<I: NodeId> {
    shared: Arc<Shared<I>>,
    commands: Sender<Command<I>>,
    local: SocketAddr,
    wake: UdpSocket,
    thread: Option<JoinHandle<()>>,
    /// For how long a shutdown waits until another node leads.
    patience: Duration,
}

/// What the host's thread is asked to do.
#[derive(Debug)]
enum Command<I> {
    Step {
        input: Input<I>,
        /// The addresses of the nodes that the input names.
        addresses: Vec<(I, SocketAddr)>,
        reply: SyncSender<Result<(), Rejection<I>>>,
    },
    Introduce {
        id: I,
        address: PeerAddress,
    },
    /// What a name stands for.
    LookedUp {
        name: PeerName,
        answer: io::Result<Vec<SocketAddr>>,
    },
    SetKeys {
        keys: Keyring,
        /// Whether there is a seal.
        reply: SyncSender<bool>,
    },
    Advertise(Option<Advertised>),
    Shutdown {
        patience: Duration,
    },
    Abort,
    SetHealthy(bool),
    /// Have the register hold how far the data of the node reach.
    #[cfg(feature = "register")]
    RecordPosition {
        position: Position,
        /// Whether there is a register.
        reply: SyncSender<bool>,
    },
    /// A call of the register has ended.
    #[cfg_attr(not(feature = "register"), allow(dead_code, reason = "no call ends where there is none"))]
    Called(Called),
    /// What became of the write that was under way.
    Written(Written),
}

impl<I: NodeId + Serialize + DeserializeOwned + Send + 'static> Host<I> {
    /// Starts a node, from its durable state and the means to store the next. `save` returns when
    /// the state is durable; [`Store::save`](crate::adapters::store::Store::save) does. It is called on a thread of
    /// its own, also with the state that was saved last (see [`HealthConfig::probe_interval`]), and again after a
    /// failure that leaves the state before [untouched](SaveError::is_untouched). For a node without storage there is
    /// [`start_volatile`](Self::start_volatile).
    ///
    /// # Errors
    /// [`HostStartError`], if it cannot listen, or is configured wrongly.
    pub fn start<E>(
        config: HostConfig<I>,
        saved: HardState<I>,
        save: impl FnMut(&HardState<I>) -> Result<(), E> + Send + 'static,
    ) -> Result<Self, HostStartError>
    where
        E: Into<SaveError>,
    {
        Precision::THREAD.check(&config.config.timing)?;
        let (socket, local) = socket::bind(config.listen, &config.protection)?;
        let wake =
            socket.try_clone().map_err(|source| BindError::Listen { address: config.listen, source })?;
        let (clock, node, health) = (BootClock::new(), config.config, config.health.clone());
        let now = clock.now();
        let seed = random::seed().map_err(|error| HostStartError::Seed(io::Error::other(error)))?;
        let mut election = Election::new(node, saved.clone(), now, JitterRng::seed_from_u64(seed))?;
        let (commands, orders) = channel();
        let socket = Arc::new(socket);
        let waker = Waker::new(&socket, local);
        let look_up = look_up_for(commands.clone(), config.resolver.clone(), waker.clone());
        let margin = config.margin;
        let register = config.start_register(&mut election, &commands, &waker)?;
        let actions = Actions::new(now);
        #[cfg(feature = "record")]
        let actions = {
            let register = register.as_ref().map(Attendant::voter);
            actions.recorded_by(record::begin(&config, &saved, (now, clock.now()), seed, register)?)
        };
        let endpoint = config.into_endpoint(saved.cluster, (&socket, local), register.as_ref())?;
        let disk = match node.memory {
            Memory::Durable => Some(start_disk(save, commands.clone(), waker)?),
            Memory::Volatile => None,
        };
        let driven = Arc::new(Mutex::new(Node { election, endpoint, actions, register, local }));
        let shared = Arc::new(Shared::new(clock, margin, Arc::clone(&driven)));
        let host_thread = HostThread {
            node: driven,
            look_up,
            socket,
            local,
            upkeep: Upkeep::new(disk, saved, &node, health, now),
            ending: None,
            reply: None,
            shared: Arc::clone(&shared),
            commands: orders,
            transmits: Vec::new(),
            backlog: Backlog::new(),
            #[cfg(feature = "tracing")]
            spans: Spans::new(),
            buffer: vec![0; Endpoint::<I, SystemRng>::BUFFER],
            timing: node.timing,
            departure: None,
            legs: Legs::new(Precision::THREAD),
            started: Instant::now(),
        };
        let watched = Arc::clone(&shared);
        let watchers = spawn("quorate-lease", move || watched.leases.watch())?;
        let thread = spawn("quorate-udp", move || host_thread.run(watchers));
        if thread.is_err() {
            shared.leases.close();
        }
        let patience = Departure::patience(&node.timing);
        Ok(Host { shared, commands, local, wake, thread: Some(thread?), patience })
    }

    /// The permission to act as leader, if there is one at this moment. Ask for it afresh before each piece
    /// of work; the answer waits for nothing.
    #[must_use]
    pub fn lease(&self) -> Option<Lease> {
        self.shared.leases.get()
    }

    /// Has `watcher` called with each lease as it begins or grows, and with `None` as it ends
    /// ([`HostConfig::margin`] before that instant, if it ends by itself). A watcher that is told
    /// `None` has stopped acting as leader when it returns: until then no other node can lead.
    ///
    /// Watchers run one after another on a thread of their own. They must be quick, and must not
    /// stop or drop the host. A lease grows with each round of heartbeats: a program that need not know until when it
    /// lasts takes [`watch_term`](Self::watch_term).
    pub fn watch(&self, watcher: impl FnMut(Option<Lease>) + Send + 'static) {
        self.shared.leases.add(Watcher::of_growth(watcher));
    }

    /// Has `watcher` called with the term of each lease as it begins, and with `None` as it ends: as
    /// [`watch`](Self::watch), but not as the lease grows. So no thread is woken while the node goes on leading.
    pub fn watch_term(&self, mut watcher: impl FnMut(Option<Term>) + Send + 'static) {
        self.shared.leases.add(Watcher::of_terms(move |lease| watcher(lease.map(|lease| lease.term))));
    }

    /// The leader, as far as this node knows.
    #[must_use]
    pub fn leader(&self) -> Option<LeaderAddress<I>> {
        self.shared.leader()
    }

    /// A snapshot of the node, as of its last step. While a state is written, term, vote and members are those that are
    /// durable, and the age of the write is that of this moment. It is made for the caller, who waits for nothing but the end
    /// of a step.
    #[must_use]
    pub fn status(&self) -> Status<I> {
        self.shared.status()
    }

    /// The known addresses of the other members: what [`Notice::Addresses`] said last.
    #[must_use]
    pub fn addresses(&self) -> Vec<(I, SocketAddr)> {
        self.shared.view().addresses.clone()
    }

    /// What came and went.
    #[must_use]
    pub fn counters(&self) -> DatagramCounters {
        self.shared.datagrams()
    }

    /// What became of the node so far.
    #[must_use]
    pub fn election_counters(&self) -> ElectionCounters {
        self.shared.snapshot().election
    }

    /// How long ago the host's thread took a turn. It takes many a second, also while a state is written. After more than
    /// a second the thread is stuck, in a [watcher](Self::watch) perhaps, or has no processor; or the host has ended.
    #[must_use]
    pub fn idle_for(&self) -> Duration {
        self.shared.pulse.age(self.shared.clock.now())
    }

    /// The news. At most 1,024 unread notices are kept.
    #[must_use]
    pub fn events(&self) -> Events<I> {
        self.shared.events.clone()
    }

    /// Why the host has stopped, if it has. It is also the last of its [`events`](Self::events).
    #[must_use]
    pub fn failure(&self) -> Option<HostFailure> {
        self.shared.view().failure.clone()
    }

    /// The address it listens on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Hands over, if it leads and another voter can lead, waits until another node does, and stops: as
    /// [`shutdown_within`](Self::shutdown_within) two of the longest promises.
    ///
    /// # Errors
    /// [`HostFailure`] if it had failed before.
    pub fn shutdown(self) -> Result<(), HostFailure> {
        let patience = self.patience;
        self.shutdown_within(patience)
    }

    /// Hands over, if it leads and another voter can lead, waits until another node does, and stops. A
    /// handover that fails is attempted again. A voter without a leader waits too, as the next leader may need its
    /// vote. After `patience` the host resigns and stops in any case. Returns
    /// when the lease is withdrawn, the socket closed and the store dropped.
    ///
    /// # Errors
    /// [`HostFailure`] if it had failed before.
    pub fn shutdown_within(mut self, patience: Duration) -> Result<(), HostFailure> {
        self.stop(Command::Shutdown { patience });
        self.failure().map_or(Ok(()), Err)
    }

    /// Resigns at once, if it leads, and stops. The others elect the next leader, which may take as long as an
    /// election. Returns when the lease is withdrawn, the socket closed and the store dropped.
    ///
    /// # Errors
    /// [`HostFailure`] if it had failed before.
    pub fn abort(mut self) -> Result<(), HostFailure> {
        self.stop(Command::Abort);
        self.failure().map_or(Ok(()), Err)
    }
}

impl<I: NodeId> Host<I> {
    /// Hands the thread a command, and wakes it with an empty datagram to itself. Should that get
    /// lost, the thread looks again soon.
    fn order(&self, command: Command<I>) -> Result<(), HostCommandError<I>> {
        self.commands.send(command).map_err(|_| HostCommandError::Stopped)?;
        let _looks_again_soon = self.wake.send_to(&[], own_address(self.local));
        Ok(())
    }

    fn stop(&mut self, command: Command<I>) {
        if let Some(thread) = self.thread.take() {
            let _already_stopped = self.order(command);
            let _reported_as_failure = thread.join();
        }
    }
}

impl<I: NodeId> Drop for Host<I> {
    fn drop(&mut self) {
        self.stop(Command::Abort);
    }
}

/// A thread that stores states with `save`, and tells the host's thread what became of each.
fn start_disk<I: NodeId + Send + 'static, E: Into<SaveError>>(
    mut save: impl FnMut(&HardState<I>) -> Result<(), E> + Send + 'static,
    host: Sender<Command<I>>,
    waker: Waker,
) -> Result<Disk<I>, HostStartError> {
    let save = move |state: &HardState<I>| save(state).map_err(Into::into);
    let tell = move |result| {
        let _host_has_ended = host.send(Command::Written(result));
        waker.wake();
    };
    Disk::on_thread(save, tell).map_err(HostStartError::Thread)
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, HostStartError> {
    thread::Builder::new().name(name.into()).spawn(body).map_err(HostStartError::Thread)
}

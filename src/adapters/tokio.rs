//! A node as a tokio task, and work that runs only while it leads.
//!
//! Messages travel by a [`Transport`]: a [`Network`] within the process, one of your own, or, with the feature
//! `tokio-udp`, a UDP socket.
//!
//! ```no_run
//! use quorate::adapters::seal::Keyring;
//! use quorate::adapters::store::Store;
//! use quorate::adapters::tokio::{Handle, Udp};
//! use quorate::{ClusterId, Config, HardState};
//!
//! # async fn serve(term: quorate::Term) {}
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let first = HardState::bootstrap(ClusterId(7), [1_u32, 2, 3])?;
//! let store = Store::create("node-1", &first)?; // the first time; Store::open ever after
//! let transport = Udp::bind_sealed("10.0.0.1:7000".parse()?, Keyring::read("group.key")?)?
//!     .peer(2, "10.0.0.2:7000".parse()?)?
//!     .peer(3, "10.0.0.3:7000".parse()?)?;
//! let node = Handle::start(Config::new(1), first, store, transport)?;
//!
//! // On one node at a time, stopped where it awaits when that node leads no more.
//! node.run_while_leader(|term| async move { serve(term).await }).await?;
//! node.shutdown().await?; // hands over first
//! # Ok(())
//! # }
//! ```
//!
//! The host's contract, and how it is kept here:
//!
//! 1. *Act on outputs in order.* States are stored by [`Storage`] on a thread of its own, and what follows waits
//!    until it returns. If it fails before a first byte, it is called again; if it fails later, the node stops and
//!    says so. What follows a
//!    step-down waits until [`Handle::leadership`] and [`Handle::lease`] give no lease and all guarded
//!    work is dropped, or until the lease would have ended by itself.
//! 2. *Receive, then read the clock, tick and step.*
//! 3. *Work under a lease.* [`Handle::run_while_leader`] and [`Handle::lease`] read a fresh clock and
//!    wait for no disk; while a write hangs, the end of the lease is noticed all the same.
//!
//! The lease that others see ends a [margin](Options::margin) before the real one, because a task
//! that is woken does not run at once.
//!
//! A node ends by [`Handle::shutdown`], which hands over, by [`Handle::abort`] or when its last [`Handle`] is
//! dropped, which resign at once, when its storage or its transport fails, when any of them panics, or with its
//! runtime. Whichever it is,
//! [`Leadership::stopped`], [`Handle::closed`] and every command say so. A node that was
//! [`Removed`](crate::Event::Removed) runs on, and so does one that has [lost its state](crate::Event::StateLost).
//!
//! [`Handle::start_volatile`] runs a node without storage: a container without a volume, a machine without a disk. It
//! comes back under its old id.
//!
//! With `Options::register` (feature `register`) the node speaks for a voter whose state is in a register: see
//! `adapters::register`. What the node sends to that voter never reaches the transport, and what claims to be from it is
//! dropped. Calls are awaited by a task of their own, one at a time, and one that takes too long is dropped, so they hold
//! nothing up; `Options::blocking_register` takes a client whose calls block, with a thread of its own.
//! `Handle::register_status` shows the agent, `Handle::register_events` its news, and `Handle::record_position` has the
//! register hold how far the data of a leader reach. A client that panics is not called again, and the voter is silent from
//! then on. A node that stops waits 200 ms for a call that is under way.
//!
//! The runtime needs its timers enabled, and for UDP its IO as well. A handler that blocks it for as long as a promise
//! costs the leader its lease: where the runtime has other work to do, let the node have a runtime and a thread of its
//! own, by [`Handle::start_on_thread`].

mod attending;
mod channel;
#[cfg(feature = "store")]
mod deployed;
mod errors;
mod guard;
mod handle;
mod leadership_watch;
#[cfg(feature = "metrics")]
mod metrics;
mod own_thread;
#[cfg(feature = "tokio-udp")]
mod peers;
#[cfg(feature = "probes")]
mod probes;
#[cfg(feature = "tokio-udp")]
mod query;
#[cfg(feature = "record")]
mod record;
#[cfg(feature = "register")]
mod register;
#[cfg(feature = "endpoint")]
mod requests;
#[cfg(feature = "register")]
mod seat;
mod stop_token;
mod storage;
mod task;
mod transport;
#[cfg(feature = "tokio-udp")]
mod udp;
mod watching;
mod without_storage;
mod writing;

use std::fmt;
use std::io;
use std::prelude::rust_2024::*;
use std::sync::Arc;
use std::time::Duration;

use rand_xoshiro::rand_core::SeedableRng;
use tokio::runtime;
use tokio::sync::{broadcast, mpsc};
use tokio::time::Instant;

use self::leadership_watch::LeadershipWatch;
use self::task::{LastWords, Task};
use super::actions::Actions;
use super::attendant::{Attendant, Called};
use super::departure::Departure;
use super::diagnostics::Diagnostics;
use crate::adapters::clock::BootClock;
use crate::adapters::random::{self, JitterRng};
#[cfg(feature = "record")]
use crate::adapters::record::Attachment;
#[cfg(feature = "register")]
use crate::adapters::register::hosted::Hosted;
use crate::adapters::timer::{Legs, Precision, default_margin};
#[cfg(feature = "tracing")]
use crate::adapters::trace::Spans;
use crate::adapters::upkeep::Upkeep;
use crate::config::{Config, Memory};
use crate::election::Election;
use crate::hard_state::HardState;
use crate::types::{NodeId, Timestamp};

pub use self::channel::{Channel, Network};
pub use self::errors::{CommandError, StartError, Stopped};
pub use self::handle::Handle;
pub use self::leadership_watch::{Clock, Leadership};
#[cfg(feature = "tokio-udp")]
pub use self::peers::Peers;
#[cfg(feature = "tokio-udp")]
pub use self::query::who_leads;
#[cfg(feature = "register")]
pub use self::seat::SeatHandle;
pub use self::stop_token::StopToken;
pub use self::storage::{MemoryStorage, Storage};
pub use self::transport::Transport;
#[cfg(feature = "tokio-udp")]
pub use self::udp::Udp;
pub use super::counters::ElectionCounters;
pub use super::node_view::NodeView;
pub use super::timer::StaggerTooShort;
pub use super::{HealthCheck, HealthConfig, SaveError};
#[cfg(feature = "tokio-udp")]
pub use super::{
    endpoint::{DatagramCounters, LeaderAddress, PeerAddress, PeerAddressError, PeerName, UnusableAddress},
    query_error::QueryError,
    resolver::Resolver,
    socket::{BindError, Protection},
};

/// How many commands wait, and how much news is kept for a slow reader.
const COMMANDS: usize = 16;
const NEWS: usize = 256;

/// What a node is configured with. A [`Config`] alone will do.
#[derive(Clone)]
pub struct Options<I> {
    config: Config<I>,
    margin: Duration,
    clock: Clock,
    seed: Option<u64>,
    health: HealthConfig,
    saves_on_pool: bool,
    #[cfg(feature = "register")]
    register: Option<Hosted<I, register::Client>>,
    #[cfg(feature = "record")]
    recorder: Option<Attachment<I>>,
}

impl<I> Options<I> {
    /// A margin of a tenth of a promise, the shortest if they are tuned; the clock of this machine, and
    /// randomness of its own.
    #[must_use]
    pub fn new(config: Config<I>) -> Self {
        let clock = BootClock::new();
        let margin = default_margin(&config.timing);
        Options {
            config,
            margin,
            clock: Clock::new(move || clock.now()),
            seed: None,
            health: HealthConfig::default(),
            saves_on_pool: false,
            #[cfg(feature = "register")]
            register: None,
            #[cfg(feature = "record")]
            recorder: None,
        }
    }

    /// How long before its end a lease is taken away, so that no part of the program acts by it when it ends: longer
    /// than a task takes to run after it is woken, and well below half of a promise, the shortest
    /// if they are tuned.
    #[must_use]
    pub fn margin(mut self, margin: Duration) -> Self {
        self.margin = margin;
        self
    }

    /// Another clock than [`BootClock`]: monotonic, and counting suspend. For tests in tokio's paused
    /// time, the [`Timestamp`] of `start.elapsed()`, where `start` is an [`Instant`] of
    /// tokio's.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Clock::new(clock);
        self
    }

    /// How the node finds out whether it is in a state to lead.
    #[must_use]
    pub fn health(mut self, health: HealthConfig) -> Self {
        self.health = health;
        self
    }

    /// Saves on a thread of the runtime's pool for blocking work, rather than on a thread of the node's own: for tests
    /// in tokio's paused time, which waits for such threads and for no others. In a program that shares the pool, a
    /// state may wait for its work.
    #[must_use]
    pub fn save_on_blocking_pool(mut self) -> Self {
        self.saves_on_pool = true;
        self
    }

    /// The same randomness at each start: for tests.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// What the randomness of a node begins with.
    fn draw_seed(&self) -> Result<u64, StartError> {
        match self.seed {
            Some(seed) => Ok(seed),
            None => random::seed().map_err(|error| StartError::Seed(io::Error::other(error))),
        }
    }
}

impl<I> From<Config<I>> for Options<I> {
    fn from(config: Config<I>) -> Self {
        Options::new(config)
    }
}

impl<I: fmt::Debug> fmt::Debug for Options<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("config", &self.config)
            .field("margin", &self.margin)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

impl<I: NodeId + Send + Sync + 'static> Handle<I> {
    /// Starts a node on the runtime that this is called in, from its durable state and the means to
    /// store the next. Where that runtime has other work to do, see [`start_on_thread`](Self::start_on_thread); for
    /// a node without storage, [`start_volatile`](Self::start_volatile).
    ///
    /// # Errors
    /// [`StartError`], if it is configured wrongly, its transport cannot be used, or there is no runtime.
    pub fn start(
        options: impl Into<Options<I>>,
        saved: HardState<I>,
        storage: impl Storage<I>,
        mut transport: impl Transport<I>,
    ) -> Result<Self, StartError> {
        let options = options.into();
        let runtime = runtime::Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let Config { id, timing, .. } = options.config;
        Precision::TOKIO.check(&timing)?;
        let seed = options.draw_seed()?;
        let watch = Arc::new(LeadershipWatch::new(id, options.clock.clone(), options.margin));
        let now = watch.now();
        let mut election = Election::new(options.config, saved.clone(), now, JitterRng::seed_from_u64(seed))?;
        let (ends, called) = mpsc::channel(1);
        let register = start_register(&options, &mut election, &runtime, ends)?;
        let register_voter = register.as_ref().map(Attendant::voter);
        let view = NodeView::of(&election).with_register_voter(register_voter);
        transport.start(&view, &watch.clock).map_err(StartError::Transport)?;
        let actions = Actions::new(now);
        #[cfg(feature = "record")]
        let actions =
            actions.recorded_by(record::begin(&options, &saved, (now, watch.now()), seed, register_voter)?);
        let (orders, commands) = mpsc::channel(COMMANDS);
        let (report, written) = mpsc::channel(1);
        let disk = match options.config.memory {
            Memory::Volatile => None,
            Memory::Durable if options.saves_on_pool => Some(storage::on_blocking_pool(storage, report)),
            Memory::Durable => Some(storage::on_thread(storage, report).map_err(StartError::Thread)?),
        };
        let events = broadcast::Sender::new(NEWS);
        #[cfg(feature = "register")]
        let register_events = broadcast::Sender::new(NEWS);
        let task = Task {
            election,
            upkeep: Upkeep::new(disk, saved, &options.config, options.health, now),
            diagnostics: (!transport.finds_problems()).then(|| Diagnostics::new(register_voter)),
            transport,
            commands,
            written,
            register,
            called,
            #[cfg(feature = "register")]
            register_events: register_events.clone(),
            events: events.clone(),
            watch: Arc::clone(&watch),
            actions,
            timing,
            departure: None,
            ending: None,
            reply: None,
            #[cfg(feature = "tracing")]
            spans: Spans::new(),
            legs: Legs::new(Precision::TOKIO),
            started: Instant::now(),
        };
        runtime.spawn(task::run(LastWords::new(Arc::clone(&watch)), task));
        Ok(Handle {
            watch,
            commands: orders,
            events,
            #[cfg(feature = "register")]
            register_events,
            patience: Departure::patience(&timing),
        })
    }
}

/// Starts the agent of the register's voter, if there is one, and tells the election of it.
#[cfg(feature = "register")]
fn start_register<I: NodeId>(
    options: &Options<I>,
    election: &mut Election<I, JitterRng>,
    runtime: &runtime::Handle,
    ends: mpsc::Sender<Called>,
) -> Result<Option<Attendant<I>>, StartError> {
    let Some(register) = options.register.clone() else { return Ok(None) };
    election.expect_register_voter();
    register::start(register, &options.config, election.cluster(), runtime, ends).map(Some)
}

#[cfg(not(feature = "register"))]
fn start_register<I: NodeId>(
    _: &Options<I>,
    _: &mut Election<I, JitterRng>,
    _: &runtime::Handle,
    _: mpsc::Sender<Called>,
) -> Result<Option<Attendant<I>>, StartError> {
    Ok(None)
}

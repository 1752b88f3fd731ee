//! The configuration of a node: its id, its timing, its priority and its position.

mod checked_timing;
mod errors;

use core::time::Duration;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use crate::types::{Position, Priority};

pub(crate) use checked_timing::{CheckedTiming, ClockBounds, check_promised};
pub use errors::ConfigError;

/// What a node is told at its start.
///
/// ```
/// use quorate::{Config, Priority, Timing};
///
/// let config = Config { timing: Timing::wan(), priority: Priority(2), ..Config::new(1_u64) };
/// assert_eq!(config.id, 1);
/// ```
///
/// Exhaustive, so that a literal can name what differs and end with `..Config::new(id)`. End each so: then
/// it goes on compiling when a later version adds a field.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Config<I> {
    /// The id of this node. Never give the id of a node that lost its disk to another one: the votes that
    /// the lost node gave still count.
    pub id: I,
    /// The lengths of time. They may differ from node to node, as long as the `promise_limit` of every node
    /// is at least the `promise` of every other. All nodes have to bear the same network and the same disks: what
    /// [`Timing`] says of delays and writes holds for the least bound of all nodes.
    pub timing: Timing,
    /// How much this node wants to lead; 1 unless something else is set.
    pub priority: Priority,
    /// How far the data of the host reach; all zero for a host that replicates nothing.
    pub position: Position,
    /// Whether the host keeps the state of the node where a crash does not reach it; it does unless something else is
    /// set.
    pub memory: Memory,
}

impl<I> Config<I> {
    /// A node on a [local network](Timing::lan), with storage, the priority of all others and no data.
    #[must_use]
    pub fn new(id: I) -> Self {
        Config {
            id,
            timing: Timing::lan(),
            priority: Priority::default(),
            position: Position::default(),
            memory: Memory::default(),
        }
    }
}

/// Whether a node's state survives its process.
///
/// Exhaustive: there is nothing between the two.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum Memory {
    /// The host stores each state that [`Output::Persist`](crate::Output::Persist) hands out, and starts the node again
    /// from the last one.
    #[default]
    Durable,
    /// The host has no storage. The node persists nothing and waits for no write, and each of its starts is from
    /// [`HardState::blank`](crate::HardState::blank). What is promised of such a node rests on clocks: section 9 of the
    /// [rules](crate#9-nodes-that-forget).
    Volatile,
}

/// Lengths of time, each between one microsecond and one hour (`clock_resolution` may be zero). Fractions of a microsecond are dropped.
///
/// Begin with [`lan`](Self::lan), [`wan`](Self::wan) or [`tuned`](Self::tuned), and change what your network
/// and disks ask for:
///
/// ```
/// use quorate::Timing;
/// use std::time::Duration;
///
/// // Disks that may take a second to write: three times that, and two round trips.
/// let timing = Timing { promise_limit: Duration::from_millis(3_040), ..Timing::lan() };
///
/// // Losing two heartbeats in a row must not cost a leader its lease.
/// let timing = Timing { heartbeat_interval: timing.promise / 4, ..timing };
/// # assert_eq!(timing.heartbeat_interval, Duration::from_micros(37_500));
/// ```
///
/// [`Election::new`](crate::Election::new) checks that the lengths fit together, and its [`ConfigError`]
/// names the one that does not. With the feature `serde` they can stand in a configuration file, in the form
/// that serde gives a `Duration`, and are checked in the same place.
///
/// Exhaustive, so that a literal can name what differs and end with `..Timing::lan()`. End each so: then it
/// goes on compiling when a later version adds a field.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Timing {
    /// The promise that a leader asks for in its heartbeats: the election timeout. A crashed leader is
    /// replaced about this long after its last heartbeat. Divided by one and the drift it is to exceed
    /// `heartbeat_interval` and twice the `clock_resolution` by ten times the largest one-way delay.
    pub promise: Duration,
    /// The shortest promise that a leader asks for. `None` keeps to `promise`, whatever the network is
    /// like; otherwise the leader chooses between this and `promise`, as [`Timing::tuned`] explains. At
    /// least 3 ms.
    pub tuned_from: Option<Duration>,
    /// The longest promise that this node asks for or grants; it asks for this much where the receiver
    /// has to write. At least `promise`; divided by one and the drift at least three times the slowest write
    /// plus two round trips, and a heartbeat interval, two writes and a round trip. A voter grants no more than
    /// its own, so that the shortest in the group counts. That is safe: a lease counts what was granted. But voters
    /// that grant less than a leader's heartbeats ask for leave it a lease that lapses sooner after a lost datagram, or
    /// before each heartbeat; the leader reports them ([`ShortPromise`](crate::Event::ShortPromise)).
    pub promise_limit: Duration,
    /// The time between two heartbeats. From a thousandth of `promise` to half of it; a third allows one to be
    /// lost. A leader that tunes its promises begins with this.
    pub heartbeat_interval: Duration,
    /// The time after which an unanswered request is repeated: about one round trip, and at least a thousandth
    /// of `promise`.
    pub retry_interval: Duration,
    /// The time between the election deadlines of one possible successor and the next. With less than 2.5
    /// times the largest one-way delay, or less than the `clock_resolution`, nodes campaign at once and split the
    /// votes. That costs rounds, of up to `promise_limit` each, and no more: each candidacy that a node loses
    /// doubles the range from which the node draws its next deadline, up to one `promise`.
    pub stagger: Duration,
    /// How long a node of higher priority must have followed well before leadership is handed to it.
    pub takeover_delay: Duration,
    /// The largest ratio of the clock rates of two nodes minus one, in parts per million. Real clocks
    /// stay below 200. At most 500,000. Two leases at once are ruled out only as far as this is true.
    pub clock_drift_ppm: u32,
    /// The resolution of the host's own clock: no reading is further than this behind the time that it stands
    /// for. A clock that counts ticks of a millisecond has a millisecond. At most a tenth of `promise`, or of
    /// `tuned_from`; zero only for a clock of no error, as in tests. A fraction of a microsecond counts as one.
    ///
    /// Two leases at once are ruled out only as far as this is true too. It may differ from node to node, and
    /// shortens leases by as much: see rule 3.1. `adapters::clock::BootClock` needs no more than the microsecond
    /// that [`lan`](Self::lan), [`wan`](Self::wan) and [`tuned`](Self::tuned) have.
    pub clock_resolution: Duration,
}

impl Timing {
    /// For one-way delays of up to 8 ms and writes of up to 100 ms, as in one data centre: a crashed leader is
    /// replaced in about 152 ms where writes take 10 ms, and never later than the promise, two writes and
    /// 30 ms, as long as no message is lost. A crash within [`promise_limit`](Self::promise_limit) after an
    /// election, a change of members or a renewal is noticed only when the long promises end that were asked
    /// for then.
    #[must_use]
    pub const fn lan() -> Self {
        Timing {
            promise: Duration::from_millis(150),
            tuned_from: None,
            promise_limit: Duration::from_millis(450),
            heartbeat_interval: Duration::from_millis(50),
            retry_interval: Duration::from_millis(20),
            stagger: Duration::from_millis(20),
            takeover_delay: Duration::from_secs(5),
            clock_drift_ppm: 500,
            clock_resolution: Duration::from_micros(1),
        }
    }

    /// For one-way delays of up to 100 ms and writes of up to 500 ms, as between continents: a crashed leader
    /// is replaced in about 1.2 s where writes take 10 ms. Slow writes and long promises lengthen that as
    /// with [`lan`](Self::lan).
    #[must_use]
    pub const fn wan() -> Self {
        Timing {
            promise: Duration::from_millis(1_200),
            tuned_from: None,
            promise_limit: Duration::from_millis(3_600),
            heartbeat_interval: Duration::from_millis(300),
            retry_interval: Duration::from_millis(250),
            stagger: Duration::from_millis(260),
            takeover_delay: Duration::from_secs(30),
            clock_drift_ppm: 500,
            clock_resolution: Duration::from_micros(1),
        }
    }

    /// Promises as short as the network allows, between `shortest` and `longest`: a leader measures the
    /// round trips and losses of its heartbeats, and chooses the promise it asks for and the heartbeat
    /// interval by them (rule 3.6; after Dynatune, arXiv 2507.15154). On a quiet local network
    /// `tuned(25 ms, 150 ms)` notices a crash in a sixth of the time that [`lan`](Self::lan) takes;
    /// [`Status::heartbeat_timing`](crate::Status::heartbeat_timing) shows what is in force.
    ///
    /// - `shortest` is at least 3 ms, and far above the longest time that a process may be kept from running.
    /// - `longest` takes the place of `promise`, and all other lengths are in proportion to it as in `lan()`.
    ///   At least 19 times the largest one-way delay, and one and a half times the slowest write. A new
    ///   leader, and one whose members have changed, asks for it during 128 times its length (19 s at
    ///   150 ms), so that the leader has seen what disturbs the network now and then before its promises get
    ///   shorter. Later disturbances are remembered as long, and up to twice.
    ///
    /// Nodes need not agree on any of this, as long as every `promise_limit` covers every `promise`.
    ///
    /// The price: with `n` members, 2 (n - 1) datagrams in each heartbeat interval, which is a third of the
    /// promise on a quiet network and never below a sixth of `shortest`; so at 25 ms about six times what
    /// `lan()` sends. And a lease lasts no longer than a promise: the host has to look at it more often.
    ///
    /// Fixed lengths are the default, since a short promise is only as good as the measurements behind it.
    /// Quiet round trips tell nothing of a process that is about to be paused (by its garbage collector, a
    /// virtual machine that moves, a debugger), of a link that is about to be full, or of a switch that is
    /// about to take a second to find another way. A pause longer than the promise in force costs the leader
    /// its leadership; with 150 ms, fewer pauses do. Do not tune where the host writes to a slow disk on the
    /// thread that runs the election, nor where an election costs more than it saves to notice a crash a
    /// tenth of a second sooner.
    #[must_use]
    pub const fn tuned(shortest: Duration, longest: Duration) -> Self {
        Timing {
            promise: longest,
            tuned_from: Some(shortest),
            promise_limit: longest.saturating_mul(3),
            heartbeat_interval: part(longest, 3),
            retry_interval: part(longest.saturating_mul(2), 15),
            stagger: part(longest.saturating_mul(2), 15),
            takeover_delay: part(longest.saturating_mul(100), 3),
            clock_drift_ppm: 500,
            clock_resolution: Duration::from_micros(1),
        }
    }
}

const fn part(length: Duration, parts: u32) -> Duration {
    match length.checked_div(parts) {
        Some(part) => part,
        None => length,
    }
}

//! The configuration of a node: its id, its timing, its priority and its position.

use core::time::Duration;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use crate::membership::MembershipError;
use crate::types::{MembershipVersion, Nanos, Position, Priority, Term, Timestamp};

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
}

impl<I> Config<I> {
    /// A node on a [local network](Timing::lan), with the priority of all others and no data.
    #[must_use]
    pub fn new(id: I) -> Self {
        Config { id, timing: Timing::lan(), priority: Priority::default(), position: Position::default() }
    }
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
    /// its own, so that the shortest in the group counts.
    pub promise_limit: Duration,
    /// The time between two heartbeats. From a thousandth of `promise` to half of it; a third allows one to be
    /// lost. A leader that tunes its promises begins with this.
    pub heartbeat_interval: Duration,
    /// The time after which an unanswered request is repeated: about one round trip, and at least a thousandth
    /// of `promise`.
    pub retry_interval: Duration,
    /// The time between the election deadlines of one possible successor and the next. With less than 2.5
    /// times the largest one-way delay, or less than the `clock_resolution`, elections split: they then take many
    /// rounds.
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

/// Why a node cannot be started with this configuration or state. Correct what the text names.
///
/// Non-exhaustive: a later version may check more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The length of [`Timing`] that is named is below one microsecond or above one hour.
    #[error("{0} must be between one microsecond and one hour")]
    LengthOutOfRange(&'static str),
    /// [`Timing::promise`] is longer than [`Timing::promise_limit`].
    #[error("promise must not exceed promise_limit")]
    PromiseAboveLimit,
    /// [`Timing::tuned_from`] is longer than [`Timing::promise`].
    #[error("tuned_from must not exceed promise")]
    TunedAbovePromise,
    /// [`Timing::tuned_from`] is so short that no system wakes up a process in time.
    #[error("tuned_from must be at least 3 ms")]
    TunedTooShort,
    /// [`Timing::heartbeat_interval`] is so long that a promise could end before the next heartbeat is
    /// answered.
    #[error("heartbeat_interval must be at most half of promise")]
    HeartbeatTooRare,
    /// [`Timing::heartbeat_interval`] is so short that heartbeats would take up the network, and help no leader.
    #[error("heartbeat_interval must be at least a thousandth of promise")]
    HeartbeatTooOften,
    /// [`Timing::retry_interval`] is so short that a node would flood those that do not answer.
    #[error("retry_interval must be at least a thousandth of promise")]
    RetryTooOften,
    /// See [`Timing::heartbeat_interval`]: on clocks that differ or are coarse as much as declared, the lease that a
    /// promise gives would end before the replies to the next heartbeat.
    #[error(
        "promise / (1 + clock_drift_ppm / 1,000,000) must exceed heartbeat_interval, twice clock_resolution and a \
         twentieth of promise together: shorten heartbeat_interval, or declare a better clock"
    )]
    LeaseTooShort,
    /// See [`Timing::clock_drift_ppm`].
    #[error("clock_drift_ppm must be at most 500,000")]
    DriftTooLarge,
    /// [`Timing::clock_resolution`] is so long that too little of a promise is left.
    #[error("clock_resolution must be at most a tenth of promise, and of tuned_from")]
    ClockTooCoarse,
    /// The reading of the clock is above 292 years, so that no length could be added to it.
    #[error("the clock reads {0}, which is out of range")]
    ClockOutOfRange(Timestamp),
    /// The durable state has a membership of a later term than its own. It was put together by hand, or is
    /// damaged: do not start the node under its id again.
    #[error("the durable state has term {term} but a membership of version {version}")]
    TermBelowMembership {
        /// Its term.
        term: Term,
        /// Its membership's version.
        version: MembershipVersion,
    },
    /// The durable state names a longer promise than any that a node gives. It was put together by hand, or
    /// is damaged.
    #[error("the durable state promised {0:?}, more than one hour")]
    PromisedTooLong(Duration),
    /// The list of members is invalid. From [`Election::new`](crate::Election::new) this means that the
    /// state of a forming node lacks the node itself and has no room for it; a host returns it too where it
    /// builds a list while it starts a node.
    #[error(transparent)]
    Membership(#[from] MembershipError),
}

const MILLION: u64 = 1_000_000;
const MICROSECOND: Nanos = Nanos(1_000);
const HOUR: Duration = Duration::from_secs(3_600);
const MAX_DRIFT_PPM: u32 = 500_000;
/// How many heartbeats, or requests to one voter, a promise has room for at most.
const MOST_PER_PROMISE: u32 = 1_000;
/// The share of a promise that must be left of a lease when the next heartbeat is sent, for a round trip.
const LEAST_ROUND_TRIP: u64 = 20;
const SHORTEST_TUNED: Duration = Duration::from_millis(3);

/// [`Timing`], checked, and half the size: microseconds in 32 bits.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct CheckedTiming {
    promise: u32,
    /// `promise`, unless that is tuned.
    shortest_promise: u32,
    promise_limit: u32,
    heartbeat_interval: u32,
    retry_interval: u32,
    stagger: u32,
    takeover_delay: u32,
    pub(crate) clock: ClockBounds,
}

/// How far the clocks of nodes may be from the time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ClockBounds {
    /// How much faster than this node's the clock of another may run.
    pub(crate) drift_ppm: u32,
    /// How far a reading of this node's clock may be behind the time, in microseconds.
    pub(crate) resolution_micros: u32,
}

impl ClockBounds {
    /// How long, on the clock of the node that asked, a promise of `granted` binds the voter at least. Rule 3.1.
    #[inline]
    pub(crate) fn binding_length(self, granted: Nanos) -> Nanos {
        let rate = MILLION.saturating_add(self.drift_ppm.into());
        granted.saturating_mul(MILLION).part(rate).saturating_sub(self.resolution())
    }

    #[inline]
    pub(crate) fn resolution(self) -> Nanos {
        widen(self.resolution_micros)
    }
}

impl CheckedTiming {
    pub(crate) fn new(timing: &Timing) -> Result<Self, ConfigError> {
        let checked = CheckedTiming {
            promise: micros("promise", timing.promise)?,
            shortest_promise: micros("tuned_from", timing.tuned_from.unwrap_or(timing.promise))?,
            promise_limit: micros("promise_limit", timing.promise_limit)?,
            heartbeat_interval: micros("heartbeat_interval", timing.heartbeat_interval)?,
            retry_interval: micros("retry_interval", timing.retry_interval)?,
            stagger: micros("stagger", timing.stagger)?,
            takeover_delay: micros("takeover_delay", timing.takeover_delay)?,
            clock: ClockBounds {
                drift_ppm: timing.clock_drift_ppm,
                resolution_micros: u32::try_from(timing.clock_resolution.as_nanos().div_ceil(1_000))
                    .map_err(|_| ConfigError::ClockTooCoarse)?,
            },
        };
        if checked.promise > checked.promise_limit {
            return Err(ConfigError::PromiseAboveLimit);
        }
        if checked.shortest_promise > checked.promise {
            return Err(ConfigError::TunedAbovePromise);
        }
        if timing.tuned_from.is_some_and(|shortest| shortest < SHORTEST_TUNED) {
            return Err(ConfigError::TunedTooShort);
        }
        if checked.heartbeat_interval > checked.promise / 2 {
            return Err(ConfigError::HeartbeatTooRare);
        }
        if checked.clock.drift_ppm > MAX_DRIFT_PPM {
            return Err(ConfigError::DriftTooLarge);
        }
        if checked.clock.resolution_micros > checked.shortest_promise / 10 {
            return Err(ConfigError::ClockTooCoarse);
        }
        let least = checked.promise / MOST_PER_PROMISE;
        if checked.heartbeat_interval < least {
            return Err(ConfigError::HeartbeatTooOften);
        }
        if checked.retry_interval < least {
            return Err(ConfigError::RetryTooOften);
        }
        if checked.lease_left_for_replies() < checked.promise().part(LEAST_ROUND_TRIP) {
            return Err(ConfigError::LeaseTooShort);
        }
        Ok(checked)
    }

    /// How long the replies to a heartbeat may take, if the leader's clock shows late that the heartbeat is due. Rule
    /// 3.1.
    fn lease_left_for_replies(&self) -> Nanos {
        let late = self.heartbeat_interval().saturating_add(self.clock.resolution());
        self.clock.binding_length(self.promise()).saturating_sub(late)
    }

    /// The longest a leader asks for in a heartbeat that makes nobody write.
    pub(crate) fn promise(&self) -> Nanos {
        widen(self.promise)
    }

    pub(crate) fn shortest_promise(&self) -> Nanos {
        widen(self.shortest_promise)
    }

    /// Whether a leader chooses, by what it measures. Rule 3.6.
    pub(crate) fn are_tuned(&self) -> bool {
        self.shortest_promise < self.promise
    }

    pub(crate) fn promise_limit(&self) -> Nanos {
        widen(self.promise_limit)
    }

    pub(crate) fn heartbeat_interval(&self) -> Nanos {
        widen(self.heartbeat_interval)
    }

    pub(crate) fn retry_interval(&self) -> Nanos {
        widen(self.retry_interval)
    }

    pub(crate) fn stagger(&self) -> Nanos {
        widen(self.stagger)
    }

    pub(crate) fn takeover_delay(&self) -> Nanos {
        widen(self.takeover_delay)
    }
}

/// The durable promise, if it can be one.
pub(crate) fn check_promised(promised: Duration) -> Result<Nanos, ConfigError> {
    if promised > HOUR {
        return Err(ConfigError::PromisedTooLong(promised));
    }
    Ok(promised.into())
}

fn micros(name: &'static str, length: Duration) -> Result<u32, ConfigError> {
    if length > HOUR {
        return Err(ConfigError::LengthOutOfRange(name));
    }
    match u32::try_from(length.as_micros()) {
        Ok(micros) if micros > 0 => Ok(micros),
        _ => Err(ConfigError::LengthOutOfRange(name)),
    }
}

fn widen(micros: u32) -> Nanos {
    MICROSECOND.saturating_mul(micros.into())
}

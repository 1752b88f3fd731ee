//! Why a node cannot be started.

use core::time::Duration;

use crate::membership::MembershipError;
use crate::types::{MembershipVersion, Term, Timestamp};

/// Why a node cannot be started with this configuration or state. Correct what the text names.
///
/// Non-exhaustive: a later version may check more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The length of [`Timing`](crate::Timing) that is named is below one microsecond or above one hour.
    #[error("{0} must be between one microsecond and one hour")]
    LengthOutOfRange(&'static str),
    /// [`promise`](crate::Timing::promise) is longer than [`promise_limit`](crate::Timing::promise_limit).
    #[error("promise must not exceed promise_limit")]
    PromiseAboveLimit,
    /// [`tuned_from`](crate::Timing::tuned_from) is longer than [`promise`](crate::Timing::promise).
    #[error("tuned_from must not exceed promise")]
    TunedAbovePromise,
    /// [`tuned_from`](crate::Timing::tuned_from) is so short that no system wakes up a process in time.
    #[error("tuned_from must be at least 3 ms")]
    TunedTooShort,
    /// [`heartbeat_interval`](crate::Timing::heartbeat_interval) is so long that a promise could end before the next
    /// heartbeat is answered.
    #[error("heartbeat_interval must be at most half of promise")]
    HeartbeatTooRare,
    /// [`heartbeat_interval`](crate::Timing::heartbeat_interval) is so short that heartbeats would take up the network,
    /// and help no leader.
    #[error("heartbeat_interval must be at least a thousandth of promise")]
    HeartbeatTooOften,
    /// [`retry_interval`](crate::Timing::retry_interval) is so short that a node would flood those that do not answer.
    #[error("retry_interval must be at least a thousandth of promise")]
    RetryTooOften,
    /// See [`heartbeat_interval`](crate::Timing::heartbeat_interval): on clocks that differ or are coarse as much as
    /// declared, the lease that a promise gives would end before the replies to the next heartbeat.
    #[error(
        "promise / (1 + clock_drift_ppm / 1,000,000) must exceed heartbeat_interval, twice clock_resolution and a \
         twentieth of promise together: shorten heartbeat_interval, or declare a better clock"
    )]
    LeaseTooShort,
    /// See [`clock_drift_ppm`](crate::Timing::clock_drift_ppm).
    #[error("clock_drift_ppm must be at most 500,000")]
    DriftTooLarge,
    /// [`clock_resolution`](crate::Timing::clock_resolution) is so long that too little of a promise is left.
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
    /// A node without storage starts from a state that is not blank. Such a state may be older than what the node has
    /// promised since: start it from [`HardState::blank`](crate::HardState::blank).
    #[error("a node without storage starts blank")]
    VolatileNotBlank,
    /// A node that was built without the feature `reconfiguration` was to form a group, which grows by changes of its
    /// members once it has formed. Start it as [`joining`](crate::HardState::joining), or give it a list.
    #[error("a node that was built without changes of members cannot form a group")]
    FormingWithoutReconfiguration,
    /// The list of members is invalid. From [`Election::new`](crate::Election::new) this means that the
    /// state of a forming node lacks the node itself and has no room for it; a host returns it too where it
    /// builds a list while it starts a node.
    #[error(transparent)]
    Membership(#[from] MembershipError),
}

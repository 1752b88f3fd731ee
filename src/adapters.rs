//! What a host needs besides the protocol, each part behind a feature of its own.

#[cfg(all(
    target_family = "wasm",
    target_os = "unknown",
    any(feature = "clock", feature = "store", feature = "probes")
))]
compile_error!(
    "the features `clock`, `store`, `udp`, `tokio`, `seat` and `probes` need an operating system: on wasm32-unknown-unknown take \
     the core, `serde`, `wire`, `seal`, `endpoint`, `metrics`, `record` and `tracing`, and pass readings of a clock of your own"
);

#[cfg(any(feature = "udp", feature = "tokio"))]
mod actions;
#[cfg(all(
    any(feature = "udp", feature = "tokio-udp"),
    not(all(target_family = "wasm", target_os = "unknown"))
))]
mod backlog;
#[cfg(feature = "clock")]
pub mod clock;
pub mod counters;
#[cfg(any(feature = "udp", feature = "tokio"))]
mod departure;
#[cfg(any(feature = "endpoint", feature = "tokio"))]
mod diagnostics;
#[cfg(any(feature = "udp", feature = "tokio"))]
mod disk;
#[cfg(feature = "endpoint")]
pub mod endpoint;
#[cfg(any(feature = "seal", feature = "store"))]
mod files;
#[cfg(any(feature = "udp", feature = "tokio"))]
mod health;
#[cfg(any(feature = "udp", feature = "seat"))]
mod host_end;
#[cfg(any(feature = "endpoint", feature = "record", feature = "register", feature = "store"))]
mod id_type;
#[cfg(any(feature = "udp", feature = "tokio", feature = "seat"))]
mod lease_gate;
#[cfg(all(any(feature = "udp", feature = "seat"), not(all(target_family = "wasm", target_os = "unknown"))))]
mod lease_watch;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(any(feature = "endpoint", feature = "tokio"))]
mod node_view;
#[cfg(any(feature = "udp", feature = "seat"))]
mod notices;
#[cfg(any(feature = "endpoint", feature = "tokio"))]
mod pace;
#[cfg(feature = "endpoint")]
mod peer_address;
#[cfg(feature = "probes")]
pub mod probes;
#[cfg(any(feature = "udp", feature = "tokio", feature = "seat"))]
mod pulse;
#[cfg(all(
    any(feature = "udp", feature = "tokio-udp"),
    not(all(target_family = "wasm", target_os = "unknown"))
))]
mod query_error;
#[cfg(any(feature = "seal", feature = "tokio", feature = "seat"))]
mod random;
#[cfg(feature = "record")]
pub mod record;
#[cfg(feature = "register")]
pub mod register;
#[cfg(all(
    any(feature = "udp", feature = "tokio-udp"),
    not(all(target_family = "wasm", target_os = "unknown"))
))]
mod resolver;
#[cfg(any(feature = "udp", feature = "tokio"))]
mod save_error;
#[cfg(feature = "seal")]
pub mod seal;
#[cfg(all(
    any(feature = "udp", feature = "tokio-udp"),
    not(all(target_family = "wasm", target_os = "unknown"))
))]
mod socket;
#[cfg(feature = "store")]
pub mod store;
#[cfg(all(
    any(feature = "udp", feature = "tokio", feature = "seat"),
    not(all(target_family = "wasm", target_os = "unknown"))
))]
// The host of a seat needs less of it.
#[cfg_attr(not(any(feature = "udp", feature = "tokio")), allow(dead_code, unreachable_pub))]
mod timer;
#[cfg(all(feature = "tokio", not(all(target_family = "wasm", target_os = "unknown"))))]
pub mod tokio;
#[cfg(feature = "tracing")]
pub mod trace;
#[cfg(all(feature = "udp", not(all(target_family = "wasm", target_os = "unknown"))))]
pub mod udp;
#[cfg(any(feature = "udp", feature = "tokio"))]
mod upkeep;
#[cfg(any(feature = "store", feature = "tokio"))]
mod wall_clock;
#[cfg(feature = "wire")]
pub mod wire;
#[cfg(all(any(feature = "udp", feature = "tokio"), not(feature = "register")))]
mod without_register;
#[cfg(any(feature = "udp", feature = "tokio"))]
mod write_view;

#[cfg(all(any(feature = "udp", feature = "tokio"), feature = "register"))]
use register::attendant;
#[cfg(all(any(feature = "udp", feature = "tokio"), not(feature = "register")))]
use without_register as attendant;

#[cfg(any(feature = "udp", feature = "tokio"))]
pub use health::{HealthCheck, HealthConfig};
#[cfg(any(feature = "seal", feature = "tokio", feature = "seat"))]
pub use random::RandomError;
#[cfg(any(feature = "udp", feature = "tokio"))]
pub use save_error::SaveError;

/// What a member advertises: a text of 64 bytes at most that all other members know, for example the URL at which the
/// program of the leader is reached. Hosts over sockets spread it.
#[cfg(any(feature = "endpoint", feature = "metrics", feature = "tokio"))]
pub type Advertised = crate::name::Name<64>;

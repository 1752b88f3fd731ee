//! What a host needs besides the protocol, each part behind a feature of its own.

#[cfg(any(feature = "udp", feature = "tokio"))]
mod actions;
#[cfg(feature = "clock")]
pub mod clock;
pub mod counters;
#[cfg(any(feature = "udp", feature = "tokio"))]
mod departure;
#[cfg(feature = "endpoint")]
pub mod endpoint;
#[cfg(any(feature = "seal", feature = "store"))]
mod files;
#[cfg(any(feature = "udp", feature = "tokio"))]
mod lease_gate;
#[cfg(any(feature = "endpoint", feature = "tokio"))]
mod node_view;
#[cfg(any(feature = "seal", feature = "tokio"))]
mod random;
#[cfg(feature = "seal")]
pub mod seal;
#[cfg(any(feature = "udp", feature = "tokio-udp"))]
mod socket;
#[cfg(feature = "store")]
pub mod store;
#[cfg(any(feature = "udp", feature = "tokio"))]
mod timer;
#[cfg(feature = "tokio")]
pub mod tokio;
#[cfg(feature = "tracing")]
pub mod trace;
#[cfg(feature = "udp")]
pub mod udp;
#[cfg(feature = "wire")]
pub mod wire;

#[cfg(any(feature = "seal", feature = "tokio"))]
pub use random::RandomError;

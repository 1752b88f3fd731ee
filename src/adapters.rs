//! What a host needs besides the protocol, each part behind a feature of its own.

#[cfg(feature = "clock")]
pub mod clock;
pub mod counters;
#[cfg(any(feature = "seal", feature = "udp"))]
mod random;
#[cfg(feature = "seal")]
pub mod seal;
#[cfg(feature = "store")]
pub mod store;
#[cfg(feature = "tokio")]
pub mod tokio;
#[cfg(feature = "tracing")]
pub mod trace;
#[cfg(feature = "udp")]
pub mod udp;
#[cfg(feature = "wire")]
pub mod wire;

#[cfg(any(feature = "seal", feature = "udp"))]
pub use random::RandomError;

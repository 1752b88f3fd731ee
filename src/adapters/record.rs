//! What the nodes of a group did, kept to be looked at: a [`Timeline`] of all of them, which one HTML page draws.
//!
//! A simulator, or what the processes of a group have recorded, tells a timeline of everything that happened, in the order
//! of true time: processes start and end, messages are sent, arrive and are lost, nodes act on them. From the
//! [`Election`](crate::Election) after each step the timeline finds out what has changed, and by which of the rules of
//! [the protocol](crate#the-protocol).
//!
//! ```
//! use std::time::Duration;
//!
//! use quorate::adapters::record::{Source, Timeline};
//! use quorate::{ClusterId, Config, Election, HardState, Timestamp};
//! use rand_chacha::ChaCha8Rng;
//! use rand_chacha::rand_core::SeedableRng;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let first = HardState::bootstrap(ClusterId(7), [1_u64])?;
//! let mut election =
//!     Election::new(Config::new(1), first, Timestamp::ORIGIN, ChaCha8Rng::seed_from_u64(0))?;
//! let mut timeline = Timeline::new(Source::Record, "A group of one", [1]);
//!
//! // The clock of this node shows true time, so a reading of it needs no conversion.
//! let to_true_time = |reading: Timestamp| reading.since_origin();
//! timeline.start(Duration::ZERO, &election, to_true_time);
//! let now = election.deadline().unwrap_or_default();
//! let outputs = election.tick(now);
//! timeline.step(now.since_origin(), None, &outputs, &election, to_true_time);
//!
//! assert!(timeline.to_json().contains("elected in term #"));
//! // std::fs::write("run.html", timeline.page())?;
//! # Ok(())
//! # }
//! ```

mod timeline;

pub use self::timeline::{MessageNumber, Source, Timeline};

//! What a node took in and put out, as lines of JSON: written while it runs, replayed later.
//!
//! An [`Election`](crate::Election) gives the same outputs for the same inputs. So a record of what went into a node, and at
//! which readings of its clock, is all that it takes to see the node do the same again, on any machine and as often as one
//! likes: in a debugger, in a picture, or to find out whether another release would have done the same. A record is what to
//! send with a report of a bug: the page [`guide::records`](crate::guide::records) says what is in it, line by line, and what
//! is not.
//!
//! # Recording
//!
//! Both hosts take a `Recorder`: `udp::HostConfig::record` and `tokio::Options::record`. It never delays the node, and
//! nothing that goes wrong with it harms the node.
//!
//! ```no_run
//! use quorate::adapters::record::Recorder;
//!
//! # fn main() -> std::io::Result<()> {
//! let recorder = Recorder::to_file("node-1.record")?.on_end(|end| eprintln!("the record has ended: {end}"));
//! # #[cfg(feature = "udp")]
//! # fn config(recorder: Recorder) -> Result<(), Box<dyn std::error::Error>> {
//! # use quorate::{Config, adapters::udp::HostConfig};
//! let config = HostConfig::new(Config::new(1_u32), "127.0.0.1:7001".parse()?).record(recorder);
//! # Ok(())
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! # Replaying
//!
//! [`Replay`] reads a record, does all of it again, and compares. `quorate replay` does that for files of any nodes, and
//! merges those of all nodes of a group into one picture.
//!
//! # Drawing
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

mod align;
mod difference;
mod first_line;
mod line;
mod merge;
#[cfg(any(feature = "udp", feature = "tokio"))]
mod record_end;
#[cfg(any(feature = "udp", feature = "tokio"))]
mod recorder;
mod replay;
mod seen;
#[cfg(any(feature = "udp", feature = "tokio"))]
mod tap;
mod timeline;

pub use self::difference::{Difference, ReplayError};
pub use self::first_line::id_type_of;
pub use self::line::{FORMAT, Line, Start};
pub use self::merge::{Deed, MergeError, Merged, MergedProcess, MessageCounts, Records, Seen};
#[cfg(any(feature = "udp", feature = "tokio"))]
pub use self::record_end::{RecordEnd, RecorderError};
#[cfg(any(feature = "udp", feature = "tokio"))]
pub use self::recorder::{Recorder, Recording};
pub use self::replay::{Ending, Moment, Replay};
#[cfg(any(feature = "udp", feature = "tokio"))]
pub(in crate::adapters) use self::tap::{Attachment, Beginning, Tap};
pub use self::timeline::{MessageNumber, Source, Timeline};

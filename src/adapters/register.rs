//! A voter without a machine: all that it knows is one value in a register, an object with an atomic compare-and-swap.
//!
//! Two machines elect no leader when one of them fails, because one of two is no quorum. A third vote need not be a
//! third machine: a row of a database, a key of NATS or an object in a bucket will do. The machines, say A and B, are
//! members beside a *register voter* R, of priority 0. An [`Agent`] on each machine speaks for R, to the node on that
//! machine alone. R obeys the rules that bind every voter, and section 10 of the [rules](crate#10-a-voter-in-a-register).
//!
//! Both hosts carry one: `udp::HostConfig::register` and `tokio::Options::register` take a `RegisterConfig`, with the
//! client of the register, a [`Cell`] or an [`AsyncCell`].
//!
//! An `Agent` reads nothing and writes nothing: it says what is to be [read or swapped](Step), and is told what
//! [came of it](Outcome). A host of your own
//!
//! 1. tells the election of it ([`expect_register_voter`](crate::Election::expect_register_voter)), and passes each message that the node sends to R to [`Agent::ask`], and none of them to the network;
//! 2. carries out [`Step::Read`] and [`Step::Swap`], one at a time, and reports to [`Agent::complete`]; one that takes too
//!    long is reported as [`Outcome::Unknown`], and what becomes of it later is no longer reported;
//! 3. steps the node with each [`Step::Deliver`], as a message that was received from R, and drops whatever claims on the
//!    network to come from R;
//! 4. calls [`Agent::tick`] no later than [`Agent::deadline`], with readings of the clock that the election goes by.
//!
//! The operator writes the register once, with the bytes of [`create`]. An agent never does: a register that is missing
//! may have been lost, and its votes with it.
//!
//! ```
//! use quorate::adapters::register::{self, Agent, AgentConfig, Outcome, Step, Tag, Use};
//! use quorate::{ClusterId, Config, Election, HardState, Input, Message, Output, RoleKind, Timestamp};
//! use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
//! use std::time::Duration;
//!
//! /// A register in memory, and the number of its last write.
//! type Register = (u64, Vec<u8>);
//!
//! /// Carries out what an agent asks for, and returns what the voter says.
//! fn carry_out(
//!     agent: &mut Agent<u64>,
//!     mut steps: Vec<Step<u64>>,
//!     (number, bytes): &mut Register,
//!     now: Timestamp,
//! ) -> Vec<Message<u64>> {
//!     let mut said = Vec::new();
//!     while let Some(step) = (!steps.is_empty()).then(|| steps.remove(0)) {
//!         let outcome = match step {
//!             Step::Read => Outcome::Found { tag: Tag::from(*number), bytes: bytes.clone() },
//!             Step::Swap { tag, bytes: new } if tag == Tag::from(*number) => {
//!                 (*number, *bytes) = (*number + 1, new);
//!                 Outcome::Swapped(Tag::from(*number))
//!             }
//!             Step::Swap { .. } => Outcome::Refused,
//!             Step::Deliver(message) => {
//!                 said.push(message);
//!                 continue;
//!             }
//!             Step::Remember(_) | Step::Event(_) => continue,
//!         };
//!         agent.complete(outcome, now, &mut steps);
//!     }
//!     said
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // The nodes 1 and 2, and a voter in a register, 9.
//! let first = HardState::bootstrap(ClusterId(7), [1_u64, 2, 9])?;
//! let mut register = (0, register::create(&first, 9)?);
//! let rng = ChaCha8Rng::seed_from_u64;
//! let agent_of = |node| {
//!     let usage = Use::Spare { look: Duration::from_secs(10) };
//!     Agent::new(AgentConfig::new(node, 9, ClusterId(7), usage), &mut rng(node))
//! };
//!
//! // Both machines have been up: their agents look, and sign.
//! let mut node = Election::new(Config::new(1), first, Timestamp::ORIGIN, rng(3))?;
//! let (mut agent, mut other, mut now) = (agent_of(1)?, agent_of(2)?, Timestamp::ORIGIN);
//! for agent in [&mut agent, &mut other] {
//!     let mut steps = Vec::new();
//!     agent.tick(&node, now, &mut steps);
//!     carry_out(agent, steps, &mut register, now);
//! }
//!
//! // Node 2 is down, and node 1 is elected by its own vote and that of the register.
//! while node.role() != RoleKind::Leader {
//!     now = node.deadline().unwrap_or(now);
//!     let mut outputs = node.tick(now);
//!     while let Some(output) = (!outputs.is_empty()).then(|| outputs.remove(0)) {
//!         // `Persist` and `Event` are for the host, and what is for node 2 gets lost.
//!         let Output::Send { to: 9, message } = output else { continue };
//!         let mut steps = Vec::new();
//!         agent.ask(&node, message, now, &mut steps);
//!         for message in carry_out(&mut agent, steps, &mut register, now) {
//!             outputs.extend(node.step(Input::Receive { from: 9, message }));
//!         }
//!     }
//! }
//! assert!(node.lease().is_some_and(|lease| lease.holds_at(now)));
//! # Ok(())
//! # }
//! ```
//!
//! # A seat
//!
//! Where there is no group but a register, and one of many processes is to work, a [`Seat`] is enough. A loop of your own
//! drives one, or a whole host does: `SeatHost` on threads, with a blocking [`Cell`] (feature `seat`), and
//! `adapters::tokio::SeatHandle` as a task, with an [`AsyncCell`] (features `register` and `tokio`). Both give the lease at
//! any time, run work while it lasts, and give the seat up when they are shut down.

mod agent;
mod answer;
#[cfg(any(feature = "udp", feature = "tokio"))]
pub(in crate::adapters) mod attendant;
#[cfg(any(feature = "udp", feature = "tokio"))]
pub(in crate::adapters) mod call_thread;
#[cfg(any(feature = "udp", feature = "tokio", feature = "seat"))]
pub(in crate::adapters) mod calls;
mod cell;
mod content;
mod format;
#[cfg(any(feature = "udp", feature = "tokio"))]
pub(in crate::adapters) mod hosted;
#[cfg(any(feature = "udp", feature = "tokio"))]
mod hosting;
#[cfg(any(feature = "udp", feature = "tokio"))]
mod known_sequence;
mod seat;
mod seat_content;
#[cfg(all(feature = "seat", not(all(target_family = "wasm", target_os = "unknown"))))]
mod seat_host;
#[cfg(any(feature = "seat", feature = "tokio"))]
mod seat_options;
#[cfg(any(feature = "seat", feature = "tokio"))]
mod seat_run;
mod seat_status;
#[cfg(all(feature = "seat", not(all(target_family = "wasm", target_os = "unknown"))))]
mod seat_thread;
mod sight;
mod status;
mod usage;
mod work;

pub use agent::Agent;
pub use cell::{AsyncCell, Cell, CellError};
pub use format::{ContentError, CreateError, Inspection, MAX_CONTENT, create, inspect};
#[cfg(any(feature = "udp", feature = "tokio"))]
pub use hosting::RegisterConfig;
pub use seat::Seat;
pub use seat_content::{SeatInspection, create_seat, inspect_seat};
#[cfg(all(feature = "seat", not(all(target_family = "wasm", target_os = "unknown"))))]
pub use seat_host::{SeatEvents, SeatHost, SeatStopped, SeatWorker};
#[cfg(any(feature = "seat", feature = "tokio"))]
pub use seat_options::{SeatFailure, SeatHostConfig, SeatNotice, SeatStartError};
#[cfg(feature = "tokio")]
pub(in crate::adapters) use seat_run::{SeatAction, SeatRun};
pub use seat_status::{SeatConfig, SeatError, SeatStatus, SeatStep};
pub use status::{
    AgentConfig, AgentError, CallCounters, Outcome, Reads, RegisterEvent, RegisterStatus, Silence, Step, Tag,
    Use,
};

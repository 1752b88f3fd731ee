//! Every reachable state of a small group, not a sample of them: the real `Election` under an explicit
//! host, clocks and network, searched by `stateright` within bounds that each instance states.
//!
//! What is explored in all orders: any message that is in the network is delivered or not, late or
//! not, after any other; some are delivered twice; time passes; a host ticks its node when it
//! chooses to, or not at all; a write becomes durable when it does; a node crashes between any two
//! outputs; the host's wishes come whenever they can.
//!
//! What keeps it finite and small, without a loss unless it says so:
//! - Outputs between two barriers ([`Persist`](quorate::Output::Persist) and
//!   [`SteppedDown`](quorate::Event::SteppedDown)) are acted on at once: to send late is to be
//!   delivered late, and to crash in between is to have the rest lost, which undelivered messages
//!   are.
//! - A crash and the restart are one action: a node that is down is one that says nothing until it
//!   crashes.
//! - The network keeps the last `capacity` messages of each kind between two nodes; an older one is
//!   lost. (A bound.)
//! - A message that would be ignored is not delivered.
//! - When time passes, each node that has nothing due learns of it, and has just heard of all
//!   others. (The latter is a bound: a candidate gives up the silent, rule 4.4, only when its
//!   candidacy ends.)

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod group;
mod history;
mod host;
mod instance;
mod instances;
mod network;
mod run;
mod safety;
mod start;
mod state;

pub use group::{Action, Group};
pub use instance::{Clocks, Disks, Instance, PreVoteRound, Reach, Start, Wish};
pub use instances::{large, small};
pub use run::{Found, Search, Violation, check};
pub use state::State;

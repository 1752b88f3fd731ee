//! The model checker: every reachable state of a small group, and not a sample of them. `stateright`
//! searches the real `Election` under an explicit host, clocks and network, within the bounds of each
//! instance.
//!
//! The search tries these events in all orders: any message in the network is delivered or not, late or
//! not, after any other; some are delivered twice; time passes; a host ticks its node at any time, or not
//! at all; a write becomes durable at any time; a node crashes between any two outputs; the host's
//! requests come at any time.
//!
//! The following keeps the search finite and small. It loses no behaviour, except where it says that it is
//! a bound:
//! - Outputs between two barriers ([`Persist`](quorate::Output::Persist) and
//!   [`SteppedDown`](quorate::Event::SteppedDown)) are acted on at once. A late send is like a late
//!   delivery, and a crash in between is like a loss of the remaining messages, which may stay
//!   undelivered anyway.
//! - A crash and the restart are one action. A node that is down is like one that does nothing until it
//!   crashes.
//! - The network keeps the last `capacity` messages of each kind between two nodes; an older one is
//!   lost. (A bound.)
//! - A message that would be ignored is not delivered.
//! - When time passes, each node without a due deadline is ticked, and has just heard all others. (The
//!   latter is a bound: a candidate gives up silent voters, rule 4.4, only when its candidacy ends.)

mod bounds;
mod catalogue;
mod group;
mod group_state;
mod history;
mod host;
mod initial_states;
mod network;
mod safety;
mod search;

pub use bounds::{Clocks, Disks, Goal, Instance, PreVotes, Request, Start};
pub use catalogue::{large, small};
pub use group::{Action, Group};
pub use group_state::State;
pub use search::{Found, Search, Violation, check};

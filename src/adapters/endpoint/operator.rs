//! What an operator asks of a node over the socket of its group: how the node is, and changes of the group.
//!
//! A program that has the group's key can ask any node for a [`Report`], and give [`Command`]s where the host takes them.
//! A group without keys answers nothing: everybody who can send to a port would learn what the group is, and could change
//! it.
//!
//! An endpoint takes requests out of the datagrams ([`Endpoint::poll_request`](super::Endpoint::poll_request)), and the
//! hosts answer them. `udp::Operator` is the asking side on a socket of its own; [`Inquiry`] is the same without a
//! socket.
//!
//! # Bounds
//!
//! No reply is longer than its request, which is padded for that; a node that has more to say tells how long the request
//! has to be. A command bears a *ticket*, which the node has given with its last report, and which is good for one
//! command and for a minute at most. So a command that somebody has recorded is not carried out again. The replies to the
//! last sixteen commands are repeated if their requests are.
//!
//! # Several operators
//!
//! A ticket says nothing of what its holder has seen: an operator that gives a command takes a fresh one. So that two
//! operators do not change the members behind each other's back, a [`Change`] says which members its author
//! [saw](Change::seen_in), and is refused by name ([`ChangeError::MovedOn`]) once the members are to be others. An operator
//! to which no reply comes looks at the members again: they show whether the change was taken, and the same change a second
//! time is refused, since the members are to be others by then. A resignation is meant for the node that it is sent to,
//! which rejects it unless it leads.

mod change;
mod inquiry;

use core::net::SocketAddr;
use core::time::Duration;
use std::prelude::rust_2024::*;

use serde::{Deserialize, Serialize};

use super::confirmation::Cookie;
use crate::adapters::Advertised;
use crate::io::Urgency;
use crate::status::Status;
use crate::types::NodeId;

pub use self::change::{Change, ChangeError, ChangeKind, intended_members};
pub use self::inquiry::Inquiry;

/// What a node is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request<I> {
    /// How it is: answer with [`answer_status`](super::Endpoint::answer_status).
    Status,
    /// To do something: step [`Command::input`], show the endpoint the step, then answer with
    /// [`answer_command`](super::Endpoint::answer_command).
    Command(Command<I>),
}

/// What a node is told to do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(bound(deserialize = "I: NodeId + Deserialize<'de>"))]
pub enum Command<I> {
    /// Change the members, on the leader: see [`Input::Reconfigure`](crate::Input::Reconfigure).
    Change(Change<I>),
    /// Give up leadership, on the leader: see [`Input::Resign`](crate::Input::Resign).
    Resign {
        /// The node that is to lead next; `None` leaves the choice to the leader.
        successor: Option<I>,
        /// How soon.
        urgency: Urgency,
    },
}

/// What a node says of itself.
///
/// Non-exhaustive: a later version may say more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(bound(deserialize = "I: NodeId + Deserialize<'de>"))]
#[non_exhaustive]
pub struct Report<I> {
    /// The node.
    pub status: Status<I>,
    /// Its wall clock, since 1970.
    pub wall_clock: Duration,
    /// Where it knows other nodes to be: members, nodes that are about to become members, and configured peers.
    pub addresses: Vec<(I, SocketAddr)>,
    /// The ids of the keys that it opens datagrams with. It seals with the first one.
    pub keys: Vec<u64>,
    /// Whether it takes commands.
    pub takes_commands: bool,
    /// What members advertise, as far as it knows, itself included. Texts are left out of a report that is too long for a
    /// datagram with them.
    pub advertised: Vec<(I, Advertised)>,
}

impl<I: NodeId> Report<I> {
    /// What node `id` advertises, as far as the node knows that reports.
    #[must_use]
    pub fn advertised(&self, id: I) -> Option<Advertised> {
        self.advertised.iter().find(|(other, _)| *other == id).map(|&(_, text)| text)
    }
}

/// What a node replies to a request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(bound(deserialize = "I: NodeId + Deserialize<'de>"))]
pub enum Reply<I> {
    /// How the node is, and the ticket for the next command to it.
    Report(Box<Report<I>>, Ticket),
    /// The command is being carried out: reports show how far that is.
    Accepted,
    /// Nothing is done because of this request.
    Refused(Refused),
}

/// Why nothing was done.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Refused {
    /// The node rejects the command, and says why: it does not lead, for example.
    #[error("{0}")]
    Rejected(String),
    /// The ticket was used, or is too old: by another operator, or by this very command, which was repeated so late
    /// that its reply is forgotten. Look at a new report.
    #[error("the ticket was used already, or is too old: look at the group, and try again")]
    Stale,
    /// The host of the node takes no commands.
    #[error("this node takes no commands over the network")]
    NoCommands,
    /// The group has no keys.
    #[error("a group without keys is asked by nobody over the network")]
    Unsealed,
    /// The ids of the group are of another type than the program asks with. The text is that of the type's form when it
    /// is serialized, as in `u32` or `str`.
    #[error("the ids of this group are of the type {0}, and this program asks with another")]
    OtherIds(String),
    /// The request is shorter than its reply, which would take so many bytes.
    #[error("the reply takes {0} bytes, more than the request has")]
    TooShort(u32),
}

/// What makes a command good, once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ticket(pub(super) Cookie);

/// What a request says, on its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(deserialize = "I: NodeId + Deserialize<'de>"))]
pub(super) enum Asked<I> {
    Status,
    Command(Ticket, Command<I>),
}

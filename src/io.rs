//! What goes into an election and what comes out.

use crate::event::Event;
use crate::hard_state::HardState;
use crate::message::Message;
use crate::reconfig::Target;
use crate::rejection::Rejection;
#[cfg(feature = "serde")]
use crate::types::NodeId;
use crate::types::{Position, Priority, Term, Timestamp};
#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// What a host hands to its election: a message from another node, or a command of its own.
///
/// A command that cannot be carried out comes back as [`Rejected`](Output::Rejected), and nothing has
/// changed. A message never does.
///
/// `Discovered` and `Lost` are commands too, to take a node up and to give it up. They are named for what a
/// discovery service reports, since a host passes its reports on as they come.
///
/// Exhaustive on purpose: a host that takes commands from a program of its own has to learn of a new one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(serialize = "I: NodeId + Serialize", deserialize = "I: NodeId + Deserialize<'de>"))
)]
pub enum Input<I> {
    /// A message to this node arrived. Receive it, then read the clock and `tick`, then step it. One to a
    /// node that was at this address before is no message to this node.
    Receive {
        /// The node that sent it, as the transport knows it.
        from: I,
        /// What it says.
        message: Message<I>,
    },
    /// Stand for election now instead of when the deadline passes. A pre-vote comes first, so that
    /// it disturbs no leader.
    Campaign,
    /// Give up leadership.
    ///
    /// [`Event::SteppedDown`] says that this node has. It orders the successor to campaign, and repeats that order
    /// up to four times, at the [retry interval](crate::Timing::retry_interval), until it hears of a new leader. So
    /// go on ticking and receiving after that event until [`Event::LeaderChanged`] names another leader, and for two
    /// [`promise_limit`](crate::Timing::promise_limit) at most: the successor may need this node's vote too. A node
    /// that is neither stepped nor ticked any more has given its order once. If that one message is lost, a group of
    /// three has no leader until the promise of the successor ends, `promise_limit` later at the worst; in a larger
    /// one the others elect a leader among them. The shutdown of both hosts waits in this way.
    ///
    /// Without a [`SteppedDown`](Event::SteppedDown) the node leads on: [`Rejected`](Output::Rejected) or
    /// [`Event::HandoverFailed`] says why, within one `promise` and one `promise_limit`.
    Resign {
        /// The node that is to lead next; `None` leaves the choice to the leader.
        successor: Option<I>,
        /// How soon.
        urgency: Urgency,
    },
    /// Change the members, on the leader, by safe steps to `target`, each committed before the next. A later
    /// command replaces this one. Rules 8.1 and 8.2.
    Reconfigure {
        /// The nodes that shall vote and those that shall follow, in the end.
        target: Target<I>,
        /// Whether the change may cost the leader its lease.
        force: Force,
    },
    /// There is such a node. In a group that forms itself it is one to form it with; later, on the
    /// leader, it is admitted as a voter. Rule 8.4.
    Discovered(I),
    /// Such a node is gone for good: the reverse of `Discovered`. Rule 8.4.
    Lost(I),
    /// Have this node removed from the group. It goes on until [`Event::Removed`], and a leader hands over
    /// first. A restart forgets the command; so does a node that hears that it was removed and added again meanwhile
    /// ([`Event::LeaveForgotten`]). Rule 8.3.
    Leave,
    /// Take note that the host's data reach so far now.
    SetPosition(Position),
    /// From now on, want to lead so much. Set to 0 on a leader, it hands over.
    SetPriority(Priority),
}

/// How soon a resigning leader gives up.
///
/// Exhaustive, like [`Input`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum Urgency {
    /// Once the successor has shown that it can win, which may take as long as a write of that node. If it cannot,
    /// the leader leads on.
    WhenReady,
    /// At once, for a shutdown that cannot wait: this node leads no longer when its outputs were acted on. The
    /// successor writes its vote only then, so the group has no leader for that long.
    Now,
}

/// Whether a change of the members may cost the leader its lease. No choice endangers what the protocol
/// promises; it is the time without a leader that is at stake. Rule 8.2.
///
/// Exhaustive, like [`Input`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum Force {
    /// It may not: each step leaves a quorum of voters that answer.
    #[default]
    Never,
    /// It may, for one step, if there is no other step that brings the group closer to the target: for
    /// voters that are dead and make up half of the target or more.
    IfNeeded,
}

/// What the host has to do, in order.
///
/// Exhaustive on purpose: a host that did not know of a new output could miss something like
/// [`Persist`](Self::Persist), and give a vote twice.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(serialize = "I: NodeId + Serialize", deserialize = "I: NodeId + Deserialize<'de>"))
)]
pub enum Output<I> {
    /// Make this durable. What follows waits until it is. If it fails before anything of the state can have reached
    /// the disk, try again; if it fails otherwise, drop the `Election`.
    Persist(HardState<I>),
    /// Send a message. It may be lost, late, doubled, or overtaken.
    Send {
        /// The node that it is for.
        to: I,
        /// What to say.
        message: Message<I>,
    },
    /// News: see each [`Event`] for what to do.
    Event(Event<I>),
    /// The command cannot be carried out, or the reading of the clock cannot be. Nothing has changed, and
    /// nothing else comes out of this step or tick.
    Rejected(Rejection<I>),
}

/// For how long, and for which term, this node may act as leader.
///
/// Exhaustive: the two belong together and there is nothing to add, and tests of hosts make leases up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Lease {
    /// The fencing token.
    pub term: Term,
    /// The instant, on this node's clock, before which no other node can hold a lease.
    pub until: Timestamp,
}

impl Lease {
    /// Whether it holds at `now`, read from the same clock after all outputs so far were acted on.
    #[must_use]
    pub fn holds_at(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

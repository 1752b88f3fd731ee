//! What comes of sealing and opening.

use std::prelude::rust_2024::*;

use super::{MAX_SEALED, Refusal};
use crate::types::{ClusterId, Life};

/// What a datagram turned out to be.
///
/// Exhaustive on purpose: each asks something else of a host, which must not miss one.
#[derive(Debug)]
pub enum Opened<'a, I> {
    /// A datagram of another node to this one, opened for the first time.
    Datagram {
        /// The node that sealed it.
        from: I,
        /// The life of that node, as of then: see [`Seal::set_life`](super::Seal::set_life).
        life: Life,
        /// What it sealed.
        body: &'a [u8],
        /// Whether the node's process sends again that another process of the node had replaced: both run, and
        /// share one name. A machine was cloned, or a copy was restored beside its original.
        is_twin: bool,
    },
    /// A datagram of another group, sealed with a key that both groups have, and counted as a [`Refusal`]. It is not
    /// opened.
    Foreign {
        /// The node that sealed it, by its name in the other group.
        from: I,
        /// The other group.
        cluster: ClusterId,
    },
    /// A handshake was answered: datagrams for that node can be sealed from now on. Whatever is sent to
    /// it next lets it seal datagrams for this node too.
    HandshakeDone {
        /// The other node.
        with: I,
    },
    /// Nothing that can be opened yet: send this to where the datagram came from, and the sender's next
    /// datagram can.
    Reply(Vec<u8>),
    /// What somebody with the key sealed for everybody. Its sender is unknown, and it may have arrived
    /// before, and often.
    Broadcast(&'a [u8]),
    /// The datagram was refused, and counted. There is nothing to be done.
    Refused(Refusal),
}

/// Why nothing was sealed. The datagram counts as lost.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The datagram would be longer than any that is opened.
    #[error("the datagram takes more than {MAX_SEALED} bytes")]
    TooLong,
    /// The id's own `Serialize` failed.
    #[error("an id refuses to be serialized")]
    BadId,
    /// The cipher refuses, which it does not at these lengths.
    #[error("the cipher refuses")]
    Unsealable,
    /// The generator has no randomness to give.
    #[error("no randomness to seal with")]
    NoRandomness,
}

//! Messages as datagrams: one version byte, then the message in [postcard].
//!
//! A datagram comes from anybody. [`decode`] refuses whatever is not exactly one message, with a
//! [`DecodeError`] that says why, and keeps no more memory than a constant times what came in. A
//! refusal is never fatal: count it ([`DecodeErrors`]) and go on. Datagrams are neither authenticated
//! nor encrypted; on a network that is not trusted, wrap them: the module `seal` does.
//!
//! # Changing the format
//!
//! Whatever changes the bytes of any message is a new format, with a new [`VERSION`]. A group is
//! upgraded node by node, so no version is spoken before every node understands it:
//!
//! 1. one release decodes the new version beside the old one and goes on sending the old one;
//! 2. the next release, installed once every node runs the first, sends the new version and still
//!    decodes the old one;
//! 3. the release after that may forget the old one.
//!
//! A node that is skipped is not harmed, only unheard: its peers count its datagrams as
//! [`DecodeError::UnknownVersion`].
//!
//! # Ids
//!
//! Any id that serde knows will do. A `SocketAddr` is sent as address and port: an IPv6 scope id or
//! flow label, which mean nothing to another machine, become 0. Every node of a group must use the
//! same type.
//!
//! [postcard]: https://postcard.jamesmunns.com/wire-format

use alloc::vec::Vec;

use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::message::{Body, Header, Message};
use crate::types::NodeId;

/// The format that is sent: the first byte of every datagram.
pub const VERSION: u8 = 6;

/// The longest datagram, in bytes, that is sent or accepted.
///
/// A membership is the only part of a message that grows; everything else together stays below 200
/// bytes and five ids. So [`MAX_MEMBERS`](crate::MAX_MEMBERS) members fit with ids of up to 60
/// encoded bytes each (an IPv6 `SocketAddr` takes at most 20), or up to 40 if most are learners, with which the
/// version of their addition travels. UDP itself carries 65,507 bytes. IP fragments what exceeds the path's MTU, but
/// a heartbeat without a membership never comes near one.
pub const MAX_DATAGRAM: usize = 16 * 1024;

/// Why a datagram is no message. Count it and go on.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// There is not even a version.
    #[error("the datagram is empty")]
    Empty,
    /// The datagram is refused unread.
    #[error("the datagram has {length} bytes, more than {MAX_DATAGRAM}")]
    TooLong {
        /// How many bytes came in.
        length: usize,
    },
    /// Another format, or another protocol.
    #[error("the datagram has version {found}, not {VERSION}")]
    UnknownVersion {
        /// Its first byte.
        found: u8,
    },
    /// It ends before the message does.
    #[error("the datagram is cut off")]
    Truncated,
    /// Some field has a value that does not exist, an impossible membership included.
    #[error("the datagram is not a message")]
    Malformed,
    /// It goes on after the message.
    #[error("the datagram has {extra} bytes after the message")]
    TrailingBytes {
        /// How many.
        extra: usize,
    },
}

/// Why a message cannot be sent. It counts as lost.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The ids are too large for a membership of this size.
    #[error("the message takes more than {MAX_DATAGRAM} bytes")]
    TooLong,
    /// The id's own `Serialize` failed.
    #[error("an id refuses to be serialized")]
    BadId,
}

/// How many datagrams were refused, by reason. The host counts, operators read.
///
/// Non-exhaustive, like the reasons.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub struct DecodeErrors {
    /// [`DecodeError::Empty`].
    pub empty: u64,
    /// [`DecodeError::TooLong`].
    pub too_long: u64,
    /// [`DecodeError::UnknownVersion`].
    pub unknown_version: u64,
    /// [`DecodeError::Truncated`].
    pub truncated: u64,
    /// [`DecodeError::Malformed`].
    pub malformed: u64,
    /// [`DecodeError::TrailingBytes`].
    pub trailing_bytes: u64,
}

impl DecodeErrors {
    /// Counts one refusal.
    pub fn count(&mut self, error: &DecodeError) {
        let counter = match error {
            DecodeError::Empty => &mut self.empty,
            DecodeError::TooLong { .. } => &mut self.too_long,
            DecodeError::UnknownVersion { .. } => &mut self.unknown_version,
            DecodeError::Truncated => &mut self.truncated,
            DecodeError::Malformed => &mut self.malformed,
            DecodeError::TrailingBytes { .. } => &mut self.trailing_bytes,
        };
        *counter = counter.saturating_add(1);
    }

    /// All of them together.
    #[must_use]
    pub fn total(&self) -> u64 {
        let DecodeErrors { empty, too_long, unknown_version, truncated, malformed, trailing_bytes } = *self;
        [empty, too_long, unknown_version, truncated, malformed, trailing_bytes]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}

/// The message as one datagram, never part of one: empty where [`encode_into`] would fail. An empty
/// datagram harms nobody, it is refused wherever it arrives.
#[must_use]
pub fn encode<I: NodeId + Serialize>(message: &Message<I>) -> Vec<u8> {
    let mut datagram = Vec::new();
    match encode_into(message, &mut datagram) {
        Ok(()) => datagram,
        Err(_) => Vec::new(),
    }
}

/// Appends the message as one datagram to `buffer`, which is left as it was on an error.
///
/// # Errors
/// [`EncodeError`], for ids that are very large or cannot be serialized; never for those that serde
/// and this crate's documentation name.
pub fn encode_into<I: NodeId + Serialize>(
    message: &Message<I>,
    buffer: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    encode_parts_into(&message.header(), &message.body(), buffer)
}

/// The same of a message that has this header and this body, which are written one behind the other.
pub(super) fn encode_parts_into<I: NodeId + Serialize>(
    header: &Header,
    body: &Body<I>,
    buffer: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let start = buffer.len();
    buffer.push(VERSION);
    let room = MAX_DATAGRAM.saturating_sub(1);
    let written = postcard::serialize_with_flavor(&(header, body), Append { buffer: &mut *buffer, room });
    written.map_err(|error| {
        buffer.truncate(start);
        match error {
            postcard::Error::SerializeBufferFull => EncodeError::TooLong,
            _ => EncodeError::BadId,
        }
    })
}

/// The message that `datagram` is.
///
/// # Errors
/// [`DecodeError`] if it is anything but exactly one message of a version that is understood.
pub fn decode<I: NodeId + DeserializeOwned>(datagram: &[u8]) -> Result<Message<I>, DecodeError> {
    // Each member takes at least a byte, so that hostile lengths run into the end of the datagram.
    const { assert!(size_of::<I>() > 0, "an id without a value cannot tell nodes apart") };
    if datagram.len() > MAX_DATAGRAM {
        return Err(DecodeError::TooLong { length: datagram.len() });
    }
    match datagram.split_first() {
        None => Err(DecodeError::Empty),
        Some((&VERSION, body)) => decode_body(body),
        Some((&found, _)) => Err(DecodeError::UnknownVersion { found }),
    }
}

fn decode_body<I: NodeId + DeserializeOwned>(body: &[u8]) -> Result<Message<I>, DecodeError> {
    match postcard::take_from_bytes(body) {
        Ok((message, [])) => Ok(message),
        Ok((_, rest)) => Err(DecodeError::TrailingBytes { extra: rest.len() }),
        Err(postcard::Error::DeserializeUnexpectedEnd) => Err(DecodeError::Truncated),
        Err(_) => Err(DecodeError::Malformed),
    }
}

/// Lets postcard write behind what a buffer holds, up to a limit.
struct Append<'a> {
    buffer: &'a mut Vec<u8>,
    room: usize,
}

impl Flavor for Append<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.room = self.room.checked_sub(bytes.len()).ok_or(postcard::Error::SerializeBufferFull)?;
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

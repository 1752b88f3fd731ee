//! Nonces, without randomness: a session, and a number in it.
//!
//! ```text
//! session  channel  count
//!    6        4       2
//! ```
//! A process draws one session at its start. It opens a *channel* to each node that it writes to, and counts the
//! datagrams in it; when the count is used up it opens the next channel. So no nonce is used twice in a session, the
//! numbers of what is sealed for one node only grow, and a channel names a sender and a receiver.

use std::prelude::rust_2024::*;

use rand_core::TryCryptoRng;
use serde::{Deserialize, Serialize};

pub(super) const NONCE: usize = 12;

/// The nonce of a datagram, as it travels.
pub(super) type Nonce = [u8; NONCE];

/// Names a process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) struct Session([u8; 6]);

impl Session {
    pub(super) fn draw<R: TryCryptoRng>(rng: &mut R) -> Result<Self, R::Error> {
        let mut bytes = [0; 6];
        rng.try_fill_bytes(&mut bytes)?;
        Ok(Session(bytes))
    }
}

/// What one process seals for one node, for up to 65,535 datagrams.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) struct Channel {
    pub(super) session: Session,
    pub(super) id: ChannelId,
}

/// Tells the channels of one session apart. A later one is greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) struct ChannelId([u8; 4]);

/// The number of a datagram in its session: 48 bits, of which the lower 16 are its count in the channel, from 1 on. So the
/// number behind the last one of a channel is not the first one of the next channel, which is another node's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Number(pub(super) u64);

impl Number {
    /// Stands where there is no channel yet. No datagram has this number.
    pub(super) const NONE: Number = Number(0);

    pub(super) fn channel(self) -> ChannelId {
        let [_, _, channel @ .., _, _] = self.0.to_be_bytes();
        ChannelId(channel)
    }

    /// Whether no channel has been opened that has room for one more datagram.
    pub(super) fn is_used_up(self) -> bool {
        self.0.trailing_zeros() >= 16
    }

    pub(super) fn next(self) -> Number {
        Number(self.0.saturating_add(1))
    }

    pub(super) fn nonce(self, session: Session) -> Nonce {
        let (Session([s0, s1, s2, s3, s4, s5]), [_, _, n0, n1, n2, n3, n4, n5]) =
            (session, self.0.to_be_bytes());
        [s0, s1, s2, s3, s4, s5, n0, n1, n2, n3, n4, n5]
    }
}

/// What a nonce says.
pub(super) fn parse_nonce(nonce: Nonce) -> (Session, Number) {
    let [s0, s1, s2, s3, s4, s5, n0, n1, n2, n3, n4, n5] = nonce;
    let number = u64::from_be_bytes([0, 0, n0, n1, n2, n3, n4, n5]);
    (Session([s0, s1, s2, s3, s4, s5]), Number(number))
}

/// Opens the channels of one session, each once.
#[derive(Debug)]
pub(super) struct Channels {
    opened: u32,
}

impl Channels {
    pub(super) fn new() -> Self {
        Channels { opened: 0 }
    }

    /// Whether the session has opened all but the last few of its channels, and a new session is due.
    pub(super) fn are_used_up(&self) -> bool {
        self.opened >= u32::MAX.saturating_sub(2)
    }

    /// The first number of the next channel.
    pub(super) fn open(&mut self) -> Number {
        self.opened = self.opened.saturating_add(1);
        Number(u64::from(self.opened) << 16).next()
    }

    /// All but so many of the channels.
    #[cfg(test)]
    pub(super) fn all_but(left: u32) -> Self {
        Channels { opened: u32::MAX.saturating_sub(left) }
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test that overflows has found something")]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_the_session_the_channel_and_the_count_with_the_highest_byte_first() {
        let session = Session([1, 2, 3, 4, 5, 6]);
        let number = Number(0x0708_090a_0b0c);
        assert_eq!(number.nonce(session), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        assert_eq!(parse_nonce(number.nonce(session)), (session, number));
        assert_eq!(number.channel(), ChannelId([7, 8, 9, 10]));
    }

    #[test]
    fn a_channel_has_room_for_65_535_datagrams() {
        let mut channels = Channels::new();
        let (first, other) = (channels.open(), channels.open());
        let mut number = first;
        for _ in 0..65_535 {
            assert!(!number.is_used_up() && number.channel() == first.channel());
            number = number.next();
        }
        assert!(number.is_used_up() && Number::NONE.is_used_up());
        assert!(other.channel() > first.channel() && first > Number::NONE);
    }
}

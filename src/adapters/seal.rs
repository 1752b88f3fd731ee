//! Datagrams sealed with a key of the group: their content is secret, and a datagram that somebody
//! without the key has made, altered or sent again is refused.
//!
//! [`Seal`] does all of it without a socket or a clock: bytes go in, bytes come out, and its randomness
//! comes from a generator of the caller's. `adapters::endpoint` uses it; so can a transport of your own.
//!
//! ```
//! use quorate::ClusterId;
//! use quorate::adapters::seal::{Keyring, Opened, Seal};
//! # use rand_chacha::rand_core::SeedableRng;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let keys: Keyring = "8d0e3c1f5b2a4978a6c7d8e9f00112233445566778899aabbccddeeff0123456".parse()?;
//! // In a program: `SystemRng::new()`, the randomness of the operating system.
//! # let rng = |seed| rand_chacha::ChaCha20Rng::seed_from_u64(seed);
//! let group = ClusterId(7);
//! let mut one = Seal::new(1_u32, group, keys.clone(), rng(1))?;
//! let mut two = Seal::new(2_u32, group, keys, rng(2))?;
//!
//! // The two have not met yet. A handshake goes out in the place of the first datagram, which is lost,
//! // as any datagram may be, and the handshake is answered.
//! let mut handshake = one.seal_for(2, b"a message")?;
//! let Opened::Reply(mut reply) = two.open(&mut handshake) else { panic!("no reply") };
//! assert!(matches!(one.open(&mut reply), Opened::HandshakeDone { with: 2 }));
//!
//! let mut sealed = one.seal_for(2, b"the message again")?;
//! let mut again = sealed.clone();
//! let Opened::Datagram { from: 1, body, .. } = two.open(&mut sealed) else { panic!("no datagram") };
//! assert_eq!(body, b"the message again");
//! assert!(matches!(two.open(&mut again), Opened::Refused(_)), "a datagram is opened once");
//! # Ok(())
//! # }
//! ```
//!
//! # What is refused
//!
//! [`Refusal`] names every reason, and [`Refused`] counts them. A sender without a key gets no answer,
//! and costs a look at the first 19 bytes; if it has copied these from a datagram that it saw, one
//! authentication. A sender that has the key but cannot show that its datagram is recent is told how to
//! show it, in one datagram that is no longer than its own: nobody can make a group send more than it
//! sends itself.
//!
//! A datagram is opened once, by the process that it was sealed for. The first datagram to a node, and
//! the first after either end has restarted, may be lost to this rule: its sender is answered, and the
//! next datagram is opened.
//!
//! The state for each other node has a constant size, and is kept for the 1,024 nodes that were heard or
//! written to last.
//!
//! # The format
//!
//! XChaCha20-Poly1305, behind a version, the key's id, the group and the nonce of the datagram, all in the
//! clear and authenticated. The encrypted part begins with the sender, the receiver and what `seal/peer.rs`
//! describes. A sealed datagram is some 110 bytes and two ids longer than its body.
//!
//! The nonce is a keyed hash (BLAKE2b) of 24 random bytes, the clear head and all that is sealed. So the
//! confidentiality of what is sealed does not rest on the randomness alone: where the generator repeats itself, as
//! after two resumes of one snapshot of a virtual machine, datagrams that differ have different nonces all the same.

mod frame;
mod key;
mod key_file;
mod peer;
mod peers;
mod refusal;
mod system_rng;
mod window;

use std::fmt;
use std::prelude::rust_2024::*;

use rand_core::TryCryptoRng;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use self::frame::Decrypted;
use self::peer::{Head, Peer, Unique};
use self::peers::Peers;
use crate::types::{ClusterId, NodeId};

pub use self::key::{Key, KeyError, Keyring};
pub use self::refusal::{Refusal, Refused};
pub use self::system_rng::SystemRng;

/// The format of what is sealed: the third byte of every sealed datagram.
pub const VERSION: u8 = 3;

/// How many zeros a handshake bears, so that what is sent because of it is no longer than the handshake. A handshake
/// that answers a datagram bears no more zeros than the datagram has room for.
const HANDSHAKE_PADDING: usize = 192;

/// The longest sealed datagram, in bytes, that is made or opened.
pub const MAX_SEALED: usize = 21 * 1024;

/// Seals what one node sends, and opens what it receives.
///
/// `R` is the source of sessions, challenges, and the random part of nonces. None of them may be guessed, or come
/// twice: a program brings [`SystemRng`], a test a seeded generator.
pub struct Seal<I, R> {
    id: I,
    /// The group whose datagrams are sealed and opened.
    cluster: ClusterId,
    /// Names this process.
    session: Unique,
    keys: Keyring,
    rng: R,
    peers: Peers<I>,
    refused: Refused,
}

/// What a datagram turned out to be.
///
/// Exhaustive on purpose: each asks something else of a host, which must not miss one.
#[derive(Debug)]
pub enum Opened<'a, I> {
    /// A datagram of another node to this one, opened for the first time.
    Datagram {
        /// The node that sealed it.
        from: I,
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

/// What is sealed before the body.
#[derive(Serialize, Deserialize)]
enum Contents<I> {
    Broadcast,
    /// With the receiver's question that it answers, or [`Unique::NONE`].
    Handshake(Head<I>, Unique),
    /// With the receiver's challenge, and the number of the datagram among those that bear this challenge.
    Datagram(Head<I>, Unique, u64),
}

impl<I: NodeId, R: TryCryptoRng> Seal<I, R> {
    /// The seal of node `id` of group `cluster`, as of now: what was sealed for an earlier process of the node is
    /// refused, and so is what was sealed for another group, even with the same keys.
    ///
    /// # Errors
    /// The generator's own, if it has no randomness to give.
    pub fn new(id: I, cluster: ClusterId, keys: Keyring, mut rng: R) -> Result<Self, R::Error> {
        let session = Unique::try_draw(&mut rng)?;
        let (peers, refused) = (Peers::new(), Refused::default());
        Ok(Seal { id, cluster, session, keys, rng, peers, refused })
    }

    /// Uses other keys from now on: see [`Keyring`] on how to rotate. Handshakes stay done.
    pub fn set_keys(&mut self, keys: Keyring) {
        self.keys = keys;
    }

    /// Whether datagrams for `id` can be sealed. If not, a [`handshake`](Self::handshake) is due.
    #[must_use]
    pub fn can_seal_for(&self, id: I) -> bool {
        self.peers.get(id).is_some_and(Peer::is_known)
    }

    /// The group whose datagrams are sealed and opened.
    #[must_use]
    pub fn cluster(&self) -> ClusterId {
        self.cluster
    }

    /// What was refused so far.
    #[must_use]
    pub fn refused(&self) -> Refused {
        self.refused
    }
}

impl<I: NodeId + Serialize + DeserializeOwned, R: TryCryptoRng> Seal<I, R> {
    /// Seals `body` for node `to`, to be sent once. While the handshake with `to` is not
    /// [done](Self::can_seal_for), a handshake is returned in the datagram's place, and `body` is lost.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal_for(&mut self, to: I, body: &[u8]) -> Result<Vec<u8>, SealError> {
        let head = self.head(to)?;
        match self.peers.get_mut(to).and_then(Peer::take_proof) {
            Some((proof, number)) => {
                let contents = Contents::Datagram(head, proof, number);
                self.keys.encrypt(self.cluster, &contents, body, &mut self.rng)
            }
            None => self.handshake(to),
        }
    }

    /// Asks node `to` for what is needed to seal datagrams for it.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn handshake(&mut self, to: I) -> Result<Vec<u8>, SealError> {
        self.handshake_with(to, Unique::NONE, HANDSHAKE_PADDING)
    }

    fn handshake_with(&mut self, to: I, answered: Unique, padding: usize) -> Result<Vec<u8>, SealError> {
        let head = self.head(to)?;
        let contents = Contents::Handshake(head, answered);
        let padding = [0; HANDSHAKE_PADDING].get(..padding).unwrap_or(&[0; HANDSHAKE_PADDING]);
        self.keys.encrypt(self.cluster, &contents, padding, &mut self.rng)
    }

    fn head(&mut self, to: I) -> Result<Head<I>, SealError> {
        let (from, session) = (self.id, self.session);
        let peer = self.peers.touch(to, &mut self.rng)?;
        Ok(Head { from, to, session, challenge: peer.challenge, question: peer.question })
    }

    /// Seals `body` for everybody with the key, without a sender. It is opened as often as it arrives.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal_broadcast(&mut self, body: &[u8]) -> Result<Vec<u8>, SealError> {
        self.keys.seal_broadcast(self.cluster, body, &mut self.rng)
    }

    /// Opens a received datagram, in its place.
    pub fn open<'a>(&mut self, datagram: &'a mut [u8]) -> Opened<'a, I> {
        self.try_open(datagram).unwrap_or_else(|refusal| {
            self.refused.count(refusal);
            Opened::Refused(refusal)
        })
    }

    fn try_open<'a>(&mut self, datagram: &'a mut [u8]) -> Result<Opened<'a, I>, Refusal> {
        let Decrypted { cluster, plain } = self.keys.decrypt(self.cluster, datagram)?;
        let (contents, body) = decode(plain)?;
        match contents {
            Contents::Handshake(head, _) | Contents::Datagram(head, ..) if cluster != self.cluster => {
                self.refused.count(Refusal::ForeignCluster { cluster });
                Ok(Opened::Foreign { from: head.from, cluster })
            }
            Contents::Broadcast if cluster != self.cluster => Err(Refusal::ForeignCluster { cluster }),
            Contents::Broadcast => Ok(Opened::Broadcast(body)),
            Contents::Handshake(head, answered) if is_padding(body) => {
                self.check_addressee(&head)?;
                let peer = self.peers.touch(head.from, &mut self.rng)?;
                match peer.accept_handshake(&head, answered, &mut self.rng) {
                    Ok(()) => Ok(Opened::HandshakeDone { with: head.from }),
                    Err(Refusal::Unproven) => self.reply(&head, body.len()),
                    Err(refusal) => Err(refusal),
                }
            }
            Contents::Handshake(..) => Err(Refusal::Malformed),
            Contents::Datagram(head, proof, number) => {
                self.check_addressee(&head)?;
                let peer = self.peers.touch(head.from, &mut self.rng)?;
                match peer.accept_datagram(&head, (proof, number), &mut self.rng) {
                    Ok(is_twin) => Ok(Opened::Datagram { from: head.from, body, is_twin }),
                    Err(refusal @ Refusal::Unproven) => {
                        self.refused.count(refusal);
                        self.reply(&head, body.len())
                    }
                    Err(refusal) => Err(refusal),
                }
            }
        }
    }

    /// A datagram in the name of this node, or for another one, is refused.
    fn check_addressee(&self, head: &Head<I>) -> Result<(), Refusal> {
        if head.from == self.id {
            return Err(if head.session == self.session { Refusal::Reflected } else { Refusal::OwnId });
        }
        if head.to == self.id { Ok(()) } else { Err(Refusal::Misdirected) }
    }

    /// One datagram for one, and no longer than the one it replies to. A reply is never replied to.
    fn reply(&mut self, head: &Head<I>, room: usize) -> Result<Opened<'static, I>, Refusal> {
        let padding = room.min(HANDSHAKE_PADDING);
        self.handshake_with(head.from, head.question, padding)
            .map(Opened::Reply)
            .map_err(|_| Refusal::NoRandomness)
    }
}

impl Keyring {
    /// Seals `body` for everybody in group `cluster` with the key, without a sender. It is opened as often as it
    /// arrives.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal_broadcast(
        &self,
        cluster: ClusterId,
        body: &[u8],
        rng: &mut impl TryCryptoRng,
    ) -> Result<Vec<u8>, SealError> {
        self.encrypt(cluster, &Contents::<()>::Broadcast, body, rng)
    }

    /// Opens what [`seal_broadcast`](Self::seal_broadcast), or [`Seal::seal_broadcast`], has sealed.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn open_broadcast<'a>(
        &self,
        cluster: ClusterId,
        datagram: &'a mut [u8],
    ) -> Result<&'a [u8], Refusal> {
        let Decrypted { cluster: found, plain } = self.decrypt(cluster, datagram)?;
        if found != cluster {
            return Err(Refusal::ForeignCluster { cluster: found });
        }
        match decode::<()>(plain)? {
            (Contents::Broadcast, body) => Ok(body),
            (Contents::Handshake(..) | Contents::Datagram(..), _) => Err(Refusal::Misdirected),
        }
    }
}

fn is_padding(body: &[u8]) -> bool {
    body.len() <= HANDSHAKE_PADDING && body.iter().all(|&byte| byte == 0)
}

fn decode<I: DeserializeOwned>(plain: &[u8]) -> Result<(Contents<I>, &[u8]), Refusal> {
    postcard::take_from_bytes(plain).map_err(|_| Refusal::Malformed)
}

impl<I: NodeId, R> fmt::Debug for Seal<I, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Seal { id, keys, refused, .. } = self;
        f.debug_struct("Seal")
            .field("id", id)
            .field("keys", keys)
            .field("refused", refused)
            .finish_non_exhaustive()
    }
}

//! Datagrams sealed with a key of the group: what is in them is secret, and nothing counts that
//! somebody without the key has made, altered, or sent once more.
//!
//! [`Seal`] is the whole of it, without a socket or a clock: bytes go in, bytes come out. The host over
//! [UDP](crate::adapters::udp) uses it; so can a transport of your own.
//!
//! ```
//! use quorate::adapters::seal::{Keyring, Opened, Seal};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let keys: Keyring = "8d0e3c1f5b2a4978a6c7d8e9f00112233445566778899aabbccddeeff0123456".parse()?;
//! let (mut one, mut two) = (Seal::new(1_u32, keys.clone())?, Seal::new(2_u32, keys)?);
//!
//! // They have not met. Instead of the first letter a hello goes out, and it is answered; the letter
//! // is lost, as any datagram may be.
//! let mut hello = one.letter(2, b"a message")?;
//! let Opened::Reply(mut reply) = two.open(&mut hello) else { panic!("no reply") };
//! assert!(matches!(one.open(&mut reply), Opened::Met { from: 2 }));
//!
//! let mut letter = one.letter(2, b"the message again")?;
//! let mut again = letter.clone();
//! let Opened::Letter { from: 1, body } = two.open(&mut letter) else { panic!("no letter") };
//! assert_eq!(body, b"the message again");
//! assert!(matches!(two.open(&mut again), Opened::Refused(_)), "once");
//! # Ok(())
//! # }
//! ```
//!
//! # What is refused
//!
//! [`Refusal`] names every reason, [`Refused`] counts them. Whoever has no key gets no answer, and costs
//! a look at the first eleven bytes; if he has copied those from a datagram that he saw, one
//! authentication. Who has the key but cannot show that what he sends is recent is told how to, in one
//! datagram that is no longer than his: nobody can have a group send more than he sends himself.
//!
//! A letter counts once, for the process that it was sealed for. The first letter to a node, and the
//! first after either end has restarted, may be lost to that: who sent it is answered, and the next
//! counts.
//!
//! All state is of constant size for each other node, of the 1,024 that were heard or written to last.
//!
//! # The format
//!
//! XChaCha20-Poly1305, with a random nonce in each datagram, behind a version and the key's id; inside,
//! sender, receiver and what `seal/peer.rs` says. That is some 100 bytes and two ids more than there are
//! to send.

mod frame;
mod key;
mod peer;
mod refusal;
mod window;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::prelude::rust_2024::*;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use self::peer::{Head, Peer, Unique};
use crate::adapters::RandomError;
use crate::types::NodeId;

pub use self::key::{Key, KeyError, Keyring};
pub use self::refusal::{Refusal, Refused};

/// The format of what is sealed: the third byte of every sealed datagram.
pub const VERSION: u8 = 1;

/// The longest sealed datagram, in bytes, that is made or looked at.
pub const MAX_SEALED: usize = 21 * 1024;

/// How many other nodes are kept in mind.
const MAX_PEERS: usize = 1_024;

/// Seals what one node sends, and opens what it receives.
pub struct Seal<I> {
    id: I,
    /// This process.
    session: Unique,
    keys: Keyring,
    peers: BTreeMap<I, Peer>,
    /// Datagrams so far.
    used: u64,
    refused: Refused,
}

/// What a datagram turned out to be.
///
/// Exhaustive on purpose: each asks something else of a host, which must not miss one.
#[derive(Debug)]
pub enum Opened<'a, I> {
    /// What another node had to say, to this one, for the first time.
    Letter {
        /// That node.
        from: I,
        /// What it says.
        body: &'a [u8],
    },
    /// Letters to that node will be taken from now on. Whatever is sent next lets it know the same.
    Met {
        /// That node.
        from: I,
    },
    /// Nothing that counts yet: send this to where the datagram came from, and the next will.
    Reply(Vec<u8>),
    /// What somebody with the key has to say, about whom nothing is known. It may have been said
    /// before, and often.
    Note(&'a [u8]),
    /// It has been counted. There is nothing to be done.
    Refused(Refusal),
}

/// Why nothing was sealed. The datagram counts as lost.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// It would be longer than any datagram that is opened.
    #[error("the datagram takes more than {MAX_SEALED} bytes")]
    TooLong,
    /// The id's own `Serialize` failed.
    #[error("an id refuses to be serialized")]
    BadId,
    /// The cipher refuses, which it does not at these lengths.
    #[error("the cipher refuses")]
    Unsealable,
    /// The system has no randomness to give.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// What is sealed before the body.
#[derive(Serialize, Deserialize)]
enum Inside<I> {
    Note,
    /// And the receiver's question that it answers, or [`Unique::NONE`].
    Hello(Head<I>, Unique),
    /// And the receiver's challenge, and the number of the letter among those that bear it.
    Letter(Head<I>, Unique, u64),
}

impl<I: NodeId> Seal<I> {
    /// For node `id`, as of now: what was sealed for it before is refused.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub fn new(id: I, keys: Keyring) -> Result<Self, RandomError> {
        let (peers, refused) = (BTreeMap::new(), Refused::default());
        Ok(Seal { id, session: Unique::draw()?, keys, peers, used: 0, refused })
    }

    /// Other keys from now on: see [`Keyring`] on how to rotate. Who has been met stays so.
    pub fn set_keys(&mut self, keys: Keyring) {
        self.keys = keys;
    }

    /// Whether letters to `id` can be written. If not, a [`hello`](Self::hello) is due.
    #[must_use]
    pub fn has_met(&self, id: I) -> bool {
        self.peers.get(&id).is_some_and(Peer::is_known)
    }

    /// What was refused so far.
    #[must_use]
    pub fn refused(&self) -> Refused {
        self.refused
    }

    /// The peer, which is in mind from now on. For it the one is forgotten that was longest unused; of those
    /// that have shown nothing, if there are any.
    fn peer(&mut self, id: I) -> Result<&mut Peer, RandomError> {
        if self.peers.len() >= MAX_PEERS && !self.peers.contains_key(&id) {
            let longest =
                self.peers.iter().min_by_key(|(_, peer)| (peer.is_live(), peer.used)).map(|(&id, _)| id);
            longest.and_then(|id| self.peers.remove(&id));
        }
        self.used = self.used.saturating_add(1);
        let peer = match self.peers.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(Peer::new()?),
        };
        peer.used = self.used;
        Ok(peer)
    }
}

impl<I: NodeId + Serialize + DeserializeOwned> Seal<I> {
    /// `body` for node `to`, to be sent once. In the place of the letter, if its writer has not
    /// [met](Self::has_met) that node, comes a hello; the body is lost then.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn letter(&mut self, to: I, body: &[u8]) -> Result<Vec<u8>, SealError> {
        let head = self.head(to)?;
        match self.peer(to)?.prove() {
            Some((proof, number)) => self.keys.lock(&Inside::Letter(head, proof, number), body),
            None => self.hello(to),
        }
    }

    /// Asks node `to` how to write letters to it.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn hello(&mut self, to: I) -> Result<Vec<u8>, SealError> {
        self.hello_with(to, Unique::NONE)
    }

    fn hello_with(&mut self, to: I, answered: Unique) -> Result<Vec<u8>, SealError> {
        let head = self.head(to)?;
        self.keys.lock(&Inside::Hello(head, answered), &[])
    }

    fn head(&mut self, to: I) -> Result<Head<I>, SealError> {
        let (from, session) = (self.id, self.session);
        let Peer { challenge, question, .. } = *self.peer(to)?;
        Ok(Head { from, to, session, challenge, question })
    }

    /// `body` for whoever has the key, from nobody in particular; opened as often as it arrives.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn note(&self, body: &[u8]) -> Result<Vec<u8>, SealError> {
        self.keys.note(body)
    }

    /// Opens what came in, in its place.
    pub fn open<'a>(&mut self, datagram: &'a mut [u8]) -> Opened<'a, I> {
        self.try_open(datagram).unwrap_or_else(|refusal| {
            self.refused.count(refusal);
            Opened::Refused(refusal)
        })
    }

    fn try_open<'a>(&mut self, datagram: &'a mut [u8]) -> Result<Opened<'a, I>, Refusal> {
        let (inside, body) = self.keys.look(datagram)?;
        match inside {
            Inside::Note => Ok(Opened::Note(body)),
            Inside::Hello(head, answered) if body.is_empty() => {
                match self.writer(&head)?.hello(&head, answered) {
                    Ok(()) => Ok(Opened::Met { from: head.from }),
                    Err(Refusal::Unproven) => self.reply(&head),
                    Err(refusal) => Err(refusal),
                }
            }
            Inside::Hello(..) => Err(Refusal::Malformed),
            Inside::Letter(head, proof, number) => match self.writer(&head)?.letter(&head, proof, number) {
                Ok(()) => Ok(Opened::Letter { from: head.from, body }),
                Err(refusal @ Refusal::Unproven) => {
                    self.refused.count(refusal);
                    self.reply(&head)
                }
                Err(refusal) => Err(refusal),
            },
        }
    }

    /// Who wrote it, if it was to this node.
    fn writer(&mut self, head: &Head<I>) -> Result<&mut Peer, Refusal> {
        if head.from == self.id {
            return Err(Refusal::Reflected);
        }
        if head.to != self.id {
            return Err(Refusal::Misdirected);
        }
        Ok(self.peer(head.from)?)
    }

    /// One for one, and not longer than what it replies to; and it is never replied to itself.
    fn reply(&mut self, head: &Head<I>) -> Result<Opened<'static, I>, Refusal> {
        self.hello_with(head.from, head.question).map(Opened::Reply).map_err(|_| Refusal::NoRandomness)
    }
}

impl Keyring {
    /// `body` for whoever has the key, from nobody in particular; opened as often as it arrives.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn note(&self, body: &[u8]) -> Result<Vec<u8>, SealError> {
        self.lock(&Inside::<()>::Note, body)
    }

    /// What [`note`](Self::note), or [`Seal::note`], has sealed.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn open_note<'a>(&self, datagram: &'a mut [u8]) -> Result<&'a [u8], Refusal> {
        match self.look::<()>(datagram)? {
            (Inside::Note, body) => Ok(body),
            (Inside::Hello(..) | Inside::Letter(..), _) => Err(Refusal::Misdirected),
        }
    }

    fn look<'a, I: DeserializeOwned>(
        &self,
        datagram: &'a mut [u8],
    ) -> Result<(Inside<I>, &'a [u8]), Refusal> {
        postcard::take_from_bytes(self.unlock(datagram)?).map_err(|_| Refusal::Malformed)
    }
}

impl<I: NodeId> fmt::Debug for Seal<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Seal { id, keys, refused, .. } = self;
        f.debug_struct("Seal")
            .field("id", id)
            .field("keys", keys)
            .field("refused", refused)
            .finish_non_exhaustive()
    }
}

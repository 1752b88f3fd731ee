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
//! and costs a look at the first 23 bytes; if it has copied these from a datagram that it saw, one
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
//! AES-256-GCM-SIV ([RFC 8452](https://www.rfc-editor.org/rfc/rfc8452)), behind a version, the first half of the key's
//! id, the group, its [life](crate::Life) and the nonce of the datagram, all in the clear and authenticated
//! ([`ClearHead`]). Integers have their highest byte first.
//!
//! ```text
//! "qs"  version  key id  cluster  life   nonce: session  channel  count   sealed bytes  tag
//!  2       1       4        8      8               6        4       2          any       16
//! ```
//!
//! The key of the cipher is the first 32 bytes of BLAKE2b with 64 bytes of output, keyed with the group's key and 32
//! zeros, of `quorate: seal 5`. The key's id is the first 8 bytes of the same of `quorate: id of the key`.
//!
//! What is sealed begins with the number of its kind, and fields as [postcard] writes them. Ids are the caller's. The body
//! of a datagram is the rest.
//!
//! | | kind | fields | then |
//! |---|---|---|---|
//! | 0 | for everybody | | the body |
//! | 1 | request for a ticket | sender, receiver | up to 224 zeros |
//! | 2 | reply | nonce of the datagram that it answers (12 bytes), ticket (8) | up to 224 zeros |
//! | 3 | full head | sender, receiver, session of the receiver (6), its ticket (8), ticket (8), 0 or 1 and a channel of the receiver with its session (10), 0 or 1 | the body |
//! | 4 | short head | tag of the receiver (2) | the body |
//!
//! A tag is the first two bytes of BLAKE2b with 64 bytes of output, without a key, of the id as postcard writes it. The
//! channel in a full head is the one that its sender reads; the last byte is 1 while the sender asks to be told the same of
//! its own.
//!
//! Behind a short head a datagram is 54 bytes longer than its body, whatever the ids are. Behind a full one it is 76 or 86
//! bytes and two ids longer. Heads are short once both nodes have shown to be recent, as long as they hear each other, and
//! for bodies of at least 18 bytes; a full head is sealed once more after 65,535 datagrams.
//!
//! # Nonces
//!
//! A process draws its session and the number of its first ticket at its start, and nothing afterwards: it counts. So no
//! nonce comes twice, unless the state of a process is used twice, as after two resumes of one snapshot of a virtual
//! machine, or by a fork. Two datagrams with one nonce then show whether they are equal, and nothing else: the cipher is
//! made to be misused so.
//!
//! [postcard]: https://postcard.jamesmunns.com/wire-format

mod broadcast;
mod contents;
mod frame;
mod key;
mod key_file;
mod number;
mod opened;
mod opening;
mod peer;
mod peers;
mod refusal;
mod system_rng;
#[cfg(test)]
mod tests;
mod window;

use std::fmt;
use std::prelude::rust_2024::*;

use rand_core::TryCryptoRng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::contents::{Contents, FullHead, Tag, Ticket};
use self::frame::FRAME;
use self::number::{Channels, NONCE, Nonce, Number, Session};
use self::peer::{Form, Peer};
use self::peers::Peers;
use crate::types::{ClusterId, Life, NodeId};

pub use self::frame::ClearHead;
pub use self::key::{Key, KeyError, Keyring};
pub use self::opened::{Opened, SealError};
pub use self::refusal::{Refusal, Refused};
pub use self::system_rng::SystemRng;

/// The format of what is sealed: the third byte of every sealed datagram.
pub const VERSION: u8 = 5;

/// How many zeros a handshake bears, so that what is sent because of it is no longer than the handshake. A handshake
/// that answers a datagram bears no more zeros than the datagram has room for.
const HANDSHAKE_PADDING: usize = 224;

/// The length of a reply without zeros: its kind, the nonce that it answers, and a ticket.
const REPLY: usize = FRAME + 1 + NONCE + 8;

/// The shortest body behind a short head, so that the reply to such a datagram is no longer than the datagram.
const SHORTEST_BODY: usize = REPLY - FRAME - 3;

/// The longest sealed datagram, in bytes, that is made or opened.
pub const MAX_SEALED: usize = 21 * 1024;

/// Seals what one node sends, and opens what it receives.
///
/// `R` is the source of the session and of the first ticket, which are drawn at the start, and again after some 280
/// trillion datagrams. Neither may come twice: a program brings [`SystemRng`], a test a seeded generator.
pub struct Seal<I, R> {
    id: I,
    /// The tag of this node, once it was needed.
    tag: Option<Tag>,
    /// The group whose datagrams are sealed and opened, and the life that is told of this node.
    clear: ClearHead,
    /// Names this process.
    session: Session,
    channels: Channels,
    /// The number of the next datagram that is for no node in particular.
    next: Number,
    /// The last ticket that was given.
    given: Ticket,
    keys: Keyring,
    rng: R,
    peers: Peers<I>,
    refused: Refused,
}

impl<I: NodeId, R: TryCryptoRng> Seal<I, R> {
    /// The seal of node `id` of group `cluster`, as of now: what was sealed for an earlier process of the node is
    /// refused, and so is what was sealed for another group, even with the same keys. The node belongs to no life yet:
    /// see [`set_life`](Self::set_life).
    ///
    /// # Errors
    /// The generator's own, if it has no randomness to give.
    pub fn new(id: I, cluster: ClusterId, keys: Keyring, mut rng: R) -> Result<Self, R::Error> {
        let (session, given) = (Session::draw(&mut rng)?, Ticket::draw(&mut rng)?);
        let clear = ClearHead { cluster, life: Life::NONE };
        let (channels, peers) = (Channels::new(), Peers::new(given));
        let (next, refused) = (Number::NONE, Refused::default());
        Ok(Seal { id, tag: None, clear, session, channels, next, given, keys, rng, peers, refused })
    }

    /// All that is sealed from now on says in the clear that the node is of this life. Nothing is refused because of its
    /// life: it is for the election to say what follows from one (rule 1.7).
    pub fn set_life(&mut self, life: Life) {
        self.clear.life = life;
    }

    /// Uses other keys from now on: see [`Keyring`] on how to rotate. Handshakes stay done.
    pub fn set_keys(&mut self, keys: Keyring) {
        self.keys = keys;
    }

    /// The keys that are in use.
    #[must_use]
    pub fn keys(&self) -> &Keyring {
        &self.keys
    }

    /// Whether datagrams for `id` can be sealed. If not, a [`handshake`](Self::handshake) is due.
    #[must_use]
    pub fn can_seal_for(&self, id: I) -> bool {
        self.peers.get(id).is_some_and(Peer::is_known)
    }

    /// The node that seals.
    #[must_use]
    pub fn id(&self) -> I {
        self.id
    }

    /// The group whose datagrams are sealed and opened.
    #[must_use]
    pub fn cluster(&self) -> ClusterId {
        self.clear.cluster
    }

    /// What was refused so far.
    #[must_use]
    pub fn refused(&self) -> Refused {
        self.refused
    }

    /// The nonce of a datagram that is for no node in particular.
    fn take_nonce(&mut self) -> Nonce {
        if self.next.is_used_up() {
            self.next = self.channels.open();
        }
        let number = self.next;
        self.next = number.next();
        number.nonce(self.session)
    }

    /// Begins another session if this one has no channels left. The other nodes take it for a restart.
    fn renew_session(&mut self) -> Result<(), SealError> {
        if !self.channels.are_used_up() {
            return Ok(());
        }
        let session = Session::draw(&mut self.rng).map_err(|_| SealError::NoRandomness)?;
        let given = Ticket::draw(&mut self.rng).map_err(|_| SealError::NoRandomness)?;
        (self.session, self.given, self.next) = (session, given, Number::NONE);
        (self.channels, self.peers) = (Channels::new(), Peers::new(given));
        Ok(())
    }
}

impl<I: NodeId + Serialize + DeserializeOwned, R: TryCryptoRng> Seal<I, R> {
    /// Seals `body` for node `to`, to be sent once. While the handshake with `to` is not
    /// [done](Self::can_seal_for), a handshake is returned in the datagram's place, and `body` is lost.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal_for(&mut self, to: I, body: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut datagram = Vec::new();
        self.seal_for_into(to, body, &mut datagram)?;
        Ok(datagram)
    }

    /// The same as [`seal_for`](Self::seal_for), into `datagram`, in the place of all that it holds. Nothing is allocated
    /// if it has the room. After an error it is empty.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal_for_into(&mut self, to: I, body: &[u8], datagram: &mut Vec<u8>) -> Result<(), SealError> {
        self.renew_session()?;
        let peer = self.peers.writable(to, self.given, &mut self.channels)?;
        let Some(form) = peer.choose_form(body.len() >= SHORTEST_BODY) else {
            return self.request_into(to, datagram);
        };
        let nonce = peer.take_number().nonce(self.session);
        let contents = match form {
            Form::Short(tag) => Contents::Short(tag),
            Form::Full { proof, heard, asks } => {
                self.given = self.given.next();
                Contents::Full(FullHead { from: self.id, to, proof, ticket: self.given, heard, asks })
            }
        };
        self.keys.encrypt((self.clear, nonce), &contents, body, datagram)
    }

    /// Asks node `to` for what is needed to seal datagrams for it.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn handshake(&mut self, to: I) -> Result<Vec<u8>, SealError> {
        let mut datagram = Vec::new();
        self.renew_session()?;
        self.request_into(to, &mut datagram)?;
        Ok(datagram)
    }

    fn request_into(&mut self, to: I, datagram: &mut Vec<u8>) -> Result<(), SealError> {
        let peer = self.peers.writable(to, self.given, &mut self.channels)?;
        let nonce = peer.take_number().nonce(self.session);
        let contents = Contents::Request { from: self.id, to };
        self.keys.encrypt((self.clear, nonce), &contents, &[0; HANDSHAKE_PADDING], datagram)
    }

    /// Seals `body` for everybody with the key, without a sender. It is opened as often as it arrives.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal_broadcast(&mut self, body: &[u8]) -> Result<Vec<u8>, SealError> {
        self.renew_session()?;
        let (nonce, mut datagram) = (self.take_nonce(), Vec::new());
        self.keys.encrypt((self.clear, nonce), &Contents::<I>::Broadcast, body, &mut datagram)?;
        Ok(datagram)
    }

    /// Opens a received datagram, in its place.
    pub fn open<'a>(&mut self, datagram: &'a mut [u8]) -> Opened<'a, I> {
        self.try_open(datagram).unwrap_or_else(|refusal| {
            self.refused.count(refusal);
            Opened::Refused(refusal)
        })
    }
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

//! Another node, as far as its datagrams have to be told from old ones.
//!
//! Each side gives the other a *challenge*, 16 random bytes, in every datagram. A datagram that bears a
//! challenge which no datagram has borne yet is recent: it was sealed after the challenge was given. This
//! proof, and nothing else, admits a process of the other node; the datagrams of this process go on bearing
//! the challenge that admitted it, and numbers, each of which is accepted once.
//!
//! So no datagram is accepted twice, whichever side has restarted meanwhile:
//!
//! - the receiver: its challenges are gone with the process, and the next process gives others;
//! - the sender: its next process is admitted by another challenge, and the one before admits no process
//!   any more.
//!
//! How a node comes to know the other's challenge is guarded just as well, or old datagrams could keep two
//! nodes apart: the node learns the challenge from an accepted datagram, of a process of which it knows
//! none, or from a handshake that answers its own *question*, 16 random bytes more, each of which is
//! answered once. So of one process it never learns an older challenge after a newer one.

use std::prelude::rust_2024::*;

use rand_core::TryCryptoRng;
use serde::{Deserialize, Serialize};

use super::window::Window;
use super::{Refusal, SealError};

/// Sixteen bytes that cannot be guessed and never come again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Unique([u8; 16]);

/// The generator has none to give.
#[derive(Debug)]
pub(super) struct NoRandomness;

impl From<NoRandomness> for Refusal {
    fn from(_: NoRandomness) -> Self {
        Refusal::NoRandomness
    }
}

impl From<NoRandomness> for SealError {
    fn from(_: NoRandomness) -> Self {
        SealError::NoRandomness
    }
}

impl Unique {
    /// Stands for a question where none is answered.
    pub(super) const NONE: Unique = Unique([0; 16]);

    pub(super) fn try_draw<R: TryCryptoRng>(rng: &mut R) -> Result<Self, R::Error> {
        let mut bytes = [0; 16];
        rng.try_fill_bytes(&mut bytes)?;
        Ok(Unique(bytes))
    }

    fn draw(rng: &mut impl TryCryptoRng) -> Result<Self, NoRandomness> {
        Self::try_draw(rng).map_err(|_| NoRandomness)
    }
}

/// What a datagram of one node to another begins with.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Head<I> {
    pub(super) from: I,
    pub(super) to: I,
    /// The process of the sender.
    pub(super) session: Unique,
    /// The challenge that the receiver's datagrams are to bear.
    pub(super) challenge: Unique,
    /// The question that the receiver is to answer, should it refuse this datagram.
    pub(super) question: Unique,
}

/// The state kept for a peer; its size is the same for every peer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) challenge: Unique,
    pub(super) question: Unique,
    admitted: Option<Admitted>,
    /// The process that was admitted before that one.
    replaced: Option<Unique>,
    known: Option<Known>,
    /// When the peer was last heard or written to, counted in datagrams.
    pub(super) used: u64,
}

/// The process of the peer whose datagrams are accepted.
#[derive(Clone, Copy, Debug)]
struct Admitted {
    session: Unique,
    /// The challenge that admitted it: the last before the present one.
    proof: Unique,
    window: Window,
}

/// The challenge that datagrams to the peer bear, the process that gave it, and the next number.
#[derive(Clone, Copy, Debug)]
struct Known {
    session: Unique,
    challenge: Unique,
    next_number: u64,
}

impl Peer {
    pub(super) fn new(rng: &mut impl TryCryptoRng) -> Result<Self, NoRandomness> {
        let (challenge, question) = (Unique::draw(rng)?, Unique::draw(rng)?);
        Ok(Peer { challenge, question, admitted: None, replaced: None, known: None, used: 0 })
    }

    /// Whether the peer's challenge is known.
    pub(super) fn is_known(&self) -> bool {
        self.known.is_some()
    }

    /// Whether the peer has shown to be alive, which a sender of copied datagrams cannot.
    pub(super) fn is_live(&self) -> bool {
        self.admitted.is_some() || self.known.is_some()
    }

    /// Takes the proof of the next datagram, and its number.
    pub(super) fn take_proof(&mut self) -> Option<(Unique, u64)> {
        let known = self.known.as_mut()?;
        let number = known.next_number;
        known.next_number = number.saturating_add(1);
        Some((known.challenge, number))
    }

    /// Accepts a datagram with this proof and number, or says why it is refused. Returns whether its process had been
    /// replaced by another one: a process cannot have proven to be recent after its end, so both are running.
    pub(super) fn accept_datagram<I>(
        &mut self,
        head: &Head<I>,
        (proof, number): (Unique, u64),
        rng: &mut impl TryCryptoRng,
    ) -> Result<bool, Refusal> {
        if proof == self.challenge {
            return self.admit(head, number, rng);
        }
        let admitted = self.admitted.as_mut().filter(|admitted| admitted.session == head.session);
        match admitted {
            Some(admitted) if admitted.proof == proof => {
                if admitted.window.admit(number) {
                    Ok(false)
                } else {
                    Err(Refusal::Replayed)
                }
            }
            // A datagram of the admitted process can get here too: a late datagram of the process before it
            // may have misled its sender.
            _ => Err(Refusal::Unproven),
        }
    }

    /// Admits the process that sent this datagram. Its challenge is used up thereby.
    fn admit<I>(
        &mut self,
        head: &Head<I>,
        number: u64,
        rng: &mut impl TryCryptoRng,
    ) -> Result<bool, Refusal> {
        let proof = self.challenge;
        self.challenge = Unique::draw(rng)?;
        let mut window = Window::default();
        let new = window.admit(number);
        let before =
            self.admitted.map(|admitted| admitted.session).filter(|&session| session != head.session);
        let is_twin = before.is_some() && self.replaced == Some(head.session);
        self.replaced = before.or(self.replaced);
        self.admitted = Some(Admitted { session: head.session, proof, window });
        if self.known.is_none_or(|known| known.session != head.session) {
            self.learn(head, rng)?;
        }
        if new { Ok(is_twin) } else { Err(Refusal::Replayed) }
    }

    /// Accepts a handshake that answers this question, or says why it is refused.
    pub(super) fn accept_handshake<I>(
        &mut self,
        head: &Head<I>,
        answered: Unique,
        rng: &mut impl TryCryptoRng,
    ) -> Result<(), Refusal> {
        match answered {
            Unique::NONE => Err(Refusal::Unproven),
            _ if answered == self.question => self.learn(head, rng),
            _ => Err(Refusal::Stale),
        }
    }

    /// Learns the peer's challenge. The question is answered thereby.
    fn learn<I>(&mut self, head: &Head<I>, rng: &mut impl TryCryptoRng) -> Result<(), Refusal> {
        self.question = Unique::draw(rng)?;
        let Head { session, challenge, .. } = *head;
        // The numbers of datagrams that bear one challenge go on. Should the challenge be learned again, after
        // another one or after this peer was forgotten, they begin above all numbers that were used.
        if self.known.is_none_or(|known| known.challenge != challenge) {
            self.known = Some(Known { session, challenge, next_number: self.used });
        }
        Ok(())
    }
}

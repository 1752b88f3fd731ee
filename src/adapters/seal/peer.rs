//! Another node, as far as its datagrams have to be told from old ones.
//!
//! Each side gives the other a *challenge*, 16 random bytes, in every datagram. A letter that bears a
//! challenge which no letter has borne yet is recent: it was sealed after the challenge was given. That,
//! and nothing else, makes a process of the other node the one that is heard; its letters go on bearing
//! the challenge that it was let in with, and numbers, each of which is taken once.
//!
//! So nothing that was taken once is taken again, whoever has restarted meanwhile:
//!
//! - the receiver: its challenges went with it, and the next process gives others;
//! - the sender: its next process is let in with another challenge, and the one before lets nobody in any
//!   more.
//!
//! How a node comes to know the other's challenge is no less guarded, or old datagrams could keep two
//! nodes apart: it takes the challenge from a letter that counts, of a process of which it knows none,
//! or from a hello that answers its own *question*, 16 random bytes more, each of which is answered once.
//! So of one process it never takes an older challenge after a newer one.

use std::prelude::rust_2024::*;

use serde::{Deserialize, Serialize};

use super::Refusal;
use super::window::Window;
use crate::adapters::random::{self, RandomError};

/// Sixteen bytes that nobody guesses and that never come again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Unique([u8; 16]);

impl Unique {
    /// In the place of a question, where none is answered.
    pub(super) const NONE: Unique = Unique([0; 16]);

    pub(super) fn draw() -> Result<Self, RandomError> {
        let mut bytes = [0; 16];
        random::fill(&mut bytes)?;
        Ok(Unique(bytes))
    }
}

/// What a datagram of one node to another begins with.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Head<I> {
    pub(super) from: I,
    pub(super) to: I,
    /// The process of the sender.
    pub(super) session: Unique,
    /// For the receiver's letters to bear.
    pub(super) challenge: Unique,
    /// For the receiver to answer, should it refuse this.
    pub(super) question: Unique,
}

/// The same size for every peer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) challenge: Unique,
    pub(super) question: Unique,
    heard: Option<Heard>,
    known: Option<Known>,
    /// When it was last heard or written to, in datagrams.
    pub(super) used: u64,
}

/// The process that is heard.
#[derive(Clone, Copy, Debug)]
struct Heard {
    session: Unique,
    /// The challenge that it was let in with: the last before the present one.
    proof: Unique,
    window: Window,
}

/// The challenge that letters bear, whose it is, and the number of the next.
#[derive(Clone, Copy, Debug)]
struct Known {
    session: Unique,
    challenge: Unique,
    letters: u64,
}

impl Peer {
    pub(super) fn new() -> Result<Self, RandomError> {
        let (challenge, question) = (Unique::draw()?, Unique::draw()?);
        Ok(Peer { challenge, question, heard: None, known: None, used: 0 })
    }

    pub(super) fn is_known(&self) -> bool {
        self.known.is_some()
    }

    /// Whether it has shown that it is there. Who sends again what others sent shows nothing.
    pub(super) fn is_live(&self) -> bool {
        self.heard.is_some() || self.known.is_some()
    }

    /// The proof of the next letter, and its number.
    pub(super) fn prove(&mut self) -> Option<(Unique, u64)> {
        let known = self.known.as_mut()?;
        let number = known.letters;
        known.letters = number.saturating_add(1);
        Some((known.challenge, number))
    }

    /// Whether a letter counts.
    pub(super) fn letter<I>(&mut self, head: &Head<I>, proof: Unique, number: u64) -> Result<(), Refusal> {
        if proof == self.challenge {
            return self.let_in(head, number);
        }
        let heard = self.heard.as_mut().filter(|heard| heard.session == head.session);
        match heard {
            Some(heard) if heard.proof == proof => {
                if heard.window.admit(number) {
                    Ok(())
                } else {
                    Err(Refusal::Replayed)
                }
            }
            // Also of a process that is heard: a late letter of the one before it may have misled its sender.
            _ => Err(Refusal::Unproven),
        }
    }

    /// The challenge is used up with this.
    fn let_in<I>(&mut self, head: &Head<I>, number: u64) -> Result<(), Refusal> {
        let proof = self.challenge;
        self.challenge = Unique::draw()?;
        let mut window = Window::default();
        let new = window.admit(number);
        self.heard = Some(Heard { session: head.session, proof, window });
        if self.known.is_none_or(|known| known.session != head.session) {
            self.learn(head)?;
        }
        if new { Ok(()) } else { Err(Refusal::Replayed) }
    }

    /// Whether a hello counts, which answers this question.
    pub(super) fn hello<I>(&mut self, head: &Head<I>, answered: Unique) -> Result<(), Refusal> {
        match answered {
            Unique::NONE => Err(Refusal::Unproven),
            _ if answered == self.question => self.learn(head),
            _ => Err(Refusal::Stale),
        }
    }

    /// The question is answered with this.
    fn learn<I>(&mut self, head: &Head<I>) -> Result<(), Refusal> {
        self.question = Unique::draw()?;
        let Head { session, challenge, .. } = *head;
        // The numbers of letters that bear one challenge go on; and should it be learned again, after another
        // or after this peer was forgotten, they begin above all that were used.
        if self.known.is_none_or(|known| known.challenge != challenge) {
            self.known = Some(Known { session, challenge, letters: self.used });
        }
        Ok(())
    }
}

//! The register: an object with a compare-and-swap, whose tags are digests of what it holds.

use std::hash::{DefaultHasher, Hash, Hasher};

use quorate::adapters::register::Tag;

use crate::clock::Instant;
use crate::rng::Dice;

/// A register, and all that it ever held.
#[derive(Clone, Debug)]
pub(super) struct Store {
    history: Vec<(Instant, Vec<u8>)>,
}

/// Why a swap is not made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    OtherTag,
    Throttled,
}

impl Store {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Store { history: vec![(0, bytes)] }
    }

    /// What a read shows that reaches the store at `now`: what it held at some instant of the last `staleness`.
    pub(super) fn read(&self, now: Instant, staleness: u64, dice: &mut Dice) -> (Tag, Vec<u8>) {
        let at = now.saturating_sub(dice.below(staleness + 1));
        let shown = self.history.iter().rev().find(|(since, _)| *since <= at);
        let (_, bytes) = shown.unwrap_or(&self.history[0]);
        (tag_of(bytes), bytes.clone())
    }

    /// Replaces the content, if it has this tag. The store takes a write each `pause` at most.
    pub(super) fn swap(
        &mut self,
        now: Instant,
        pause: u64,
        tag: &Tag,
        bytes: Vec<u8>,
    ) -> Result<Tag, Refusal> {
        let (since, held) = self.history.last().expect("a register is never empty");
        if tag_of(held) != *tag {
            return Err(Refusal::OtherTag);
        }
        if self.history.len() > 1 && now < since + pause {
            return Err(Refusal::Throttled);
        }
        let written = tag_of(&bytes);
        self.history.push((now, bytes));
        Ok(written)
    }

    /// Puts an earlier copy back.
    pub(super) fn roll_back(&mut self, now: Instant, dice: &mut Dice) {
        let copy = dice.below(self.history.len() as u64) as usize;
        let bytes = self.history[copy].1.clone();
        self.history.push((now, bytes));
    }

    pub(super) fn held(&self) -> &[u8] {
        self.history.last().map_or(&[], |(_, bytes)| bytes)
    }
}

/// Same content, same tag, as that of an object in S3.
fn tag_of(bytes: &[u8]) -> Tag {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    Tag::from(hasher.finish())
}
